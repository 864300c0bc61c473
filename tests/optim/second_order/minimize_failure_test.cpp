// SPDX-License-Identifier: BSD-3-Clause
// Every failure ends with a clear status and the best point so far, for every general method.
#include "catch.hpp"
#include "optim/entries.hpp"
#include "optim/functions.hpp"
#include "optim/second_order/every_method.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>

namespace nt = newtape;
namespace optim = newtape::optim;
using nt::Tensor;
using optim::Status;

TEST_CASE("a start where the value or the gradient is not finite ends the run") {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    with_every_method([&](const Tensor& x) { return nt::sum(x) * bad; }, doubles({1, 2}),
                      [](const optim::Result& r, const std::string&) {
                        CHECK(r.status == Status::not_finite);
                        CHECK(r.iterations == 0);
                        CHECK(entry(r.x(), 1) == 2);
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
    for (int i = 0; i < 3; ++i) CHECK(entry(r.x(), i) == Approx(1).epsilon(1e-6));
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
    CHECK(entry(r.x(), 0) == Approx(golden).epsilon(1e-6));
    CHECK(entry(r.x(), 1) == Approx(golden).epsilon(1e-6));
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
