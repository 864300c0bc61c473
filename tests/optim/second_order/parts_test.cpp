// SPDX-License-Identifier: BSD-3-Clause
// The parts of second-order methods, each against its definition.
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/nn/losses/loss.hpp>
#include <newtape/optim/least_squares/linearized.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/globalization/globalization.hpp>
#include <newtape/optim/second_order/globalization/line_search.hpp>
#include <newtape/optim/second_order/method.hpp>
#include <newtape/optim/second_order/objective.hpp>

#include <algorithm>
#include <cmath>

namespace nt = newtape;
namespace core = newtape::core;
namespace optim = newtape::optim;
using nt::Array;
using nt::Tensor;

namespace {

/// Symmetric, with these eigenvalues.
Array symmetric(std::initializer_list<double> eigenvalues, std::uint64_t seed = 1) {
  const auto n = static_cast<std::int64_t>(eigenvalues.size());
  const Array q = core::qr(normal<Array>({n, n}, seed)).q;
  return core::matmul(q * nt::tensor(eigenvalues, nt::f64).value(), core::transpose(q, 0, 1));
}
Array times(const Array& m, const Array& v) {
  return core::reshape(core::matmul(m, core::reshape(v, {v.size(), 1})), {v.size()});
}
/// x A x / 2 - b x.
nt::UnaryFunction quadratic_form(const Array& a, const Array& b) {
  return [a, b](const Tensor& x) { return 0.5 * nt::sum(x * nt::matmul(Tensor(a), x)) - nt::sum(Tensor(b) * x); };
}
optim::Objective objective(const nt::UnaryFunction& f, const Tensor& x) {
  return optim::Objective([f](std::span<const Tensor> xs) { return f(xs[0]); }, std::span(&x, 1));
}

/// A curvature with a given matrix.
class Given final : public optim::Curvature {
 public:
  explicit Given(Array m) : m_(std::move(m)) {}
  void evaluate(optim::Objective&, const optim::Iterate&) override {}
  Array product(const Array& v) override { return times(m_, v); }
  Array matrix() override { return m_; }

 private:
  Array m_;
};

double model(const Array& b, const Array& g, const Array& d) { return core::dot(g, d) + core::dot(d, times(b, d)) / 2; }

}  // namespace

TEST_CASE("an objective sees several tensors as one vector") {
  const std::vector<Tensor> xs{Tensor(normal<Array>({2, 3}, 1)), Tensor(normal<Array>({}, 2)),
                               Tensor(normal<Array>({4}, 3))};
  const nt::Function f = [](std::span<const Tensor> v) {
    return nt::sum(nt::tanh(v[0])) * v[1] + nt::sum(nt::square(v[2])) * nt::sum(v[0] * v[0] * v[0]);
  };
  optim::Objective o(f, xs);
  REQUIRE(o.size() == 11);
  const Array x = o.flatten(xs);
  CHECK(o.value(x) == Approx(f(xs).item()));
  Array g;
  CHECK(o.value_and_gradient(x, g) == Approx(f(xs).item()));
  const auto [value, gs] = nt::value_and_grad(f, xs);
  CHECK(distance(g, o.flatten(gs)) == 0);
  const Array h = o.hessian(x);
  CHECK(distance(h, nt::hessian_matrix(f, xs).value()) < 1e-13);
  const Array v = normal<Array>({11}, 4);
  CHECK(distance(o.hessian_product(x)(v), times(h, v)) < 1e-12);
  CHECK(o.counts.values == 1);
  CHECK(o.counts.gradients == 2);
  CHECK(o.counts.hessians == 1);
  CHECK(o.counts.products == 1);
}

TEST_CASE("an objective rejects invalid starting points") {
  const nt::Function f = [](std::span<const Tensor> v) { return nt::sum(v[0]); };
  CHECK_THROWS_AS(optim::Objective(f, {}), nt::ValueError);
  const std::vector<Tensor> mixed{nt::tensor({1, 2}, nt::f64), nt::tensor({1, 2}, nt::f32)};
  CHECK_THROWS_AS(optim::Objective(f, mixed), nt::DTypeError);
  const std::vector<Tensor> undefined(1);
  CHECK_THROWS_AS(optim::Objective(f, undefined), nt::ValueError);
  const Tensor x = nt::tensor({1, 2}, nt::f64);
  auto o = objective([](const Tensor& v) { return nt::sum(v); }, x);
  CHECK_THROWS_WITH(o.generalized_gauss_newton(x.value()), contains("outputs and loss must be two functions"));
}

TEST_CASE("the generalised Gauss-Newton matrix of a softmax is its closed form") {
  // For cross-entropy of logits X W: the sum over samples of (diag(p) - p p^T) kron x x^T.
  const std::int64_t n = 5, d = 3, k = 4;
  const Tensor x(normal<Array>({n, d}, 1));
  const Tensor w(normal<Array>({d, k}, 2));
  const Tensor target(Array(nt::tensor({0, 3, 1, 2, 3}, nt::i64).value()));
  optim::Objective o([&](std::span<const Tensor> ws) { return nt::matmul(x, ws[0]); },
                     [&](const Tensor& logits) { return nt::nn::cross_entropy(logits, target); }, std::span(&w, 1));
  const Array at = o.flatten(std::span(&w, 1));
  const Array p = core::softmax(core::matmul(x.value(), w.value()), 1);
  Array want = core::zeros({d * k, d * k}, nt::f64);
  const auto at2 = [](const Array& a, std::int64_t i, std::int64_t j) { return a.data<double>()[i * a.shape(1) + j]; };
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t a = 0; a < d * k; ++a) {
      for (std::int64_t b = 0; b < d * k; ++b) {
        const double pp = (a % k == b % k ? at2(p, i, a % k) : 0) - at2(p, i, a % k) * at2(p, i, b % k);
        want.data<double>()[a * d * k + b] += pp * at2(x.value(), i, a / k) * at2(x.value(), i, b / k) / n;
      }
    }
  }
  CHECK(distance(o.generalized_gauss_newton(at), want) < 1e-14);
  const Array v = normal<Array>({d * k}, 3);
  CHECK(distance(o.generalized_gauss_newton_product(at)(v), times(want, v)) < 1e-14);
  // The model is linear in w, so this is the Hessian too.
  CHECK(distance(o.hessian(at), want) < 1e-14);
}

TEST_CASE("BFGS and L-BFGS keep the secant equation, and their inverses are inverses") {
  const Array a = symmetric({1, 3, 0.5, 10, 7, 2});
  const Tensor x0(normal<Array>({6}, 5));
  auto f = objective(quadratic_form(a, normal<Array>({6}, 6)), x0);
  for (const auto& make :
       {optim::curvature::bfgs(), optim::curvature::lbfgs({.history = 4}), optim::curvature::sr1()}) {
    const auto b = make();
    b->evaluate(f, {x0.value(), 0, {}});
    CHECK_FALSE(b->scaled());
    Array s, y;
    for (std::uint64_t i = 0; i < 6; ++i) {
      s = normal<Array>({6}, 10 + i);
      y = times(a, s);
      b->update(s, y);
    }
    CHECK(b->scaled());
    CHECK(distance(b->product(s), y) < 1e-9);
    CHECK(distance(times(b->matrix(), s), y) < 1e-9);
    const Array v = normal<Array>({6}, 20);
    const Array solved = b->solve(v);
    if (solved.defined()) CHECK(distance(b->product(solved), v) < 1e-9);
    // A pair without positive curvature is skipped; reset() leaves the identity.
    CHECK(b->reset());
    CHECK(distance(b->product(v), v) == 0);
    CHECK_FALSE(b->reset());
  }
}

TEST_CASE("symmetric rank one finds a quadratic's Hessian in n steps") {
  const Array a = symmetric({1, -3, 0.5, 10});
  const Tensor x0(normal<Array>({4}, 5));
  auto f = objective(quadratic_form(a, normal<Array>({4}, 6)), x0);
  const auto b = optim::curvature::sr1()();
  b->evaluate(f, {x0.value(), 0, {}});
  for (std::uint64_t i = 0; i < 4; ++i) {
    const Array s = normal<Array>({4}, 30 + i);
    b->update(s, times(a, s));
  }
  CHECK(distance(b->matrix(), a) < 1e-10);
}

TEST_CASE("L-BFGS with all pairs is BFGS started with its last scale") {
  const Array a = symmetric({1, 3, 0.5, 10});
  const Tensor x0(normal<Array>({4}, 5));
  auto f = objective(quadratic_form(a, normal<Array>({4}, 6)), x0);
  const auto limited = optim::curvature::lbfgs({.history = 10})();
  limited->evaluate(f, {x0.value(), 0, {}});
  Array b;
  std::vector<std::pair<Array, Array>> pairs;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Array s = normal<Array>({4}, 40 + i);
    pairs.emplace_back(s, times(a, s));
    limited->update(s, pairs.back().second);
  }
  // Nocedal and Wright 2006, eq. 6.19, from theta I.
  const auto& [s2, y2] = pairs.back();
  b = core::dot(y2, y2) / core::dot(s2, y2) * core::eye(4, nt::f64);
  for (const auto& [s, y] : pairs) {
    const auto outer = [](const Array& u) { return core::matmul(core::reshape(u, {4, 1}), core::reshape(u, {1, 4})); };
    const Array bs = times(b, s);
    b = core::axpy(1 / core::dot(y, s), outer(y), b - 1 / core::dot(s, bs) * outer(bs));
  }
  const Array v = normal<Array>({4}, 50);
  CHECK(distance(limited->product(v), times(b, v)) < 1e-11);
  CHECK(distance(times(b, limited->solve(v)), v) < 1e-11);
}

TEST_CASE("directions minimise their model") {
  const Array g = normal<Array>({5}, 7);
  SECTION("Newton and the interior of a trust region") {
    const Array a = symmetric({1, 2, 3, 4, 5});
    Given b(a);
    const Array want = -core::reshape(core::solve(a, core::reshape(g, {5, 1})), {5});
    for (const auto& make : {optim::direction::newton(), optim::direction::saddle_free(), optim::direction::dogleg(),
                             optim::direction::more_sorensen(), optim::direction::truncated_cg({.forcing = 1e-14})}) {
      const auto step = make()->step(b, g, {});
      CHECK(distance(step.d, want) < 1e-10);
      CHECK(step.predicted == Approx(-model(a, g, step.d)));
      CHECK_FALSE(step.on_boundary);
      // With damping: that of a + damping.
      const Array more = a + 0.7 * core::eye(5, nt::f64);
      const auto damped = make()->step(b, g, {.damping = 0.7});
      CHECK(distance(damped.d, -core::reshape(core::solve(more, core::reshape(g, {5, 1})), {5})) < 1e-10);
    }
  }
  SECTION("a trust region's exact step satisfies its optimality conditions") {
    for (const Array& a : {symmetric({1, 2, 3, 4, 5}), symmetric({-2, -1, 0, 3, 1}), symmetric({0, 0, 0, 1, 2})}) {
      Given b(a);
      const auto step = optim::direction::more_sorensen()()->step(b, g, {.radius = 0.1});
      CHECK(core::norm2(step.d) == Approx(0.1).epsilon(1e-9));
      CHECK(step.on_boundary);
      // (B + lambda I) d = -g with lambda >= 0, and B + lambda I positive semidefinite.
      const Array residual = -(g + times(a, step.d));
      const double lambda = core::dot(residual, step.d) / 0.01;
      CHECK(distance(residual, lambda * step.d) < 1e-7);
      CHECK(lambda > 0);
      CHECK(core::eigh(a).w.data<double>()[0] + lambda > -1e-9);
    }
  }
  SECTION("the hard case uses the lowest eigenvector") {
    // The gradient has no component along the first axis, where the curvature is negative.
    const Array a = core::eye(3, nt::f64) * nt::tensor({-1, 2, 3}, nt::f64).value();
    Given b(a);
    const Array flat = nt::tensor({0, 1, 1}, nt::f64).value();
    const auto step = optim::direction::more_sorensen()()->step(b, flat, {.radius = 2});
    CHECK(core::norm2(step.d) == Approx(2).epsilon(1e-9));
    // At lambda = 1: d2 = -1/3, d3 = -1/4.
    CHECK(step.d.data<double>()[1] == Approx(-1. / 3));
    CHECK(step.d.data<double>()[2] == Approx(-0.25));
  }
  SECTION("dogleg and truncated CG reduce the model at least as much as the Cauchy point, within the radius") {
    for (const double radius : {0.01, 0.3, 1., 3.}) {
      for (const Array& a : {symmetric({1, 2, 3, 4, 5}), symmetric({0.01, 10, 3, 4, 5})}) {
        Given b(a);
        const double size = core::norm2(g);
        const double along = core::dot(g, times(a, g));
        const double length = std::min(size * size * size / along, radius);
        const double cauchy = -model(a, g, -length / size * g);
        for (const auto& make : {optim::direction::dogleg(), optim::direction::truncated_cg()}) {
          const auto step = make()->step(b, g, {.radius = radius});
          CHECK(core::norm2(step.d) <= radius * (1 + 1e-12));
          CHECK(step.predicted >= cauchy * (1 - 1e-12));
          CHECK(step.predicted == Approx(-model(a, g, step.d)));
        }
      }
    }
  }
  SECTION("negative curvature is followed to the radius") {
    const Array a = symmetric({-5, 2, 3, 4, 5});
    Given b(a);
    const auto step = optim::direction::truncated_cg({.forcing = 1e-10})()->step(b, g, {.radius = 10});
    CHECK(core::norm2(step.d) == Approx(10));
    CHECK(step.note == "negative curvature");
    CHECK(step.predicted == Approx(-model(a, g, step.d)));
    CHECK(step.predicted > 0);
  }
  SECTION("an indefinite matrix still gives a descent direction") {
    Given b(symmetric({-5, 2, 0, 4, -1e-3}));
    for (const auto& make : {optim::direction::newton(), optim::direction::saddle_free(), optim::direction::dogleg(),
                             optim::direction::more_sorensen(), optim::direction::truncated_cg()}) {
      CHECK(core::dot(make()->step(b, g, {}).d, g) < 0);
    }
  }
}

TEST_CASE("a preconditioner that is the inverse solves in one iteration") {
  const Array diagonal = nt::tensor({1, 10, 100, 1000}, nt::f64).value();
  class Diagonal final : public optim::Curvature {
   public:
    explicit Diagonal(Array d) : d_(std::move(d)) {}
    void evaluate(optim::Objective&, const optim::Iterate&) override {}
    Array product(const Array& v) override { return d_ * v; }
    Array precondition(const Array& v) override { return v / d_; }

   private:
    Array d_;
  } b(diagonal);
  const Array g = normal<Array>({4}, 1);
  const auto step = optim::direction::truncated_cg({.forcing = 1e-12})()->step(b, g, {});
  CHECK(step.inner == 1);
  CHECK(distance(step.d, -(g / diagonal)) < 1e-14);
}

TEST_CASE("line searches satisfy the Wolfe conditions on More's and Thuente's functions") {
  // Their test functions 1 to 3 (1994, section 5), with beta = 2, 0.004, 0.01, from starts far too small and too large.
  const double pi = std::acos(-1);
  struct LineProblem {
    std::function<Tensor(const Tensor&)> f;
    double c1, c2;
  };
  const std::vector<LineProblem> problems{
      {[](const Tensor& a) { return -a / (a * a + 2); }, 1e-3, 0.1},
      {[](const Tensor& a) {
         const Tensor b = a + 0.004;
         return nt::pow(b, 5) - 2 * nt::pow(b, 4);
       },
       0.1, 0.1},
      {[pi](const Tensor& a) {
         // Piecewise near 1, with ripples.
         const double beta = 0.01, l = 39;
         const Tensor smooth = nt::where(a.value().item() <= 1 - beta ? Tensor(core::full({}, 1, nt::boolean))
                                                                      : Tensor(core::full({}, 0, nt::boolean)),
                                         1 - a,
                                         nt::where(Tensor(core::full({}, a.value().item() >= 1 + beta, nt::boolean)),
                                                   a - 1, nt::square(a - 1) / (2 * beta) + beta / 2));
         return smooth + 2 * (1 - beta) / (l * pi) * nt::sin(l * pi / 2 * a);
       },
       0.1, 0.1},
  };
  for (std::size_t i = 0; i < problems.size(); ++i) {
    const auto& p = problems[i];
    const Tensor x0 = nt::tensor(0, nt::f64);
    auto f = objective([&](const Tensor& x) { return p.f(x); }, x0);
    optim::Iterate at{core::zeros({1}, nt::f64), 0, {}};
    at.value = f.value_and_gradient(at.x, at.gradient);
    const Array d = core::ones({1}, nt::f64);
    const double slope = at.gradient.data<double>()[0];
    REQUIRE(slope < 0);
    for (const double guess : {1e-3, 0.1, 10., 1e3}) {
      for (const bool thuente : {true, false}) {
        INFO("function " << i + 1 << " from " << guess << (thuente ? ", More-Thuente" : ", Hager-Zhang"));
        const optim::Bounds none_at_all;
        optim::Line line(f, at, d, slope, none_at_all);
        const auto search =
            thuente ? optim::strong_wolfe({.c1 = p.c1, .c2 = p.c2}) : optim::hager_zhang({.c1 = p.c1, .c2 = p.c2});
        const auto result = search(line, guess);
        REQUIRE(result.alpha > 0);
        CHECK(result.evaluations <= 20);
        const auto end = line.evaluate(result.alpha);
        CHECK(end.value <= at.value + p.c1 * result.alpha * slope + 1e-12);
        CHECK(end.slope >= p.c2 * slope);
        if (thuente) CHECK(std::abs(end.slope) <= p.c2 * std::abs(slope));
      }
    }
  }
}

TEST_CASE("backtracking satisfies Armijo's condition, and shortens steps to values that are not finite") {
  const Tensor x0 = nt::tensor({1}, nt::f64);
  auto f = objective([](const Tensor& x) { return nt::sum(x - nt::log(x)) + nt::sum(nt::square(x)); }, x0);
  optim::Iterate at{x0.value(), 0, {}};
  at.value = f.value_and_gradient(at.x, at.gradient);
  const Array d = -at.gradient;
  const optim::Bounds none_at_all;
  const double slope = core::dot(d, at.gradient);
  optim::Line line(f, at, d, slope, none_at_all);
  const auto result = optim::backtracking()(line, 8);  // x = 1 - 8 * 2 is outside the logarithm's domain
  REQUIRE(result.alpha > 0);
  CHECK(line.evaluate(result.alpha).value <= at.value + 1e-4 * result.alpha * slope);
}

TEST_CASE("bounds: free unknowns, projection, projected steps") {
  const optim::Bounds b("test", nt::tensor({0, 0, 0}, nt::f64).value(), nt::tensor({1, 1, 1}, nt::f64).value());
  const Array x = nt::tensor({0, 0.5, 1}, nt::f64).value();
  // Held below by a positive gradient, above by a negative one.
  CHECK(distance(b.free(x, nt::tensor({1, 1, -1}, nt::f64).value()), nt::tensor({0, 1, 0}, nt::f64).value()) == 0);
  CHECK_FALSE(b.free(x, nt::tensor({-1, 1, 1}, nt::f64).value()).defined());
  CHECK(distance(b.project(nt::tensor({-3, 0.2, 9}, nt::f64).value()), nt::tensor({0, 0.2, 1}, nt::f64).value()) == 0);
  CHECK(distance(b.projected_step(x, nt::tensor({1, 0.25, -1}, nt::f64).value()),
                 nt::tensor({0, -0.25, 0}, nt::f64).value()) == 0);
}
