// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/observe/backward_observer.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/ops/creation.hpp>

#include <thread>
#include <vector>

using namespace newtape;

TEST_CASE("BackwardObserver receives what backward is called for, before the sweep") {
  const Tensor x = variable(core::full({}, 2, f64));
  std::vector<double> seen;
  {
    const BackwardObserver observer([&](const Tensor& y) {
      CHECK_FALSE(x.grad().defined());
      seen.push_back(y.item());
    });
    (x * 3.0).backward();
    newtape::grad(x * 5.0, x);  // no backward
    CHECK(newtape::detail::backward_is_observed);
  }
  (x * 7.0).backward();
  CHECK(seen == std::vector<double>{6});
  CHECK_FALSE(newtape::detail::backward_is_observed);
}

TEST_CASE("BackwardObserver sees sweeps of other threads") {
  std::atomic<int> calls{0};
  const BackwardObserver first([&](const Tensor&) { ++calls; });
  const BackwardObserver second([&](const Tensor&) { ++calls; });
  std::thread([] {
    const Tensor x = variable(core::full({}, 2, f64));
    (x * x).backward();
  }).join();
  CHECK(calls == 2);
}
