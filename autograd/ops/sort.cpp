// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/sort.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detail/as_vector.hpp>
#include <newtape/autograd/ops/detail/selection.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/sort.hpp>

#include <string>

namespace newtape {

static const Op sort_op{"sort"};
static const Op argsort_op{"argsort"};
static const Op topk_op{"topk"};
static const Op bincount_op{"bincount"};
static const Op searchsorted_op{"searchsorted"};
static const Op isin_op{"isin"};

ValuesIndices sort(In x, std::int64_t axis, bool descending) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "sort", {x}, {{"axis", axis}, {"descending", descending}}, [&] { return sort(x, axis, descending); },
        x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return sort(std::move(v), axis, descending); });
  axis = axis_from_last(sort_op, axis, x.ndim());
  return detail::selection(sort_op, x, axis, core::sort(x.value(), axis, descending));
}

Tensor argsort(In x, std::int64_t axis, bool descending) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "argsort", {x}, {{"axis", axis}, {"descending", descending}}, [&] { return argsort(x, axis, descending); },
        x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return argsort(std::move(v), axis, descending); });
  return argsort_op(core::argsort(x.value(), axis, descending));
}

ValuesIndices topk(In x, std::int64_t k, std::int64_t axis, bool largest, bool sorted) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "topk", {x}, {{"k", k}, {"axis", axis}, {"largest", largest}, {"sorted", sorted}},
        [&] { return topk(x, k, axis, largest, sorted); }, x.location());
  }
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return topk(std::move(v), k, axis, largest, sorted); });
  axis = axis_from_last(topk_op, axis, x.ndim());
  return detail::selection(topk_op, x, axis, core::topk(x.value(), k, axis, largest, sorted));
}

ValuesIndices kthvalue(In x, std::int64_t k, std::int64_t axis, bool keepdims) {
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return kthvalue(std::move(v), k, axis, true); });
  axis = static_cast<std::int64_t>(normalize_axis("kthvalue", axis, x.ndim())) - static_cast<std::int64_t>(x.ndim());
  const auto n = x.tensor().shape(axis);
  if (k < 1 || k > n) {
    raise<ValueError>("kthvalue: k is out of range", "a number from 1 to " + std::to_string(n),
                      std::to_string(k) + " for shape " + to_string(x.shape()));
  }
  const Tensor indices = core::argrank(x.value(), {k - 1}, axis);
  const Tensor values = gather(x, axis, indices);
  if (keepdims) return {values, indices};
  return {squeeze(values, axis), squeeze(indices, axis)};
}

Unique unique(In x) {
  auto u = core::unique(x.value());
  return {std::move(u.values), std::move(u.inverse), std::move(u.counts)};
}

Unique unique(In x, std::int64_t axis) {
  const auto at = static_cast<std::int64_t>(normalize_axis("unique", axis, x.ndim()));
  auto u = core::unique(x.value(), at);
  return {std::move(u.values), std::move(u.inverse), std::move(u.counts)};
}

Unique unique_consecutive(In x) {
  const CallSite here(x.location());
  Unique u = unique_consecutive(ravel(x), 0);
  u.inverse = reshape(u.inverse, x.shape());
  return u;
}

Unique unique_consecutive(In given, std::int64_t axis) {
  const CallSite here(given.location());
  const auto at = static_cast<std::int64_t>(normalize_axis("unique_consecutive", axis, given.ndim()));
  const Tensor x = given.tensor().detach();
  const auto n = x.shape(at);
  if (n == 0) return {x, zeros({0}, i64), zeros({0}, i64)};
  Dims others;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(x.ndim()); ++i) {
    if (i != at) others.push_back(i);
  }
  const Tensor changes = any(slice(x, at, 1, n) != slice(x, at, 0, n - 1), others);
  const Tensor first = concatenate({ones({1}, boolean), reshape(changes, {n - 1})}, 0);
  const Tensor starts = reshape(nonzero(first), {-1});
  const Tensor ends = concatenate({slice(starts, 0, 1, starts.size()), tensor({n})}, 0);
  return {take(x, starts, at), cumsum(first, 0, i64) - 1, ends - starts};
}

Tensor isin(In elements, In test, bool invert) {
  const CallSite here(elements.location());
  match(isin_op, elements, test);
  const NoGrad off;
  const Array among = core::sort(core::reshape(test.value(), {-1}), 0).values;
  if (among.size() == 0) return isin_op(core::cast(core::full(elements.shape(), invert ? 1 : 0, i64), boolean));
  const Array at = core::searchsorted(among, elements.value());
  const Array nearest = core::take(
      among, core::clip(at, core::number(0, i64), core::number(static_cast<double>(among.size() - 1), i64)), 0);
  return isin_op((invert ? core::not_equal : core::equal)(nearest, elements.value()));
}

Tensor bincount(In x, std::int64_t minlength) { return bincount_op(core::bincount(x.value(), minlength)); }

Tensor bincount(In x, In weights, std::int64_t minlength) {
  if (x.shape() != weights.shape()) {
    raise<ShapeError>("bincount: each number needs one weight", to_string(x.shape()), to_string(weights.shape()));
  }
  const auto bins = core::bincount(x.value(), minlength).size();
  const SourceLocation at = weights.location();
  const DType dtype = weights.dtype();  // arguments are evaluated in any order
  return index_add(In(zeros({bins}, dtype), at), 0, ravel(std::move(x)), In(ravel(std::move(weights)), at));
}

Tensor searchsorted(In sorted, In values, bool right) {
  if (values.is_number()) values.resolve("searchsorted", sorted.dtype());
  return searchsorted_op(core::searchsorted(sorted.value(), values.value(), right));
}

}  // namespace newtape
