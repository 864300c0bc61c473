// SPDX-License-Identifier: BSD-3-Clause
#include "torch_case.hpp"

#include <newtape/autograd/gradcheck.hpp>
#include <newtape/nn/nn.hpp>

#include <string>
#include <vector>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {

using Tensors = std::vector<nt::Tensor>;

const nn::TransformerLayerOptions small{.dim_feedforward = 6, .dropout = 0};
const nn::TransformerLayerOptions first{
    .dim_feedforward = 6, .dropout = 0, .activation = nt::gelu, .batch_first = true, .norm_first = true};

nt::Tensor randn(const nt::Shape& shape, nt::DType dtype = nt::f64) { return nt::random::normal(shape, 0, 1, dtype); }
nt::Tensor holds(const nt::Tensor& x) { return x != 0; }
Tensors decode(const nn::TransformerDecoderLayer& m, const Tensors& x) {
  return {m(x[0], x[1], {.tgt_mask = holds(x[2]), .memory_key_padding_mask = holds(x[3])})};
}

}  // namespace

TEST_CASE("transformer layers agree with PyTorch, values and gradients") {
  const Reference reference("nn/attention.txt");
  constexpr double tolerance = 1e-12;
  check_module(
      reference, "encoder/relu", [] { return nn::TransformerEncoderLayer(4, 2, small); }, tolerance);
  check_module(
      reference, "encoder/eval",
      [] {
        nn::TransformerEncoderLayer layer(4, 2, {.dim_feedforward = 6, .dropout = 0.5});
        layer.eval();
        return layer;
      },
      tolerance);
  check_module(
      reference, "encoder/norm_first", [] { return nn::TransformerEncoderLayer(4, 2, first); },
      [](const auto& m, const Tensors& x) -> Tensors {
        return {m(x[0], {.src_mask = holds(x[1]), .src_key_padding_mask = holds(x[2])})};
      },
      tolerance);
  check_module(
      reference, "encoder/norm_first", [] { return nn::TransformerEncoderLayer(4, 2, first); },
      [](const auto& m, const Tensors& x) -> Tensors {
        return {m(x[0], {.src_key_padding_mask = holds(x[2]), .is_causal = true})};
      },
      tolerance);
  check_module(
      reference, "decoder/relu", [] { return nn::TransformerDecoderLayer(4, 2, small); }, decode, tolerance);
  check_module(
      reference, "decoder/norm_first", [] { return nn::TransformerDecoderLayer(4, 2, first); }, decode, tolerance);
}

TEST_CASE("stacks of transformer layers agree with PyTorch, values and gradients") {
  const Reference reference("nn/attention.txt");
  constexpr double tolerance = 1e-12;
  check_module(
      reference, "encoders", [] { return nn::TransformerEncoder(4, 2, 2, {.layer = small, .norm = true}); }, tolerance);
  check_module(
      reference, "decoders", [] { return nn::TransformerDecoder(4, 2, 2, {.layer = small, .norm = true}); },
      [](const auto& m, const Tensors& x) -> Tensors { return {m(x[0], x[1])}; }, tolerance);
}

TEST_CASE("transformer layers have derivatives of order two, in parameters, too") {
  nt::manual_seed(2);
  const nn::TransformerLayerOptions options{
      .dim_feedforward = 3, .dropout = 0, .activation = nt::gelu, .norm_first = true, .dtype = nt::f64};
  const auto check = [](const auto& module, const Tensors& xs, const auto& call) {
    Tensors all = xs;
    for (const auto& p : module.parameters()) all.push_back(p.tensor().detach());
    const auto result = nt::gradcheck(nt::Function([&](std::span<const nt::Tensor> v) {
                                        const nn::Substitution scope(module, v.subspan(xs.size()));
                                        return nt::Tensor(call(module, v));
                                      }),
                                      all);
    INFO(result.message);
    CHECK(result);
  };
  check(nn::TransformerEncoderLayer(2, 1, options), {randn({2, 1, 2})},
        [](const auto& m, const auto& x) { return m(x[0]); });
  check(nn::TransformerDecoderLayer(2, 1, options), {randn({2, 1, 2}), randn({3, 1, 2})},
        [](const auto& m, const auto& x) { return m(x[0], x[1], {.tgt_is_causal = true}); });
}

TEST_CASE("transformers: dropout in training only, empty batches, later steps unseen") {
  nt::manual_seed(3);
  const nn::TransformerEncoder m(4, 2, 2, {.layer = {.dim_feedforward = 6}});
  const auto x = randn({3, 2, 4}, nt::f32);
  CHECK_FALSE(identical(m(x).value(), m(x).value()));
  m.eval();
  CHECK(identical(m(x).value(), m(x).value()));
  CHECK(m(nt::zeros({3, 0, 4})).shape() == nt::Shape{3, 0, 4});
  const nn::TransformerDecoder d(4, 2, 1, {.layer = {.dim_feedforward = 6}});
  CHECK(d(nt::zeros({3, 0, 4}), nt::zeros({2, 0, 4})).shape() == nt::Shape{3, 0, 4});

  // What comes later changes nothing before.
  const auto y = m(x, {.is_causal = true});
  const auto z = m(nt::concatenate({nt::slice(x, 0, 0, 2), randn({1, 2, 4}, nt::f32)}), {.is_causal = true});
  CHECK(distance(nt::slice(y, 0, 0, 2).value(), nt::slice(z, 0, 0, 2).value()) < 1e-6);
  CHECK(distance(nt::slice(y, 0, 2, 3).value(), nt::slice(z, 0, 2, 3).value()) > 1e-2);
}

TEST_CASE("transformers name the layer that something does not fit") {
  const nn::TransformerEncoder m(4, 2, 2, {.layer = {.dim_feedforward = 6}});
  CHECK_THROWS_WITH(m(nt::zeros({3, 2, 5})), contains("layers.0.self_attn") && contains("[3, 2, 5]"));
  CHECK_THROWS_AS(m(nt::zeros({3, 2, 5})), nt::ShapeError);
  CHECK_THROWS_AS(nn::TransformerEncoder(4, 2, 0), nt::ValueError);
  CHECK_THROWS_AS(nn::TransformerDecoder(4, 3, 1), nt::ValueError);
  const nn::TransformerDecoder d(4, 2, 1, {.layer = {.dim_feedforward = 6}});
  CHECK_THROWS_WITH(d(nt::zeros({3, 2, 4}), nt::zeros({3, 1, 4})), contains("layers.0.multihead_attn"));
}
