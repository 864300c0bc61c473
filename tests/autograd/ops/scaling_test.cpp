// SPDX-License-Identifier: BSD-3-Clause
// Homogeneous functions, f(c x) = c^k f(x), where squares and other powers of c x overflow or underflow: values, and
// gradients, which are of degree k - 1.
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace newtape {
namespace {

struct Homogeneous {
  std::string name;
  double degree;
  Tensor (*f)(const Tensor&);  ///< of x [2, 4, 6]
};

const std::vector<Homogeneous> functions{
    {"norm", 1, [](const Tensor& x) { return norm(x, 2, -1); }},
    {"norm/3", 1, [](const Tensor& x) { return norm(x, 3, -1); }},
    {"std", 1, [](const Tensor& x) { return std(x, -1); }},
    {"std/0", 1, [](const Tensor& x) { return std(x, 1, 0); }},
    {"normalize", 0, [](const Tensor& x) { return normalize(x, 2, -1, 0); }},
    {"normalize/3", 0, [](const Tensor& x) { return normalize(x, 3, -1, 0); }},
    {"cosine_similarity", 0, [](const Tensor& x) { return cosine_similarity(x, flip(x, Dims{1}), -1, 0); }},
    {"pairwise_distance", 1, [](const Tensor& x) { return pairwise_distance(x, flip(x, Dims{0}), 2, 0); }},
    {"cdist", 1, [](const Tensor& x) { return cdist(x, slice(x, -2, 1, 3) * 0.5); }},
    {"layer_norm", 0,
     [](const Tensor& x) {
       return layer_norm(x, {4, 6}, {}, {}, 0);
     }},
    {"rms_norm", 0, [](const Tensor& x) { return rms_norm(x, {6}, {}, 0); }},
    {"batch_norm", 0, [](const Tensor& x) { return batch_norm(x, {}, {}, 0); }},
    {"group_norm", 0, [](const Tensor& x) { return group_norm(x, 2, {}, {}, 0); }},
    {"instance_norm", 0, [](const Tensor& x) { return instance_norm(x, {}, {}, 0); }},
    {"local_response_norm", 0, [](const Tensor& x) { return local_response_norm(x, 3, {.beta = 0.5, .k = 0}); }},
    {"lp_pool/2", 1, [](const Tensor& x) { return lp_pool1d(x, 2, 2); }},
    {"lp_pool/4", 1, [](const Tensor& x) { return lp_pool1d(x, 4, 3, {.stride = 2, .ceil_mode = true}); }},
    {"lp_pool/2d", 1,
     [](const Tensor& x) {
       return lp_pool2d(x, 2, {2, 3});
     }},
};

struct ValueAndGradient {
  Tensor y, gradient;
};
/// Of the sum of the results with random factors.
ValueAndGradient evaluate(const Homogeneous& of, const Tensor& x) {
  const Tensor at = variable(x);
  const Tensor y = of.f(at);
  Generator random(3);
  sum(y * Tensor(random::normal(y.shape(), 0, 1, y.dtype(), random))).backward();
  return {y.detach(), at.grad()};
}

double largest(const Tensor& x) { return core::cast(core::max(core::abs(x.value())), f64).item(); }

TEST_CASE("homogeneous functions neither overflow nor underflow") {
  Generator random(2);
  for (const auto dtype : {f32, f64}) {
    const Tensor x = random::normal({2, 4, 6}, 0, 1, dtype, random);
    const int far = dtype == f32 ? 98 : 660;
    for (const auto& of : functions) {
      const auto plain = evaluate(of, x);
      for (const int exponent : {far, -far}) {
        INFO(of.name << " of numbers of size 2^" << exponent << ", " << name(dtype));
        const double c = std::exp2(exponent);
        const auto scaled = evaluate(of, x * c);
        const Tensor y = scaled.y * std::pow(c, -of.degree);
        const Tensor gradient = scaled.gradient * std::pow(c, 1 - of.degree);
        // A hundred roundings: sums of 24 squares, of the values' and the gradients' terms.
        const double bound = 4 * bounds::gamma(100, dtype);
        CHECK(largest(y - plain.y) <= bound * largest(plain.y));
        CHECK(largest(gradient - plain.gradient) <= bound * largest(plain.gradient));
      }
    }
  }
}

TEST_CASE("statistics of large and small numbers, with an eps") {
  for (const auto dtype : {f32, f64}) {
    INFO(name(dtype));
    const double c = dtype == f32 ? 1e30 : 1e200;
    const Tensor x = tensor({c, -c}, dtype);
    CHECK(core::cast(std(x).value(), f64).item() == Approx(std::sqrt(2.0) * c));
    CHECK(core::cast(std(x * (1 / c) * (1 / c)).value(), f64).item() == Approx(std::sqrt(2.0) / c));
    const double small = std::sqrt(c);
    CHECK(core::cast(var(x / small).value(), f64).item() == Approx(2 * c));
    for (const Tensor& y : {layer_norm(x, {2}), rms_norm(x, {2})}) {
      CHECK(core::cast(y.value(), f64).data<double>()[0] == Approx(1));
      CHECK(core::cast(y.value(), f64).data<double>()[1] == Approx(-1));
    }
    // Rows of ordinary size beside large ones are as they are alone.
    const Tensor rows = tensor({{c, -c}, {1, 3}, {0, 0}}, dtype);
    const Tensor y = layer_norm(rows, {2});
    CHECK(largest(slice(y, 0, 1, 3) - layer_norm(slice(rows, 0, 1, 3), {2})) <= 8 * bounds::unit_roundoff(dtype));
  }
  // The length itself is beyond the largest number.
  const Tensor long_one = tensor({2.0775e38, 3.0262e38});
  CHECK(cosine_similarity(long_one, ones({2})).item() == Approx(0.983159).epsilon(1e-5));  // mpmath: 0.98315866
  CHECK(cosine_similarity(long_one, tensor({1, 1})).item() == Approx(0.983159).epsilon(1e-5));
  CHECK(lp_pool1d(reshape(tensor({3e200, 4e200}, f64), {1, 1, 2}), 2, 2).item() == Approx(5e200));
}

TEST_CASE("quantiles among infinities are NumPy's") {
  const double inf = HUGE_VAL;
  const auto same = [](const Tensor& y, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double value = y.value().data<double>()[i];
      if (value != Approx(expected[i]) && value != expected[i]) return false;
    }
    return true;
  };
  CHECK(same(quantile(tensor({inf, 5, 4}, f64), std::vector<double>{0.1, 0.5, 0.9}), {4.2, 5, inf}));
  CHECK(same(quantile(tensor({-inf, 5, 4}, f64), std::vector<double>{0, 0.2, 0.5, 1}), {-inf, -inf, 4, 5}));
  CHECK(median(tensor({inf, inf}, f64)).item() == inf);
  CHECK(median(tensor({-inf, -inf, 1, 2}, f64)).item() == -inf);
  CHECK(std::isnan(median(tensor({-inf, inf}, f64)).item()));
  CHECK(median(tensor({1.5e308, 1.1e308}, f64)).item() == Approx(1.3e308));
  CHECK(median(tensor({-1.5e308, 1.5e308}, f64)).item() == 0);
  const Tensor x = variable(tensor({inf, 5, 4, 2}, f64));
  sum(quantile(x, std::vector<double>{0.5, 0.9})).backward();
  // 4.5 = (4 + 5) / 2, and inf = 0.3 * 5 + 0.7 * inf.
  CHECK(same(x.grad(), {0.7, 0.8, 0.5, 0}));
}

}  // namespace
}  // namespace newtape
