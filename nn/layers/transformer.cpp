// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/layers/transformer.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>

#include <string>

namespace newtape::nn {

namespace {

MultiheadAttention attention(std::int64_t d_model, std::int64_t nhead, const TransformerLayerOptions& o) {
  return {d_model, nhead, {.dropout = o.dropout, .batch_first = o.batch_first, .dtype = o.dtype}};
}
LayerNormOptions norm_options(const TransformerLayerOptions& o) { return {.eps = o.layer_norm_eps, .dtype = o.dtype}; }

/// Residual connection: x + part(x), normalised before or after.
template <class Part>
Tensor with_residual(Tensor x, const LayerNorm& norm, bool norm_first, const Part& part) {
  if (norm_first) return x + part(norm(x));
  Tensor y = part(x);
  return norm(std::move(x) + std::move(y));
}

/// The feed-forward sublayer: linear, activation, dropout, linear.
template <class Layer>
Tensor feed_forward(const Layer& layer, const Tensor& x) {
  return layer.linear2(layer.dropout(layer.activation(layer.linear1(x))));
}

}  // namespace

namespace detail {
template <class Layer>
LayerStack<Layer>::LayerStack(std::int64_t d_model, std::int64_t nhead, std::int64_t count,
                              const TransformerLayerOptions& options) {
  if (count < 1)
    raise<ValueError>("Transformer: num_layers must be positive", "num_layers >= 1", std::to_string(count));
  for (std::int64_t i = 0; i < count; ++i) {
    layers_.push_back(this->add(std::to_string(i), Layer(d_model, nhead, options)));
  }
}
}  // namespace detail

TransformerEncoderLayer::TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& o)
    : norm_first(o.norm_first),
      activation(o.activation),
      self_attn(add("self_attn", attention(d_model, nhead, o))),
      linear1(add("linear1", Linear(d_model, o.dim_feedforward, {.dtype = o.dtype}))),
      dropout(add("dropout", Dropout(o.dropout))),
      linear2(add("linear2", Linear(o.dim_feedforward, d_model, {.dtype = o.dtype}))),
      norm1(add("norm1", LayerNorm(d_model, norm_options(o)))),
      norm2(add("norm2", LayerNorm(d_model, norm_options(o)))),
      dropout1(add("dropout1", Dropout(o.dropout))),
      dropout2(add("dropout2", Dropout(o.dropout))) {}

Tensor TransformerEncoderLayer::forward(In src, const EncoderMasks& masks) const {
  const MultiheadAttentionForwardOptions options{
      .attn_mask = masks.src_mask, .key_padding_mask = masks.src_key_padding_mask, .is_causal = masks.is_causal};
  const Tensor seen = detail::without_padding(src, masks.src_key_padding_mask, self_attn.batch_first);
  Tensor x = with_residual(seen, norm1, norm_first,
                           [&](const Tensor& y) { return dropout1(self_attn(y, y, y, options).output); });
  return with_residual(std::move(x), norm2, norm_first,
                       [&](const Tensor& y) { return dropout2(feed_forward(*this, y)); });
}

TransformerDecoderLayer::TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& o)
    : norm_first(o.norm_first),
      activation(o.activation),
      self_attn(add("self_attn", attention(d_model, nhead, o))),
      multihead_attn(add("multihead_attn", attention(d_model, nhead, o))),
      linear1(add("linear1", Linear(d_model, o.dim_feedforward, {.dtype = o.dtype}))),
      dropout(add("dropout", Dropout(o.dropout))),
      linear2(add("linear2", Linear(o.dim_feedforward, d_model, {.dtype = o.dtype}))),
      norm1(add("norm1", LayerNorm(d_model, norm_options(o)))),
      norm2(add("norm2", LayerNorm(d_model, norm_options(o)))),
      norm3(add("norm3", LayerNorm(d_model, norm_options(o)))),
      dropout1(add("dropout1", Dropout(o.dropout))),
      dropout2(add("dropout2", Dropout(o.dropout))),
      dropout3(add("dropout3", Dropout(o.dropout))) {}

Tensor TransformerDecoderLayer::forward(In tgt, In memory, const DecoderMasks& masks) const {
  const MultiheadAttentionForwardOptions own{
      .attn_mask = masks.tgt_mask, .key_padding_mask = masks.tgt_key_padding_mask, .is_causal = masks.tgt_is_causal};
  const MultiheadAttentionForwardOptions other{.attn_mask = masks.memory_mask,
                                               .key_padding_mask = masks.memory_key_padding_mask,
                                               .is_causal = masks.memory_is_causal};
  const Tensor& from = memory;
  const Tensor seen = detail::without_padding(tgt, masks.tgt_key_padding_mask, self_attn.batch_first);
  Tensor x =
      with_residual(seen, norm1, norm_first, [&](const Tensor& y) { return dropout1(self_attn(y, y, y, own).output); });
  x = with_residual(std::move(x), norm2, norm_first,
                    [&](const Tensor& y) { return dropout2(multihead_attn(y, from, from, other).output); });
  return with_residual(std::move(x), norm3, norm_first,
                       [&](const Tensor& y) { return dropout3(feed_forward(*this, y)); });
}

TransformerEncoder::TransformerEncoder(std::int64_t d_model, std::int64_t nhead, std::int64_t num_layers,
                                       const TransformerOptions& o)
    : layers(add("layers", detail::LayerStack<TransformerEncoderLayer>(d_model, nhead, num_layers, o.layer))) {
  if (o.norm) norm = add("norm", LayerNorm(d_model, norm_options(o.layer)));
}

Tensor TransformerEncoder::forward(In src, const EncoderMasks& masks) const {
  Tensor x = layers(std::move(src), masks);
  return norm ? (*norm)(std::move(x)) : x;
}

TransformerDecoder::TransformerDecoder(std::int64_t d_model, std::int64_t nhead, std::int64_t num_layers,
                                       const TransformerOptions& o)
    : layers(add("layers", detail::LayerStack<TransformerDecoderLayer>(d_model, nhead, num_layers, o.layer))) {
  if (o.norm) norm = add("norm", LayerNorm(d_model, norm_options(o.layer)));
}

Tensor TransformerDecoder::forward(In tgt, In memory, const DecoderMasks& masks) const {
  Tensor x = layers(std::move(tgt), std::move(memory), masks);
  return norm ? (*norm)(std::move(x)) : x;
}

}  // namespace newtape::nn
