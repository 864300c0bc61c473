// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/attention.hpp>
#include <newtape/nn/layers/dropout.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace newtape::nn {

namespace {

/// The additive form of a mask: -inf where it is true, else 0.
Tensor additive_mask(const Tensor& where, DType dtype) {
  return masked_fill(zeros(where.shape(), dtype), where, -std::numeric_limits<double>::infinity());
}

Tensor both(const Tensor& a, const Tensor& b) {
  if (!a.defined()) return b;
  return b.defined() ? a + b : a;
}

/// -inf where the key (column) comes after the query (row), else 0.
Tensor causal_mask(std::int64_t l, std::int64_t s, DType dtype) {
  return additive_mask(arange(s) > unsqueeze(arange(l), 1), dtype);
}

/// Attention with an additive mask.
AttentionResult attend(const In& query, const In& key, const In& value, Tensor mask,
                       const ScaledDotProductAttentionOptions& options, Generator& generator) {
  const auto fits = [](const In& x) { return x.ndim() >= 2; };
  if (!fits(query) || !fits(key) || !fits(value) || query.shape().back() != key.shape().back() ||
      key.tensor().shape(-2) != value.tensor().shape(-2)) {
    raise<ShapeError>("attention: query, key and value must have matching shapes",
                      "query [.., l, e], key [.., s, e], value [.., s, d]",
                      "query " + to_string(query.shape()) + ", key " + to_string(key.shape()) + ", value " +
                          to_string(value.shape()));
  }
  const auto l = query.tensor().shape(-2);
  const auto s = key.tensor().shape(-2);
  const double e = static_cast<double>(std::max<std::int64_t>(1, query.shape().back()));
  if (options.is_causal) mask = both(mask, causal_mask(l, s, query.dtype()));

  // Scaling the queries is cheaper than scaling the scores.
  Tensor scores = matmul(query * options.scale.value_or(1 / std::sqrt(e)), transpose(key));
  Tensor fully_masked;  // mask of queries with all keys masked, if any
  if (mask.defined()) {
    if (broadcast_shapes("attention", scores.shape(), mask.shape()) != scores.shape()) {
      raise<ShapeError>("attention: the mask must broadcast to the scores", to_string(scores.shape()),
                        to_string(mask.shape()));
    }
    fully_masked = all(mask.detach() == -std::numeric_limits<double>::infinity(), -1, true);
    if (any(fully_masked).item() != 0) {
      mask = masked_fill(mask, fully_masked, 0);
    } else {
      fully_masked = Tensor();
    }
    scores = std::move(scores) + mask;
  }
  Tensor weights = softmax(std::move(scores), -1);
  if (fully_masked.defined()) weights = masked_fill(std::move(weights), fully_masked, 0);
  weights = nn::dropout(std::move(weights), options.dropout_p, true, generator);
  Tensor output = matmul(weights, value);
  return {std::move(output), std::move(weights)};
}

/// The additive form of a layer's mask, boolean or float.
Tensor added(const char* what, const Tensor& mask, DType dtype) {
  if (mask.dtype() == boolean) return additive_mask(mask, dtype);
  if (mask.dtype() != dtype) {
    raise<DTypeError>(std::string("MultiheadAttention: ") + what + " must be boolean or have the dtype of the query",
                      "boolean or " + std::string(name(dtype)), name(mask.dtype()));
  }
  return mask;
}

std::int64_t head_length(std::int64_t embed_dim, std::int64_t num_heads, std::int64_t kdim, std::int64_t vdim) {
  if (embed_dim < 1 || num_heads < 1 || embed_dim % num_heads != 0) {
    raise<ValueError>("MultiheadAttention: num_heads must divide embed_dim", "embed_dim a multiple of num_heads",
                      std::to_string(embed_dim) + ", " + std::to_string(num_heads));
  }
  if (kdim < 1 || vdim < 1) {
    raise<ValueError>("MultiheadAttention: kdim and vdim must be positive", "kdim >= 1, vdim >= 1",
                      std::to_string(kdim) + ", " + std::to_string(vdim));
  }
  return embed_dim / num_heads;
}

double probability(double p) {
  if (!(p >= 0 && p <= 1)) {
    raise<ValueError>("MultiheadAttention: dropout must be a probability", "0 <= p <= 1", std::to_string(p));
  }
  return p;
}

/// Whether both are the same tensor.
bool same(const Tensor& a, const Tensor& b) {
  return a.node().get() == b.node().get() && a.value().raw() == b.value().raw() && a.shape() == b.shape() &&
         a.dtype() == b.dtype() && a.value().strides() == b.value().strides();
}

Tensor affine(const In& x, const Tensor& weight, const Tensor& bias) {
  return bias.defined() ? linear(x, weight, bias) : matmul(x, transpose(weight));
}

}  // namespace

Tensor scaled_dot_product_attention(In query, In key, In value, const ScaledDotProductAttentionOptions& options,
                                    Generator& generator) {
  Tensor mask = options.attn_mask;
  if (mask.defined() && mask.dtype() == boolean) mask = additive_mask(logical_not(mask), query.dtype());
  return attend(query, key, value, std::move(mask), options, generator).output;
}

MultiheadAttention::MultiheadAttention(std::int64_t embed, std::int64_t heads, const MultiheadAttentionOptions& options)
    : embed_dim(embed),
      num_heads(heads),
      head_dim(head_length(embed, heads, options.kdim.value_or(embed), options.vdim.value_or(embed))),
      kdim(options.kdim.value_or(embed)),
      vdim(options.vdim.value_or(embed)),
      dropout(probability(options.dropout)),
      batch_first(options.batch_first),
      out_proj(embed, embed, {.bias = options.bias, .dtype = options.dtype}) {
  const auto weight = [&](const char* name, std::int64_t out, std::int64_t in) {
    Parameter p = add(name, Parameter(Array::empty({out, in}, options.dtype)));
    init::xavier_uniform(p);
    return p;
  };
  const auto zero = [&](std::int64_t n) { return Parameter(zeros({n}, options.dtype)); };
  if (kdim == embed_dim && vdim == embed_dim) {
    in_proj_weight = weight("in_proj_weight", 3 * embed_dim, embed_dim);
  } else {
    q_proj_weight = weight("q_proj_weight", embed_dim, embed_dim);
    k_proj_weight = weight("k_proj_weight", embed_dim, kdim);
    v_proj_weight = weight("v_proj_weight", embed_dim, vdim);
  }
  if (options.bias) {
    in_proj_bias = add("in_proj_bias", zero(3 * embed_dim));
    out_proj.bias.set_value(zeros({embed_dim}, options.dtype).value());
  }
  add("out_proj", out_proj);
}

/// Each [.., num_heads, head_dim].
std::array<Tensor, 3> MultiheadAttention::project(const In& query, const In& key, const In& value) const {
  const auto in_heads = [&](const Tensor& x) { return unflatten(x, -1, {-1, num_heads, head_dim}); };
  const Tensor bias = in_proj_bias.defined() ? in_proj_bias.tensor() : Tensor();
  if (in_proj_weight.defined() && same(key, value)) {
    if (same(query, key)) {
      const auto parts = unstack(in_heads(affine(query, in_proj_weight, bias)), -3);
      return {parts[0], parts[1], parts[2]};
    }
    const Dims sizes{embed_dim, 2 * embed_dim};
    const auto weights = split(in_proj_weight, sizes);
    const auto biases = bias.defined() ? split(bias, sizes) : std::vector<Tensor>(2);
    const Tensor q = unflatten(affine(query, weights[0], biases[0]), -1, {num_heads, head_dim});
    const auto parts = unstack(in_heads(affine(key, weights[1], biases[1])), -3);
    return {q, parts[0], parts[1]};
  }
  const auto weights = in_proj_weight.defined() ? split(in_proj_weight, embed_dim)
                                                : std::vector<Tensor>{q_proj_weight, k_proj_weight, v_proj_weight};
  const auto biases = bias.defined() ? split(bias, embed_dim) : std::vector<Tensor>(3);
  std::array<Tensor, 3> parts;
  const std::array<const In*, 3> inputs{&query, &key, &value};
  for (std::size_t i = 0; i < 3; ++i) {
    parts[i] = unflatten(affine(*inputs[i], weights[i], biases[i]), -1, {num_heads, head_dim});
  }
  return parts;
}

AttentionResult MultiheadAttention::forward(In query, In key, In value,
                                            const MultiheadAttentionForwardOptions& how) const {
  const std::size_t ndim = query.ndim();
  const bool batched = ndim == 3;
  const std::size_t batch_axis = batch_first ? 0 : 1;
  const auto fits = [&](const In& x, std::int64_t features) {
    return x.ndim() == ndim && x.shape().back() == features &&
           (!batched || x.shape()[batch_axis] == query.shape()[batch_axis]);
  };
  const auto length = [&](const In& x) { return x.shape()[batched && batch_first ? 1 : 0]; };
  if ((ndim != 2 && ndim != 3) || !fits(query, embed_dim) || !fits(key, kdim) || !fits(value, vdim) ||
      length(key) != length(value)) {
    const auto wanted = [&](const char* l, std::int64_t features) {
      const std::string order = batch_first ? std::string("n, ") + l : std::string(l) + ", n";
      return "[" + order + ", " + std::to_string(features) + "]";
    };
    raise<ShapeError>("MultiheadAttention: query, key and value must have matching shapes",
                      "query " + wanted("l", embed_dim) + ", key " + wanted("s", kdim) + ", value " +
                          wanted("s", vdim) + ", or all without n",
                      "query " + to_string(query.shape()) + ", key " + to_string(key.shape()) + ", value " +
                          to_string(value.shape()));
  }
  const auto n = batched ? query.shape()[batch_axis] : 1;
  const auto l = length(query);
  const auto s = length(key);

  const auto expect_shape = [](const char* what, const Tensor& mask, const Shape& a, const Shape& b) {
    if (mask.shape() == a || mask.shape() == b) return;
    raise<ShapeError>(std::string("MultiheadAttention: ") + what + " must match the scores",
                      to_string(a) + (a == b ? "" : " or " + to_string(b)), to_string(mask.shape()));
  };
  Tensor mask;
  if (how.attn_mask.defined()) {
    expect_shape("attn_mask", how.attn_mask, {l, s}, {n * num_heads, l, s});
    mask = added("attn_mask", how.attn_mask, query.dtype());
    if (mask.ndim() == 3) mask = reshape(mask, {n, num_heads, l, s});
  }
  if (how.key_padding_mask.defined()) {
    const Shape wanted = batched ? Shape{n, s} : Shape{s};
    expect_shape("key_padding_mask", how.key_padding_mask, wanted, wanted);
    mask = both(mask, reshape(added("key_padding_mask", how.key_padding_mask, query.dtype()), {n, 1, 1, s}));
  }

  // Views split by heads: [n, heads, length, head_dim].
  std::array<Tensor, 3> parts = project(query, key, value);
  const Dims forward = !batched || !batch_first ? Dims{1, 2, 0, 3} : Dims{0, 2, 1, 3};
  const Dims back = !batched || !batch_first ? Dims{2, 0, 1, 3} : Dims{0, 2, 1, 3};
  for (auto& x : parts) x = permute(batched ? x : unsqueeze(x, 1), forward);
  AttentionResult result =
      attend(parts[0], parts[1], parts[2], mask, {.dropout_p = is_training() ? dropout : 0, .is_causal = how.is_causal},
             default_generator());
  Tensor joined = reshape(permute(std::move(result.output), back), query.shape());
  result.output = out_proj(std::move(joined));
  if (!how.need_weights) {
    result.weights = Tensor();
    return result;
  }
  if (how.average_attn_weights) result.weights = mean(std::move(result.weights), 1);
  if (!batched) result.weights = squeeze(std::move(result.weights), 0);
  return result;
}

}  // namespace newtape::nn
