// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/nn/layers/attention.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/norm.hpp>

#include <optional>
#include <vector>

/// Layers and stacks of the Transformer (Vaswani et al. 2017), with PyTorch's names and defaults. Sequences are
/// [l, n, d_model], [n, l, d_model] for batch_first, or [l, d_model]. Boolean masks are true where attention is NOT
/// allowed.
namespace newtape::nn {

/// Options of TransformerEncoderLayer and TransformerDecoderLayer.
struct TransformerLayerOptions {
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  Tensor (*activation)(In) = relu;  ///< or gelu, or another elementwise operation
  double layer_norm_eps = 1e-5;
  bool batch_first = false;
  bool norm_first = false;  ///< pre-norm: normalise the input of each sublayer instead of the residual sum
  DType dtype = f32;
};

/// Masks of one call of an encoder.
struct EncoderMasks {
  Tensor src_mask = {};  ///< see MultiheadAttentionForwardOptions
  Tensor src_key_padding_mask = {};
  bool is_causal = false;
};

/// Self-attention, then two linear layers; each with a residual connection and layer norm.
struct TransformerEncoderLayer : Module<TransformerEncoderLayer> {
  TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead, const TransformerLayerOptions& options = {});
  Tensor forward(In src, const EncoderMasks& masks = {}) const;

  using Module::operator();
  Tensor operator()(In src, const EncoderMasks& masks) const { return Module::operator()(std::move(src), masks); }

  bool norm_first;
  Tensor (*activation)(In);
  MultiheadAttention self_attn;
  Linear linear1;
  Dropout dropout;
  Linear linear2;
  LayerNorm norm1, norm2;
  Dropout dropout1, dropout2;
};

/// Masks of one call of a decoder: of its self-attention (tgt) and of its attention to the encoder's result (memory).
/// See MultiheadAttentionForwardOptions.
struct DecoderMasks {
  Tensor tgt_mask = {};
  Tensor memory_mask = {};
  Tensor tgt_key_padding_mask = {};
  Tensor memory_key_padding_mask = {};
  bool tgt_is_causal = false;
  bool memory_is_causal = false;
};

/// The encoder layer with attention to an encoder's result, `memory`, between its two sublayers.
struct TransformerDecoderLayer : Module<TransformerDecoderLayer> {
  TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead, const TransformerLayerOptions& options = {});
  Tensor forward(In tgt, In memory, const DecoderMasks& masks = {}) const;

  using Module::operator();
  Tensor operator()(In tgt, In memory, const DecoderMasks& masks) const {
    return Module::operator()(std::move(tgt), std::move(memory), masks);
  }

  bool norm_first;
  Tensor (*activation)(In);
  MultiheadAttention self_attn, multihead_attn;
  Linear linear1;
  Dropout dropout;
  Linear linear2;
  LayerNorm norm1, norm2, norm3;
  Dropout dropout1, dropout2, dropout3;
};

/// Options of TransformerEncoder and TransformerDecoder.
struct TransformerOptions {
  TransformerLayerOptions layer = {};
  bool norm = false;  ///< layer norm of the last layer's result
};

namespace detail {
/// Layers of one type in sequence, named "0", "1", ..: each is called with the result of the last one and `args`.
template <class Layer>
class LayerStack : public Module<LayerStack<Layer>> {
 public:
  static constexpr bool of_library = true;
  LayerStack(std::int64_t d_model, std::int64_t nhead, std::int64_t count, const TransformerLayerOptions& options);
  template <class... Args>
  Tensor forward(In x, const Args&... args) const {
    Tensor y = x;
    for (const auto& layer : layers_) y = layer(std::move(y), args...);
    return y;
  }
  std::size_t size() const { return layers_.size(); }
  const Layer& operator[](std::size_t i) const { return layers_[i]; }

 private:
  std::vector<Layer> layers_;
};
}  // namespace detail

/// `num_layers` layers in sequence: parameters "layers.0.self_attn.in_proj_weight" and so on, "norm.weight". Each layer
/// is initialised separately. ValueError unless num_layers is positive.
struct TransformerEncoder : Module<TransformerEncoder> {
  TransformerEncoder(std::int64_t d_model, std::int64_t nhead, std::int64_t num_layers,
                     const TransformerOptions& options = {});
  Tensor forward(In src, const EncoderMasks& masks = {}) const;

  using Module::operator();
  Tensor operator()(In src, const EncoderMasks& masks) const { return Module::operator()(std::move(src), masks); }

  detail::LayerStack<TransformerEncoderLayer> layers;
  std::optional<LayerNorm> norm;
};

/// `num_layers` decoder layers in sequence, each of which attends to `memory`; parameters as in TransformerEncoder.
/// ValueError unless num_layers is positive.
struct TransformerDecoder : Module<TransformerDecoder> {
  TransformerDecoder(std::int64_t d_model, std::int64_t nhead, std::int64_t num_layers,
                     const TransformerOptions& options = {});
  Tensor forward(In tgt, In memory, const DecoderMasks& masks = {}) const;

  using Module::operator();
  Tensor operator()(In tgt, In memory, const DecoderMasks& masks) const {
    return Module::operator()(std::move(tgt), std::move(memory), masks);
  }

  detail::LayerStack<TransformerDecoderLayer> layers;
  std::optional<LayerNorm> norm;
};

}  // namespace newtape::nn
