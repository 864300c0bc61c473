// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

namespace newtape::onnx::detail {
namespace {

using Reduce = Tensor (*)(In x, const Axes& axes, bool keepdims);

/// The axes are an attribute or, from version `from_input` on, input 1; none means all of them.
template <Reduce f, int from_input>
Results reduce(Call& c) {
  const bool keepdims = c.integer("keepdims", 1) != 0;
  const bool by_input = c.since() >= from_input;
  const Dims axes = !by_input ? c.integers("axes") : c.given(1) ? c.integers(1) : Dims();
  Tensor x = c.tensor(0);
  if (axes.empty() && by_input && c.integer("noop_with_empty_axes", 0) != 0) return c.out(std::move(x));
  return c.out(f(std::move(x), axes.empty() ? Axes() : Axes(axes), keepdims));
}

Tensor sum_of(In x, const Axes& axes, bool keepdims) { return sum(std::move(x), axes, keepdims); }
Tensor prod_of(In x, const Axes& axes, bool keepdims) { return prod(std::move(x), axes, keepdims); }
Tensor mean_of(In x, const Axes& axes, bool keepdims) {
  if (x.dtype() != i64) return mean(std::move(x), axes, keepdims);
  return mean(to(std::move(x), f64), axes, keepdims).to(i64);
}
Tensor max_of(In x, const Axes& axes, bool keepdims) {
  if (x.dtype() == boolean) return any(std::move(x), axes, keepdims);
  return amax(std::move(x), axes, keepdims);
}
Tensor min_of(In x, const Axes& axes, bool keepdims) {
  if (x.dtype() == boolean) return all(std::move(x), axes, keepdims);
  return amin(std::move(x), axes, keepdims);
}
Tensor l1_of(In x, const Axes& axes, bool keepdims) { return sum(abs(std::move(x)), axes, keepdims); }
Tensor l2_of(In x, const Axes& axes, bool keepdims) {
  if (x.dtype() != i64) return norm(std::move(x), 2, axes, keepdims);
  return norm(to(std::move(x), f64), 2, axes, keepdims).to(i64);
}
Tensor log_sum_of(In x, const Axes& axes, bool keepdims) { return log(sum(std::move(x), axes, keepdims)); }
Tensor log_sum_exp_of(In x, const Axes& axes, bool keepdims) { return logsumexp(std::move(x), axes, keepdims); }
Tensor sum_square_of(In x, const Axes& axes, bool keepdims) { return sum(square(std::move(x)), axes, keepdims); }

template <bool largest>
Results arg_extreme(Call& c) {
  const bool keepdims = c.integer("keepdims", 1) != 0, last = c.integer("select_last_index", 0) != 0;
  const auto axis = c.integer("axis", 0);
  Tensor x = c.tensor(0);
  const auto find = [&](const Tensor& t) { return largest ? argmax(t, axis, keepdims) : argmin(t, axis, keepdims); };
  if (!last) return c.out(find(x), ElementType::int64);
  const auto length = x.shape(axis);
  return c.out(tensor(length - 1, i64) - find(flip(x, axis)), ElementType::int64);
}

Results cumulative_sum(Call& c) {
  const auto axis = c.integer(1);
  const bool exclusive = c.integer("exclusive", 0) != 0, reverse = c.integer("reverse", 0) != 0;
  Tensor x = c.tensor(0);
  if (reverse) x = flip(std::move(x), axis);
  Tensor y = cumsum(x, axis);
  if (exclusive) {
    std::vector<std::pair<std::int64_t, std::int64_t>> widths(x.ndim());
    widths[normalize_axis("CumSum", axis, x.ndim())].first = 1;
    y = slice(pad(std::move(y), widths), axis, 0, x.shape(axis));
  }
  if (reverse) y = flip(std::move(y), axis);
  return c.out(std::move(y));
}

Results top_k(Call& c) {
  const auto axis = c.integer("axis", -1);
  const std::int64_t k = c.since() < 10 ? c.integer("k") : c.integer(1);
  const bool largest = c.integer("largest", 1) != 0, sorted = c.integer("sorted", 1) != 0;
  auto [values, indices] = topk(c.tensor(0), k, axis, largest, sorted);
  return {c.as(std::move(values), c.type(0)), c.as(std::move(indices), ElementType::int64)};
}

constexpr Row reduce_table[] = {
    {"ArgMax", {1, 11, 12, 13}, arg_extreme<true>},
    {"ArgMin", {1, 11, 12, 13}, arg_extreme<false>},
    {"CumSum", {11, 14}, cumulative_sum},
    {"ReduceL1", {1, 11, 13, 18}, reduce<l1_of, 18>},
    {"ReduceL2", {1, 11, 13, 18}, reduce<l2_of, 18>},
    {"ReduceLogSum", {1, 11, 13, 18}, reduce<log_sum_of, 18>},
    {"ReduceLogSumExp", {1, 11, 13, 18}, reduce<log_sum_exp_of, 18>},
    {"ReduceMax", {1, 11, 12, 13, 18, 20}, reduce<max_of, 18>},
    {"ReduceMean", {1, 11, 13, 18}, reduce<mean_of, 18>},
    {"ReduceMin", {1, 11, 12, 13, 18, 20}, reduce<min_of, 18>},
    {"ReduceProd", {1, 11, 13, 18}, reduce<prod_of, 18>},
    {"ReduceSum", {1, 11, 13}, reduce<sum_of, 13>},
    {"ReduceSumSquare", {1, 11, 13, 18}, reduce<sum_square_of, 18>},
    {"TopK", {1, 10, 11}, top_k},
};

}  // namespace

Rows reduce_rows() { return reduce_table; }

}  // namespace newtape::onnx::detail
