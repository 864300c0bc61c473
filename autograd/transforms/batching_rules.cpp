// SPDX-License-Identifier: BSD-3-Clause
// Only operations whose traced calls have all of their arguments (see op_tracer.hpp) are listed.
#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/transforms/batching_rules.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string>

namespace newtape::detail {

std::int64_t BatchedCall::axis(std::size_t i) const {
  const auto n = static_cast<std::int64_t>(ndim(i));
  const auto a = integer("axis");
  return 1 + (a < 0 ? a + n : a);
}

Tensor BatchedCall::whole(std::size_t i) const {
  if (batched(i)) return operands[i].x;
  Shape shape = operands[i].x.shape();
  shape.insert(0, size);
  return expand(operands[i].x, shape);
}

Tensor BatchedCall::aligned(std::size_t i, std::size_t least) const {
  const Tensor& x = operands[i].x;
  if (!batched(i) || ndim(i) >= least) return x;
  Shape shape = x.shape();
  for (auto k = ndim(i); k < least; ++k) shape.insert(1, 1);
  return reshape(x, shape);
}

namespace {
namespace rules {

using Results = std::vector<Tensor>;

/// The operands of an elementwise operation, or those whose last axes are not examples.
Results aligned_operands(const BatchedCall& c) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < c.operands.size(); ++i) most = std::max(most, c.ndim(i));
  Results xs;
  for (std::size_t i = 0; i < c.operands.size(); ++i) xs.push_back(c.aligned(i, most));
  return xs;
}

template <Tensor (*f)(In)>
Results one(const BatchedCall& c) {
  return {f(c[0])};
}
template <Tensor (*f)(In, In)>
Results two(const BatchedCall& c) {
  const auto xs = aligned_operands(c);
  return {f(xs[0], xs[1])};
}
Results clip_rule(const BatchedCall& c) {
  const auto xs = aligned_operands(c);
  return {clip(xs[0], xs[1], xs[2])};
}
Results where_rule(const BatchedCall& c) {
  const auto xs = aligned_operands(c);
  return {where(xs[0], xs[1], xs[2])};
}
Results cast_rule(const BatchedCall& c) { return {c[0].to(c.call.results[0].dtype())}; }
Results elu_rule(const BatchedCall& c) { return {elu(c[0], c.get<double>("alpha"))}; }
Results leaky_relu_rule(const BatchedCall& c) { return {leaky_relu(c[0], c.get<double>("alpha"))}; }
Results hardtanh_rule(const BatchedCall& c) { return {hardtanh(c[0], c.get<double>("low"), c.get<double>("high"))}; }

/// Products of matrices; vectors are none.
template <Tensor (*f)(In, In)>
Results of_matrices(const BatchedCall& c) {
  if (c.ndim(0) < 2 || c.ndim(1) < 2) return {};
  return two<f>(c);
}
Results linear_rule(const BatchedCall& c) {
  const bool bias = c.operands.size() > 2 && c[2].defined();
  if (!c.batched(0) || c.batched(1) || (bias && c.batched(2))) {
    const std::size_t most = std::max<std::size_t>(c.ndim(0), 2);
    const Tensor x = c.ndim(0) == 1 ? unsqueeze(c[0], -2) : c[0];
    const Tensor w = c.batched(1) ? c.aligned(1, most) : c[1];
    Tensor y = matmul(x, transpose(w));
    if (c.ndim(0) == 1) y = squeeze(y, -2);
    if (!bias) return {y};
    return {y + c.aligned(2, c.ndim(0))};
  }
  return {bias ? linear(c[0], c[1], c[2]) : linear(c[0], c[1])};
}

Axes shifted(const BatchedCall& c) {
  Dims axes;
  for (const auto a : c.get<Dims>("axes")) axes.push_back(a + 1);
  return axes;
}
template <Tensor (*f)(In, const Axes&, bool)>
Results reduction(const BatchedCall& c) {
  return {f(c[0], shifted(c), c.flag("keepdims"))};
}
template <Tensor (*f)(In, std::int64_t, bool)>
Results index_of_extreme(const BatchedCall& c) {
  if (c.ndim(0) == 0) return {};
  return {f(c[0], c.axis(), c.flag("keepdims"))};
}
template <Tensor (*f)(In, std::int64_t)>
Results along_axis(const BatchedCall& c) {
  if (c.ndim(0) == 0) return {};
  return {f(c[0], c.axis())};
}

/// The shape of the example's result, after the axis of the examples.
Shape result_shape(const BatchedCall& c) {
  Shape shape = c.call.results[0].shape();
  shape.insert(0, c.size);
  return shape;
}
Results reshape_rule(const BatchedCall& c) { return {reshape(c[0], result_shape(c))}; }
Results expand_rule(const BatchedCall& c) { return {expand(c.aligned(0, c.call.results[0].ndim()), result_shape(c))}; }
Results permute_rule(const BatchedCall& c) {
  Dims order{0};
  const auto n = static_cast<std::int64_t>(c.ndim(0));
  for (const auto a : c.get<Dims>("order")) order.push_back(1 + (a < 0 ? a + n : a));
  return {permute(c[0], order)};
}
Results slice_rule(const BatchedCall& c) {
  return {slice(c[0], c.axis(), c.integer("start"), c.integer("stop"), c.integer("step"))};
}
Results select_rule(const BatchedCall& c) { return {select(c[0], c.axis(), c.integer("index"))}; }
Results flip_rule(const BatchedCall& c) { return {flip(c[0], shifted(c))}; }
Results pad_rule(const BatchedCall& c) {
  constexpr std::array modes{std::pair{"constant", PaddingMode::constant}, std::pair{"reflect", PaddingMode::reflect},
                             std::pair{"replicate", PaddingMode::replicate},
                             std::pair{"circular", PaddingMode::circular}};
  const auto& ends = c.get<Dims>("widths");
  const std::size_t n = c.ndim(0);
  std::vector<std::pair<std::int64_t, std::int64_t>> widths;
  for (std::size_t i = 0; i < n; ++i) widths.emplace_back(ends[i], ends[n + i]);
  const auto mode =
      std::find_if(modes.begin(), modes.end(), [&](const auto& m) { return m.first == c.get<std::string>("mode"); });
  return {pad(c[0], widths, mode->second, c.get<double>("value"))};
}

Results all_whole(const BatchedCall& c) {
  Results xs;
  for (std::size_t i = 0; i < c.operands.size(); ++i) xs.push_back(c.whole(i));
  return xs;
}
Results concatenate_rule(const BatchedCall& c) { return {concatenate(all_whole(c), c.axis())}; }
Results stack_rule(const BatchedCall& c) {
  const auto a = c.integer("axis");
  return {stack(all_whole(c), a < 0 ? a : a + 1)};
}
Results split_rule(const BatchedCall& c) { return split(c[0], c.get<Dims>("sizes"), c.axis()); }
Results unstack_rule(const BatchedCall& c) { return unstack(c[0], c.axis()); }
Results topk_rule(const BatchedCall& c) {
  if (c.ndim(0) == 0) return {};
  const auto top = topk(c[0], c.integer("k"), c.axis(), c.flag("largest"), c.flag("sorted"));
  return {top.values, top.indices};
}

Results take_rule(const BatchedCall& c) {
  if (c.ndim(0) == 0) return {};
  const auto axis = c.axis();
  if (!c.batched(1)) return {take(c[0], c[1], axis)};
  // Rows of the examples' axes, one after the other, and the indices of each among its own.
  const Tensor x = moveaxis(c.whole(0), axis, 1);
  const auto n = x.shape(1);
  Shape rows{c.size * n}, starts{c.size};
  for (std::size_t i = 2; i < x.ndim(); ++i) rows.push_back(x.shape()[i]);
  for (std::size_t i = 0; i < c.ndim(1); ++i) starts.push_back(1);
  const Tensor indices = c[1].to(i64);
  const Tensor own = where(indices < 0, indices + n, indices);
  if (own.size() > 0 && (min(own).item<std::int64_t>() < 0 || max(own).item<std::int64_t>() >= n)) return {};
  const Tensor at = own + reshape(arange(c.size) * n, starts);
  // [B, indices.., others..]: the indices' axes go where the axis was.
  const Tensor y = take(reshape(x, rows), at, 0);
  Dims order{0};
  const auto k = static_cast<std::int64_t>(c.ndim(1));
  for (std::int64_t i = 1; i < axis; ++i) order.push_back(k + i);
  for (std::int64_t i = 1; i <= k; ++i) order.push_back(i);
  for (std::int64_t i = axis; i < static_cast<std::int64_t>(c.ndim(0)); ++i) order.push_back(k + i);
  return {permute(y, order)};
}
Results gather_rule(const BatchedCall& c) {
  if (c.ndim(0) == 0 || (c.batched(1) && c.ndim(0) != c.ndim(1))) return {};
  const auto last = c.axis() - 1 - static_cast<std::int64_t>(c.ndim(0));
  return {gather(c.whole(0), last, c.ndim(0) == c.ndim(1) ? c.whole(1) : c[1])};
}
Results scatter_rule(const BatchedCall& c) {
  if (c.ndim(0) == 0 || c.ndim(0) != c.ndim(1) || (c.ndim(2) != 0 && c.ndim(2) != c.ndim(1))) return {};
  if (c.ndim(2) == 0 && c.batched(2)) return {};
  return {scatter(c.whole(0), c.axis(), c.whole(1), c.ndim(2) == 0 ? c[2] : c.whole(2))};
}
Results one_hot_rule(const BatchedCall& c) {
  if (c.integer("classes") < 0) return {};
  return {one_hot(c[0], c.integer("classes"), c.call.results[0].dtype())};
}
Results layer_norm_rule(const BatchedCall& c) {
  if (!c.batched(0) || c.batched(1) || c.batched(2)) return {};
  const auto axes = static_cast<std::size_t>(c.integer("axes"));
  const Shape normalized(c[0].shape().end() - axes, c[0].shape().end());
  return {layer_norm(c[0], normalized, c[1], c[2], c.get<double>("eps"))};
}

// --- sorting and scans ---

Results sort_rule(const BatchedCall& c) {
  if (c.ndim(0) == 0) return {};
  const auto sorted = sort(c[0], c.axis(), c.flag("descending"));
  return {sorted.values, sorted.indices};
}
Results argsort_rule(const BatchedCall& c) {
  if (c.ndim(0) == 0) return {};
  return {argsort(c[0], c.axis(), c.flag("descending"))};
}
template <ValuesIndices (*f)(In, std::int64_t)>
Results values_along_axis(const BatchedCall& c) {
  if (c.ndim(0) == 0) return {};
  const auto found = f(c[0], c.axis());
  return {found.values, found.indices};
}

// Operators, as functions.
Tensor add_of(In a, In b) { return std::move(a) + std::move(b); }
Tensor div_of(In a, In b) { return std::move(a) / std::move(b); }
Tensor equal_of(In a, In b) { return std::move(a) == std::move(b); }
Tensor greater_of(In a, In b) { return std::move(a) > std::move(b); }
Tensor greater_equal_of(In a, In b) { return std::move(a) >= std::move(b); }
Tensor less_of(In a, In b) { return std::move(a) < std::move(b); }
Tensor less_equal_of(In a, In b) { return std::move(a) <= std::move(b); }
Tensor mul_of(In a, In b) { return std::move(a) * std::move(b); }
Tensor not_equal_of(In a, In b) { return std::move(a) != std::move(b); }
Tensor sub_of(In a, In b) { return std::move(a) - std::move(b); }
Tensor neg_of(In x) { return -std::move(x); }

constexpr NamedRule elementwise_rules[] = {
    {"abs", one<abs>},
    {"acos", one<acos>},
    {"acosh", one<acosh>},
    {"add", two<add_of>},
    {"asin", one<asin>},
    {"asinh", one<asinh>},
    {"atan", one<atan>},
    {"atan2", two<atan2>},
    {"atanh", one<atanh>},
    {"cast", cast_rule},
    {"cbrt", one<cbrt>},
    {"ceil", one<ceil>},
    {"clip", clip_rule},
    {"cos", one<cos>},
    {"cosh", one<cosh>},
    {"digamma", one<digamma>},
    {"div", two<div_of>},
    {"elu", elu_rule},
    {"equal", two<equal_of>},
    {"erf", one<erf>},
    {"erfc", one<erfc>},
    {"erfinv", one<erfinv>},
    {"exp", one<exp>},
    {"exp2", one<exp2>},
    {"expm1", one<expm1>},
    {"floor", one<floor>},
    {"fmax", two<fmax>},
    {"fmin", two<fmin>},
    {"fmod", two<fmod>},
    {"greater", two<greater_of>},
    {"greater_equal", two<greater_equal_of>},
    {"hardtanh", hardtanh_rule},
    {"hypot", two<hypot>},
    {"isfinite", one<isfinite>},
    {"isinf", one<isinf>},
    {"isnan", one<isnan>},
    {"leaky_relu", leaky_relu_rule},
    {"less", two<less_of>},
    {"less_equal", two<less_equal_of>},
    {"lgamma", one<lgamma>},
    {"log", one<log>},
    {"log10", one<log10>},
    {"log1p", one<log1p>},
    {"log2", one<log2>},
    {"logaddexp", two<logaddexp>},
    {"logical_and", two<logical_and>},
    {"logical_not", one<logical_not>},
    {"logical_or", two<logical_or>},
    {"logical_xor", two<logical_xor>},
    {"maximum", two<maximum>},
    {"minimum", two<minimum>},
    {"mish", one<mish>},
    {"mul", two<mul_of>},
    {"neg", one<neg_of>},
    {"not_equal", two<not_equal_of>},
    {"pow", two<pow>},
    {"reciprocal", one<reciprocal>},
    {"relu", one<relu>},
    {"remainder", two<remainder>},
    {"round", one<round>},
    {"rsqrt", one<rsqrt>},
    {"sigmoid", one<sigmoid>},
    {"sign", one<sign>},
    {"silu", one<silu>},
    {"sin", one<sin>},
    {"sinh", one<sinh>},
    {"softplus", one<softplus>},
    {"softsign", one<softsign>},
    {"sqrt", one<sqrt>},
    {"square", one<square>},
    {"sub", two<sub_of>},
    {"tan", one<tan>},
    {"tanh", one<tanh>},
    {"where", where_rule},
    {"xlogy", two<xlogy>},
};

constexpr NamedRule other_rules[] = {
    {"all", reduction<all>},
    {"any", reduction<any>},
    {"argmax", index_of_extreme<argmax>},
    {"argmin", index_of_extreme<argmin>},
    {"argsort", argsort_rule},
    {"concatenate", concatenate_rule},
    {"cummax", values_along_axis<cummax>},
    {"cummin", values_along_axis<cummin>},
    {"cumprod", along_axis<cumprod>},
    {"cumsum", along_axis<cumsum>},
    {"expand", expand_rule},
    {"flip", flip_rule},
    {"gather", gather_rule},
    {"layer_norm", layer_norm_rule},
    {"linear", linear_rule},
    {"log_softmax", along_axis<log_softmax>},
    {"logcumsumexp", along_axis<logcumsumexp>},
    {"logsumexp", reduction<logsumexp>},
    {"matmul", of_matrices<matmul>},
    {"max", reduction<max>},
    {"mean", reduction<mean>},
    {"min", reduction<min>},
    {"one_hot", one_hot_rule},
    {"pad", pad_rule},
    {"permute", permute_rule},
    {"prod", reduction<prod>},
    {"reshape", reshape_rule},
    {"scatter", scatter_rule},
    {"select", select_rule},
    {"slice", slice_rule},
    {"softmax", along_axis<softmax>},
    {"sort", sort_rule},
    {"split", split_rule},
    {"stack", stack_rule},
    {"sum", reduction<sum>},
    {"take", take_rule},
    {"topk", topk_rule},
    {"unstack", unstack_rule},
};

}  // namespace rules

const std::map<std::string_view, BatchingRule>& all_rules() {
  static const auto all = [] {
    std::map<std::string_view, BatchingRule> by_name;
    for (const auto& r : rules::elementwise_rules) by_name.emplace(r.op, r.rule);
    for (const auto& r : rules::other_rules) by_name.emplace(r.op, r.rule);
    for (const auto& r : image_rules()) by_name.emplace(r.op, r.rule);
    for (const auto& r : linalg_rules()) by_name.emplace(r.op, r.rule);
    return by_name;
  }();
  return all;
}

}  // namespace

BatchingRule batching_rule(std::string_view op) {
  const auto found = all_rules().find(op);
  return found == all_rules().end() ? nullptr : found->second;
}

bool is_elementwise(std::string_view op) {
  if (op == "prelu") return true;  // which leaky_relu records
  return std::any_of(std::begin(rules::elementwise_rules), std::end(rules::elementwise_rules),
                     [&](const NamedRule& r) { return r.op == op; });
}

std::vector<std::string_view> batched_ops() {
  std::vector<std::string_view> names;
  for (const auto& [name, rule] : all_rules()) names.push_back(name);
  return names;
}

}  // namespace newtape::detail
