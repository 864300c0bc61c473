// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/sort.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/choose.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/sort.hpp>

#include <string>

namespace newtape {

static const Op sort_op{"sort"};
static const Op argsort_op{"argsort"};
static const Op topk_op{"topk"};
static const Op bincount_op{"bincount"};
static const Op searchsorted_op{"searchsorted"};

ValuesIndices sort(In x, std::int64_t axis, bool descending) {
  axis = axis_from_last(sort_op, axis, x.ndim());
  return detail::chosen(sort_op, x, axis, core::sort(x.value(), axis, descending));
}

Tensor argsort(const Tensor& x, std::int64_t axis, bool descending) {
  return argsort_op(core::argsort(x.value(), axis, descending));
}

ValuesIndices topk(In x, std::int64_t k, std::int64_t axis, bool largest, bool sorted) {
  axis = axis_from_last(topk_op, axis, x.ndim());
  return detail::chosen(topk_op, x, axis, core::topk(x.value(), k, axis, largest, sorted));
}

ValuesIndices kthvalue(In x, std::int64_t k, std::int64_t axis, bool keepdims) {
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

Unique unique(const Tensor& x) {
  auto u = core::unique(x.value());
  return {std::move(u.values), std::move(u.inverse), std::move(u.counts)};
}

Tensor bincount(const Tensor& x, std::int64_t minlength) { return bincount_op(core::bincount(x.value(), minlength)); }

Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right) {
  return searchsorted_op(core::searchsorted(sorted.value(), values.value(), right));
}

}  // namespace newtape
