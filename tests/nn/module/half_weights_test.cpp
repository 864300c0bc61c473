// SPDX-License-Identifier: BSD-3-Clause
// Models whose weights are f16 or bf16, and states of other dtypes.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/embedding.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <newtape/core/xtensor.hpp>

using namespace newtape;

namespace {

nn::Sequential two_layers() { return nn::Sequential(nn::Linear(6, 5), nn::Tanh(), nn::Linear(5, 3)); }

/// The same model with weights that are f32 again, rounded.
nn::Sequential rounded(const nn::Sequential& model, DType dtype) {
  const nn::Sequential copy = two_layers();
  nn::StateDict state = model.state_dict();
  for (auto& [name, x] : state) x = core::cast(core::cast(x, dtype), f32);
  copy.load_state_dict(state);
  return copy;
}

double largest_difference(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); }

}  // namespace

TEST_CASE("to(bf16) keeps weights in two bytes, and the model computes in f32 with gradients to its input",
          "[dtypes]") {
  for (const DType dtype : {f16, bf16}) {
    INFO(name(dtype));
    manual_seed(3);
    const nn::Sequential model = two_layers();
    const nn::Sequential reference = rounded(model, dtype);
    model.to(dtype);
    for (const auto& [name, p] : model.named_parameters()) {
      const bool weight = name.ends_with("weight");
      CHECK(p.dtype() == (weight ? dtype : f32));
      CHECK(p.requires_grad() == !weight);
    }
    // The biases of the reference were rounded, too.
    for (const auto& [name, p] : model.named_parameters()) {
      if (p.ndim() == 1) p.set_value(Tensor(core::cast(core::cast(p.value(), dtype), f32)));
    }
    const Tensor x = variable(normal<Array>({4, 6}, 5, f32));
    const Tensor y = model(x);
    CHECK(y.dtype() == f32);
    // Sums of 5 and 6 products, of numbers about 1: a few units in the last place.
    CHECK(largest_difference(y, reference(x)) < 32 * epsilon(f32));
    const auto g = grad(sum(square(y)), x);
    const auto h = grad(sum(square(reference(x))), x);
    CHECK(largest_difference(g, h) < 256 * epsilon(f32));
    model.to(f32);
    CHECK(largest_difference(model(x), reference(x)) < 32 * epsilon(f32));
  }
  CHECK_THROWS_AS(two_layers().to(u8), DTypeError);
}

TEST_CASE("an Embedding of bf16 gives rows in f32, for indices of any integer dtype", "[dtypes]") {
  const nn::Embedding table(7, 3);
  const Tensor at(Array(xt::xarray<std::uint8_t>{6, 0, 3}));
  const Array wide = table(at.to(i64)).value();
  CHECK(same_bits(table(at).value(), wide));
  table.to(bf16);
  CHECK(same_bits(table(at).value(), core::cast(core::cast(wide, bf16), f32)));
  CHECK_THROWS_AS(table(at.to(f16)), DTypeError);
  CHECK(same_bits(embedding(at, table.weight).value(), table(at).value()));
  CHECK(embedding_bag(at, table.weight, {.offsets = zeros({1}, i64)}).dtype() == f32);
  const nn::Embedding sparse(7, 3, {.sparse = true});
  sparse.to(bf16);
  CHECK(sparse(at).dtype() == f32);
}

TEST_CASE("class labels of any integer dtype", "[dtypes]") {
  const Tensor logits = normal({4, 3}, 9, f32);
  const Tensor labels(Array(xt::xarray<int>{2, 0, 1, 2}));
  const double want = nn::cross_entropy(logits, labels).item();
  for (const DType t : {u8, i8, i16, i32, u16, u32, u64}) CHECK(nn::cross_entropy(logits, labels.to(t)).item() == want);
  CHECK(all((labels.to(u8) == labels)).item<bool>());
  CHECK_THROWS_AS(nn::cross_entropy(logits, labels.to(f16)), DTypeError);
}

TEST_CASE("load_state_dict converts floats to the dtype of the parameter, and nothing else", "[dtypes]") {
  const nn::Sequential model = two_layers();
  const nn::StateDict exact = model.state_dict();
  for (const DType dtype : {f64, f16, bf16}) {
    nn::StateDict state = exact;
    for (auto& [name, x] : state) x = core::cast(x, dtype);
    model.load_state_dict(state);
    const nn::StateDict loaded = model.state_dict();
    for (std::size_t i = 0; i < state.size(); ++i) {
      CHECK(same_bits(loaded[i].second, core::cast(state[i].second, f32)));
    }
  }
  nn::StateDict state = exact;
  state[0].second = core::cast(state[0].second, i32);
  CHECK_THROWS_WITH(model.load_state_dict(state), contains("0.weight: expected f32 [5, 6], got i32 [5, 6]"));

  model.load_state_dict(exact, {.assign = true});
  CHECK(model.parameters()[0].value().shares_memory_with(exact[0].second));
  model.load_state_dict(exact);
  CHECK_FALSE(model.parameters()[0].value().shares_memory_with(exact[0].second));
}
