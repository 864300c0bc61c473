// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "zoo.hpp"

#include <newtape/inspect/diagnosis/rule.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <set>

using namespace newtape;

namespace {
constexpr std::int64_t zoo_steps = 150;

bool names_cause(const zoo::Kind& kind, const inspect::Diagnosis& d) {
  if (d.causes.empty() && !(kind.harmless && d.healthy() && !d.mistakes.empty())) return false;
  const std::string& named = d.causes.empty() ? d.mistakes[0].name : d.causes[0].name;
  return std::any_of(kind.causes.begin(), kind.causes.end(), [&](const char* name) { return named == name; });
}
}  // namespace

TEST_CASE("diagnose names the planted fault first") {
  for (const char* model : {"mlp", "regression"}) {
    for (const auto& kind : zoo::kinds()) {
      auto program = zoo::healthy(model, 0);
      if (!kind.tuned || (kind.applies != nullptr && !kind.applies(program))) continue;
      kind.plant(program, 0);
      const auto d = zoo::diagnose(program, 0, zoo_steps);
      INFO(model << ": " << kind.name << "\n" << d.to_string());
      CHECK(names_cause(kind, d));
    }
  }
}

TEST_CASE("diagnose finds nothing in healthy runs") {
  for (const char* model : {"mlp", "regression"}) {
    for (const std::uint64_t seed : {0, 1, 2}) {
      const auto d = zoo::diagnose(zoo::healthy(model, seed), seed, zoo_steps);
      INFO(model << "\n" << d.to_string());
      CHECK(d.causes.empty());
      CHECK(d.last_loss < 0.5 * d.first_loss);
    }
  }
}
