// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/linear.hpp>

#include <array>
#include <optional>

namespace newtape::nn {

struct ScaledDotProductOptions {
  Tensor attn_mask = {};             ///< boolean: true where attention may go; float: added to the scores
  double dropout_p = 0;              ///< of the weights; always applied, as PyTorch does
  bool is_causal = false;            ///< query i sees the keys 0 to i only; together with attn_mask, if there is one
  std::optional<double> scale = {};  ///< 1 / sqrt(e) unless given
};

/// softmax(scale query key^T + mask) value (Vaswani et al. 2017, eq. 1): query [.., l, e], key [.., s, e],
/// value [.., s, d] -> [.., l, d]; leading axes broadcast, the mask to [.., l, s]. A query that may see no key gives 0.
Tensor scaled_dot_product_attention(In query, In key, In value, const ScaledDotProductOptions& options = {},
                                    Generator& generator = default_generator());

struct MultiheadAttentionOptions {
  double dropout = 0;  ///< of the weights, in training
  bool bias = true;
  std::optional<std::int64_t> kdim = {};  ///< features of the keys; embed_dim unless given
  std::optional<std::int64_t> vdim = {};  ///< features of the values; embed_dim unless given
  bool batch_first = false;               ///< sequences are [n, l, e], not [l, n, e]
  DType dtype = f32;
};

/// How one call attends. Boolean masks hold where attention may NOT go, as in PyTorch's layers.
struct AttendOptions {
  Tensor attn_mask = {};         ///< boolean or added; [l, s], or [n heads, l, s]
  Tensor key_padding_mask = {};  ///< boolean or added; [n, s], or [s] without a batch
  bool is_causal = false;        ///< query i sees the keys 0 to i only
  bool need_weights = false;
  bool average_attn_weights = true;  ///< over the heads
};

struct AttentionResult {
  Tensor output;
  Tensor weights;  ///< [n, l, s], or [n, heads, l, s] when not averaged; undefined unless asked for

  Tensor& first_tensor() { return output; }
};

/// Attention in `num_heads` parts of the features (Vaswani et al. 2017, 3.2.2). Parameters as PyTorch's: in_proj_weight
/// [3 embed_dim, embed_dim], or q_proj_weight, k_proj_weight, v_proj_weight where kdim or vdim differ; in_proj_bias
/// [3 embed_dim], out_proj. ValueError for sizes below 1 and for heads that do not divide embed_dim.
struct MultiheadAttention : Module<MultiheadAttention> {
  MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads, const MultiheadAttentionOptions& options = {});

  /// query [l, n, embed_dim], key [s, n, kdim], value [s, n, vdim], or all without n -> output as query. The features
  /// of one tensor, given three times, are projected in one product.
  AttentionResult forward(In query, In key, In value, const AttendOptions& how = {}) const;
  /// Of a sequence to itself.
  AttentionResult forward(In x) const { return forward(x, x, x); }

  using Module::operator();
  AttentionResult operator()(In query, In key, In value, const AttendOptions& how) const {
    return Module::operator()(std::move(query), std::move(key), std::move(value), how);
  }

  std::int64_t embed_dim, num_heads, head_dim;
  std::int64_t kdim, vdim;
  double dropout;
  bool batch_first;
  Parameter in_proj_weight;                               ///< undefined when kdim or vdim differ
  Parameter q_proj_weight, k_proj_weight, v_proj_weight;  ///< undefined unless they do
  Parameter in_proj_bias;                                 ///< undefined when there is none
  Linear out_proj;

 private:
  std::array<Tensor, 3> project(const In& query, const In& key, const In& value) const;
};

}  // namespace newtape::nn
