// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/nd_iterator.hpp>
#include <newtape/core/kernels/reduce.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Maps reductions of arrays of any layout to the kernels.
namespace newtape::core::reduce_loops {

using kernels::Axis;
using kernels::Odometer;
using kernels::Reducer;

template <class T>
const kernels::ReduceTable<T>& reduce_table() {
  return kernels::select<kernels::ReduceTables, T>();
}

inline constexpr std::int64_t min_parallel = 1 << 15;  // work below this many elements stays on one thread
inline constexpr std::int64_t long_block = 1 << 16;    // longer rows are split into pieces of this length

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
    Odometer from(reduced);  // at its start again after all rows
    for (std::int64_t r = begin; r < end; ++r, to.step()) {
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
  constexpr std::int64_t widest = 128;
  const auto factor = std::min<std::int64_t>(rows, widest / columns);
  A wide[widest];
  std::fill_n(wide, factor * columns, start);
  const auto full = rows / factor;
  reducer.columns(x, full, factor * columns, factor * columns, wide);
  join.columns(wide, factor, columns, columns, out);
  const auto left = rows - full * factor;
  if (left > 0) reducer.columns(x + full * factor * columns, left, columns, columns, out);
}

/// Whether a matrix is narrow.
inline bool is_narrow(std::int64_t rows, std::int64_t stride, std::int64_t columns) {
  return columns <= 32 && stride == columns && rows > 2;
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
    Odometer from(reduced);  // at its start again after all rows
    for (std::int64_t r = begin; r < end; ++r) {
      const Odometer to(kept, r / tiles);
      const auto column = r % tiles * kernels::tile;
      const auto columns = std::min(kernels::tile, inner.length - column);
      std::fill(acc.begin(), acc.end(), start);
      for (std::int64_t i = 0; i < outer; ++i, from.step()) {
        const T* at = x + to.in() + from.in() + column;
        if (is_narrow(rows.length, rows.in, columns)) {
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

/// Reduces x over `axes` into `out`, initialized to `start`, by the iteration that kernels::plan() gives.
template <class T, class A>
void reduce_planned(const Reducer<T, A>& reducer, const Reducer<A, A>& join, const Array& x, const Dims& axes,
                    std::vector<Axis> loop, A start, A* out) {
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
    return;
  }
  const T* p = x.data<T>();
  if (loop.empty()) {
    reducer.row(p, 1, out);
  } else if (loop.back().reduced) {
    reduce_rows(reducer, join, p, loop, start, out);
  } else {
    reduce_columns(reducer, join, p, loop, start, out);
  }
}

/// The same. Returns the multiplicity of each element (broadcast axes are read once).
template <class T, class A>
std::int64_t reduce_into(const Reducer<T, A>& reducer, const Reducer<A, A>& join, const Array& x, const Dims& axes,
                         A start, A* out) {
  std::int64_t repeats = 1;
  reduce_planned(reducer, join, x, axes, kernels::plan(x, axes, repeats), start, out);
  return repeats;
}

}  // namespace newtape::core::reduce_loops
