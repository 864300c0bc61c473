// SPDX-License-Identifier: BSD-3-Clause
// Attention, transformer layers, embeddings, and positions.
#include "nn/plain.hpp"
#include "nn/table.hpp"

#include <cmath>
#include <limits>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/layers/embedding.hpp>
#include <newtape/nn/layers/positional.hpp>
#include <newtape/nn/layers/transformer.hpp>

namespace newtape::nn::table {
namespace {

Torch torch_attention(const std::string& train, const std::string& eval = {}) { return {"attention", train, eval}; }
Tensor holds(const Tensor& x) { return x != 0; }

MultiheadAttention plain() { return MultiheadAttention(4, 2); }
MultiheadAttention unbiased() { return MultiheadAttention(4, 2, {.bias = false}); }
using Mha = const MultiheadAttention&;

/// Rows [n, s] of a sequence [n, s, e], or [s, n, e] unless batch_first, for the elements of that sequence.
Tensor elements(const Tensor& rows, const Tensor& x, bool batch_first = false) {
  return expand(unsqueeze(batch_first ? rows : transpose(rows), -1), x.shape());
}

const Rows attention{
    {.name = "MultiheadAttention",
     .make = make(plain),
     .torch = torch_attention("mha/self"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 5}}), "query [3, 2, 5]"}, {floats({{4}}), "[4]"}}},
    {.name = "MultiheadAttention/self",
     .make = make(plain, [](Mha m, const Tensors& x) { return m(x[0], x[0], x[0]); }),
     .torch = torch_attention("mha/self"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 3}}), "query [3, 2, 3]"}}},
    {.name = "MultiheadAttention/batch_first",
     .make = make([] { return MultiheadAttention(4, 2, {.batch_first = true}); },
                  [](Mha m, const Tensors& x) { return m(x[0], x[0], x[0], {.need_weights = true}); }),
     .torch = torch_attention("mha/batch_first"),
     .refuses = {{floats({{2, 3, 3}}), "query [2, 3, 3]"}}},
    {.name = "MultiheadAttention/unbatched",
     .make = make(plain,
                  [](Mha m, const Tensors& x) {
                    return m(x[0], x[1], x[1], {.need_weights = true, .average_attn_weights = false});
                  }),
     .torch = torch_attention("mha/unbatched"),
     .batched = false,
     .refuses = {{floats({{3, 4}, {5, 3}}), "[5, 3]"}}},
    {.name = "MultiheadAttention/cross",
     .make =
         make(plain, [](Mha m, const Tensors& x) { return m(x[0], x[1], x[1], {.key_padding_mask = holds(x[2])}); }),
     .torch = torch_attention("mha/cross"),
     .batch = {1, 1, 0},
     .refuses = {{floats({{3, 2, 4}, {5, 2, 4}, {2, 3}}), "key_padding_mask"},
                 {floats({{3, 2, 4}, {5, 1, 4}, {2, 5}}), "[5, 1, 4]"}},
     .ignores = {[](const Tensors& x, const Tensors&) {
       return Tensors{Tensor(), elements(holds(x[2]), x[1]), Tensor()};
     }}},
    {.name = "MultiheadAttention/mask",
     .make = make(unbiased, [](Mha m, const Tensors& x) { return m(x[0], x[0], x[0], {.attn_mask = holds(x[1])}); }),
     .torch = torch_attention("mha/causal"),
     .batch = {1, -1},
     .refuses = {{floats({{3, 2, 4}, {3, 4}}), "attn_mask"}}},
    {.name = "MultiheadAttention/causal",
     .make = make(unbiased, [](Mha m, const Tensors& x) { return m(x[0], x[0], x[0], {.is_causal = true}); }),
     .torch = torch_attention("mha/causal"),
     .batch = {1, -1},
     .refuses = {{floats({{3, 2, 5}, {3, 3}}), "query [3, 2, 5]"}}},
    {.name = "MultiheadAttention/three",
     .make = make(plain, [](Mha m, const Tensors& x) { return m(x[0], x[1], x[2], {.attn_mask = x[3]}); }),
     .torch = torch_attention("mha/three"),
     .batched = false,
     .refuses = {{floats({{3, 2, 4}, {5, 2, 4}, {4, 2, 4}, {4, 3, 5}}), "[4, 2, 4]"}}},
    {.name = "MultiheadAttention/kdim",
     .make = make([] { return MultiheadAttention(4, 2, {.kdim = 3, .vdim = 5}); }),
     .torch = torch_attention("mha/kdim"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 4}, {2, 2, 4}, {2, 2, 5}}), "key [2, 2, 4]"}}},
    {.name = "MultiheadAttention/dropout",
     .make = make([] { return MultiheadAttention(4, 2, {.dropout = 0.5}); }),
     .torch = torch_attention("", "mha/dropout/eval"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 5}}), "query [3, 2, 5]"}},
     .modes = true},
};

const TransformerLayerOptions small{.dim_feedforward = 6, .dropout = 0};
const TransformerLayerOptions dropping{.dim_feedforward = 6, .dropout = 0.5};
const TransformerLayerOptions first{
    .dim_feedforward = 6, .dropout = 0, .activation = gelu, .batch_first = true, .norm_first = true};

const auto decode = [](const TransformerDecoderLayer& m, const Tensors& x) {
  return m(x[0], x[1], {.tgt_mask = holds(x[2]), .memory_key_padding_mask = holds(x[3])});
};
const auto decode_causally = [](const TransformerDecoderLayer& m, const Tensors& x) {
  return m(x[0], x[1], {.memory_key_padding_mask = holds(x[3]), .tgt_is_causal = true});
};

const Rows transformers{
    {.name = "TransformerEncoderLayer",
     .make = make([] { return TransformerEncoderLayer(4, 2, small); }),
     .torch = torch_attention("encoder/relu"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 5}}), "self_attn"}},
     .tolerance = 1e-12},
    {.name = "TransformerEncoderLayer/dropout",
     .make = make([] { return TransformerEncoderLayer(4, 2, dropping); }),
     .torch = torch_attention("", "encoder/eval"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 5}}), "self_attn"}},
     .modes = true,
     .tolerance = 1e-12},
    {.name = "TransformerEncoderLayer/norm_first",
     .make = make([] { return TransformerEncoderLayer(4, 2, first); },
                  [](const TransformerEncoderLayer& m, const Tensors& x) {
                    return m(x[0], {.src_mask = holds(x[1]), .src_key_padding_mask = holds(x[2])});
                  }),
     .torch = torch_attention("encoder/norm_first"),
     .batch = {0, -1, 0},
     .refuses = {{floats({{2, 3, 5}, {3, 3}, {2, 3}}), "norm1: layer_norm"}},
     .tolerance = 1e-12,
     .ignores = {[](const Tensors& x, const Tensors&) {
                   return Tensors{elements(holds(x[2]), x[0], true), Tensor(), Tensor()};
                 },
                 [](const Tensors& x) { return elements(~holds(x[2]), x[0], true); }}},
    {.name = "TransformerEncoderLayer/causal",
     .make = make([] { return TransformerEncoderLayer(4, 2, first); },
                  [](const TransformerEncoderLayer& m, const Tensors& x) {
                    return m(x[0], {.src_key_padding_mask = holds(x[2]), .is_causal = true});
                  }),
     .torch = torch_attention("encoder/norm_first"),
     .batch = {0, -1, 0},
     .refuses = {{floats({{2, 3, 4}, {3, 3}, {2, 4}}), "self_attn"}},
     .tolerance = 1e-12,
     .ignores = {[](const Tensors& x, const Tensors&) {
                   return Tensors{elements(holds(x[2]), x[0], true), Tensor(), Tensor()};
                 },
                 [](const Tensors& x) { return elements(~holds(x[2]), x[0], true); }}},
    {.name = "TransformerDecoderLayer",
     .make = make([] { return TransformerDecoderLayer(4, 2, small); }, decode),
     .torch = torch_attention("decoder/relu"),
     .batch = {1, 1, -1, 0},
     .refuses = {{floats({{3, 2, 4}, {4, 2, 5}, {3, 3}, {2, 4}}), "multihead_attn"}},
     .tolerance = 1e-12,
     .ignores = {[](const Tensors& x, const Tensors&) {
       return Tensors{Tensor(), elements(holds(x[3]), x[1]), Tensor(), Tensor()};
     }}},
    {.name = "TransformerDecoderLayer/norm_first",
     .make = make([] { return TransformerDecoderLayer(4, 2, first); }, decode),
     .torch = torch_attention("decoder/norm_first"),
     .batch = {0, 0, -1, 0},
     .refuses = {{floats({{2, 3, 4}, {2, 4, 4}, {3, 2}, {2, 4}}), "self_attn"}},
     .tolerance = 1e-12,
     .ignores = {[](const Tensors& x, const Tensors&) {
       return Tensors{Tensor(), elements(holds(x[3]), x[1], true), Tensor(), Tensor()};
     }}},
    {.name = "TransformerDecoderLayer/causal",
     .make = make([] { return TransformerDecoderLayer(4, 2, first); }, decode_causally),
     .torch = torch_attention("decoder/norm_first"),
     .batch = {0, 0, -1, 0},
     .refuses = {{floats({{2, 3, 4}, {3, 4, 4}, {3, 3}, {2, 4}}), "multihead_attn"}},
     .tolerance = 1e-12,
     .ignores = {[](const Tensors& x, const Tensors&) {
       return Tensors{Tensor(), elements(holds(x[3]), x[1], true), Tensor(), Tensor()};
     }}},
    {.name = "TransformerDecoderLayer/dropout",
     .make = make([] { return TransformerDecoderLayer(4, 2, dropping); }),
     .torch = torch_attention("", "decoder/eval"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 5}, {2, 2, 4}}), "self_attn"}},
     .modes = true},
    {.name = "TransformerEncoder",
     .make = make([] { return TransformerEncoder(4, 2, 2, {.layer = small, .norm = true}); }),
     .torch = torch_attention("encoders"),
     .batch = {1},
     .refuses = {{floats({{3, 2, 5}}), "layers.0.self_attn"}},
     .tolerance = 1e-12,
     .covers = {"LayerStack"}},
    {.name = "TransformerDecoder",
     .make = make([] { return TransformerDecoder(4, 2, 2, {.layer = small, .norm = true}); }),
     .torch = torch_attention("decoders"),
     .batch = {1},
     .refuses = {{floats({{2, 2, 4}, {3, 1, 4}}), "layers.0.multihead_attn"}},
     .tolerance = 1e-12},
};

const Rows embeddings{
    {.name = "Embedding",
     .make = make([] { return Embedding(5, 3); }),
     .torch = torch_attention("embedding/plain"),
     .refuses = {{floats({{2}}), "i64", Error::dtype},
                 {[] {
                    return Tensors{integers({0, 5})};
                  },
                  "5", Error::value}}},
    {.name = "Embedding/padding",
     .make = make([] { return Embedding(5, 3, {.padding_idx = -3}); }),
     .torch = torch_attention("embedding/padding"),
     .refuses = {{[] {
                    return Tensors{integers({0, -2})};
                  },
                  "-2", Error::value}},
     .stateful_reason = "the padding row has no derivative, for any values",
     .ignores = {.cotangents =
                     [](const Tensors& x) {
                       return expand(unsqueeze(x[0] == 2, -1), {x[0].shape(0), x[0].shape(1), 3});
                     }}},
    {.name = "Embedding/max_norm",
     .make = make([] { return Embedding(5, 3, {.max_norm = 1.0}); }),
     .torch = torch_attention("embedding/max_norm"),
     .refuses = {{[] { return Tensors{integers({7})}; }, "7", Error::value}},
     .stateful_reason = "a call rescales rows of the weight"},
};

const Rows positions{
    {.name = "SinusoidalPositions",
     .make = make([] { return SinusoidalPositions(4, {.max_len = 6}); }),
     .inputs = floats({{3, 2, 4}}),
     .no_reference_reason = "not in PyTorch",
     .reference = plain::add_positions(1,
                                       [](std::int64_t t, std::int64_t i, const StateDict&) {
                                         const double angle =
                                             static_cast<double>(t) / (i < 2 ? 1.0 : 100.0);  // 10000^(2 / 4)
                                         return i % 2 == 0 ? std::sin(angle) : std::cos(angle);
                                       }),
     .batch = {1},
     .refuses = {{floats({{7, 2, 4}}), "l <= 6"}, {floats({{3, 2, 5}}), "[3, 2, 5]"}},
     .tolerance = std::numeric_limits<float>::epsilon()},  // the buffer is f32
    {.name = "LearnedPositions",
     .make = make([] { return LearnedPositions(4, {.max_len = 6, .batch_first = true}); }),
     .inputs = floats({{2, 3, 4}}),
     .no_reference_reason = "not in PyTorch",
     .reference = plain::add_positions(
         0, [](std::int64_t t, std::int64_t i, const StateDict& state) { return plain::at(state, "weight")(t, i); }),
     .refuses = {{floats({{2, 7, 4}}), "[2, 7, 4]"}, {floats({{4}}), "[4]"}}},
};

}  // namespace
}  // namespace newtape::nn::table
