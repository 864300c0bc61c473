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
#include <newtape/core/ops/reduce.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/attention.hpp>
#include <newtape/nn/layers/dropout.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace newtape::nn {

namespace {

constexpr double masked_score = -std::numeric_limits<double>::infinity();

/// Which keys a query must not see, as a selection and not as -inf added to the scores, which would keep NaN.
struct AttentionMask {
  Tensor blocked;  ///< boolean, broadcasts to the scores; undefined: none
  Tensor added;    ///< added to the scores; undefined: 0

  void block(const Tensor& more) { blocked = blocked.defined() ? blocked | more : more; }
  /// A float mask: -inf blocks.
  void add(const Tensor& more) {
    const Tensor never = more.detach() == masked_score;
    Tensor finite = more;
    if (any(never).item<bool>()) {
      block(never);
      finite = where(never, 0.0, finite);
    }
    added = added.defined() ? added + finite : finite;
  }
};

/// True where the key (column) comes after the query (row).
Tensor later_keys(std::int64_t l, std::int64_t s) { return arange(s) > unsqueeze(arange(l), 1); }

bool finite(const Tensor& x) { return core::all_finite(x.value()); }

/// Operands of which some elements are infinite or NaN, with zeros in their place, and what these elements reach. Results
/// that they reach are NaN: a factor, so that cotangents of 0 there send back 0 and others NaN, as through elementwise
/// operations. Computed with the elements themselves, products would send 0 NaN back to all that has a part in them.
struct Seen {
  Tensor query, key, value;
  Tensor scores;  ///< boolean [.., l, 1]: queries that are not finite, or that see such a key
  Tensor values;  ///< boolean [.., s, d]: elements of the values that are not finite

  Seen(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& blocked) : query(q), key(k), value(v) {
    if (!finite(q)) {
      const Tensor bad = any(~isfinite(q), -1, true);
      query = where(bad, 0.0, q);
      scores = bad;
    }
    if (!finite(k)) {
      const Tensor bad = any(~isfinite(k), -1);  // [.., s]
      key = where(unsqueeze(bad, -1), 0.0, k);
      const Tensor reached = any(~blocked & unsqueeze(bad, -2), -1, true);
      scores = scores.defined() ? scores | reached : reached;
    }
    if (!finite(v)) {
      values = ~isfinite(v);
      value = where(values, 0.0, v);
    }
  }
  bool any_bad() const { return scores.defined() || values.defined(); }

  /// Adds those reached by values that have a weight to the results of queries.
  Tensor reached(const Tensor& weights) const {
    if (!values.defined()) return scores;
    const Tensor sees = (weights.detach() != 0.0).to(weights.dtype());
    const Tensor found = matmul(sees, values.to(weights.dtype())) > 0.5;
    return scores.defined() ? scores | found : found;
  }
};

/// NaN where `reached` (or undefined: nowhere) is true.
Tensor not_a_number_where(const Tensor& reached, Tensor x) {
  if (!reached.defined() || !any(reached).item<bool>()) return x;
  return std::move(x) * where(reached, full({}, std::numeric_limits<double>::quiet_NaN(), x.dtype()), 1.0);
}

void check_shapes(const In& query, const In& key, const In& value) {
  const auto fits = [](const In& x) { return x.ndim() >= 2; };
  if (fits(query) && fits(key) && fits(value) && query.shape().back() == key.shape().back() &&
      key.tensor().shape(-2) == value.tensor().shape(-2)) {
    return;
  }
  raise<ShapeError>(
      "attention: query, key and value must have matching shapes", "query [.., l, e], key [.., s, e], value [.., s, d]",
      "query " + to_string(query.shape()) + ", key " + to_string(key.shape()) + ", value " + to_string(value.shape()));
}
void check_mask(const Tensor& mask, const Tensor& scores) {
  if (!mask.defined() || broadcast_shapes("attention", scores.shape(), mask.shape()) == scores.shape()) return;
  raise<ShapeError>("attention: the mask must broadcast to the scores", to_string(scores.shape()),
                    to_string(mask.shape()));
}

AttentionResult attend(const In& query, const In& key, const In& value, AttentionMask mask,
                       const ScaledDotProductAttentionOptions& options, Generator& generator) {
  check_shapes(query, key, value);
  const double e = static_cast<double>(std::max<std::int64_t>(1, query.shape().back()));
  if (options.is_causal) mask.block(later_keys(query.tensor().shape(-2), key.tensor().shape(-2)));

  // With nothing blocked, every query sees all keys, and the products are what they are.
  const bool selects = mask.blocked.defined() || options.dropout_p > 0;
  const Tensor blocked = mask.blocked.defined() ? mask.blocked : full({1, 1}, 0, boolean);
  std::optional<Seen> seen;
  if (selects) seen.emplace(query, key, value, blocked);
  if (seen && !seen->any_bad()) seen.reset();

  // Scaling the queries is cheaper than scaling the scores.
  const double scale = options.scale.value_or(1 / std::sqrt(e));
  Tensor scores = seen ? matmul(seen->query * scale, transpose(seen->key)) : matmul(query * scale, transpose(key));
  check_mask(mask.added, scores);
  if (mask.added.defined()) scores = std::move(scores) + mask.added;
  Tensor fully_masked;  // mask of queries with all keys masked, if any
  if (mask.blocked.defined()) {
    check_mask(mask.blocked, scores);
    fully_masked = all(mask.blocked, -1, true);
    if (!any(fully_masked).item<bool>()) fully_masked = Tensor();
    scores = where(mask.blocked, masked_score, std::move(scores));
    if (fully_masked.defined()) scores = where(fully_masked, 0.0, std::move(scores));
  }
  if (seen && seen->scores.defined() && fully_masked.defined()) seen->scores = seen->scores & ~fully_masked;
  Tensor weights = softmax(std::move(scores), -1);
  if (fully_masked.defined()) weights = where(fully_masked, 0.0, std::move(weights));
  weights = nn::dropout(std::move(weights), options.dropout_p, true, generator);
  if (!seen) return {matmul(weights, value), weights};
  Tensor output = not_a_number_where(seen->reached(weights), matmul(weights, seen->value));
  return {std::move(output), not_a_number_where(seen->scores, std::move(weights))};
}

/// A layer's mask, boolean or float, into `mask`.
void merge(AttentionMask& mask, const char* what, const Tensor& given, DType dtype) {
  if (given.dtype() == boolean) {
    mask.block(given);
  } else if (given.dtype() == dtype) {
    mask.add(given);
  } else {
    raise<DTypeError>(std::string("MultiheadAttention: ") + what + " must be boolean or have the dtype of the query",
                      "boolean or " + std::string(name(dtype)), name(given.dtype()));
  }
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
  return bias.defined() ? linear(x, weight, bias) : linear(x, weight);
}

}  // namespace

AttentionResult scaled_dot_product_attention_with_weights(In query, In key, In value,
                                                          const ScaledDotProductAttentionOptions& options,
                                                          Generator& generator) {
  const CallSite here(query.location());
  AttentionMask mask;
  const Tensor& given = options.attn_mask;
  if (given.defined() && given.dtype() == boolean) {
    mask.block(logical_not(given));
  } else if (given.defined()) {
    mask.add(given);
  }
  return attend(query, key, value, std::move(mask), options, generator);
}

Tensor scaled_dot_product_attention(In query, In key, In value, const ScaledDotProductAttentionOptions& options,
                                    Generator& generator) {
  return scaled_dot_product_attention_with_weights(std::move(query), std::move(key), std::move(value), options,
                                                   generator)
      .output;
}

Tensor detail::without_padding(const Tensor& x, const Tensor& padding, bool batch_first) {
  if (!padding.defined() || finite(x)) return x;
  Tensor at = padding.dtype() == boolean ? padding : padding.detach() == masked_score;
  if (at.ndim() == 2 && !batch_first) at = transpose(at);
  const Shape rows(x.shape().begin(), x.shape().end() - 1);
  if (at.shape() != rows) return x;  // refused by the layer
  return where(unsqueeze(at, -1) & any(~isfinite(x), -1, true), 0.0, x);
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

namespace {
/// Keys that no query may see, [n, s] or [1, s]; undefined if there are none.
Tensor unseen_keys(const Tensor& blocked, std::int64_t n, std::int64_t l, std::int64_t s) {
  if (!blocked.defined()) return {};
  Tensor keys = blocked;
  while (keys.ndim() < 4) keys = unsqueeze(keys, 0);
  keys = all(keys, Dims{1, 2});
  return l > 0 && any(keys).item<bool>() ? expand(keys, {n, s}) : Tensor();
}
}  // namespace

/// `project`, where the rows of keys and values that no query sees are 0 if they are infinite or NaN, so that they do not
/// reach the gradients of the weights.
std::array<Tensor, 3> MultiheadAttention::project_seen(const In& query, const In& key, const In& value,
                                                       const Tensor& unseen) const {
  if (!unseen.defined()) return project(query, key, value);
  const bool batched = key.ndim() == 3;
  const Tensor padding = batched ? unseen : reshape(unseen, {unseen.size()});
  const auto seen = [&](const In& x) { return detail::without_padding(x, padding, batch_first); };
  const Tensor k = seen(key);
  const Tensor v = same(key, value) ? k : seen(value);
  return project(same(query, key) ? k : query.tensor(), k, v);
}

AttentionResult MultiheadAttention::forward(In query, In key, In value,
                                            const MultiheadAttentionForwardOptions& options) const {
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
  AttentionMask mask;
  if (options.attn_mask.defined()) {
    expect_shape("attn_mask", options.attn_mask, {l, s}, {n * num_heads, l, s});
    const Tensor& given = options.attn_mask;
    merge(mask, "attn_mask", given.ndim() == 3 ? reshape(given, {n, num_heads, l, s}) : given, query.dtype());
  }
  if (options.key_padding_mask.defined()) {
    const Shape wanted = batched ? Shape{n, s} : Shape{s};
    expect_shape("key_padding_mask", options.key_padding_mask, wanted, wanted);
    merge(mask, "key_padding_mask", reshape(options.key_padding_mask, {n, 1, 1, s}), query.dtype());
  }

  // Views split by heads: [n, heads, length, head_dim].
  std::array<Tensor, 3> parts = project_seen(query, key, value, unseen_keys(mask.blocked, n, l, s));
  const Dims forward = !batched || !batch_first ? Dims{1, 2, 0, 3} : Dims{0, 2, 1, 3};
  const Dims back = !batched || !batch_first ? Dims{2, 0, 1, 3} : Dims{0, 2, 1, 3};
  for (auto& x : parts) x = permute(batched ? x : unsqueeze(x, 1), forward);
  AttentionResult result =
      attend(parts[0], parts[1], parts[2], mask,
             {.dropout_p = is_training() ? dropout : 0, .is_causal = options.is_causal}, default_generator());
  Tensor joined = reshape(permute(std::move(result.output), back), query.shape());
  result.output = out_proj(std::move(joined));
  if (!options.need_weights) {
    result.weights = Tensor();
    return result;
  }
  if (options.average_attn_weights) result.weights = mean(std::move(result.weights), 1);
  if (!batched) result.weights = squeeze(std::move(result.weights), 0);
  return result;
}

}  // namespace newtape::nn
