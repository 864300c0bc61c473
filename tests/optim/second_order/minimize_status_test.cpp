// SPDX-License-Identifier: BSD-3-Clause
// Every failure ends with a clear status and the best point so far, for every general method.
#include "optim/functions.hpp"

#include "catch.hpp"
#include "optim/entries.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nt = newtape;
namespace optim = newtape::optim;
namespace nn = newtape::nn;
using nt::Tensor;
using optim::Status;

namespace {

/// Runs minimize with each general method, and passes the result to `check`.
template <class Check>
void with_every_method(const nt::UnaryFunction& f, const Tensor& x0, Check check,
                       const std::function<void(optim::MinimizeOptions&)>& more = {}) {
  for (const auto& m : optim::general_methods()) {
    optim::MinimizeOptions options;
    options.method = m;
    if (more) more(options);
    const optim::Result result = optim::minimize(f, x0, options);
    INFO(m.name << ": " << result.message << ", value " << result.value << ", gradient " << result.gradient << ", "
                << result.iterations << " iterations, " << result.counts.evaluations() << " evaluations");
    CHECK_FALSE(result.message.empty());
    CHECK(result.counts.evaluations() < 5000);
    check(result, m.name);
  }
}

double solution_entry(const optim::Result& r, int i) { return r.x()[i].item(); }

}  // namespace

TEST_CASE("a start where the value or the gradient is not finite ends the run") {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    with_every_method([&](const Tensor& x) { return nt::sum(x) * bad; }, doubles({1, 2}),
                      [](const optim::Result& r, const std::string&) {
                        CHECK(r.status == Status::not_finite);
                        CHECK(r.iterations == 0);
                        CHECK(solution_entry(r, 1) == 2);
                      });
  }
  // The value is finite, the gradient is not.
  with_every_method([](const Tensor& x) { return nt::sum(nt::sqrt(x)); }, doubles({0, 1}),
                    [](const optim::Result& r, const std::string&) { CHECK(r.status == Status::not_finite); });
}

TEST_CASE("iterates avoid regions where a function is not defined") {
  // x - log x, for x > 0 only, with starts on both sides of the minimum at 1.
  const auto barrier = [](const Tensor& x) { return nt::sum(x - nt::log(x)); };
  with_every_method(barrier, doubles({1e-3, 30, 1.5}), [](const optim::Result& r, const std::string&) {
    CHECK(r.converged());
    for (int i = 0; i < 3; ++i) CHECK(solution_entry(r, i) == Approx(1).epsilon(1e-6));
  });
  // The minimum at the boundary of the domain, where sqrt has an infinite slope.
  with_every_method([](const Tensor& x) { return nt::sum(nt::sqrt(x) + x); }, doubles({1}),
                    [](const optim::Result& r, const std::string&) {
                      CHECK(std::isfinite(r.value));
                      CHECK(r.value <= 2);
                    });
  // A pole: +infinity at 0, which the iterates must not cross.
  with_every_method([](const Tensor& x) { return nt::sum(x + 1.0 / x); }, doubles({0.05, 20}),
                    [](const optim::Result& r, const std::string&) {
                      CHECK(std::isfinite(r.value));
                      CHECK(r.value <= 41);
                    });
}

TEST_CASE("a numerical error in the function counts as NaN") {
  // -log det of [[x, 1], [1, y]] + x + y: Cholesky fails where the matrix is not positive definite.
  const auto f = [](const Tensor& x) {
    const Tensor m = nt::diag(x) + nt::tensor({{0, 1}, {1, 0}}, nt::f64);
    return nt::sum(x) - 2.0 * nt::sum(nt::log(nt::diagonal(nt::linalg::cholesky(m))));
  };
  with_every_method(f, doubles({5, 4}), [](const optim::Result& r, const std::string&) {
    CHECK(r.converged());
    // d/dx (x + y - log(x y - 1)) = 0: x = y, x^2 - x - 1 = 0.
    const double golden = (1 + std::sqrt(5.0)) / 2;
    CHECK(solution_entry(r, 0) == Approx(golden).epsilon(1e-6));
    CHECK(solution_entry(r, 1) == Approx(golden).epsilon(1e-6));
  });
}

namespace {

/// x^2 with a wrong pullback: a wrong sign, a wrong factor, or one wrong entry.
enum class Fault { sign, factor, entry };
Tensor faulty_square(const Tensor& x, Fault fault) {
  static const nt::Op op{"test_faulty_square"};
  const Tensor factor = fault == Fault::sign     ? -nt::ones_like(x)
                        : fault == Fault::factor ? 3.0 * nt::ones_like(x)
                                                 : nt::where(nt::arange(x.size()) == 0, 50.0, nt::ones_like(x));
  return op(x.value() * x.value(),
            nt::wrt(x, [x = nt::In(x), factor](const Tensor& g) { return g * factor * 2.0 * x; }));
}

}  // namespace

TEST_CASE("a wrong gradient is detected") {
  for (const Fault fault : {Fault::sign, Fault::factor, Fault::entry}) {
    INFO("fault " << static_cast<int>(fault));
    // A minimum at -1, where the true slope is zero and the wrong one is not.
    with_every_method(
        [&](const Tensor& x) { return nt::sum(faulty_square(x, fault) + 2.0 * x + nt::pow(x + 1.0, 4.0)); },
        doubles({3, 2, -4}),
        [](const optim::Result& r, const std::string&) {
          CHECK(r.status == Status::wrong_gradient);
          CHECK(std::isfinite(r.value));
          CHECK(r.value <= 3 * 3 + 6 + 256 + 4 + 4 + 81 + 16 - 8 + 81);
        });
  }
}

TEST_CASE("functions without a lower bound are reported as unbounded") {
  const auto unbounded = [](const optim::Result& r, const std::string&) {
    CHECK(r.status == Status::unbounded);
    CHECK(r.value < -1e20);
  };
  with_every_method([](const Tensor& x) { return nt::sum(x); }, doubles({1, 2}), unbounded);
  with_every_method([](const Tensor& x) { return nt::sum(nt::pow(x, 3.0)); }, doubles({-1, 2}), unbounded);
  with_every_method([](const Tensor& x) { return -nt::sum(nt::square(x)); }, doubles({1, 2}), unbounded);
  with_every_method([](const Tensor& x) { return -nt::sum(nt::exp(x)); }, doubles({1, 2}),
                    [](const optim::Result& r, const std::string&) {
                      CHECK_FALSE(r.converged());
                      CHECK(r.value < -1e20);
                    });
}

TEST_CASE("flat directions do no harm") {
  // A valley with a flat floor: the Hessian is singular everywhere.
  with_every_method([](const Tensor& x) { return nt::square(nt::sum(x) - 1.0); }, doubles({3, -7, 2}),
                    [](const optim::Result& r, const std::string&) {
                      CHECK(r.converged());
                      CHECK(r.value < 1e-14);
                    });
  // A minimum with a Hessian of zero.
  with_every_method([](const Tensor& x) { return nt::sum(nt::pow(x, 4.0)); }, doubles({2, -3}),
                    [](const optim::Result& r, const std::string&) {
                      CHECK(r.converged());
                      CHECK(r.value < 1e-9);
                    });
  // An unknown that the value does not depend on.
  with_every_method([](const Tensor& x) { return nt::square(x[0] - 2.0) + 0.0 * x[1]; }, doubles({9, 5}),
                    [](const optim::Result& r, const std::string&) {
                      CHECK(r.converged());
                      CHECK(solution_entry(r, 0) == Approx(2));
                      CHECK(solution_entry(r, 1) == 5);
                    });
}

TEST_CASE("a constant is at its minimum") {
  with_every_method([](const Tensor& x) { return nt::sum(0.0 * x) + 3.0; }, doubles({1, 2}),
                    [](const optim::Result& r, const std::string&) {
                      CHECK(r.status == Status::gradient_tolerance);
                      CHECK(r.iterations == 0);
                      CHECK(r.value == 3);
                    });
  // One that does not even depend on x.
  with_every_method([](const Tensor&) { return doubles({3})[0]; }, doubles({1, 2}),
                    [](const optim::Result& r, const std::string&) { CHECK(r.status == Status::gradient_tolerance); });
}

TEST_CASE("saddle points are escaped") {
  const auto f = [](const Tensor& x) { return nt::square(x[0]) - nt::square(x[1]) + nt::pow(x[1], 4.0); };
  // Near the ridge: every method leaves it.
  with_every_method(f, doubles({1, 1e-3}), [](const optim::Result& r, const std::string&) {
    CHECK(r.converged());
    CHECK(r.value == Approx(-0.25));
    CHECK(std::abs(solution_entry(r, 1)) == Approx(std::sqrt(0.5)).epsilon(1e-6));
  });
  // On the ridge the gradient leads to the saddle; negative curvature leads away from it.
  with_every_method(f, doubles({1, 0}), [](const optim::Result& r, const std::string& method) {
    CHECK(r.converged());
    if (method == "trust-region Newton") {
      CHECK(r.value == Approx(-0.25));
    } else {
      CHECK((r.value == Approx(-0.25) || std::abs(r.value) < 1e-12));
    }
  });
}

TEST_CASE("a function of no unknowns converges at once") {
  with_every_method([](const Tensor& x) { return nt::sum(x); }, nt::zeros({0}, nt::f64),
                    [](const optim::Result& r, const std::string&) {
                      CHECK(r.status == Status::gradient_tolerance);
                      CHECK(r.value == 0);
                      CHECK(r.x().shape() == nt::Shape{0});
                    });
}

namespace {

/// A step of `factor` times the gradient.
class Multiple final : public optim::Direction {
 public:
  explicit Multiple(double factor) : factor_(factor) {}
  optim::Step step(optim::Curvature&, const nt::Array& gradient, const optim::Region&) override {
    optim::Step s;
    s.d = factor_ * gradient;
    s.predicted = 1;
    return s;
  }

 private:
  double factor_;
};

}  // namespace

TEST_CASE("a custom direction that is not a descent direction neither breaks nor stalls a run") {
  const auto& p = problems::function("beale");
  for (const double factor : {1.0, 0.0, std::nan("")}) {
    INFO("factor " << factor);
    const auto make = [factor] { return std::make_unique<Multiple>(factor); };
    optim::MinimizeOptions options;
    options.method = {"stubborn", optim::curvature::none(), make, optim::globalization::strong_wolfe()};
    options.stop.max_iterations = 3000;
    const auto searched = optim::minimize(p.f, p.x0(), options);
    INFO(searched.message);
    if (std::isnan(factor)) {
      CHECK((searched.converged() || searched.status == Status::not_finite));
    } else {
      // Steepest descent replaces it, with a note.
      CHECK(searched.value < 1e-6);
      CHECK_THAT(searched.trace.at(1).note, contains("descent"));
    }
    options.method.globalization = optim::globalization::trust_region();
    const auto bounded = optim::minimize(p.f, p.x0(), options);
    INFO(bounded.message);
    CHECK_FALSE(bounded.converged());
    CHECK(bounded.value == p.f(p.x0()).item());
  }
}

TEST_CASE("limits are kept, and the callback may stop a run") {
  const auto& p = problems::function("wood");
  with_every_method(
      p.f, p.x0(),
      [](const optim::Result& r, const std::string&) {
        CHECK(r.status == Status::max_iterations);
        CHECK(r.iterations == 3);
        CHECK(r.trace.size() == 4);
        CHECK(r.value < 19192);
      },
      [](optim::MinimizeOptions& o) { o.stop.max_iterations = 3; });
  with_every_method(
      p.f, p.x0(),
      [](const optim::Result& r, const std::string&) {
        CHECK(r.status == Status::max_evaluations);
        CHECK(r.counts.evaluations() >= 10);
        CHECK(r.counts.evaluations() < 60);
      },
      [](optim::MinimizeOptions& o) { o.stop.max_evaluations = 10; });
  with_every_method(
      p.f, p.x0(),
      [](const optim::Result& r, const std::string&) {
        CHECK(r.status == Status::max_seconds);
        CHECK(r.iterations <= 1);
      },
      [](optim::MinimizeOptions& o) { o.stop.max_seconds = 1e-9; });
  int calls = 0;
  with_every_method(
      p.f, p.x0(),
      [&](const optim::Result& r, const std::string&) {
        CHECK(r.status == Status::callback);
        CHECK(r.iterations == 2);
        CHECK(calls == 3);
        calls = 0;
      },
      [&](optim::MinimizeOptions& o) {
        o.stop.callback = [&](const optim::Iteration& i, const std::vector<Tensor>& xs) {
          CHECK(i.index == calls);
          CHECK(p.f(xs[0]).item() == Approx(i.value).epsilon(1e-12));
          return ++calls < 3;
        };
      });
}

TEST_CASE("tolerances on step and value stop a run early") {
  const auto& p = problems::function("powell_singular");
  with_every_method(
      p.f, p.x0(),
      [](const optim::Result& r, const std::string&) {
        CHECK((r.status == Status::step_tolerance || r.status == Status::gradient_tolerance));
        CHECK(r.converged());
      },
      [](optim::MinimizeOptions& o) { o.stop.step_tolerance = 1e-2; });
  with_every_method(
      p.f, p.x0(),
      [](const optim::Result& r, const std::string&) {
        CHECK(r.status == Status::value_tolerance);
        CHECK(r.value < 215);
      },
      [](optim::MinimizeOptions& o) { o.stop.value_tolerance = 100; });
}

TEST_CASE("the trace records the iterations") {
  const auto& p = problems::function("rosenbrock");
  with_every_method(p.f, p.x0(), [](const optim::Result& r, const std::string&) {
    REQUIRE(r.trace.size() == static_cast<std::size_t>(r.iterations) + 1);
    CHECK(r.trace.front().value == Approx(24.2));
    CHECK(r.trace.front().evaluations == 1);
    CHECK(r.trace.back().value == r.value);
    CHECK(r.trace.back().gradient == r.gradient);
    CHECK(r.trace.back().evaluations <= r.counts.evaluations());
    for (std::size_t i = 1; i < r.trace.size(); ++i) {
      const auto& before = r.trace[i - 1];
      const auto& now = r.trace[i];
      CHECK(now.index == static_cast<std::int64_t>(i));
      CHECK(now.value <= before.value * (1 + 1e-12));
      CHECK(now.change == Approx(before.value - now.value).margin(1e-300));
      CHECK(now.evaluations > before.evaluations);
      CHECK(now.seconds >= before.seconds);
      CHECK(now.step > 0);
    }
    const std::string text = optim::to_string(r);
    CHECK(std::count(text.begin(), text.end(), '\n') == static_cast<std::ptrdiff_t>(r.trace.size()) + 1);
    CHECK_THAT(text, contains("converged (gradient small enough"));
    CHECK_THAT(text, contains("|gradient|"));
  });
}

TEST_CASE("several tensors, whatever their shapes, are minimised together") {
  // (a b - c)^2 + |a - 1|^2 + (c - 3)^2 with a [2, 1], b [1, 2], c [].
  const auto f = [](std::span<const Tensor> x) {
    return nt::sum(nt::square(nt::matmul(x[0], x[1]) - x[2])) + nt::sum(nt::square(x[0] - 1.0)) +
           nt::square(x[2] - 3.0);
  };
  const std::vector<Tensor> start{nt::reshape(doubles({0.5, 2}), {2, 1}), nt::reshape(doubles({1, -1}), {1, 2}),
                                  nt::tensor(0.0, nt::f64)};
  for (const auto& m : optim::general_methods()) {
    INFO(m.name);
    optim::MinimizeOptions options;
    options.method = m;
    const auto r = optim::minimize(f, start, options);
    CHECK(r.converged());
    REQUIRE(r.xs.size() == 3);
    CHECK(r.xs[0].shape() == nt::Shape{2, 1});
    CHECK(r.xs[1].shape() == nt::Shape{1, 2});
    CHECK(r.xs[2].ndim() == 0);
    CHECK(r.value < 1e-14);
    CHECK(nt::max(nt::abs(r.xs[1] - 3.0)).item() < 1e-6);
    CHECK_THROWS_AS(r.x(), nt::ValueError);
  }
}

TEST_CASE("a model's parameters are set to the best point") {
  nt::Generator random(2);
  const Tensor x = nt::random::normal({40, 3}, 0, 1, nt::f64, random);
  const Tensor y = nt::matmul(x, nt::reshape(doubles({1, -2, 0.5}), {3, 1})) + 0.25;
  for (const auto& m : optim::general_methods()) {
    INFO(m.name);
    const nn::Linear model(3, 1, {.dtype = nt::f64});
    optim::MinimizeOptions options;
    options.method = m;
    const auto r = optim::minimize([&] { return nn::mse_loss(model(x), y); }, model.parameters(), options);
    CHECK(r.converged());
    CHECK(r.value < 1e-14);
    CHECK(model.bias.tensor().item() == Approx(0.25));
    CHECK(nt::max(nt::abs(model.weight.tensor() - r.xs[0])).item() == 0);
    CHECK(model.weight.requires_grad());
  }
}

TEST_CASE("minimize rejects invalid input") {
  const auto f = [](const Tensor& x) { return nt::sum(nt::square(x)); };
  CHECK_THROWS_AS(optim::minimize(f, nt::arange(3)), nt::DTypeError);
  CHECK_THROWS_AS(optim::minimize(f, Tensor()), nt::ValueError);
  CHECK_THROWS_AS(optim::minimize([](const Tensor& x) { return x; }, doubles({1, 2})), nt::ShapeError);
  // Other exceptions of the function reach the caller.
  CHECK_THROWS_AS(optim::minimize([](const Tensor&) -> Tensor { throw std::runtime_error("mine"); }, doubles({1})),
                  std::runtime_error);
}

namespace {

/// A direction whose linear algebra fails in every `period`-th call.
class FailingDirection final : public optim::Direction {
 public:
  FailingDirection(std::unique_ptr<optim::Direction> inner, int period) : inner_(std::move(inner)), period_(period) {}
  optim::Step step(optim::Curvature& b, const nt::Array& gradient, const optim::Region& region) override {
    if (++calls_ % period_ == 0) throw nt::NumericalError("test: no factorisation\nof this matrix");
    return inner_->step(b, gradient, region);
  }
  void reset() override { inner_->reset(); }

 private:
  std::unique_ptr<optim::Direction> inner_;
  int period_;
  int calls_ = 0;
};

optim::Method with_failures(optim::Method m, int period) {
  m.direction = [inner = m.direction, period] { return std::make_unique<FailingDirection>(inner(), period); };
  return m;
}

}  // namespace

TEST_CASE("where linear algebra fails, another step replaces the method's") {
  const auto& p = problems::function("beale");
  for (const auto& m : optim::general_methods()) {
    for (const int period : {2, 3, 5}) {
      optim::MinimizeOptions options;
      options.method = with_failures(m, period);
      const auto r = optim::minimize(p.f, p.x0(), options);
      INFO(m.name << ", every " << period << ": " << optim::to_string(r));
      CHECK(r.converged());
      CHECK(p.solved(r.value));
      const bool noted = std::any_of(r.trace.begin(), r.trace.end(), [](const optim::Iteration& i) {
        return i.note == "test: no factorisation: steepest descent" ||
               i.note.rfind("test: no factorisation: curvature reset", 0) == 0;
      });
      CHECK(noted);
    }
    // It always fails.
    optim::MinimizeOptions options;
    options.method = with_failures(m, 1);
    const auto r = optim::minimize(p.f, p.x0(), options);
    INFO(m.name << ", always: " << r.message);
    CHECK(r.status == Status::numerical_error);
    CHECK_THAT(r.message, contains("test: no factorisation"));
    CHECK(r.iterations == 30);
    CHECK(r.value < p.f(p.x0()).item());
  }
}
