// SPDX-License-Identifier: BSD-3-Clause
// The limit of time within an iteration: conjugate gradients, line searches, trust regions and damping stop, too.
#include "catch.hpp"
#include "optim/entries.hpp"
#include "optim/least_squares/algorithms.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/second_order/l1.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <chrono>
#include <thread>

namespace nt = newtape;
namespace optim = newtape::optim;
using nt::Tensor;

namespace {

/// Counts evaluations and products that begin after a limit of time. Each takes a millisecond.
struct SlowCalls {
  using Clock = std::chrono::steady_clock;
  static constexpr double limit = 0.02;

  Clock::time_point begin = Clock::now();
  int late = 0;

  void call() {
    if (std::chrono::duration<double>(Clock::now() - begin).count() > limit) ++late;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  /// x; both it and its pullback take their time.
  Tensor operator()(const Tensor& x) {
    static const nt::Op op{"test_slow_calls"};
    call();
    return op(x.value(), nt::wrt(x, [this](const Tensor& g) {
                call();
                return (*this)(g);
              }));
  }
};

/// An evaluation and a product call the function above a few times each; one of them may be under way at the limit, and
/// one more is allowed for the gradient at the best point.
constexpr int few = 12;

/// Eigenvalues from 1 to 1e6: conjugate gradients take as many products as there are unknowns.
Tensor weights(std::int64_t n) { return nt::pow(10.0, nt::arange(n).to(nt::f64) * (6 / static_cast<double>(n))); }

}  // namespace

TEST_CASE("the limit of time holds within the iterations of every method") {
  constexpr std::int64_t n = 100;
  const Tensor w = weights(n);
  std::vector<optim::Method> methods = optim::general_methods();
  methods.push_back(optim::gradient_descent());
  for (const auto& m : methods) {
    optim::MinimizeOptions options;
    options.method = m;
    options.stop.max_seconds = SlowCalls::limit;
    SlowCalls slow;
    const auto r = optim::minimize([&](const Tensor& x) { return nt::sum(w * nt::square(nt::square(slow(x)) - 2.0)); },
                                   nt::full({n}, 3, nt::f64), options);
    INFO(m.name << ": " << r.message << ", " << r.iterations << " iterations, " << slow.late << " late calls");
    CHECK(r.status == optim::Status::max_seconds);
    CHECK(slow.late <= few);
  }
  // Outputs and loss as two functions.
  for (const auto& m : {optim::hessian_free(), optim::generalized_gauss_newton()}) {
    optim::MinimizeOptions options;
    options.method = m;
    options.stop.max_seconds = SlowCalls::limit;
    SlowCalls slow;
    const auto r = optim::minimize([&](const Tensor& x) { return nt::square(slow(x)); },
                                   [&](const Tensor& y) { return nt::sum(w * nt::square(y - 2.0)); },
                                   nt::full({n}, 3, nt::f64), options);
    INFO(m.name << ": " << r.message << ", " << slow.late << " late calls");
    CHECK(r.status == optim::Status::max_seconds);
    CHECK(slow.late <= few);
  }
}

TEST_CASE("the limit of time holds within the iterations of least squares and of l1 minimisers") {
  constexpr std::int64_t n = 100;
  const Tensor w = nt::sqrt(weights(n));
  for (const auto algorithm : algorithms) {
    optim::LeastSquaresOptions options;
    options.algorithm = algorithm;
    options.solver = optim::LeastSquaresOptions::Solver::cgls;
    options.stop.max_seconds = SlowCalls::limit;
    SlowCalls slow;
    const auto r = optim::least_squares([&](const Tensor& x) { return w * (nt::exp(slow(x)) - 2.0); },
                                        nt::full({n}, 3, nt::f64), options);
    INFO(optim::to_string(algorithm) << ": " << r.message << ", " << slow.late << " late calls");
    CHECK(r.status == optim::Status::max_seconds);
    CHECK(slow.late <= few);
  }
  for (const bool proximal : {true, false}) {
    optim::L1Options options{.l1 = 0.1, .stop = {.max_seconds = SlowCalls::limit}};
    SlowCalls slow;
    const auto f = [&](const Tensor& x) { return nt::sum(w * nt::square(nt::square(slow(x)) - 2.0)); };
    const Tensor x0 = nt::full({n}, 3, nt::f64);
    const auto r = proximal ? optim::fista(f, x0, options) : optim::owl_qn(f, x0, options);
    INFO((proximal ? "fista: " : "owl_qn: ") << r.message << ", " << slow.late << " late calls");
    CHECK(r.status == optim::Status::max_seconds);
    CHECK(slow.late <= few);
  }
}

TEST_CASE("a limit of evaluations is kept to the evaluation, and gives the best point") {
  const auto f = [](const Tensor& x) { return nt::sum(weights(10) * nt::square(nt::square(x) - 2.0)); };
  const Tensor x0 = nt::full({10}, 3, nt::f64);
  for (const auto& m : optim::general_methods()) {
    for (const std::int64_t limit : {2, 3, 5}) {
      optim::MinimizeOptions options;
      options.method = m;
      options.stop.max_evaluations = limit;
      const auto r = optim::minimize(f, x0, options);
      INFO(m.name << ", " << limit << ": " << r.message);
      CHECK(r.status == optim::Status::max_evaluations);
      CHECK(r.counts.evaluations() == limit);
      CHECK(r.value <= f(x0).item());
      CHECK(r.value == Approx(f(r.x()).item()).epsilon(1e-12));
    }
  }
}
