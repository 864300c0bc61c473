// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/integers.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/reduce_detail.hpp>
#include <newtape/core/ops/reduce_loops.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace newtape::core {

namespace {

using namespace reduce_loops;

[[noreturn]] void unsupported(const char* op, const char* expected, const Array& x) {
  expect_computed(op, x);
  raise<DTypeError>(std::string(op) + ": unsupported dtype", expected, describe(x));
}

template <class T>
using Accumulator = typename kernels::AccumulatorOf<T>::type;

/// The sums (of squares, for a sum_squares reducer) of each result, in f64 for f32.
template <class T>
std::vector<Accumulator<T>> wide_sums(const Reducer<T, Accumulator<T>>& reducer, const Array& x, const Dims& axes,
                                      std::vector<Axis> loop, std::int64_t repeats) {
  using A = Accumulator<T>;
  std::vector<A> wide(static_cast<std::size_t>(element_count(reduced_shape(x.shape(), axes, false))), A(0));
  if (x.size() == 0) return wide;
  reduce_planned<T, A>(reducer, reduce_table<A>().sum, x, axes, std::move(loop), A(0), wide.data());
  for (auto& sum : wide) sum = newtape::detail::wrapping_mul(sum, static_cast<A>(repeats));
  return wide;
}

/// A result of a sum that is multiplied by `scale`.
template <class T>
T scaled(Accumulator<T> sum, double scale) {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    return sum;
  } else {
    return static_cast<T>(sum * scale);
  }
}

/// Sums over the rows of a matrix, without memory for the accumulators of all results: the bits of wide_sums.
template <class T>
void sum_rows_of_matrix(const T* x, const Axis& rows, std::int64_t columns, std::int64_t repeats, double scale,
                        T* out) {
  using A = Accumulator<T>;
  const auto& table = reduce_table<T>();
  const bool few = rows.length <= kernels::few_rows && repeats == 1 && scale == 1;
  const auto tiles = (columns + kernels::tile - 1) / kernels::tile;
  const auto work = rows.length * std::min(columns, kernels::tile);
  const auto grain = std::max<std::int64_t>(1, min_parallel / std::max<std::int64_t>(1, work));
  newtape::detail::parallel_for(tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const T* const at = x + t * kernels::tile;
      T* const to = out + t * kernels::tile;
      const auto n = std::min(kernels::tile, columns - t * kernels::tile);
      const bool narrow = is_narrow(rows.length, rows.in, n);
      if (few && !narrow) {
        table.sum_few_rows(at, rows.length, rows.in, n, to);
        continue;
      }
      A sums[kernels::tile];
      std::fill_n(sums, n, A(0));
      if (narrow) {
        reduce_narrow<T, A>(table.sum, reduce_table<A>().sum, at, rows.length, n, A(0), sums);
      } else {
        table.sum.columns(at, rows.length, rows.in, n, sums);
      }
      for (std::int64_t j = 0; j < n; ++j) {
        to[j] = scaled<T>(newtape::detail::wrapping_mul(sums[j], static_cast<A>(repeats)), scale);
      }
    }
  });
}

/// Sums multiplied by `scale`.
template <class T>
void sum_into(const Array& x, const Dims& axes, double scale, Array& out) {
  std::int64_t repeats = 1;
  auto loop = kernels::plan(x, axes, repeats);
  T* results = out.data<T>();
  const bool is_matrix = loop.size() == 2 && loop[0].reduced && !loop[1].reduced && loop[1].in == 1 && loop[1].out == 1;
  if (is_matrix && x.size() > 0) {
    return sum_rows_of_matrix<T>(x.data<T>(), loop[0], loop[1].length, repeats, scale, results);
  }
  for (const auto sum : wide_sums<T>(reduce_table<T>().sum, x, axes, std::move(loop), repeats)) {
    *results++ = scaled<T>(sum, scale);
  }
}

void scaled_sum_into(const Array& x, const Dims& axes, double scale, Array& out) {
  switch (x.dtype()) {
    case f32: return sum_into<float>(x, axes, scale, out);
    case f64: return sum_into<double>(x, axes, scale, out);
    default: return sum_into<std::int64_t>(x, axes, 1, out);
  }
}

Array scaled_sum(const char* op, const Array& x, const Dims& axes, bool keepdims, double scale) {
  if (!is_floating(x.dtype()) && x.dtype() != i64) unsupported(op, "f32, f64 or i64", x);
  if (recorder() != nullptr) {
    const auto write = [axes, scale](Array& out, const Array& a) { scaled_sum_into(a, axes, scale, out); };
    return record_computed(
        op, [&] { return scaled_sum(op, x, axes, keepdims, scale); }, write, x);
  }
  Array out = Array::empty(reduced_shape(x.shape(), axes, keepdims), x.dtype());
  scaled_sum_into(x, axes, scale, out);
  return out;
}

void expect_some(const char* op, const Array& x, const Dims& axes, const Array& out) {
  if (reduced_count(x, axes) == 0 && out.size() > 0) {
    raise<ValueError>(std::string(op) + ": reduction over no elements", "at least one element along the reduced axes",
                      "shape " + to_string(x.shape()));
  }
}

/// x^n for n >= 1, by squaring.
template <class T>
T power(T x, std::int64_t n) {
  using newtape::detail::wrapping_mul;
  T y = T(1);
  for (; n > 1; n /= 2, x = wrapping_mul(x, x)) {
    if (n % 2 == 1) y = wrapping_mul(y, x);
  }
  return wrapping_mul(y, x);
}

/// prod, max and min: accumulated in the element type.
template <class T>
void reduce_plain(const Reducer<T, T>& reducer, const Array& x, const Dims& axes, T start, Array& out, bool product) {
  T* results = out.data<T>();
  std::fill(results, results + out.size(), start);
  if (x.size() == 0 || out.size() == 0) return;
  const auto repeats = reduce_into<T, T>(reducer, reducer, x, axes, start, results);
  for (std::int64_t i = 0; product && repeats > 1 && i < out.size(); ++i) results[i] = power(results[i], repeats);
}

template <class T>
constexpr T lowest = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                          : std::numeric_limits<T>::lowest();
template <class T>
constexpr T highest = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                           : std::numeric_limits<T>::max();

template <class F>
Array plain(const char* op, const Array& x, const Axes& axes_of_x, bool keepdims, bool may_be_empty, const F& run) {
  const Dims axes = axes_of_x.normalized(op, x.ndim());
  Array out = Array::empty(reduced_shape(x.shape(), axes, keepdims), x.dtype());
  if (!may_be_empty) expect_some(op, x, axes, out);
  switch (x.dtype()) {
    case f32: run.template operator()<float>(reduce_table<float>(), axes, out); break;
    case f64: run.template operator()<double>(reduce_table<double>(), axes, out); break;
    case i64: run.template operator()<std::int64_t>(reduce_table<std::int64_t>(), axes, out); break;
    default: unsupported(op, "f32, f64 or i64", x);
  }
  return out;
}

/// Number of true elements, for any and all: exact.
Array count_true(const char* op, const Array& x, const Dims& axes, bool keepdims) {
  if (x.dtype() != boolean) unsupported(op, "boolean", x);
  return scaled_sum(op, cast(x, i64), axes, keepdims, 1);
}

}  // namespace

Shape reduced_shape(const Shape& shape, const Dims& axes, bool keepdims) {
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) == axes.end()) {
      result.push_back(shape[i]);
    } else if (keepdims) {
      result.push_back(1);
    }
  }
  return result;
}

std::int64_t reduced_count(const Array& x, const Dims& axes) {
  Shape lengths;
  for (const auto a : axes) lengths.push_back(x.shape()[static_cast<std::size_t>(a)]);
  return element_count(lengths);
}

std::vector<double> wide_sum(const Array& x, const Dims& axes, bool squares) {
  const auto run = [&]<class T>() {
    std::int64_t repeats = 1;
    auto loop = kernels::plan(x, axes, repeats);
    const auto& table = reduce_table<T>();
    return wide_sums<T>(squares ? table.sum_squares : table.sum, x, axes, std::move(loop), repeats);
  };
  return x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
}

Array sum(const Array& x, const Axes& axes, bool keepdims) {
  const Dims normalized = axes.normalized("sum", x.ndim());
  if (x.dtype() == boolean) return count_true("sum", x, normalized, keepdims);
  return scaled_sum("sum", x, normalized, keepdims, 1);
}

Array mean(const Array& x, const Axes& axes, bool keepdims) {
  expect_computed("mean", x);
  const Dims normalized = axes.normalized("mean", x.ndim());
  const double scale = 1.0 / static_cast<double>(reduced_count(x, normalized));
  const bool floats = is_floating(x.dtype());
  Array out = floats ? scaled_sum("mean", x, normalized, keepdims, scale) : sum(x, axes, keepdims);  // integers: exact
  expect_some("mean", x, normalized, out);
  return floats ? out : cast(mul(cast(std::move(out), f64), full({}, scale, f64)), f32);
}

Array prod(const Array& x, const Axes& axes, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "prod", [=](const Array& a) { return prod(a, axes, keepdims); }, x);
  return plain("prod", x, axes, keepdims, true, [&]<class T>(const auto& table, const Dims& normalized, Array& out) {
    reduce_plain<T>(table.prod, x, normalized, T(1), out, true);
  });
}

Array max(const Array& x, const Axes& axes, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "max", [=](const Array& a) { return max(a, axes, keepdims); }, x);
  return plain("max", x, axes, keepdims, false, [&]<class T>(const auto& table, const Dims& normalized, Array& out) {
    reduce_plain<T>(table.max, x, normalized, lowest<T>, out, false);
  });
}

Array min(const Array& x, const Axes& axes, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "min", [=](const Array& a) { return min(a, axes, keepdims); }, x);
  return plain("min", x, axes, keepdims, false, [&]<class T>(const auto& table, const Dims& normalized, Array& out) {
    reduce_plain<T>(table.min, x, normalized, highest<T>, out, false);
  });
}

Array any(const Array& x, const Axes& axes, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "any", [=](const Array& a) { return any(a, axes, keepdims); }, x);
  return cast(count_true("any", x, axes.normalized("any", x.ndim()), keepdims), boolean);
}

Array all(const Array& x, const Axes& axes, bool keepdims) {
  if (recorder() != nullptr)
    return record_call(
        "all", [=](const Array& a) { return all(a, axes, keepdims); }, x);
  const Dims normalized = axes.normalized("all", x.ndim());
  return equal(count_true("all", x, normalized, keepdims),
               full({}, static_cast<double>(reduced_count(x, normalized)), i64));
}

Array sum_to(Array x, const Shape& shape, std::size_t batch) {
  bool fits = x.ndim() >= batch + shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = shape[i] == 1 || shape[i] == x.shape()[x.ndim() - shape.size() + i];
  }
  if (!fits) {
    raise<ShapeError>("sum_to: the array is not a broadcast of the requested shape",
                      "a shape that broadcasts to " + to_string(x.shape()) +
                          (batch == 0 ? "" : " after " + std::to_string(batch) + " batch axes"),
                      to_string(shape));
  }
  const std::size_t extra = x.ndim() - batch - shape.size();
  Dims axes;
  Shape result(x.shape().begin(), x.shape().begin() + batch);
  for (std::size_t i = 0; i < extra; ++i) axes.push_back(static_cast<std::int64_t>(batch + i));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::size_t at = batch + extra + i;
    if (shape[i] == 1 && x.shape()[at] != 1) axes.push_back(static_cast<std::int64_t>(at));
    result.push_back(shape[i]);
  }
  if (axes.empty()) return x;
  return reshape(sum(x, axes, true), result);
}

bool all_finite(const Array& x) {
  if (recorder() != nullptr)
    return record_decision(
        "all_finite", [](const Array& a) { return all_finite(a); }, x);
  if (!is_floating(x.dtype())) return true;
  const Array dense = contiguous(x);
  return x.dtype() == f32 ? reduce_table<float>().all_finite(dense.data<float>(), dense.size())
                          : reduce_table<double>().all_finite(dense.data<double>(), dense.size());
}

}  // namespace newtape::core
