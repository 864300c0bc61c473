// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/scan.hpp>
#include <newtape/core/kernels/transpose.hpp>
#include <newtape/core/ops/as_vector.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/scan.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>

namespace newtape::core {

namespace {

using kernels::ScanKernel;
using kernels::ScanKernels;
using kernels::ScanState;

const kernels::ScanTable& scan_table() { return kernels::select<kernels::ScanTable>(); }
const kernels::TransposeTable& transposes() { return kernels::select<kernels::TransposeTable>(); }

constexpr std::int64_t scan_min_parallel = 1 << 14;  // work below this many elements stays on one thread
constexpr std::int64_t side = 32;                    // rows transposed together
constexpr std::int64_t piece = 64;                   // elements of each row transposed at a time

ScanKernel kernel_for(const char* op, const ScanKernels& kernels, const Array& x) {
  const bool integers = kernels.of[2] != nullptr;
  if (is_floating(x.dtype()) || (integers && x.dtype() == i64)) return kernels.of[static_cast<int>(x.dtype())];
  expect_computed(op, x);
  raise<DTypeError>(std::string(op) + ": unsupported dtype", integers ? "f32, f64 or i64" : "f32 or f64", describe(x));
}

/// The arrays of one scan, contiguous and of the same shape, viewed as [outer, n, inner].
struct Job {
  ScanKernel kernel;
  const std::byte* x;
  const std::byte* b;  // second operand, or null
  std::byte* y;
  std::int64_t* index;  // output indices, or null
  std::int64_t item, outer, n, inner;
  bool reverse;

  static const std::byte* at(const std::byte* p, std::int64_t bytes) { return p == nullptr ? nullptr : p + bytes; }

  /// Scans `columns` adjacent columns from element `offset` on.
  void run_columns(std::int64_t offset, std::int64_t columns) const {
    ScanState state;
    const auto begin = offset + (reverse ? (n - 1) * inner : 0);
    kernel({x + begin * item, at(b, begin * item), y + begin * item, index == nullptr ? nullptr : index + begin, n,
            reverse ? -inner : inner, columns, reverse ? n - 1 : 0, reverse ? -1 : 1, true, &state});
  }

  /// Scans `rows` rows from row `first` on, transposed piece by piece into a buffer.
  void run_transposed(std::int64_t first, std::int64_t rows) const {
    alignas(64) std::byte buffer[2][side * piece * 8];
    alignas(64) std::int64_t indices[side * piece];
    ScanState state;
    const auto transpose = transposes().of(item);
    const auto pieces = (n + piece - 1) / piece;
    for (std::int64_t p = 0; p < pieces; ++p) {
      const auto begin = (reverse ? pieces - 1 - p : p) * piece;
      const auto count = std::min(piece, n - begin);
      const auto offset = (first * n + begin) * item;
      transpose(x + offset, n, buffer[0], rows, count, rows);
      if (b != nullptr) transpose(b + offset, n, buffer[1], rows, count, rows);
      const auto start = reverse ? count - 1 : 0;
      const auto skip = start * rows * item;
      kernel({buffer[0] + skip, b == nullptr ? nullptr : buffer[1] + skip, buffer[0] + skip, indices + start * rows,
              count, reverse ? -rows : rows, rows, begin + start, reverse ? -1 : 1, p == 0, &state});
      transpose(buffer[0], rows, y + offset, n, rows, count);
      if (index != nullptr) transposes().of_8_bytes(indices, rows, index + first * n + begin, n, rows, count);
    }
  }

  void run() const {
    const auto grain = [this](std::int64_t columns) {
      return std::max<std::int64_t>(1, scan_min_parallel / std::max<std::int64_t>(1, n * columns));
    };
    if (inner == 1 && outer >= side / 4) {
      const auto groups = (outer + side - 1) / side;
      newtape::detail::parallel_for(groups, grain(side), [&](std::int64_t begin, std::int64_t end) {
        for (auto g = begin; g < end; ++g) run_transposed(g * side, std::min(side, outer - g * side));
      });
      return;
    }
    const auto tiles = (inner + kernels::scan_columns - 1) / kernels::scan_columns;
    const auto width = std::min(inner, kernels::scan_columns);
    newtape::detail::parallel_for(outer * tiles, grain(width), [&](std::int64_t begin, std::int64_t end) {
      for (auto t = begin; t < end; ++t) {
        const auto column = t % tiles * kernels::scan_columns;
        run_columns(t / tiles * n * inner + column, std::min(kernels::scan_columns, inner - column));
      }
    });
  }
};

Job job(const char* op, const ScanKernels& kernels, const Array& x, std::int64_t axis, bool reverse) {
  Job j{};
  const auto a = normalize_axis(op, axis, x.ndim());
  j.kernel = kernel_for(op, kernels, x);
  j.item = static_cast<std::int64_t>(item_size(x.dtype()));
  j.outer = element_count(Shape(x.shape().begin(), x.shape().begin() + a));
  j.inner = element_count(Shape(x.shape().begin() + a + 1, x.shape().end()));
  j.n = x.shape()[a];
  j.reverse = reverse;
  return j;
}

const std::byte* bytes(const Array& x) { return static_cast<const std::byte*>(x.raw()); }

Array scan1(const char* op, const ScanKernels& kernels, Array x, std::int64_t axis, bool reverse) {
  if (x.ndim() == 0) return as_vector(x, [&](const Array& v) { return scan1(op, kernels, v, axis, reverse); });
  Job j = job(op, kernels, x, axis, reverse);
  Array in = contiguous(std::move(x));
  Array out = in.reusable() ? in : Array::empty(in.shape(), in.dtype());
  if (in.size() == 0) return out;
  j.x = bytes(in);
  j.y = static_cast<std::byte*>(out.raw());
  j.run();
  return out;
}

ValuesIndices scan_best(const char* op, const ScanKernels& kernels, const Array& x, std::int64_t axis) {
  if (x.ndim() == 0) return as_vector(x, [&](const Array& v) { return scan_best(op, kernels, v, axis); });
  Job j = job(op, kernels, x, axis, false);
  const Array in = contiguous(x);
  ValuesIndices out{Array::empty(x.shape(), x.dtype()), Array::empty(x.shape(), i64)};
  if (in.size() == 0) return out;
  j.x = bytes(in);
  j.y = static_cast<std::byte*>(out.values.raw());
  j.index = out.indices.data<std::int64_t>();
  j.run();
  return out;
}

}  // namespace

Array cumsum(Array x, std::int64_t axis, bool reverse) {
  if (recorder() != nullptr)
    return record_call(
        "cumsum", [=](const Array& a) { return cumsum(a, axis, reverse); }, x);
  if (x.dtype() == boolean) x = cast(std::move(x), i64);
  return scan1("cumsum", scan_table().cumsum, std::move(x), axis, reverse);
}
Array cumprod(const Array& x, std::int64_t axis) {
  if (recorder() != nullptr)
    return record_call(
        "cumprod", [=](const Array& a) { return cumprod(a, axis); }, x);
  return scan1("cumprod", scan_table().cumprod, x, axis, false);
}
Array logcumsumexp(const Array& x, std::int64_t axis) {
  if (recorder() != nullptr)
    return record_call(
        "logcumsumexp", [=](const Array& a) { return logcumsumexp(a, axis); }, x);
  return scan1("logcumsumexp", scan_table().logcumsumexp, x, axis, false);
}
ValuesIndices cummax(const Array& x, std::int64_t axis) {
  if (recorder() != nullptr) {
    return record_arrays<ValuesIndices>(
        "cummax", [=](const Array& a) { return cummax(a, axis); }, x);
  }
  return scan_best("cummax", scan_table().cummax, x, axis);
}
ValuesIndices cummin(const Array& x, std::int64_t axis) {
  if (recorder() != nullptr) {
    return record_arrays<ValuesIndices>(
        "cummin", [=](const Array& a) { return cummin(a, axis); }, x);
  }
  return scan_best("cummin", scan_table().cummin, x, axis);
}

Array linear_recurrence(const Array& a, const Array& b, std::int64_t axis, bool reverse) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& x, const Array& y) { return linear_recurrence(x, y, axis, reverse); };
    return record_call("linear_recurrence", again, a, b);
  }
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) {
    raise<ShapeError>("linear_recurrence: the operands must match", "a and b of equal shape and dtype",
                      "a " + describe(a) + ", b " + describe(b));
  }
  Job j = job("linear_recurrence", scan_table().linear_recurrence, a, axis, reverse);
  const Array factors = contiguous(a);
  const Array terms = contiguous(b);
  Array out = Array::empty(a.shape(), a.dtype());
  if (out.size() == 0) return out;
  j.x = bytes(factors);
  j.b = bytes(terms);
  j.y = static_cast<std::byte*>(out.raw());
  j.run();
  return out;
}

}  // namespace newtape::core
