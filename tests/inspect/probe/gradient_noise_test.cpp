// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/probe/gradient_noise.hpp>

#include <cmath>

using namespace newtape;

namespace {
/// Its loss is linear in w: the gradient of an example is the example.
struct InnerProduct : nn::Module<InnerProduct> {
  Parameter w = add("w", Parameter(zeros({3}, f64)));
  Tensor forward(const Tensor& x) const { return sum(x * w); }
};
}  // namespace

TEST_CASE("gradient_noise estimates mean and variance of the examples' gradients") {
  const InnerProduct model;
  const std::int64_t n = 400;
  const double std = 2;
  const Tensor x = tensor({1.0, -2.0, 0.5}, f64) + Tensor(random::normal({n, 3}, 0, std, f64));
  const auto noise = inspect::gradient_noise(
      model, [&](std::int64_t k) { return model(x[k]); }, n);
  // The same from the definitions: the covariance's trace is the sum of the columns' variances.
  const double variance = sum(var(x, 0)).item();
  const Tensor m = mean(x, 0);
  CHECK(noise.variance == Approx(variance).epsilon(bounds::gamma(1200, f64)));
  CHECK(noise.squared_norm == Approx(sum(m * m).item() - variance / n).epsilon(1e-9));
  CHECK(noise.parameters.size() == 1);
  CHECK(noise.parameters[0].name == "w");
  // Against the distribution: the deviation of a variance of n normal numbers is sqrt(2 / n) of it.
  CHECK(std::abs(noise.variance - 3 * std * std) < 6 * 3 * std * std * std::sqrt(2.0 / (3.0 * n)));
  CHECK(noise.noise_scale() == noise.variance / noise.squared_norm);
  CHECK(noise.signal_to_noise(10) == Approx(10 / noise.noise_scale()));
}

TEST_CASE("gradient_noise of larger parts has the variance of one example") {
  const InnerProduct model;
  const Tensor x = random::normal({4000, 3}, 0, 1, f64);
  const auto noise = inspect::gradient_noise(
      model, [&](std::int64_t k) { return model(x[{Slice(8 * k, 8 * k + 8)}]) / 8; }, 500, {.part_size = 8});
  CHECK(std::abs(noise.variance - 3) < 6 * 3 * std::sqrt(2.0 / (3 * 500)));
  CHECK_THROWS_AS(inspect::gradient_noise(
                      model, [&](std::int64_t) { return model(x); }, 1),
                  ValueError);
}
