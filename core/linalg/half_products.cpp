// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/convert.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/gemm.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/half_products.hpp>
#include <newtape/core/linalg/product_choice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/flop_counter.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstring>

namespace newtape::core {
namespace {

/// Bytes of widened columns: they stay in the L2 cache beside the rows of x that meet them.
constexpr std::int64_t panel_bytes = 1 << 18;
/// The least number of columns, of which a product by vectors makes good use.
constexpr std::int64_t least_columns = 32;

struct HalfProduct {
  std::int64_t n, m, k;
  blas::Operand x;
  std::int64_t x_row, x_column;
  Array w;
  const float* bias;  ///< or null
  float* c;
  kernels::Kernel widen;
  std::int64_t columns;  ///< of a panel

  /// Panel p: columns [first, first + count) of c, with `scratch` for those of w.
  void panel(std::int64_t p, float* scratch) const {
    const std::int64_t first = p * columns;
    const std::int64_t count = std::min(columns, m - first);
    const bool by_column = w.strides()[0] == 1;  // a transposed weight: its rows are contiguous
    const auto* from = static_cast<const std::uint16_t*>(w.raw());
    const std::int64_t lines = by_column ? count : k;
    const std::int64_t length = by_column ? k : count;
    const std::int64_t step = w.strides()[by_column ? 1 : 0];
    from += by_column ? first * step : first;
    for (std::int64_t i = 0; i < lines; ++i) {
      const void* in = from + i * step;
      widen(&in, scratch + i * length, length, 0);
    }
    multiply(first, count, scratch, by_column);
  }

  void multiply(std::int64_t first, std::int64_t count, const float* b, bool by_column) const {
    const auto* a = x.array.data<float>();
    float* const part = c + first;
    if (by_own_kernels(n, count, k, f32)) {
      kernels::Gemm<float> job{n,
                               count,
                               k,
                               a,
                               x_row,
                               x_column,
                               b,
                               by_column ? 1 : count,
                               by_column ? k : 1,
                               part,
                               m,
                               bias == nullptr ? nullptr : bias + first,
                               0,
                               nullptr,
                               1,
                               0,
                               0,
                               0};
      const auto& table = kernels::select<kernels::GemmTables, float>();
      const blas::Scratch<float> scratch(table.scratch(job));
      job.scratch = scratch;
      return table.multiply(job);
    }
    for (std::int64_t i = 0; bias != nullptr && i < n; ++i) std::copy_n(bias + first, count, part + i * m);
    blas::gemm<float>(x.transposed, by_column ? CblasTrans : CblasNoTrans, static_cast<int>(n), static_cast<int>(count),
                      static_cast<int>(k), a, x.leading, b, static_cast<int>(by_column ? k : count),
                      bias == nullptr ? 0.0F : 1.0F, part, static_cast<int>(m));
  }
};

}  // namespace

Array half_product(const Array& x, const Array& w, const Array& b) {
  if (recorder() != nullptr) {
    const auto again = [](const Array& a, const Array& v, const Array& c) { return half_product(a, v, c); };
    return record_call("half_product", again, x, w, b);
  }
  const auto n = x.shape()[0];
  const auto k = x.shape()[1];
  const auto m = w.shape()[1];
  Array y = Array::empty({n, m}, f32);
  if (y.size() == 0) return y;
  const Array bias = b.defined() ? contiguous(b) : b;
  if (k == 0) {
    assign(y, b.defined() ? bias : zeros({}, f32));
    return y;
  }
  newtape::detail::multiply_adds += y.size() * k;
  const blas::Session session;
  const bool lines = (w.strides()[0] == 1 && w.strides()[1] >= k) || (w.strides()[1] == 1 && w.strides()[0] >= m);
  HalfProduct job{n, m, k, blas::Operand(x), 0, 0, lines ? w : contiguous(w), nullptr, y.data<float>(), nullptr, 0};
  job.x_row = job.x.array.strides()[0];
  job.x_column = job.x.array.strides()[1];
  if (bias.defined()) job.bias = bias.data<float>();
  job.widen = kernels::conversion(w.dtype(), f32).kernels[0];
  job.columns =
      std::clamp(panel_bytes / 4 / k / least_columns * least_columns, least_columns, std::max(m, least_columns));
  const std::int64_t panels = (m + job.columns - 1) / job.columns;
  const std::int64_t grain = n * m * k < (1 << 20) ? panels : 1;
  newtape::detail::parallel_for(panels, grain, [&](std::int64_t begin, std::int64_t end) {
    const blas::Scratch<float> scratch(job.columns * k);
    for (std::int64_t p = begin; p < end; ++p) job.panel(p, scratch);
  });
  return y;
}

}  // namespace newtape::core
