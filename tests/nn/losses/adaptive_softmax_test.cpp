// SPDX-License-Identifier: BSD-3-Clause
// What the table does not have: probabilities of all classes, predictions, the loss, bad arguments.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/losses/adaptive_softmax.hpp>

namespace newtape::nn {
namespace {

Tensor inputs(std::int64_t rows) {
  Generator generator(5);
  return Tensor(random::normal({rows, 8}, 0, 2, f64, generator));
}

}  // namespace

TEST_CASE(
    "AdaptiveLogSoftmaxWithLoss: the probabilities of all classes sum to 1, and those of targets are among them") {
  manual_seed(3);
  const AdaptiveLogSoftmaxWithLoss m(8, 12, {3, 7}, {.div_value = 2, .head_bias = true, .dtype = f64});
  const Tensor x = inputs(20);
  const Tensor all = m.log_prob(x);
  CHECK(all.shape() == Shape{20, 12});
  CHECK(distance(sum(exp(all), 1).value(), ones({20}, f64).value()) < 32 * epsilon(f64));
  const Tensor target = remainder(arange(20), 12);
  const auto [output, loss] = m(x, target);
  CHECK(distance(output.value(), squeeze(gather(all, 1, unsqueeze(target, 1)), 1).value()) < 16 * epsilon(f64));
  CHECK(distance(loss.value(), (-mean(output)).value()) <= epsilon(f64));
  CHECK(distance(m.predict(x).value(), argmax(all, 1).value()) == 0);
  // One sample without a batch axis.
  const Tensor first = select(x, 0, 0);
  CHECK(m.log_prob(first).shape() == Shape{12});
  CHECK(m.predict(first).shape() == Shape{});
  CHECK(m(first, tensor(5)).output.shape() == Shape{});
}

TEST_CASE("AdaptiveLogSoftmaxWithLoss: its parts have PyTorch's names and sizes") {
  const AdaptiveLogSoftmaxWithLoss m(16, 100, {10, 40});
  std::vector<std::string> names;
  for (const auto& [name, p] : m.named_parameters()) names.push_back(name + " " + to_string(p.shape()));
  CHECK(names == std::vector<std::string>{"head.weight [12, 16]", "tail.0.0.weight [4, 16]", "tail.0.1.weight [30, 4]",
                                          "tail.1.0.weight [1, 16]", "tail.1.1.weight [60, 1]"});
}

TEST_CASE("AdaptiveLogSoftmaxWithLoss: bad cutoffs and sizes are named") {
  using M = AdaptiveLogSoftmaxWithLoss;
  const auto contains = [](const char* part) { return Catch::Contains(part); };
  CHECK_THROWS_WITH(M(8, 12, {}), contains("cutoffs must increase"));
  CHECK_THROWS_WITH(M(8, 12, {0, 3}), contains("[0, 3]"));
  CHECK_THROWS_WITH(M(8, 12, {5, 5}), contains("[5, 5]"));
  CHECK_THROWS_WITH(M(8, 12, {5, 12}), contains("less than 12 classes"));
  CHECK_THROWS_WITH(M(8, 12, {3, 7, 9}), contains("cluster 1 has no features"));
  CHECK_THROWS_WITH(M(8, 12, {3})(zeros({0, 8}), zeros({0}, i64)), contains("the mean"));
}

}  // namespace newtape::nn
