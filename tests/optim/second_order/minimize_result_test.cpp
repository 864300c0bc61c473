// SPDX-License-Identifier: BSD-3-Clause
// Runs of minimize that end well or at a limit, for every general method: their status, result and trace.
#include "catch.hpp"
#include "optim/entries.hpp"
#include "optim/functions.hpp"
#include "optim/second_order/every_method.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace nt = newtape;
namespace optim = newtape::optim;
namespace nn = newtape::nn;
using nt::Tensor;
using optim::Status;

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
                      CHECK(entry(r.x(), 0) == Approx(2));
                      CHECK(entry(r.x(), 1) == 5);
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
    CHECK(std::abs(entry(r.x(), 1)) == Approx(std::sqrt(0.5)).epsilon(1e-6));
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
