// SPDX-License-Identifier: BSD-3-Clause
// An undefined array is named as one, by the function that was called.
#include "catch.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/spectra/sample_jacobians.hpp>
#include <newtape/inspect/spectra/singular_values.hpp>
#include <newtape/inspect/spectra/spectrum.hpp>

#include <functional>
#include <string>
#include <utility>

using namespace newtape;

TEST_CASE("an undefined array is told as one, by the function's name") {
  const auto same = [](const Tensor& x) { return x; };
  const inspect::LinearOperator matrix(core::eye(3, f64));
  const std::pair<const char*, std::function<void()>> calls[] = {
      {"summarize", [] { core::summarize(Array()); }},
      {"summary_sample", [] { core::summary_sample(Array(), 10); }},
      {"jacobian_singular_values", [&] { inspect::jacobian_singular_values(same, Tensor()); }},
      {"spectral_measure", [&] { inspect::spectral_measure(matrix, Array(), 3); }},
  };
  for (const auto& [name, call] : calls) {
    INFO(name);
    try {
      call();
      FAIL("no error");
    } catch (const ValueError& e) {
      const std::string text = e.what();
      CHECK(text.find(std::string(name) + ": the array is undefined") == 0);
      CHECK(text.find("an undefined array") != std::string::npos);
    }
  }
}
