// SPDX-License-Identifier: BSD-3-Clause
// The contract of a step on a closure, which is the same for every optimizer: it clears the gradients, evaluates the
// closure (forward only), runs backward, updates, and returns the loss before the update.
#include "catch.hpp"
#include "optim/table.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/fisher/kfac.hpp>
#include <newtape/optim/fisher/natural_gradient.hpp>
#include <newtape/optim/least_squares/optimizer.hpp>
#include <newtape/optim/second_order/second_order.hpp>

namespace nt = newtape;
namespace optim = newtape::optim;
using nt::Tensor;
using optim::table::Needs;
using optim::table::Problem;
using optim::table::rows;
using optim::table::step;
using optim::table::train;

namespace {

Problem quadratic_problem(const optim::table::Row& row) {
  return optim::table::problem_with_minimum(row, row.matrices);
}

}  // namespace

TEST_CASE("every optimizer lowers a quadratic by steps on a forward-only closure") {
  for (const auto& row : rows()) {
    INFO(row.name);
    const Problem p = quadratic_problem(row);
    const double first = p.loss().item();
    const auto o = row.make(p.params());
    for (int i = 0; i < 20; ++i) {
      const double before = p.loss().item();
      const Tensor loss = step(row, *o, p);
      CHECK(loss.item() == Approx(before).epsilon(1e-13));
      CHECK(loss.size() == 1);
      CHECK_FALSE(loss.requires_grad());
    }
    CHECK(p.loss().item() < first);
  }
}

TEST_CASE("every step on a closure clears the gradients, and leaves those of the loss") {
  for (const auto& row : rows()) {
    INFO(row.name);
    const Problem p = quadratic_problem(row);
    const auto o = row.make(p.params());
    train(row, *o, p, 2);
    p.loss().backward();  // adds to what the step left
    const std::vector<Tensor> expected = nt::grad(p.loss(), {p.a.tensor(), p.b.tensor()});
    int calls = 0;
    step(row, *o, p, [&] {
      if (++calls > 1) return;
      CHECK_FALSE(p.a.grad().defined());
      CHECK_FALSE(p.b.grad().defined());
    });
    CHECK(calls >= 1);
    REQUIRE(p.a.grad().defined());
    REQUIRE(p.b.grad().defined());
    CHECK(distance(p.a.grad().value(), expected[0].value()) < 1e-12);
    CHECK(distance(p.b.grad().value(), expected[1].value()) < 1e-12);
    CHECK_FALSE(p.a.grad().requires_grad());
  }
}

TEST_CASE("every optimizer records a closure's evaluation, also within NoGrad") {
  for (const auto& row : rows()) {
    INFO(row.name);
    const Problem p = quadratic_problem(row);
    const Problem other = quadratic_problem(row);
    const auto o = row.make(p.params());
    const auto same = row.make(other.params());
    {
      const nt::NoGrad off;
      train(row, *o, p, 2);
    }
    train(row, *same, other, 2);
    CHECK(identical(p.a.value(), other.a.value()));
  }
}

TEST_CASE("every optimizer refuses a closure that calls backward, and changes nothing") {
  for (const auto& row : rows()) {
    INFO(row.name);
    const Problem p = quadratic_problem(row);
    const auto o = row.make(p.params());
    const nt::Array a = nt::core::copy(p.a.value());
    const nt::Array b = nt::core::copy(p.b.value());
    const auto swept = [&](const Tensor& x) {
      nt::sum(x).backward();
      return x;
    };
    const auto run = [&] {
      switch (row.needs) {
        case Needs::outputs:
          return o->step([&] { return swept(p.outputs()); }, [&](const Tensor& t) { return p.loss_of(t); });
        case Needs::residuals: return o->step([&] { return swept(p.residuals()); });
        default: return o->step([&] { return swept(p.loss()); });
      }
    };
    CHECK_THROWS_AS(run(), nt::ValueError);
    CHECK_THROWS_WITH(run(), contains("must not call backward"));
    CHECK(identical(p.a.value(), a));
    CHECK(identical(p.b.value(), b));
    // A graph that is kept: found by the gradients.
    if (row.from_loss()) {
      CHECK_THROWS_WITH(o->step([&] {
        const Tensor loss = p.loss();
        loss.backward({.retain_graph = true});
        return loss;
      }),
                        contains("must not call backward"));
    }
    train(row, *o, p, 1);
  }
}

TEST_CASE("a step of every optimizer with frozen parameters only evaluates the loss") {
  for (const auto& row : rows()) {
    INFO(row.name);
    const Problem p = quadratic_problem(row);
    const auto o = row.make(p.params());
    p.a.requires_grad(false);
    p.b.requires_grad(false);
    const nt::Array before = nt::core::copy(p.a.value());
    CHECK(step(row, *o, p).item() == Approx(p.loss().item()).epsilon(1e-13));
    CHECK(identical(p.a.value(), before));
  }
}

TEST_CASE("steps on outputs and a loss are steps on the loss") {
  for (const auto& row : rows()) {
    if (row.needs == Needs::residuals || row.needs == Needs::outputs || row.name == "kfac_empirical") continue;
    INFO(row.name);
    const Problem one = quadratic_problem(row);
    const Problem two = quadratic_problem(row);
    const auto whole = row.make(one.params());
    const auto parts = row.make(two.params());
    for (int i = 0; i < 3; ++i) {
      const double loss = whole->step([&] { return one.loss_of(one.outputs()); }).item();
      CHECK(parts->step([&] { return two.outputs(); }, [&](const Tensor& t) { return two.loss_of(t); }).item() ==
            Approx(loss).epsilon(1e-13));
    }
    CHECK(distance(one.a.value(), two.a.value()) < 1e-10);
    CHECK(distance(one.b.value(), two.b.value()) < 1e-10);
  }
}

TEST_CASE("a step says which closure it needs") {
  const nt::Parameter w(nt::ones({2, 2}, nt::f64));
  const auto loss = [&] { return nt::sum(nt::square(w)); };
  CHECK_THROWS_WITH(optim::KFAC({w}).step(loss), contains("step(outputs, loss)"));
  CHECK_THROWS_WITH(optim::NaturalGradient({w}).step(loss), contains("step(outputs, loss)"));
  CHECK_THROWS_WITH(optim::HessianFree({w}).step(loss), contains("two functions"));
  CHECK_THROWS_WITH(optim::Newton({w}).step(), contains("closure"));
  CHECK_THROWS_WITH(
      optim::GaussNewton({w}).step([&] { return w.tensor(); }, [](const Tensor& t) { return nt::sum(t); }),
      contains("residuals"));
  CHECK_THROWS_AS(optim::SGD({w}).step([] { return nt::ones({}); }), nt::ValueError);
}
