// SPDX-License-Identifier: BSD-3-Clause
// Tensors where functions outside of autograd take arrays.
#include "catch.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/loading/split.hpp>
#include <newtape/data/loading/transforms.hpp>
#include <newtape/inspect/metrics/confusion.hpp>
#include <newtape/inspect/terminal/draw_image.hpp>

namespace nt = newtape;
namespace inspect = newtape::inspect;

TEST_CASE("data sets, samplers and loaders take tensors") {
  const nt::Tensor x = nt::arange(0, 6, 1, nt::f32).reshape({3, 2});
  const nt::Tensor y = nt::tensor({0, 1, 1});
  const nt::data::Dataset set{x, y};
  CHECK(set.size() == 3);
  CHECK(nt::array_equal(set.array(0), x));
  const nt::data::Dataset mixed{x, y.value()};
  const nt::data::Dataset named{{"x", x}, {"y", y.value()}};
  CHECK(nt::array_equal(named.array("y"), y));
  CHECK(set[nt::tensor({2, 0})].size() == 2);
  CHECK(nt::data::weighted_sampler(nt::ones({3}), 5).size == 5);
  CHECK(nt::data::Standardize(nt::zeros({2}), nt::ones({2})).apply(x).shape() == x.shape());
  for (auto& [batch, labels] : nt::data::Loader(set, {.batch_size = 3})) {
    // Arrays are operands, and tensors where one is asked for.
    CHECK(nt::array_equal(nt::sum(batch), nt::sum(x)));
    const nt::Tensor t = labels;
    CHECK(nt::array_equal(t, y));
  }
}

TEST_CASE("the inspection of classifiers takes tensors") {
  const nt::Tensor target = nt::tensor({0, 1, 1});
  const nt::Tensor scores = nt::variable(nt::tensor({{1.0, 0}, {1, 2}, {3, 0}}));
  const nt::Array counts = inspect::confusion_matrix(nt::argmax(scores, 1), target, 2);
  CHECK(inspect::accuracy(counts) == inspect::accuracy(nt::Tensor(counts)));
  CHECK(nt::mean(nt::argmax(scores, 1) == target).item() == Approx(inspect::accuracy(counts)).epsilon(1e-6));
  CHECK_FALSE(inspect::draw_image(nt::ones({4, 4})).empty());
  CHECK_FALSE(inspect::draw_image(nt::Parameter(nt::ones({4, 4}))).empty());
}
