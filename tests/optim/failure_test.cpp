// SPDX-License-Identifier: BSD-3-Clause
// Steps that fail: with derivatives of the last parameter that are NaN, too large to factorise, or an error.
#include "catch.hpp"
#include "optim/table.hpp"

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/optim/fisher/kfac.hpp>

#include <cmath>
#include <set>
#include <stdexcept>

namespace nt = newtape;
namespace optim = newtape::optim;
using nt::Tensor;
using optim::table::Problem;
using optim::table::Row;
using optim::table::rows;
using optim::table::train;

namespace {

enum class BadSlope { nan, huge, error };

/// x, with a derivative that is NaN or 1e200, or fails.
Tensor with_slope(const Tensor& x, BadSlope slope) {
  static const nt::Op op{"test_with_slope"};
  return op(x.value(), nt::wrt(x, [slope](const Tensor& g) -> Tensor {
              if (slope == BadSlope::error) throw nt::NumericalError("test_with_slope: no derivative");
              return g * (slope == BadSlope::nan ? std::nan("") : 1e200);
            }));
}

/// Of two matrices, so that methods which factorise matrices do so for both.
Problem of_matrices(const Row& row) { return optim::table::problem_with_minimum(row, true); }

struct Snapshot {
  nt::Array a, b;
  optim::StateDict state;

  Snapshot(const Problem& p, const optim::Optimizer& o)
      : a(nt::core::copy(p.a.value())), b(nt::core::copy(p.b.value())), state(o.state_dict()) {
    for (auto& [name, value] : state) value = nt::core::copy(value);
  }
};

void check_unchanged(const Snapshot& before, const Problem& p, const optim::Optimizer& o) {
  CHECK(identical(before.a, p.a.value()));
  CHECK(identical(before.b, p.b.value()));
  const auto state = o.state_dict();
  REQUIRE(state.size() == before.state.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    INFO(state[i].first);
    CHECK(state[i].first == before.state[i].first);
    CHECK(identical(state[i].second, before.state[i].second));
  }
}

/// One step with a bad slope after `steps` good ones. Whether it threw.
bool fails(const Row& row, BadSlope slope, int steps) {
  Problem p = of_matrices(row);
  const Problem twin = of_matrices(row);
  const auto o = row.make(p.params());
  const auto same = row.make(twin.params());
  train(row, *o, p, steps);
  train(row, *same, twin, steps);
  const Snapshot before(p, *o);
  p.of_b = [slope](const Tensor& b) { return with_slope(b, slope); };
  bool failed = false;
  try {
    train(row, *o, p, 1);
  } catch (const nt::NumericalError&) {
    failed = true;
  }
  if (failed) {
    check_unchanged(before, p, *o);
    // The next step is the one that would have been without the failure.
    p.of_b = {};
    train(row, *o, p, 1);
    train(row, *same, twin, 1);
    CHECK(identical(p.b.value(), twin.b.value()));
  } else {
    train(row, *same, twin, 1);
  }
  // Without a failure: each parameter has a step of its own, and bad numbers stay in theirs.
  const bool separate = row.from_loss() || row.name == "kfac";
  if (failed || separate) CHECK(identical(p.a.value(), twin.a.value()));
  return failed;
}

}  // namespace

TEST_CASE("a step that fails leaves the parameters and the state of every optimizer as they were") {
  std::set<std::string> factorising;
  for (const auto& row : rows()) {
    for (const auto slope : {BadSlope::nan, BadSlope::huge, BadSlope::error}) {
      for (const int steps : {0, 2}) {
        INFO(row.name << ", slope " << static_cast<int>(slope) << ", after " << steps << " steps");
        const bool failed = fails(row, slope, steps);
        if (slope == BadSlope::error) CHECK(failed);
        if (failed && slope == BadSlope::huge) factorising.insert(row.name);
      }
    }
  }
  // The Gram matrices of gradients of 1e200 are infinite: the second factorisation of a step fails.
  for (const char* name : {"shampoo", "shampoo_options", "soap"}) CHECK(factorising.count(name) == 1);
}

TEST_CASE("a closure that throws leaves the parameters and the state of every optimizer as they were") {
  for (const auto& row : rows()) {
    for (int throwing = 1; throwing <= 5; ++throwing) {
      INFO(row.name << ", in evaluation " << throwing);
      const Problem p = of_matrices(row);
      const auto o = row.make(p.params());
      train(row, *o, p, 3);
      const Snapshot before(p, *o);
      int evaluations = 0;
      try {
        optim::table::step(row, *o, p, [&] {
          if (++evaluations == throwing) throw std::runtime_error("mine");
        });
      } catch (const std::runtime_error&) {
        check_unchanged(before, p, *o);
      }
      if (throwing == 1) CHECK(evaluations == 1);
    }
  }
}

TEST_CASE("K-FAC keeps the factors of all layers when those of one are not finite") {
  nt::Generator random(3);
  const auto matrix = [&](const nt::Shape& shape) { return nt::random::normal(shape, 0, 1, nt::f64, random); };
  const Tensor x(matrix({6, 3}));
  const Tensor y(matrix({6, 2}));
  const nt::Parameter first(matrix({3, 4}));
  const nt::Parameter second(matrix({4, 2}));
  bool bad = false;
  // The sweep reaches the second layer, whose cotangents are finite, before the first one.
  const auto outputs = [&] {
    const Tensor h = nt::matmul(x, first);
    return nt::matmul(bad ? with_slope(h, BadSlope::huge) : h, second);
  };
  const auto loss = [&](const Tensor& t) { return nt::mean(nt::square(t - y)); };
  for (const int steps : {0, 3}) {
    for (const auto fisher : {optim::KFACFisher::sampled, optim::KFACFisher::empirical}) {
      INFO(steps << " steps, fisher " << static_cast<int>(fisher));
      const nt::Array before = nt::core::copy(second.value());
      optim::KFAC kfac({first, second}, {.lr = 0.01,
                                         .update_freq = 1,
                                         .inverse_freq = 1,
                                         .fisher = fisher,
                                         .likelihood = optim::Likelihood::independent});
      bad = false;
      for (int i = 0; i < steps; ++i) kfac.step(outputs, loss);
      const auto state = kfac.state_dict();
      const nt::Array reached = nt::core::copy(second.value());
      bad = true;
      CHECK_THROWS_AS(kfac.step(outputs, loss), nt::NumericalError);
      CHECK(identical(second.value(), reached));
      const auto after = kfac.state_dict();
      REQUIRE(after.size() == state.size());
      for (std::size_t i = 0; i < state.size(); ++i) {
        INFO(state[i].first);
        CHECK(identical(state[i].second, after[i].second));
      }
      bad = false;
      kfac.step(outputs, loss);
      CHECK_FALSE(identical(second.value(), before));
    }
  }
}
