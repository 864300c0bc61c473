// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"
#include "optim/entries.hpp"
#include "optim/functions.hpp"
#include "optim/least_squares/algorithms.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>

#include <algorithm>
#include <cmath>

namespace nt = newtape;
namespace optim = newtape::optim;
using optim::least_squares;
using optim::LeastSquaresOptions;
using Solver = LeastSquaresOptions::Solver;

namespace {

/// Every published problem by one algorithm, with both solvers.
void check_optima(Algorithm algorithm) {
  // Undamped steps end where the Jacobian becomes singular, on the way or at the solution.
  const std::vector<std::string> singular = {"freudenstein_roth", "jennrich_sampson", "gulf", "biggs_exp6",
                                             "chebyquad"};
  for (const auto& p : problems::functions()) {
    if (!p.residuals) continue;
    const bool excepted = std::find(singular.begin(), singular.end(), p.name) != singular.end();
    if (algorithm == Algorithm::gauss_newton && excepted) continue;
    for (const auto solver : {Solver::qr, Solver::cgls}) {
      const auto r = least_squares(p.residuals, p.x0(), {.algorithm = algorithm, .solver = solver});
      INFO(p.name << ", " << optim::to_string(algorithm) << (solver == Solver::qr ? "" : ", cgls") << "\n"
                  << optim::to_string(r));
      // At a local minimum with large residuals the model, which lacks their second derivatives, may predict a
      // reduction that does not exist.
      const bool left_over = p.other(2 * r.value) && r.status == optim::Status::no_progress;
      // Where m residuals vanish they end as rounding errors of terms up to 4 m, and no step lowers these.
      const auto m = static_cast<double>(r.residuals.size());
      const double rounding = bounds::gamma(4 * m, nt::f64) * 4 * m;
      const bool nothing_left =
          p.minimum == 0 && r.status == optim::Status::no_progress && r.value <= m * rounding * rounding / 2;
      CHECK((r.converged() || left_over || nothing_left));
      CHECK((p.solved(2 * r.value) || p.other(2 * r.value)));
      CHECK(r.iterations == static_cast<std::int64_t>(r.trace.size()) - 1);
    }
  }
}

}  // namespace

TEST_CASE("Levenberg-Marquardt reaches published optima") { check_optima(Algorithm::levenberg_marquardt); }
TEST_CASE("Gauss-Newton reaches published optima") { check_optima(Algorithm::gauss_newton); }
TEST_CASE("dogleg steps reach published optima") { check_optima(Algorithm::dogleg); }

TEST_CASE("Levenberg-Marquardt takes few evaluations where columns shrink, and where residuals stay large") {
  // SciPy's 'lm' takes 31 evaluations of the residuals on the first; MINPACK some 250 on the second, whose D keeps the
  // lengths of the start.
  for (const auto& [name, evaluations] : {std::pair("penalty_1", 70), std::pair("brown_dennis", 60)}) {
    const auto& p = problems::function(name);
    const auto r = least_squares(p.residuals, p.x0());
    INFO(name << "\n" << optim::to_string(r));
    CHECK(r.converged());
    CHECK(p.solved(2 * r.value));
    CHECK(r.counts.values <= evaluations);
    CHECK(r.counts.gradients <= evaluations);
  }
}

TEST_CASE("the estimates of a straight line are its closed form's") {
  const auto x = doubles({0.5, 1, 2, 3.5, 4, 7});
  const auto y = doubles({1.1, 1.9, 3.2, 5.1, 5.3, 9.9});
  const auto r = least_squares([&](const nt::Tensor& b) { return b[0] + b[1] * x - y; }, doubles({0, 0}));
  const double mean = nt::mean(x).item();
  const double sxx = nt::sum(nt::square(x - mean)).item();
  const double slope = nt::sum((x - mean) * y).item() / sxx;
  const double intercept = nt::mean(y).item() - slope * mean;
  CHECK(entry(r.x(), 0) == Approx(intercept).epsilon(1e-13));
  CHECK(entry(r.x(), 1) == Approx(slope).epsilon(1e-13));
  const double sum = nt::sum(nt::square(y - intercept - slope * x)).item();
  CHECK(r.value == Approx(sum / 2).epsilon(1e-12));
  CHECK(r.degrees_of_freedom() == 4);
  CHECK(r.rank() == 2);
  const double s2 = sum / 4;
  CHECK(r.residual_standard_deviation() == Approx(std::sqrt(s2)).epsilon(1e-12));
  const auto c = r.covariance();
  CHECK(c[{1, 1}].item() == Approx(s2 / sxx).epsilon(1e-12));
  CHECK(c[{0, 0}].item() == Approx(s2 * (1.0 / 6 + mean * mean / sxx)).epsilon(1e-12));
  CHECK(c[{0, 1}].item() == Approx(-s2 * mean / sxx).epsilon(1e-12));
  CHECK(c[{1, 0}].item() == Approx(-s2 * mean / sxx).epsilon(1e-12));
  CHECK(r.covariance(true)[{1, 1}].item() == Approx(1 / sxx).epsilon(1e-12));
  CHECK(entry(r.standard_deviations()[0], 1) == Approx(std::sqrt(s2 / sxx)).epsilon(1e-12));
  CHECK(distance(r.jacobian().value(), nt::stack({nt::ones_like(x), x}, 1).value()) < 1e-15);
}

TEST_CASE("sigma weights the residuals") {
  // A weighted mean: sum(y / s^2) / sum(1 / s^2), of variance 1 / sum(1 / s^2).
  const auto y = doubles({1, 2, 4});
  const auto sigma = doubles({1, 0.5, 2});
  LeastSquaresOptions o;
  o.sigma = sigma;
  const auto r = least_squares([&](const nt::Tensor& m) { return m - y; }, nt::tensor(0, nt::f64), o);
  const double weight = 1 + 4 + 0.25;
  CHECK(r.x().item() == Approx((1 + 8 + 1) / weight).epsilon(1e-14));
  CHECK(r.standard_deviations(true)[0].item() == Approx(1 / std::sqrt(weight)).epsilon(1e-14));
  CHECK(entry(r.residuals, 2) == Approx((r.x().item() - 4) / 2).epsilon(1e-14));
}

TEST_CASE("robust losses match their closed forms and derivatives") {
  using optim::RobustLoss;
  const double scale = 0.7;
  for (const auto loss : {RobustLoss::linear, RobustLoss::soft_l1, RobustLoss::huber, RobustLoss::cauchy,
                          RobustLoss::tukey, RobustLoss::arctan}) {
    INFO(optim::to_string(loss));
    for (const double s : {1e-9, 0.1, 0.3, 0.6, 2.5}) {
      const double h = 1e-4 * s;
      const auto at = [&](double t) { return optim::rho(loss, scale, t); };
      CHECK(at(s).first == Approx((at(s + h).value - at(s - h).value) / (2 * h)).epsilon(1e-6).margin(1e-9));
      if (s > 0.01)
        CHECK(at(s).second == Approx((at(s + h).first - at(s - h).first) / (2 * h)).epsilon(1e-6).margin(1e-6));
    }
    // Near 0 all are s.
    CHECK(optim::rho(loss, scale, 1e-10).value == Approx(1e-10).epsilon(1e-8));
  }
  CHECK(optim::rho(RobustLoss::huber, 2, 25).value == Approx(2 * 2 * 5 - 4));
  CHECK(optim::rho(RobustLoss::tukey, 2, 25).value == Approx(4.0 / 3));
  CHECK(optim::rho(RobustLoss::cauchy, 2, 25).value == Approx(4 * std::log(1 + 25.0 / 4)));
  CHECK(optim::rho(RobustLoss::arctan, 2, 25).value == Approx(4 * std::atan(25.0 / 4)));
  CHECK(optim::rho(RobustLoss::soft_l1, 2, 25).value == Approx(8 * (std::sqrt(1 + 25.0 / 4) - 1)));
}

TEST_CASE("robust and bounded fits are SciPy's") {
  const Reference scipy("optim/least_squares.txt");
  const nt::Tensor t = scipy("t");
  const nt::Tensor y = scipy("y");
  const auto residuals = [&](const nt::Tensor& p) { return p[0] * nt::exp(-p[1] * t) + p[2] - y; };
  using optim::RobustLoss;
  for (const auto algorithm : algorithms) {
    for (const auto loss :
         {RobustLoss::linear, RobustLoss::soft_l1, RobustLoss::huber, RobustLoss::cauchy, RobustLoss::tukey}) {
      for (const auto solver : {Solver::qr, Solver::cgls}) {
        LeastSquaresOptions o;
        o.algorithm = algorithm;
        o.loss = loss;
        o.loss_scale = 0.2;
        o.solver = solver;
        const auto start = loss == RobustLoss::tukey ? doubles({3, 1.3, 0.5}) : doubles({2, 1, 0});
        const auto r = least_squares(residuals, start, o);
        const std::string name = optim::to_string(loss);
        INFO(name << ", " << optim::to_string(algorithm) << "\n" << optim::to_string(r));
        CHECK(r.converged());
        CHECK(distance(r.x().value(), scipy(name + "/x")) < 2e-7);
        CHECK(r.value == Approx(scipy(name + "/cost").item()).epsilon(1e-12));
        CHECK(r.iterations <= 60);
      }
    }
    LeastSquaresOptions o;
    o.algorithm = algorithm;
    o.lower = {scipy("bounded/lower")};
    o.upper = {scipy("bounded/upper")};
    const auto r = least_squares(residuals, doubles({2, 1, 0}), o);
    INFO(optim::to_string(r));
    CHECK(r.converged());
    CHECK(distance(r.x().value(), scipy("bounded/x")) < 1e-7);
    CHECK(entry(r.x(), 0) == 2.5);
    CHECK(r.gradient < 1e-6);
  }
}

TEST_CASE("bounds: a start outside, an optimum in a corner, and one that bounds do not touch") {
  const auto residuals = [](const nt::Tensor& x) { return x - doubles({3, -2, 0.5}); };
  LeastSquaresOptions o;
  o.lower = {nt::tensor(-1, nt::f64)};
  o.upper = {doubles({1, 1, 1})};
  for (const auto algorithm : algorithms) {
    o.algorithm = algorithm;
    const auto r = least_squares(residuals, doubles({5, 5, -5}), o);
    INFO(optim::to_string(r));
    CHECK(r.converged());
    CHECK(distance(r.x().value(), doubles({1, -1, 0.5}).value()) < 1e-15);
  }
  o.lower = {doubles({2, 0, 0})};
  CHECK_THROWS_AS(least_squares(residuals, doubles({0, 0, 0}), o), nt::ValueError);
  o.lower = {nt::tensor(-1.0)};
  CHECK_THROWS_AS(least_squares(residuals, doubles({0, 0, 0}), o), nt::DTypeError);
}

TEST_CASE("several tensors, and a model's parameters of which one is frozen") {
  const auto x = doubles({0, 1, 2, 3, 4});
  const auto y = doubles({2.1, 2.9, 4.2, 4.8, 6.1});
  const auto line = least_squares([&](const nt::Tensor& b) { return b[0] + b[1] * x - y; }, doubles({0, 0}));

  const std::vector<nt::Tensor> start = {nt::tensor(0, nt::f64), nt::zeros({1, 1}, nt::f64)};
  const auto parts =
      least_squares([&](std::span<const nt::Tensor> b) { return b[0] + nt::reshape(b[1], {}) * x - y; }, start);
  REQUIRE(parts.xs.size() == 2);
  CHECK(parts.xs[1].shape() == nt::Shape{1, 1});
  CHECK(parts.xs[0].item() == Approx(entry(line.x(), 0)).epsilon(1e-13));
  CHECK(parts.xs[1].item() == Approx(entry(line.x(), 1)).epsilon(1e-13));
  const auto deviations = parts.standard_deviations();
  REQUIRE(deviations.size() == 2);
  CHECK(deviations[1].shape() == nt::Shape{1, 1});
  CHECK(deviations[1].item() == Approx(entry(line.standard_deviations()[0], 1)).epsilon(1e-12));
  CHECK_THROWS_AS(parts.x(), nt::ValueError);

  const nt::Parameter a(nt::tensor(0, nt::f64).value());
  const nt::Parameter b(nt::tensor(1, nt::f64).value());
  const nt::Parameter frozen(nt::tensor(0.5, nt::f64).value());
  frozen.requires_grad(false);
  const auto model = least_squares([&] { return a + (b + frozen) * x - y; }, {a, frozen, b});
  CHECK(model.xs.size() == 2);
  CHECK(a.tensor().item() == Approx(entry(line.x(), 0)).epsilon(1e-13));
  CHECK(b.tensor().item() == Approx(entry(line.x(), 1) - 0.5).epsilon(1e-13));
  CHECK(frozen.tensor().item() == 0.5);
  CHECK(a.requires_grad());
}

TEST_CASE("f32 converges to its precision") {
  for (const auto algorithm : algorithms) {
    LeastSquaresOptions o;
    o.algorithm = algorithm;
    const auto r = least_squares(rosenbrock_residuals(), nt::tensor({-1.2, 1}), o);
    INFO(optim::to_string(r));
    CHECK(r.converged());
    CHECK(r.x().dtype() == nt::f32);
    CHECK(distance(r.x().value(), nt::tensor({1.0, 1}).value()) < 1e-5);
    CHECK(r.covariance().dtype() == nt::f32);
  }
}

TEST_CASE("f32: columns that are parallel but for rounding errors are dependent") {
  const nt::Tensor t = nt::linspace(1, 3, 12).to(nt::f32), y = nt::cos(5.0 * t);
  const double best = least_squares([&](const nt::Tensor& x) { return x[0] * t - y; }, nt::zeros({1}, nt::f32)).value;
  for (const auto algorithm : algorithms) {
    LeastSquaresOptions o;
    o.algorithm = algorithm;
    const auto same_line = [&](const nt::Tensor& x) { return x[0] * t + x[1] * (t / 3.0) + x[2] * (t * 0.7) - y; };
    const auto r = least_squares(same_line, nt::zeros({3}, nt::f32), o);
    INFO(optim::to_string(r));
    CHECK(r.converged());
    CHECK(r.value == Approx(best).epsilon(1e-5));
    CHECK(nt::max(nt::abs(r.x())).item() < 10);
  }
}

TEST_CASE("unknowns of sizes from 1e-13 to 1e9 are found to the same number of digits") {
  const auto truth = doubles({3e-13, 2, 5e9});
  const auto t = nt::arange(12).to(nt::f64) / 4;
  const auto curve = [&](const nt::Tensor& b) { return b[0] * 1e13 * nt::exp(-b[1] * t) + nt::sin(b[2] * 1e-9 * t); };
  const auto y = curve(truth);
  const auto r = least_squares([&](const nt::Tensor& b) { return curve(b) - y; }, doubles({1e-13, 1, 4.5e9}));
  INFO(optim::to_string(r));
  CHECK(r.converged());
  CHECK(distance((r.x() / truth).value(), doubles({1, 1, 1}).value()) < 1e-13);
}

TEST_CASE("cgls fits many unknowns by products only") {
  // Chained Rosenbrock: 2 (n - 1) residuals.
  const std::int64_t n = 2000;
  const auto residuals = [](const nt::Tensor& x) {
    const auto m = x.size() - 1;
    const nt::Tensor a = nt::slice(x, 0, 0, m);
    const nt::Tensor b = nt::slice(x, 0, 1, m + 1);
    return nt::concatenate({10 * (b - nt::square(a)), 1 - a});
  };
  LeastSquaresOptions o;
  o.solver = Solver::cgls;
  const auto r = least_squares(residuals, nt::full({n}, 0.8, nt::f64), o);
  INFO(optim::to_string(r));
  CHECK(r.converged());
  CHECK(distance(r.x().value(), nt::ones({n}, nt::f64).value()) < 1e-9);
  CHECK(r.counts.products > 0);
}
