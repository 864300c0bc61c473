// SPDX-License-Identifier: BSD-3-Clause
#include "cores.hpp"

#include "child.hpp"
#include "rates.hpp"
#include "report.hpp"
#include "side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>

namespace bench {

namespace {

constexpr int size = 512;
constexpr int rounds = 5;
constexpr Clock clock{0.02, true};  // processor time: one thread, whatever else the machine is doing

/// Those of the widest registers that the processor has, and the level below. A name that OpenBLAS does not know leaves
/// it with its own choice, which its title shows.
std::vector<std::string> allowed() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("sse4.2")) return {"Prescott"};
  if (!__builtin_cpu_supports("avx")) return {"Prescott", "Nehalem"};
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return {"Nehalem", "Sandybridge"};
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
      !__builtin_cpu_supports("avx512cd")) {
    return {"Sandybridge", "Haswell", "Zen"};
  }
  if (!__builtin_cpu_supports("avx512bf16")) return {"Haswell", "Zen", "SkylakeX"};
  return {"Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"};
#else
  return {};
#endif
}

/// One core at work in a process of its own.
struct Candidate {
  std::string name;
  std::unique_ptr<Child> child;
  std::unique_ptr<Side> f32, f64;
  std::vector<double> f32_seconds, f64_seconds;

  Candidate(const std::filesystem::path& blas, const std::string& core) {
    child = std::make_unique<Child>(
        blas, 1, Environment{core.empty() ? "OPENBLAS_CORETYPE" : "OPENBLAS_CORETYPE=" + core, "OPENBLAS_VERBOSE=0"});
    const std::string title = child->ask("title");
    name = title.substr(title.rfind(' ') + 1);
  }
  void prepare() {
    f32 = std::make_unique<Side>(*child, rates::product_name(false, size), clock);
    f64 = std::make_unique<Side>(*child, rates::product_name(true, size), clock);
  }
  void round() {
    f32_seconds.push_back(f32->round());
    f64_seconds.push_back(f64->round());
  }
  Core core() const {
    const double operations = 1e-9 * rates::product_operations(size);
    return {name, operations / quantile(f32_seconds, 0), operations / quantile(f64_seconds, 0)};
  }
};

/// What is wrong with a core's kernels, measured by those that OpenBLAS runs by itself; empty when nothing is.
std::string fault(Candidate& candidate, Candidate& own) {
  for (const bool f64 : {false, true}) {
    for (const int n : {48, 96, 256}) {
      const auto product = rates::product_name(f64, n);
      const auto wrong = difference(look(*own.child, product), look(*candidate.child, product), f64 ? 1e-12 : 1e-5);
      if (!wrong.empty()) return fmt::format("{}: {}", product, wrong);
    }
  }
  return {};
}

}  // namespace

Cores measure_cores(const std::filesystem::path& blas) {
  Cores out;
  if (!std::filesystem::exists(blas)) return out;
  std::vector<Candidate> candidates;
  candidates.emplace_back(blas, "");
  if (candidates[0].child->ask("title").rfind("OpenBLAS ", 0) != 0) return out;
  candidates[0].prepare();
  for (const auto& core : allowed()) {
    try {
      Candidate c(blas, core);
      // OpenBLAS knows several of them by one set of kernels, and some not at all.
      if (std::any_of(candidates.begin(), candidates.end(), [&](const auto& k) { return k.name == c.name; })) continue;
      const std::string wrong = fault(c, candidates[0]);
      if (!wrong.empty()) throw std::runtime_error(wrong);
      c.prepare();
      candidates.push_back(std::move(c));
    } catch (const std::runtime_error& e) {
      out.refused += fmt::format("{}{}: {}", out.refused.empty() ? "" : "; ", core, e.what());
    }
  }
  for (int i = 0; i < rounds; ++i) {
    for (auto& c : candidates) c.round();
  }
  double highest = 0;
  for (const auto& c : candidates) {
    const Core core = c.core();
    out.measured.push_back(core);
    // Its own choice keeps the first place unless another is clearly faster: rounds scatter by a few percent.
    const double rate = std::sqrt(core.f32 * core.f64);
    if (rate > highest * (highest > 0 && out.best == out.measured[0].name ? 1.03 : 1)) {
      highest = rate;
      out.best = core.name;
    }
  }
  return out;
}

std::string Cores::text() const {
  if (measured.empty()) return {};
  std::string text = "OpenBLAS's kernels, f32 and f64 GFLOP/s of a 512x512 product, one thread:";
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const auto& c = measured[i];
    text += fmt::format("{} {} {:.0f} {:.0f}{}", i == 0 ? "" : ",", c.name, c.f32, c.f64,
                        i == 0 ? " (its own choice)" : "");
  }
  if (!refused.empty()) text += fmt::format("\nnot trusted: {}", refused);
  return text + '\n';
}

nlohmann::json to_json(const Cores& cores) {
  nlohmann::json out{{"best", cores.best}, {"measured", nlohmann::json::array()}};
  for (const auto& c : cores.measured) {
    out["measured"].push_back({{"core", c.name}, {"f32_gflops", c.f32}, {"f64_gflops", c.f64}});
  }
  if (!cores.refused.empty()) out["not_trusted"] = cores.refused;
  return out;
}

}  // namespace bench
