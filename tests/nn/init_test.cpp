// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/init.hpp>

namespace nt = newtape;
namespace init = newtape::nn::init;
using init::Nonlinearity;

namespace {
struct Moments {
  double mean, deviation, largest;
};
Moments moments(const nt::Parameter& p) {
  const double m = nt::mean(p).item();
  return {m, std::sqrt(nt::mean(nt::square(p - m)).item()), nt::max(nt::abs(p)).item()};
}
void check(const nt::Parameter& p, double mean, double deviation) {
  const auto m = moments(p);
  const double n = static_cast<double>(p.size());
  CHECK(std::abs(m.mean - mean) < 5 * deviation / std::sqrt(n));
  CHECK(std::abs(m.deviation / deviation - 1) < 5 / std::sqrt(2 * n));
}
}  // namespace

TEST_CASE("gains and fans are PyTorch's") {
  const Reference torch("nn/reference.txt");
  const std::pair<const char*, Nonlinearity> kinds[] = {
      {"linear", Nonlinearity::linear}, {"sigmoid", Nonlinearity::sigmoid}, {"tanh", Nonlinearity::tanh},
      {"relu", Nonlinearity::relu},     {"selu", Nonlinearity::selu},
  };
  for (const auto& [name, kind] : kinds) {
    CHECK(init::gain(kind) == Approx(torch(std::string("gain/") + name).item()).epsilon(1e-15));
  }
  CHECK(init::gain(Nonlinearity::leaky_relu, 0.3) == Approx(torch("gain/leaky_relu").item()).epsilon(1e-15));
  const auto f = init::fans({5, 4, 3, 2});
  CHECK(f.in == torch("fans").data<std::int64_t>()[0]);
  CHECK(f.out == torch("fans").data<std::int64_t>()[1]);
}

TEST_CASE("initial values have the right mean, standard deviation and bounds") {
  nt::Generator g(7);
  for (const auto dtype : {nt::f32, nt::f64}) {
    const nt::Parameter p(nt::zeros({300, 200}, dtype));
    init::kaiming_uniform(p, {.a = 1}, g);
    check(p, 0, 1 / std::sqrt(200.0));
    CHECK(moments(p).largest <= std::sqrt(3 / 200.0));
    init::kaiming_normal(p, {.mode = init::FanMode::fan_out, .nonlinearity = Nonlinearity::relu}, g);
    check(p, 0, std::sqrt(2 / 300.0));
    init::xavier_uniform(p, 2, g);
    check(p, 0, 2 * std::sqrt(2 / 500.0));
    CHECK(moments(p).largest <= 2 * std::sqrt(6 / 500.0));
    init::xavier_normal(p, 1, g);
    check(p, 0, std::sqrt(2 / 500.0));
    init::uniform(p, 2, 4, g);
    check(p, 3, 2 / std::sqrt(12.0));
    init::normal(p, -1, 0.5, g);
    check(p, -1, 0.5);
    init::constant(p, 0.25);
    CHECK(identical(p.value(), nt::full({300, 200}, 0.25, dtype).value()));
    init::ones(p);
    CHECK(identical(p.value(), nt::ones({300, 200}, dtype).value()));
    init::zeros(p);
    CHECK(identical(p.value(), nt::zeros({300, 200}, dtype).value()));
  }
}

TEST_CASE("the same generator gives the same initial values") {
  const nt::Parameter a(nt::zeros({4, 5}));
  const nt::Parameter b(nt::zeros({4, 5}));
  nt::Generator one(3);
  nt::Generator two(3);
  init::xavier_normal(a, 1, one);
  init::xavier_normal(b, 1, two);
  CHECK(identical(a.value(), b.value()));
  init::xavier_normal(b, 1, two);
  CHECK_FALSE(identical(a.value(), b.value()));
}

TEST_CASE("trunc_normal keeps its bounds, and has the moments of a truncated normal distribution") {
  nt::Generator g(11);
  for (const auto dtype : {nt::f32, nt::f64}) {
    const nt::Parameter p(nt::zeros({300, 200}, dtype));
    init::trunc_normal(p, {}, g);
    CHECK(moments(p).largest <= 2);
    check(p, 0, 0.87962566);  // sqrt(1 - 4 phi(2) / (2 Phi(2) - 1))
    init::trunc_normal(p, {.mean = 1, .std = 2, .a = 1, .b = 100}, g);
    CHECK(nt::min(p.tensor()).item() >= 1);
    check(p, 1 + 2 * 0.79788456, 2 * 0.60281028);  // half a normal distribution: sqrt(2 / pi), sqrt(1 - 2 / pi)
  }
  const nt::Parameter p(nt::zeros({3}));
  CHECK_THROWS_AS(init::trunc_normal(p, {.a = 1, .b = 1}), nt::ValueError);
  CHECK_THROWS_AS(init::trunc_normal(p, {.std = 0}), nt::ValueError);
}

TEST_CASE("orthogonal values are orthogonal up to rounding, for any shape") {
  nt::Generator g(12);
  for (const auto dtype : {nt::f32, nt::f64}) {
    for (const auto& shape : {nt::Shape{5, 5}, nt::Shape{7, 3}, nt::Shape{3, 7}, nt::Shape{4, 2, 3, 3}}) {
      const nt::Parameter p(nt::zeros(shape, dtype));
      init::orthogonal(p, 1.5, g);
      const nt::Tensor w = nt::reshape(p, {shape[0], -1});
      const bool tall = w.shape(0) > w.shape(1);
      const nt::Tensor gram = tall ? nt::matmul(nt::transpose(w), w) : nt::matmul(w, nt::transpose(w));
      CHECK(distance(gram.value(), (nt::eye(gram.shape(0), dtype) * 2.25).value()) < (dtype == nt::f64 ? 1e-14 : 1e-6));
    }
  }
  // Haar distributed by the signs of r: the mean of the diagonal is 0, that of its square is 1/n.
  double mean = 0;
  double squares = 0;
  const nt::Parameter p(nt::zeros({4, 4}, nt::f64));
  for (int i = 0; i < 400; ++i) {
    init::orthogonal(p, 1, g);
    const nt::Tensor d = nt::diagonal(p);
    mean += nt::mean(d).item() / 400;
    squares += nt::mean(nt::square(d)).item() / 400;
  }
  CHECK(std::abs(mean) < 0.06);
  CHECK(squares == Approx(0.25).margin(0.04));
  CHECK_THROWS_AS(init::orthogonal(nt::Parameter(nt::zeros({3}))), nt::ShapeError);
  init::orthogonal(nt::Parameter(nt::zeros({0, 3})));
}

TEST_CASE("sparse values have the requested number of zeros in every column") {
  nt::Generator g(13);
  const nt::Parameter p(nt::zeros({101, 50}, nt::f64));
  init::sparse(p, 0.3, 0.5, g);
  const nt::Tensor zeros = nt::count_nonzero(p.tensor() == 0.0, {0});
  CHECK(nt::all(zeros == 31).item<bool>());
  const nt::Tensor others = nt::masked_select(p, p.tensor() != 0.0);
  CHECK(std::sqrt(nt::mean(nt::square(others)).item()) == Approx(0.5).epsilon(0.05));
  CHECK_THROWS_AS(init::sparse(p, 1.5), nt::ValueError);
  CHECK_THROWS_AS(init::sparse(nt::Parameter(nt::zeros({3})), 0.5), nt::ShapeError);
}

TEST_CASE("layers with eye and dirac weights are the identity") {
  const nt::Parameter p(nt::ones({2, 3}));
  init::eye(p);
  CHECK(identical(p.value(), nt::tensor({{1.0, 0, 0}, {0, 1, 0}}).value()));
  CHECK_THROWS_AS(init::eye(nt::Parameter(nt::zeros({3}))), nt::ShapeError);

  nt::Generator g(14);
  const nt::Tensor x = nt::random::normal({2, 4, 5, 6}, 0, 1, nt::f64, g);
  const nt::Parameter w(nt::ones({4, 4, 3, 3}, nt::f64));
  init::dirac(w);
  CHECK(identical(nt::conv2d(x, w, {.padding = 1}).value(), x.value()));
  const nt::Parameter grouped(nt::ones({4, 2, 3, 3}, nt::f64));
  init::dirac(grouped, 2);
  CHECK(identical(nt::conv2d(x, grouped, {.padding = 1, .groups = 2}).value(), x.value()));
  const nt::Parameter line(nt::ones({3, 2, 5}));
  init::dirac(line);
  CHECK(nt::sum(line).item() == 2);
  CHECK_THROWS_AS(init::dirac(w, 3), nt::ValueError);
  CHECK_THROWS_AS(init::dirac(p), nt::ShapeError);
}

TEST_CASE("fans require at least two axes") {
  const nt::Parameter p(nt::zeros({4}));
  CHECK_THROWS_AS(init::kaiming_uniform(p), nt::ShapeError);
  CHECK_THROWS_WITH(init::xavier_normal(p), contains("[4]"));
}
