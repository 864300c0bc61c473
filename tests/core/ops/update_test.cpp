// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "core/runtime/threads.hpp"
#include "reference.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cmath>
#include <vector>

using namespace newtape;

namespace {

template <class Rule>
constexpr bool complete_with_lr = requires {
  Rule{.lr = 0.1};
};
template <class Rule, class... States> concept Updates = requires(const Rule& rule, Array& x, States&... states) {
  core::update("update", rule, x, x, {states...});
};
struct NotARule {
  double lr;
};

// What would read past a list of coefficients or arrays does not compile.
static_assert(!complete_with_lr<core::rules::SGD> && !complete_with_lr<core::rules::Lion>);
static_assert(complete_with_lr<NotARule>);
static_assert(Updates<core::rules::SGD> && !Updates<core::rules::SGD, Array>);
static_assert(Updates<core::rules::Adam, Array, Array> && !Updates<core::rules::Adam, Array>);
static_assert(!Updates<core::rules::Adam, Array, Array, Array> && !Updates<NotARule>);
static_assert(Updates<core::rules::RMSprop<true, true>, Array, Array, Array>);

}  // namespace

TEST_CASE("update: sgd with all options, two steps, by hand") {
  for (const DType t : {f32, f64}) {
    for (const bool nesterov : {false, true}) {
      Array p = core::full({37}, 2, t);
      const Array g = core::full({37}, 0.5, t);
      Array v = core::full({37}, NAN, t);  // the first step must not read it
      double x = 2;
      double m = 0;
      for (const bool first : {true, false}) {
        core::sgd_step(
            p, g, v,
            {.lr = 0.1, .momentum = 0.9, .dampening = 0.2, .weight_decay = 0.01, .nesterov = nesterov, .first = first});
        const double d = 0.5 + 0.01 * x;
        m = first ? d : 0.9 * m + 0.8 * d;
        x -= 0.1 * (nesterov ? d + 0.9 * m : m);
        for (const int i : {0, 36}) {
          const Array at = Array::view_of(p, {}, {}, i);
          CHECK(at.item() == Approx(x).epsilon(1e-6));
        }
      }
    }
  }
}

TEST_CASE("update: plain sgd needs no state") {
  Array p = core::ones({2, 3}, f64);
  Array nothing;
  core::sgd_step(p, core::full({2, 3}, 4, f64), nothing,
                 {.lr = 0.25, .momentum = 0, .dampening = 0, .weight_decay = 0.5, .nesterov = false, .first = false});
  CHECK(p.data<double>()[5] == 1 - 0.25 * 4.5);
  CHECK(!nothing.defined());
}

TEST_CASE("update: adam, by hand") {
  for (const DType t : {f32, f64}) {
    Array p = core::full({21}, 1.5, t);
    const Array g = core::full({21}, -0.3, t);
    Array m = core::zeros({21}, t);
    Array v = core::zeros({21}, t);
    double x = 1.5;
    double a = 0;
    double b = 0;
    for (int step = 1; step <= 3; ++step) {
      const double bias1 = 1 - std::pow(0.9, step);
      const double bias2 = 1 - std::pow(0.99, step);
      core::adam_step(p, g, m, v,
                      {.lr = 0.01,
                       .beta1 = 0.9,
                       .beta2 = 0.99,
                       .eps = 1e-8,
                       .decay = 0.02,
                       .l2 = 0.1,
                       .bias1 = bias1,
                       .bias2 = bias2});
      const double d = -0.3 + 0.1 * x;
      a = 0.9 * a + 0.1 * d;
      b = 0.99 * b + 0.01 * d * d;
      x = x * 0.98 - 0.01 * (a / bias1) / (std::sqrt(b / bias2) + 1e-8);
      CHECK(Array::view_of(p, {}, {}, 20).item() == Approx(x).epsilon(1e-6));
    }
  }
}

TEST_CASE("update: sum of squares in any layout") {
  CHECK(core::sum_squares(core::arange(101, f32)) == 338350);
  CHECK(core::sum_squares(core::zeros({0}, f64)) == 0);
  CHECK(core::sum_squares(Array::view_of(core::arange(10, f64), {5}, {2})) == 120);
  CHECK(core::sum_squares(core::ones({300, 301}, f32)) == 90300);
}

TEST_CASE("update: mismatched arrays are rejected before anything is written") {
  Array p = core::ones({3}, f32);
  Array m = core::zeros({3}, f32);
  Array v = core::zeros({4}, f32);
  const core::AdamStep s{.lr = 1, .beta1 = 0.9, .beta2 = 0.9, .eps = 1, .decay = 0, .l2 = 0, .bias1 = 1, .bias2 = 1};
  CHECK_THROWS_AS(core::adam_step(p, p, m, v, s), ShapeError);
  CHECK_THROWS_WITH(core::adam_step(p, p, m, v, s), contains("second state array") && contains("f32 [4]"));
  CHECK_THROWS_AS(core::adam_step(p, core::ones({3}, f64), m, m, s), DTypeError);
  CHECK(p.data<float>()[0] == 1);
  CHECK_THROWS_AS(core::sum_squares(core::ones({3}, i64)), DTypeError);
}

TEST_CASE("update: a queue makes the same updates when it is run, with any number of threads") {
  const std::vector<std::int64_t> sizes = {0, 1, 7, 40000, 100001, 3, 32768, 32769};
  struct Arrays {
    Array p, g, m, v;
  };
  const auto make = [&] {
    Generator random(1);
    std::vector<Arrays> all;
    for (const auto n : sizes) {
      const DType t = n == 7 ? f64 : f32;
      all.push_back({random::normal({n}, 0, 1, t, random), random::normal({n}, 0, 1, t, random), core::zeros({n}, t),
                     core::zeros({n}, t)});
    }
    return all;
  };
  const auto update = [](Arrays& a, core::UpdateQueue* queue) {
    if (a.p.size() == 3) {
      return core::sgd_step(
          a.p, a.g, a.v,
          {.lr = 0.1, .momentum = 0, .dampening = 0, .weight_decay = 0, .nesterov = false, .first = true}, queue);
    }
    core::adam_step(
        a.p, a.g, a.m, a.v,
        {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .decay = 0, .l2 = 0, .bias1 = 0.1, .bias2 = 0.01}, queue);
  };
  auto want = make();
  const auto before = make();
  for (auto& a : want) update(a, nullptr);
  for (const int n : {1, 2, 3}) {
    const Threads threads(n);
    core::UpdateQueue queue;
    auto got = make();
    for (auto& a : got) update(a, &queue);
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(identical(got[i].p, before[i].p));
    queue.run();
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(identical(got[i].p, want[i].p));
      CHECK(identical(got[i].v, want[i].v));
    }
    queue.run();  // empty now
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(identical(got[i].p, want[i].p));
  }
}

TEST_CASE("update: a rule reads its coefficients by name, by hand") {
  const double g = 0.5;
  for (const DType t : {f32, f64}) {
    Array p = core::full({19}, 2, t);
    const Array grad = core::full({19}, g, t);
    Array squares = core::full({19}, 0.4, t);
    Array buffer = core::full({19}, 0.3, t);
    Array mean = core::full({19}, 0.1, t);
    const core::rules::RMSprop<true, true> rule{.l2 = 0.01, .lr = 0.2, .alpha = 0.9, .eps = 1e-3, .momentum = 0.7};
    core::update("RMSprop", rule, p, grad, {squares, buffer, mean});
    const double d = g + 0.01 * 2;
    const double v = 0.9 * 0.4 + 0.1 * d * d;
    const double m = 0.9 * 0.1 + 0.1 * d;
    const double b = 0.7 * 0.3 + d / (std::sqrt(v - m * m) + 1e-3);
    const auto last = [](const Array& x) { return Array::view_of(x, {}, {}, 18).item(); };
    CHECK(last(squares) == Approx(v).epsilon(1e-6));
    CHECK(last(mean) == Approx(m).epsilon(1e-6));
    CHECK(last(buffer) == Approx(b).epsilon(1e-6));
    CHECK(last(p) == Approx(2 - 0.2 * b).epsilon(1e-6));
  }
}
