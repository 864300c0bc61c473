// SPDX-License-Identifier: BSD-3-Clause
// NIST's certified nonlinear regressions: parameters and their standard deviations from both starts, with default
// options. `./dev bench optim nist` prints the digits.
#include "nist.hpp"
#include "catch.hpp"
#include "test_files.hpp"

#include <newtape/optim/least_squares/least_squares.hpp>

namespace nt = newtape;
namespace optim = newtape::optim;

TEST_CASE("least_squares meets NIST's certified values from both starts") {
  for (const auto& name : nist::names) {
    const auto p = nist::read(test_files() + "/nist", name);
    for (const int start : {0, 1}) {
      DYNAMIC_SECTION(name << ", start " << start + 1) {
        const auto r = optim::least_squares([&](const nt::Tensor& b) { return p.residuals(b); }, p.start(start));
        INFO(optim::to_string(r));
        CHECK(r.converged());
        CHECK(nist::digits(p, nist::numbers(r.x())) >= 9);
        CHECK(r.degrees_of_freedom() == p.degrees_of_freedom);
        // Lanczos1 has residuals of 1e-13 for data of size 1 with 16 digits: their size has few significant digits.
        const bool imprecise = name == "Lanczos1";
        const auto deviations = nist::numbers(r.standard_deviations()[0]);
        CHECK(nist::log_relative_error(deviations, p.deviations) >= (imprecise ? 2.5 : 8));
        CHECK(nist::log_relative_error(r.residual_standard_deviation(), p.residual_deviation) >= (imprecise ? 2.5 : 9));
      }
    }
  }
}
