// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/spectra/conditioning.hpp>
#include <newtape/inspect/spectra/operators.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/loss.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/second_order.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = newtape::nn;
namespace core = newtape::core;
namespace optim = newtape::optim;
namespace inspect = newtape::inspect;

namespace {

/// sum of c x^2 / 2 for the given curvatures, over x.
struct Curved {
  explicit Curved(nt::Array curvatures) : c(std::move(curvatures)), x(nt::ones({c.size()}, c.dtype())) {}
  nt::Array c;
  nt::Parameter x;
  nt::Tensor loss() const { return nt::sum(c * x * x) * 0.5; }
};

}  // namespace

TEST_CASE("the tracker records the matrix of every Newton step, with its damping") {
  const Curved f(core::arange(5, nt::f64, 1, 2));  // 1, 3, 5, 7, 9
  inspect::ConditioningTracker tracker;
  optim::SecondOrder newton({f.x}, tracker.attach(optim::damped_newton()));
  optim::SecondOrder twin({f.x}, optim::damped_newton());
  for (int i = 0; i < 2; ++i) newton.step([&] { return f.loss(); });
  const auto& records = tracker.records();
  REQUIRE(records.size() >= 2);
  const double rounding = 9 * 5 * bounds::gamma(50, nt::f64);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& r = records[i];
    CHECK(r.number == static_cast<std::int64_t>(i));
    CHECK(r.name == optim::damped_newton().name);
    CHECK(r.size == 5);
    CHECK(r.damping > 0);
    CHECK(r.converged);
    CHECK(std::abs(r.largest - 9) <= rounding);
    CHECK(std::abs(r.smallest - 1) <= rounding);
    CHECK(r.condition == Approx((9 + r.damping) / (1 + r.damping)).epsilon(rounding));
    CHECK(r.eigenvalues.size() == 5);
    CHECK_FALSE(r.indefinite());
  }
  CHECK_THAT(inspect::to_string(records), contains("condition"));
}

TEST_CASE("a tracked method takes the same steps") {
  const auto rosenbrock = [](const nt::Tensor& x) {
    return 100 * nt::square(x[1] - x[0] * x[0]) + nt::square(1 - x[0]);
  };
  const nt::Tensor start = nt::tensor({-1.2, 1}, nt::f64);
  for (const auto& method : {optim::newton(), optim::trust_region_newton(), optim::damped_newton(), optim::bfgs()}) {
    const inspect::ConditioningTracker tracker;
    const auto plain = optim::minimize(rosenbrock, start, {.method = method});
    const auto tracked = optim::minimize(rosenbrock, start, {.method = tracker.attach(method)});
    CHECK(same_bits(plain.x().value(), tracked.x().value()));
    CHECK_FALSE(tracker.records().empty());
  }
}

TEST_CASE("large systems are recorded by their extreme eigenvalues") {
  nt::Array c = core::arange(300, nt::f64, 1, 1.0 / 300);
  c.data<double>()[7] = -2;  // indefinite
  c.data<double>()[8] = 10;
  const Curved f(c);
  inspect::ConditioningTracker tracker({.every = 2, .dense_limit = 100});
  for (int i = 0; i < 4; ++i) {
    tracker.record("hessian", inspect::hessian_operator({std::vector{f.x}, [&] { return f.loss(); }}), 3);
  }
  const auto records = tracker.records("hessian");
  REQUIRE(records.size() == 2);
  CHECK(records[1].number == 2);
  CHECK(records[0].converged);
  CHECK(records[0].indefinite());
  CHECK(records[0].smallest == Approx(-2).epsilon(1e-10));
  CHECK(records[0].largest == Approx(10).epsilon(1e-10));
  CHECK(records[0].condition == Approx(13).epsilon(1e-8));
  CHECK_FALSE(records[0].eigenvalues.defined());
  CHECK(tracker.records("other").empty());
  tracker.clear();
  CHECK(tracker.records().empty());
}

TEST_CASE("the factors of K-FAC are recorded by layer") {
  const nn::Sequential model(nn::Linear(4, 3), nn::Tanh(), nn::Linear(3, 2));
  const nt::Array x = normal<nt::Array>({16, 4}, 51, nt::f32);
  nt::Generator g(52);
  const nt::Array y = nt::random::integers({16}, 0, 2, g);
  const auto run = [&](optim::KFACInverse inverse) {
    optim::KFAC kfac(model.parameters(), {.lr = 0, .damping = 0.04, .inverse = inverse});
    kfac.step([&] { return model(x); }, [&](const nt::Tensor& z) { return nn::cross_entropy(z, y); });
    inspect::ConditioningTracker tracker;
    tracker.record(kfac, model);
    const auto [a, gg] = kfac.factors(model.parameter("0.weight"));
    return std::tuple{tracker.records(), core::cast(core::eigh(a, false).w, nt::f64),
                      core::cast(core::eigh(gg, false).w, nt::f64)};
  };
  const auto [factors, a, go] = run(optim::KFACInverse::factors);
  REQUIRE(factors.size() == 4);
  CHECK(factors[0].name == "0.weight: inputs");
  CHECK(factors[0].size == 5);
  CHECK(factors[3].name == "2.weight: outputs");
  CHECK(distance(factors[0].eigenvalues, core::contiguous(a)) <= bounds::gamma(10, nt::f32));
  // The parts of the damping multiply to it.
  CHECK(factors[0].damping * factors[1].damping == Approx(0.04).epsilon(1e-12));
  const double high = core::max(a).item();
  const double low = core::min(a).item();
  CHECK(factors[0].condition ==
        Approx((high + factors[0].damping) / (low + factors[0].damping)).epsilon(bounds::gamma(100, nt::f32)));

  const auto [blocks, b, h] = run(optim::KFACInverse::eigen);
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].name == "0.weight");
  CHECK(blocks[0].size == 15);
  CHECK(blocks[0].largest == Approx(core::max(b).item() * core::max(h).item()).epsilon(bounds::gamma(100, nt::f32)));
  CHECK(blocks[0].damping == 0.04);
}

TEST_CASE("normal equations are the Gauss-Newton matrix of residuals") {
  // Residuals A x - b: A^T A, for half the sum of squares.
  const nt::Array a = normal<nt::Array>({9, 4}, 53);
  const nt::Parameter p(nt::ones({4, 1}, nt::f64));
  const inspect::LossSurface surface(
      std::vector{p}, [&] { return nt::matmul(nt::Tensor(a), p); },
      [](const nt::Tensor& r) { return nt::sum(r * r) * 0.5; });
  const inspect::ConditioningTracker tracker;
  tracker.record("normal equations", inspect::gauss_newton_operator(surface));
  const nt::Array s = core::contiguous(core::svd(a, core::SVDPart::values).s);
  const double condition = std::pow(s.data<double>()[0] / s.data<double>()[3], 2);
  CHECK(tracker.records()[0].condition == Approx(condition).epsilon(condition * bounds::gamma(200, nt::f64)));
}

TEST_CASE("the tracker rejects invalid arguments") {
  CHECK_THROWS_AS(inspect::ConditioningTracker({.every = 0}), nt::ValueError);
  CHECK_THROWS_AS(inspect::ConditioningTracker({.products = 0}), nt::ValueError);
  const inspect::ConditioningTracker tracker;
  CHECK_THROWS_AS(tracker.record("a", inspect::LinearOperator(normal<nt::Array>({2, 3}, 1))), nt::ValueError);
}
