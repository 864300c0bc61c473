// SPDX-License-Identifier: BSD-3-Clause
// Every member of a handle that holds nothing throws: default-constructed and moved-from ones.
#include "catch.hpp"

#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/buffer.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <functional>
#include <utility>
#include <vector>

namespace newtape::nn {
namespace {

void each_throws(const std::vector<std::function<void()>>& calls) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    INFO("call " << i);
    CHECK_THROWS_AS(calls[i](), ValueError);
    CHECK_THROWS_WITH(calls[i](), contains("an operand is undefined"));
  }
}

TEST_CASE("a buffer without a cell throws") {
  Buffer moved(core::ones({2}, f32));
  const Buffer kept = std::move(moved);
  CHECK(kept.defined());
  CHECK(kept.shape() == Shape{2});
  for (const Buffer& empty : {Buffer(), moved}) {  // NOLINT(bugprone-use-after-move)
    CHECK_FALSE(empty.defined());
    CHECK(empty == Buffer());
    each_throws({
        [&] { static_cast<void>(static_cast<const Tensor&>(empty)); },
        [&] { empty.tensor(); },
        [&] { empty.value(); },
        [&] { empty.shape(); },
        [&] { empty.dtype(); },
        [&] { empty.set_value(Tensor(core::ones({2}, f32))); },
        [&] { empty.exchange(Tensor()); },
        [&] { empty.to(f64); },
        [&] { static_cast<void>(empty + 1); },
    });
  }
}

TEST_CASE("a parameter without a cell throws") {
  Parameter moved(core::ones({2}, f32));
  const Parameter kept = std::move(moved);
  for (const Parameter& empty : {Parameter(), moved}) {  // NOLINT(bugprone-use-after-move)
    CHECK_FALSE(empty.defined());
    each_throws({
        [&] { static_cast<void>(static_cast<const Tensor&>(empty)); },
        [&] { empty.tensor(); },
        [&] { empty.value(); },
        [&] { empty.shape(); },
        [&] { empty.shape(0); },
        [&] { empty.dtype(); },
        [&] { empty.ndim(); },
        [&] { empty.size(); },
        [&] { empty.item(); },
        [&] { empty.is_leaf(); },
        [&] { empty.detach(); },
        [&] { empty.register_hook([](const Tensor& g) { return g; }); },
        [&] { static_cast<void>(empty[0]); },
        [&] { empty.grad(); },
        [&] { empty.set_grad(Tensor()); },
        [&] { empty.zero_grad(); },
        [&] { empty.requires_grad(); },
        [&] { empty.requires_grad(false); },
        [&] { empty.set_value(Tensor(core::ones({2}, f32))); },
        [&] { empty.writable(); },
        [&] { empty.exchange(Tensor()); },
        [&] { empty.to(f64); },
    });
  }
}

TEST_CASE("an undefined tensor and array throw") {
  const Tensor tensor;
  const Array array;
  each_throws({
      [&] { tensor.shape(); },      [&] { tensor.shape(0); },
      [&] { tensor.dtype(); },      [&] { tensor.ndim(); },
      [&] { tensor.size(); },       [&] { tensor.item(); },
      [&] { tensor.to(f64); },      [&] { static_cast<void>(tensor[0]); },
      [&] { array.shape(); },       [&] { array.strides(); },
      [&] { array.dtype(); },       [&] { array.ndim(); },
      [&] { array.size(); },        [&] { array.is_contiguous(); },
      [&] { array.reusable(); },    [&] { array.raw(); },
      [&] { array.data<float>(); }, [&] { array.item(); },
      [&] { array.item<int>(); },   [&] { static_cast<void>(array.shares_memory_with(array)); },
  });
  CHECK_THROWS_AS(tensor.backward(), ValueError);
  CHECK_THROWS_AS(tensor.grad(), ValueError);
  CHECK_THROWS_AS(tensor.retain_grad(), ValueError);
  CHECK_FALSE(tensor.detach().defined());
  CHECK_FALSE(tensor.requires_grad());
  CHECK_FALSE(tensor.is_leaf());
  HookHandle().remove();
  ModuleHook().remove();
}

TEST_CASE("a moved-from module throws") {
  Linear moved(2, 3);
  const Linear kept = std::move(moved);
  CHECK(kept.parameters().size() == 2);
  const Linear& empty = moved;  // NOLINT(bugprone-use-after-move)
  const ModuleBase& base = empty;
  each_throws({
      [&] { static_cast<void>(empty.type()); },
      [&] { static_cast<void>(empty.is<Linear>()); },
      [&] { empty.parameters(); },
      [&] { empty.named_parameters(); },
      [&] { empty.buffers(); },
      [&] { empty.named_buffers(); },
      [&] { empty.children(); },
      [&] { empty.named_modules(); },
      [&] { empty.parameter("weight"); },
      [&] { static_cast<void>(empty.has_parameter("weight")); },
      [&] { empty.apply([](const ModuleBase&) {}); },
      [&] { empty.train(); },
      [&] { empty.eval(); },
      [&] { static_cast<void>(empty.is_training()); },
      [&] { empty.zero_grad(); },
      [&] { base.requires_grad(false); },
      [&] { base.to(f64); },
      [&] { empty.state_dict(); },
      [&] { empty.load_state_dict({}); },
      [&] { empty.register_forward_hook([](auto&, auto, auto& y) { return y; }); },
      [&] { static_cast<void>(to_string(base)); },
      [&] {
        empty(Tensor(core::ones({1, 2}, f32)));
      },
  });
  Linear again(4, 4);
  again = kept;
  moved = again;  // assignment gives it a module
  CHECK(moved.parameters().size() == 2);

  Sequential sequence(Linear(2, 2), Linear(2, 2));
  const Sequential taken = std::move(sequence);
  CHECK_THROWS_AS(sequence(Tensor(core::ones({1, 2}, f32))), ValueError);  // NOLINT(bugprone-use-after-move)
  CHECK_THROWS_AS(sequence.size(), ValueError);                            // NOLINT(bugprone-use-after-move)
  CHECK(taken.size() == 2);
}

}  // namespace
}  // namespace newtape::nn
