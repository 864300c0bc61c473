// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/integers.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/nd_iterator.hpp>
#include <newtape/core/kernels/reduce.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/reduce_detail.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace newtape::core {

namespace {

using kernels::Axis;
using kernels::Odometer;
using kernels::Reducer;

template <class T>
const kernels::ReduceTable<T>& reduce_table() {
  return kernels::select<kernels::ReduceTables, T>();
}

constexpr std::int64_t min_parallel = 1 << 15;  // work below this many elements stays on one thread
constexpr std::int64_t long_block = 1 << 16;    // longer rows are split into pieces of this length

/// The innermost axis is reduced.
template <class T, class A>
void reduce_rows(const Reducer<T, A>& reducer, const Reducer<A, A>& join, const T* x, std::vector<Axis> loop, A start,
                 A* out) {
  const Axis row = loop.back();
  loop.pop_back();
  std::vector<Axis> kept;
  std::vector<Axis> reduced;
  for (const auto& a : loop) (a.reduced ? reduced : kept).push_back(a);
  const auto results = Odometer::count(kept);
  const auto rows = Odometer::count(reduced);
  if (results == 1 && rows == 1 && row.length > long_block) {
    const auto pieces = (row.length + long_block - 1) / long_block;
    std::vector<A> partial(static_cast<std::size_t>(pieces), start);
    newtape::detail::parallel_for(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        const auto at = p * long_block;
        reducer.row(x + at, std::min(long_block, row.length - at), &partial[static_cast<std::size_t>(p)]);
      }
    });
    join.row(partial.data(), pieces, out);
    return;
  }
  const auto grain = std::max<std::int64_t>(1, min_parallel / std::max<std::int64_t>(1, rows * row.length));
  newtape::detail::parallel_for(results, grain, [&](std::int64_t begin, std::int64_t end) {
    Odometer to(kept, begin);
    for (std::int64_t r = begin; r < end; ++r, to.step()) {
      if (rows == 1) {
        reducer.row(x + to.in(), row.length, out + to.out());
        continue;
      }
      Odometer from(reduced);
      for (std::int64_t i = 0; i < rows; ++i, from.step())
        reducer.row(x + to.in() + from.in(), row.length, out + to.out());
    }
  });
}

/// A contiguous narrow matrix [rows, columns] is reshaped to fewer, wider rows; their partial results are joined at the
/// end.
template <class T, class A>
void reduce_narrow(const Reducer<T, A>& reducer, const Reducer<A, A>& join, const T* x, std::int64_t rows,
                   std::int64_t columns, A start, A* out) {
  const auto factor = std::min<std::int64_t>(rows, 128 / columns);
  std::vector<A> wide(static_cast<std::size_t>(factor * columns), start);
  const auto full = rows / factor;
  reducer.columns(x, full, factor * columns, factor * columns, wide.data());
  join.columns(wide.data(), factor, columns, columns, out);
  const auto left = rows - full * factor;
  if (left > 0) reducer.columns(x + full * factor * columns, left, columns, columns, out);
}

/// The innermost axis is kept: rows are accumulated elementwise.
template <class T, class A>
void reduce_columns(const Reducer<T, A>& reducer, const Reducer<A, A>& join, const T* x, std::vector<Axis> loop,
                    A start, A* out) {
  const Axis inner = loop.back();
  loop.pop_back();
  std::vector<Axis> kept;
  std::vector<Axis> reduced;
  for (const auto& a : loop) (a.reduced ? reduced : kept).push_back(a);
  Axis rows{1, 0, 0, true};
  if (!reduced.empty()) {
    rows = reduced.back();
    reduced.pop_back();
  }
  const auto tiles = (inner.length + kernels::tile - 1) / kernels::tile;
  const auto outer = Odometer::count(reduced);
  const auto results = Odometer::count(kept) * tiles;
  const auto work = outer * rows.length * std::min(inner.length, kernels::tile);
  const auto grain = std::max<std::int64_t>(1, min_parallel / std::max<std::int64_t>(1, work));
  newtape::detail::parallel_for(results, grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<A> acc(static_cast<std::size_t>(std::min(inner.length, kernels::tile)));
    for (std::int64_t r = begin; r < end; ++r) {
      const Odometer to(kept, r / tiles);
      const auto column = r % tiles * kernels::tile;
      const auto columns = std::min(kernels::tile, inner.length - column);
      std::fill(acc.begin(), acc.end(), start);
      Odometer from(reduced);
      for (std::int64_t i = 0; i < outer; ++i, from.step()) {
        const T* at = x + to.in() + from.in() + column;
        if (columns <= 32 && rows.in == columns && rows.length > 2) {
          reduce_narrow(reducer, join, at, rows.length, columns, start, acc.data());
        } else {
          reducer.columns(at, rows.length, rows.in, columns, acc.data());
        }
      }
      for (std::int64_t j = 0; j < columns; ++j) {
        out[to.out() + (column + j) * inner.out] = acc[static_cast<std::size_t>(j)];
      }
    }
  });
}

/// Reduces x over `axes` into `out`, initialized to `start`. Returns the multiplicity of each element (broadcast axes
/// are read once).
template <class T, class A>
std::int64_t reduce_into(const Reducer<T, A>& reducer, const Reducer<A, A>& join, const Array& x, const Dims& axes,
                         A start, A* out) {
  std::int64_t repeats = 1;
  auto loop = kernels::plan(x, axes, repeats);
  if (!loop.empty() && loop.back().in != 1) {
    // No axis has stride 1: make a contiguous copy first, without repeated elements.
    Array view = x;
    for (std::size_t i = 0; i < x.ndim(); ++i) {
      if (x.strides()[i] == 0 && x.shape()[i] > 1 &&
          std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) != axes.end()) {
        view = slice(view, static_cast<std::int64_t>(i), 0, 1);
      }
    }
    const Array dense = copy(view);
    std::int64_t again = 1;
    loop = kernels::plan(dense, axes, again);
    // Kept broadcast axes are dense now; reduced ones have length 1.
    const T* p = dense.data<T>();
    if (loop.empty()) {
      reducer.row(p, 1, out);
    } else {
      loop.back().reduced ? reduce_rows(reducer, join, p, loop, start, out)
                          : reduce_columns(reducer, join, p, loop, start, out);
    }
    return repeats;
  }
  const T* p = x.data<T>();
  if (loop.empty()) {
    reducer.row(p, 1, out);
  } else if (loop.back().reduced) {
    reduce_rows(reducer, join, p, loop, start, out);
  } else {
    reduce_columns(reducer, join, p, loop, start, out);
  }
  return repeats;
}

[[noreturn]] void unsupported(const char* op, const char* expected, const Array& x) {
  expect_computed(op, x);
  raise<DTypeError>(std::string(op) + ": unsupported dtype", expected, describe(x));
}

/// The sums (of squares, for a sum_squares reducer) of each result, in f64 for f32.
template <class T>
auto wide_sums(const Reducer<T, typename kernels::AccumulatorOf<T>::type>& reducer, const Array& x, const Dims& axes) {
  using A = typename kernels::AccumulatorOf<T>::type;
  std::vector<A> wide(static_cast<std::size_t>(element_count(reduced_shape(x.shape(), axes, false))), A(0));
  if (x.size() == 0) return wide;
  const auto repeats = reduce_into<T, A>(reducer, reduce_table<A>().sum, x, axes, A(0), wide.data());
  for (auto& sum : wide) sum = newtape::detail::wrapping_mul(sum, static_cast<A>(repeats));
  return wide;
}

/// Sums multiplied by `scale`.
template <class T>
void sum_into(const Array& x, const Dims& axes, double scale, Array& out) {
  T* results = out.data<T>();
  for (const auto sum : wide_sums<T>(reduce_table<T>().sum, x, axes)) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      *results++ = sum;
    } else {
      *results++ = static_cast<T>(sum * scale);
    }
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
    return wide_sums<T>(squares ? reduce_table<T>().sum_squares : reduce_table<T>().sum, x, axes);
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
