// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/linear.hpp>

#include <array>
#include <optional>

namespace newtape::nn {

namespace detail {
/// x ([l, n, e], [n, l, e] for batch_first, or [l, e]) with zeros in the rows that `padding` (see key_padding_mask)
/// flags, if they are infinite or NaN.
Tensor without_padding(const Tensor& x, const Tensor& padding, bool batch_first);
}  // namespace detail

struct ScaledDotProductAttentionOptions {
  Tensor attn_mask = {};             ///< boolean: true where attention is allowed; float: added to the scores
  double dropout_p = 0;              ///< of the weights; applied in every mode, as in PyTorch
  bool is_causal = false;            ///< query i attends to keys 0 to i only; combined with attn_mask
  std::optional<double> scale = {};  ///< default 1 / sqrt(e)
};

/// softmax(scale query key^T + mask) value (Vaswani et al. 2017, eq. 1): query [.., l, e], key [.., s, e],
/// value [.., s, d] -> [.., l, d]; leading axes broadcast, the mask to [.., l, s]. Queries with all keys masked give 0. A
/// key and its value have no influence on queries that must not attend to it, also if they are infinite or NaN. With a
/// mask or dropout, the result of a query that is not finite, or that attends to such a key or value, is NaN; where the
/// cotangent of that result is 0, it has no part in any gradient.
Tensor scaled_dot_product_attention(In query, In key, In value, const ScaledDotProductAttentionOptions& options = {},
                                    Generator& generator = default_generator());

/// The values averaged by attention, and the weights.
struct AttentionResult {
  Tensor output;
  Tensor weights;  ///< [n, l, s], or [n, heads, l, s] when not averaged; undefined without need_weights

  Tensor& first_tensor() { return output; }
};

/// The same with the weights [.., l, s] by which the values are averaged, after dropout.
AttentionResult scaled_dot_product_attention_with_weights(In query, In key, In value,
                                                          const ScaledDotProductAttentionOptions& options = {},
                                                          Generator& generator = default_generator());

struct MultiheadAttentionOptions {
  double dropout = 0;  ///< of the weights, in training
  bool bias = true;
  std::optional<std::int64_t> kdim = {};  ///< features of the keys; default embed_dim
  std::optional<std::int64_t> vdim = {};  ///< features of the values; default embed_dim
  bool batch_first = false;               ///< sequences are [n, l, e], not [l, n, e]
  DType dtype = f32;
};

/// Options of one call. Boolean masks are true where attention is NOT allowed, as in PyTorch's layers.
struct MultiheadAttentionForwardOptions {
  Tensor attn_mask = {};         ///< boolean, or added to the scores; [l, s], or [n heads, l, s]
  Tensor key_padding_mask = {};  ///< boolean, or added to the scores; [n, s], or [s] without a batch
  bool is_causal = false;        ///< query i attends to keys 0 to i only
  bool need_weights = false;
  bool average_attn_weights = true;  ///< over the heads
};

/// Attention with `num_heads` heads (Vaswani et al. 2017, 3.2.2). Parameters as in PyTorch: in_proj_weight
/// [3 embed_dim, embed_dim], or q_proj_weight, k_proj_weight, v_proj_weight if kdim or vdim differs from embed_dim;
/// in_proj_bias [3 embed_dim], out_proj. ValueError for sizes below 1 and unless num_heads divides embed_dim.
struct MultiheadAttention : Module<MultiheadAttention> {
  MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads, const MultiheadAttentionOptions& options = {});

  /// query [l, n, embed_dim], key [s, n, kdim], value [s, n, vdim], or all without n -> output of the query's shape.
  /// When all three are the same tensor, it is projected in one product.
  AttentionResult forward(In query, In key, In value, const MultiheadAttentionForwardOptions& options = {}) const;
  /// Self-attention.
  AttentionResult forward(In x) const { return forward(x, x, x); }

  using Module::operator();
  AttentionResult operator()(In query, In key, In value, const MultiheadAttentionForwardOptions& options) const {
    return Module::operator()(std::move(query), std::move(key), std::move(value), options);
  }

  std::int64_t embed_dim, num_heads, head_dim;
  std::int64_t kdim, vdim;
  double dropout;
  bool batch_first;
  Parameter in_proj_weight;                               ///< undefined if kdim or vdim differs
  Parameter q_proj_weight, k_proj_weight, v_proj_weight;  ///< undefined otherwise
  Parameter in_proj_bias;                                 ///< undefined without bias
  Linear out_proj;

 private:
  std::array<Tensor, 3> project(const In& query, const In& key, const In& value) const;
  std::array<Tensor, 3> project_seen(const In& query, const In& key, const In& value, const Tensor& unseen) const;
};

}  // namespace newtape::nn
