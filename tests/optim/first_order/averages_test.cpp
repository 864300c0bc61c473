// SPDX-License-Identifier: BSD-3-Clause
// The averages of ASGD against PyTorch's, and where they are useful: about a minimum that noise keeps the parameters from.
#include "catch.hpp"
#include "optim/table.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/first_order/adaptive.hpp>

#include <cmath>
#include <string>

namespace newtape::optim::table {
namespace {

TEST_CASE("ASGD: averages as PyTorch's") {
  for (const auto& row : rows()) {
    if (row.name != "asgd" && row.name != "asgd_options") continue;
    const Problem p("f64", row);
    const auto o = row.make({p.a, p.b});
    const auto& asgd = dynamic_cast<const ASGD&>(*o);
    CHECK(identical(asgd.averages()[0], p.a.value()));  // before the first step
    train(row, *o, p, 5);
    INFO(row.name);
    CHECK(distance(asgd.averages()[0], reference()("f64/" + row.name + "/average/a")) < 1e-13);
    CHECK(distance(asgd.averages()[1], reference()("f64/" + row.name + "/average/b")) < 1e-13);
    CHECK(identical(asgd.averages()[0], p.a.value()) == (row.name == "asgd"));  // they begin after t0 steps
  }
}

TEST_CASE("ASGD: averages are closer to the minimum than the parameters of noisy gradients") {
  const Parameter p(Tensor(core::full({50}, 2, f64)));
  ASGD asgd({p}, {.lr = 0.2, .lambd = 0, .t0 = 50});
  Generator generator(5);
  for (int i = 0; i < 1000; ++i) {
    asgd.step([&] { return sum(0.5 * square(p) + p * Tensor(random::normal({50}, 0, 1, f64, generator))); });
  }
  // The variance of p is lr / (2 - lr) = 0.11, that of the mean of the last 950 about 1 / 950.
  const double far = std::sqrt(mean(square(p)).item());
  const double near = std::sqrt(mean(square(Tensor(asgd.averages()[0]))).item());
  CHECK(far > 0.2);
  CHECK(near < 0.1);
}

}  // namespace
}  // namespace newtape::optim::table
