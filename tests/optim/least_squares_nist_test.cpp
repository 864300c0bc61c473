// SPDX-License-Identifier: BSD-3-Clause
// NIST's certified nonlinear regressions: parameters and their standard deviations from both starts, with default
// options.
#include "../catch.hpp"
#include "nist.hpp"

#include <newtape/core/elementwise.hpp>
#include <newtape/optim/least_squares.hpp>

#include <fmt/format.h>

#include <cstdlib>

namespace nt = newtape;
namespace optim = newtape::optim;

namespace {

struct Digits {
  double parameters = 11, deviations = 11, residual_sum = 11;
};

std::vector<double> numbers(const nt::Tensor& x) {
  const auto dense = nt::core::contiguous(x.value());
  return {dense.data<double>(), dense.data<double>() + dense.size()};
}

/// The fewest digits. Some models do not tell all parameters' signs: `free_sign` compares sizes.
Digits digits(const nist::Problem& p, const optim::LeastSquaresResult& r) {
  // A width enters these models squared, or together with the height's sign.
  const bool free_sign = p.name.substr(0, 5) == "Gauss" || p.name == "Eckerle4";
  Digits d;
  const auto b = numbers(r.x());
  const auto s = numbers(r.standard_deviations()[0]);
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double value = free_sign ? std::abs(b[i]) : b[i];
    d.parameters = std::min(d.parameters, nist::log_relative_error(value, p.parameters[i]));
    d.deviations = std::min(d.deviations, nist::log_relative_error(s[i], p.deviations[i]));
  }
  d.residual_sum = nist::log_relative_error(2 * r.value, p.residual_sum);
  return d;
}

optim::LeastSquaresResult solve(const nist::Problem& p, int start, const optim::LeastSquaresOptions& options = {}) {
  return optim::least_squares([&](const nt::Tensor& b) { return p.residuals(b); }, p.start(start), options);
}

const std::string folder = std::string(NEWTAPE_TEST_FILES) + "/nist";

}  // namespace

TEST_CASE("least_squares meets NIST's certified values from both starts") {
  for (const auto& name : nist::names) {
    const auto p = nist::read(folder, name);
    for (const int start : {0, 1}) {
      DYNAMIC_SECTION(name << ", start " << start + 1) {
        const auto r = solve(p, start);
        INFO(optim::to_string(r));
        CHECK(r.converged());
        const auto d = digits(p, r);
        CHECK(d.parameters >= 9);
        CHECK(r.degrees_of_freedom() == p.degrees_of_freedom);
        // The residuals of Lanczos1 are 1e-13 of data that are 1 and have 16 digits: no more can be said of their size.
        CHECK(d.deviations >= (name == "Lanczos1" ? 2.5 : 8));
        CHECK(nist::log_relative_error(r.residual_standard_deviation(), p.residual_deviation) >=
              (name == "Lanczos1" ? 2.5 : 9));
      }
    }
  }
}

TEST_CASE("NIST's problems, with the digits reached", "[.nist]") {
  // Which method: 0 (the default) to 2.
  const char* chosen = std::getenv("NEWTAPE_NIST_METHOD");
  const auto method = static_cast<optim::LeastSquaresMethod>(chosen != nullptr ? std::atoi(chosen) : 0);
  fmt::print("{:10} {:8} {:>5} {:>9} {:>9} {:>9} {:>6} {:>6} {:>6} {:>8}  {}\n", "problem", "level", "start", "params",
             "st.devs", "residual", "iter", "values", "jacobs", "ms", "status");
  for (const auto& name : nist::names) {
    const auto p = nist::read(folder, name);
    for (const int start : {0, 1}) {
      const auto r = solve(p, start, {.method = method});
      const auto d = digits(p, r);
      fmt::print("{:10} {:8} {:5} {:9.1f} {:9.1f} {:9.1f} {:6} {:6} {:6} {:8.2f}  {}\n", name, p.difficulty, start + 1,
                 d.parameters, d.deviations, d.residual_sum, r.iterations, r.counts.values, r.counts.gradients,
                 r.seconds * 1e3, r.message);
      if (chosen == nullptr) CHECK(r.converged());
    }
  }
}
