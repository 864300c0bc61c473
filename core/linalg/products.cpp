// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/integers.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/gemm.hpp>
#include <newtape/core/linalg/bf16_products.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/half_products.hpp>
#include <newtape/core/linalg/product_choice.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/flop_counter.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

namespace newtape::core {

using blas::batch_offset;
using blas::Operand;

namespace {

template <class T>
const kernels::GemmTable<T>& gemm_kernels() {
  return kernels::select<kernels::GemmTables, T>();
}

template <class T>
void run(kernels::Gemm<T> job) {
  const auto& table = gemm_kernels<T>();
  const std::int64_t size = table.scratch(job);
  if (size == 0) return table.multiply(job);
  const blas::Scratch<T> scratch(size);
  job.scratch = scratch;
  table.multiply(job);
}

/// Calls part(row, rows, column, columns) for a partition of c, in several threads if the product is large.
template <class F>
void share_out(std::int64_t n, std::int64_t m, std::int64_t k, bool by_rows, std::int64_t step, const F& part) {
  // Smaller products are slower with a second thread.
  const int threads = n * m * k < (1 << 20) ? 1 : num_threads();
  if (threads == 1) return part(std::int64_t{0}, n, std::int64_t{0}, m);
  const std::int64_t length = by_rows ? n : m;
  const std::int64_t each = ((length + threads - 1) / threads + step - 1) / step * step;
  const std::int64_t parts = (length + each - 1) / each;
  newtape::detail::parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const auto at = p * each;
      const auto count = std::min(each, length - at);
      by_rows ? part(at, count, std::int64_t{0}, m) : part(std::int64_t{0}, n, at, count);
    }
  });
}

template <class T>
void product_by_blas(const Array& x, const Array& y, T beta, T* c, std::int64_t n, std::int64_t m, std::int64_t k) {
  const blas::Session session;
  const Operand a(x);
  const Operand b(y);
  const T* pa = a.array.template data<T>();
  const T* pb = b.array.template data<T>();
  const int ldc = static_cast<int>(m);
  share_out(n, m, k, n >= m, 8, [&](std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
    const T* first = pa + row * (a.transposed == CblasNoTrans ? a.leading : 1);
    const T* second = pb + column * (b.transposed == CblasNoTrans ? 1 : b.leading);
    blas::gemm<T>(a.transposed, b.transposed, static_cast<int>(rows), static_cast<int>(columns), static_cast<int>(k),
                  first, a.leading, second, b.leading, beta, c + row * ldc + column, ldc);
  });
}

/// c [n, m] = init + a b for two matrices; `init` is null, c, or one row (`init_row` 0) for all.
template <class T>
void product(const Array& a, const Array& b, T* c, const T* init, std::int64_t init_row) {
  const std::int64_t n = a.shape()[0];
  const std::int64_t k = a.shape()[1];
  const std::int64_t m = b.shape()[1];
  if constexpr (std::is_same_v<T, float>) {
    if (bf16_products() && multiply_in_bf16(a, b, c, init, init_row)) return;
  }
  if (!by_own_kernels(n, m, k, dtype_of<T>, b.strides()[1] != 1)) {
    if (init != nullptr && init != c) {
      for (std::int64_t i = 0; i < n; ++i) std::copy(init, init + m, c + i * m);
    }
    return product_by_blas<T>(a, b, init == nullptr ? T(0) : T(1), c, n, m, k);
  }
  const std::int64_t a_row = a.strides()[0];
  const std::int64_t b_column = b.strides()[1];
  const auto& table = gemm_kernels<T>();
  // Each thread packs b for its own columns, while rows of a need no packing.
  const bool by_rows = m < num_threads() * 2 * table.columns && m < n;
  const std::int64_t step = by_rows ? table.rows : table.columns;
  share_out(
      n, m, k, by_rows, step, [&](std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
        T* const part = c + row * m + column;
        const T* const first = init == nullptr ? nullptr : init + row * init_row + column;
        run<T>({rows, columns, k, a.data<T>() + row * a_row, a_row, a.strides()[1], b.data<T>() + column * b_column,
                b.strides()[0], b_column, part, m, first, init_row, nullptr, 1, 0, 0, 0});
      });
}

void multiply_integers(const Array& a, const Array& b, Array& c, const Shape& batch) {
  const auto n = c.shape()[c.ndim() - 2];
  const auto m = c.shape()[c.ndim() - 1];
  const auto k = a.shape().back();
  const Array left = contiguous(a);
  const Array right = contiguous(b);
  auto* out = c.data<std::int64_t>();
  std::fill(out, out + c.size(), 0);
  for (std::int64_t member = 0; member * n * m < c.size(); ++member) {
    const auto* pa = left.data<std::int64_t>() + batch_offset(member, batch, left);
    const auto* pb = right.data<std::int64_t>() + batch_offset(member, batch, right);
    auto* pc = out + member * n * m;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < k; ++l) {
        for (std::int64_t j = 0; j < m; ++j) {
          auto& sum = pc[i * m + j];
          sum = newtape::detail::wrapping_add(sum, newtape::detail::wrapping_mul(pa[i * k + l], pb[l * m + j]));
        }
      }
    }
  }
}

/// The step of an operand along the last of the leading axes, 0 where it broadcasts.
std::int64_t member_step(const Array& x) { return x.ndim() > 2 && x.shape(-3) != 1 ? x.strides()[x.ndim() - 3] : 0; }

template <class T>
void multiply_stack(const Array& a, const Array& b, Array& c, const Shape& batch) {
  const auto n = c.shape(-2);
  const auto m = c.shape(-1);
  const auto k = a.shape(-1);
  T* const out = c.data<T>();
  const std::int64_t row = batch.back();
  const auto steps = [](const Array& x, std::size_t from_last) { return x.strides()[x.ndim() - from_last]; };
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 19) / std::max<std::int64_t>(1, n * m * k));
  newtape::detail::parallel_for(element_count(batch), grain, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t members = std::min(end, (begin / row + 1) * row) - begin;
      run<T>({n, m, k, a.data<T>() + batch_offset(begin, batch, a), steps(a, 2), steps(a, 1),
              b.data<T>() + batch_offset(begin, batch, b), steps(b, 2), steps(b, 1), out + begin * n * m, m, nullptr, 0,
              nullptr, members, member_step(a), member_step(b), n * m});
      begin += members;
    }
  });
}

template <class T>
void multiply_stack_by_blas(const Array& a, const Array& b, Array& c, const Shape& batch) {
  const auto n = c.shape(-2);
  const auto m = c.shape(-1);
  const auto k = a.shape(-1);
  T* const out = c.data<T>();
  const blas::Session session;
  const Operand left(a);
  const Operand right(b);
  const T* pa = left.array.template data<T>();
  const T* pb = right.array.template data<T>();
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 19) / std::max<std::int64_t>(1, n * m * k));
  newtape::detail::parallel_for(element_count(batch), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      blas::gemm<T>(left.transposed, right.transposed, static_cast<int>(n), static_cast<int>(m), static_cast<int>(k),
                    pa + batch_offset(i, batch, left.array), left.leading, pb + batch_offset(i, batch, right.array),
                    right.leading, T(0), out + i * n * m, static_cast<int>(m));
    }
  });
}

/// The last two axes, where there is only one matrix.
Array matrix_of(const Array& x) {
  Array y = x;
  while (y.ndim() > 2) y = squeeze(y, 0);
  return y;
}

template <class T>
void multiply(const Array& a, const Array& b, Array& c, const Shape& batch) {
  if (c.size() == 0) return;
  T* const out = c.data<T>();
  if (a.shape(-1) == 0) {
    std::memset(out, 0, static_cast<std::size_t>(c.size()) * sizeof(T));
  } else if (element_count(batch) == 1) {
    product<T>(matrix_of(a), matrix_of(b), out, nullptr, 0);
  } else if (by_own_kernels(c.shape(-2), c.shape(-1), a.shape(-1), dtype_of<T>, b.strides().back() != 1)) {
    multiply_stack<T>(a, b, c, batch);
  } else {
    multiply_stack_by_blas<T>(a, b, c, batch);
  }
}

inline void multiply_into(const Array& a, const Array& b, Array& c, const Shape& batch) {
  newtape::detail::multiply_adds += c.size() * a.shape().back();
  if (a.dtype() == f32) {
    multiply<float>(a, b, c, batch);
  } else if (a.dtype() == f64) {
    multiply<double>(a, b, c, batch);
  } else {
    multiply_integers(a, b, c, batch);
  }
}

/// x wt + b, not empty, with b contiguous.
void linear_into(const Array& x, const Array& wt, const Array& b, Array& y) {
  newtape::detail::multiply_adds += y.size() * x.shape()[1];
  blas::with_float(x.dtype(), [&]<class T>() { product<T>(x, wt, y.data<T>(), b.data<T>(), 0); });
}

// Apart from the functions, so that these need no larger frame. The name tells the precision: calls of one name on the same
// operands are equal.
[[gnu::cold, gnu::noinline]] Array record_matmul(const Array& a, const Array& b, const Shape& batch) {
  const auto write = [batch, half = bf16_products()](Array& out, const Array& x, const Array& y) {
    const Bf16Products scope(half);
    multiply_into(x, y, out, batch);
  };
  return record_computed(
      bf16_products() ? "matmul_bf16" : "matmul", [&] { return matmul(a, b); }, write, a, b);
}
[[gnu::cold, gnu::noinline]] Array record_linear(const Array& x, const Array& w, const Array& b) {
  const auto write = [half = bf16_products()](Array& out, const Array& a, const Array& v, const Array& c) {
    const Bf16Products scope(half);
    linear_into(a, v, c, out);
  };
  return record_computed(
      bf16_products() ? "linear_bf16" : "linear", [&] { return linear(x, w, b); }, write, x, transpose(w, 0, 1),
      contiguous(b));
}

}  // namespace

Array matmul(const Array& a, const Array& b) {
  const auto shapes = [&] { return "a " + to_string(a.shape()) + ", b " + to_string(b.shape()); };
  if (a.ndim() < 2 || b.ndim() < 2 || a.shape().back() != b.shape()[b.ndim() - 2]) {
    raise<ShapeError>("matmul: the inner lengths must agree", "a [.., n, k], b [.., k, m]", shapes());
  }
  const bool half_weight = is_half(b.dtype()) && a.dtype() == f32 && b.ndim() == 2;
  const bool half_first = is_half(a.dtype()) && b.dtype() == f32 && a.ndim() == 2 && b.ndim() == 2;
  if (!half_weight && !half_first) {
    expect_computed("matmul", a);
    expect_computed("matmul", b);
  }
  if (!half_weight && !half_first && (a.dtype() != b.dtype() || a.dtype() == boolean)) {
    raise<DTypeError>("matmul: the operands must have one dtype", "f32, f64 or i64, twice",
                      std::string(name(a.dtype())) + " and " + std::string(name(b.dtype())));
  }
  for (const auto* x : {&a, &b}) {
    for (const auto d : x->shape()) {
      if (d > INT32_MAX) raise<ShapeError>("matmul: an axis is too long for BLAS", "at most 2^31 - 1", shapes());
    }
  }
  const Shape batch = broadcast_shapes("matmul", Shape(a.shape().begin(), a.shape().end() - 2),
                                       Shape(b.shape().begin(), b.shape().end() - 2));
  Shape shape = batch;
  shape.push_back(a.shape()[a.ndim() - 2]);
  shape.push_back(b.shape().back());

  if (half_first) return transpose(matmul(transpose(b, 0, 1), transpose(a, 0, 1)), 0, 1);
  if (half_weight) {
    const std::int64_t k = a.shape().back();
    const std::int64_t rows = element_count(Shape(a.shape().begin(), a.shape().end() - 1));
    return reshape(half_product(reshape(a, {rows, k}), b, {}), shape);
  }

  // Equal rows of `a` (columns of `b`), as in the gradient of a sum, give equal rows (columns): one is computed, and
  // broadcast.
  if (shape[shape.size() - 2] > 1 && a.strides()[a.ndim() - 2] == 0)
    return expand(matmul(slice(a, -2, 0, 1), b), shape);
  if (shape.back() > 1 && b.strides().back() == 0) return expand(matmul(a, slice(b, -1, 0, 1)), shape);

  // A stack of matrices times one matrix is one taller matrix times it.
  if (b.ndim() == 2 && a.ndim() > 2 && a.is_contiguous() && a.size() > 0) {
    return reshape(matmul(reshape(a, {-1, a.shape().back()}), b), shape);
  }
  if (recorder() != nullptr) return record_matmul(a, b, batch);
  Array c = Array::empty(shape, a.dtype());
  multiply_into(a, b, c, batch);
  return c;
}

void add_matmul(Array& c, const Array& a, const Array& b) {
  if (recorder() != nullptr) {
    return record_update(
        "add_matmul", [](Array& z, const Array& x, const Array& y) { add_matmul(z, x, y); }, c, a, b);
  }
  if (a.ndim() != 2 || b.ndim() != 2 || a.shape()[1] != b.shape()[0] ||
      c.shape() != Shape{a.shape()[0], b.shape()[1]} || !c.is_contiguous()) {
    raise<ShapeError>("add_matmul: the lengths must agree", "a [n, k], b [k, m], c [n, m], contiguous",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()) + ", c " + to_string(c.shape()));
  }
  if (!is_floating(c.dtype()) || a.dtype() != c.dtype() || b.dtype() != c.dtype()) {
    raise<DTypeError>(
        "add_matmul: the operands must have one float dtype", "f32 or f64, three times",
        std::string(name(a.dtype())) + ", " + std::string(name(b.dtype())) + " and " + std::string(name(c.dtype())));
  }
  const auto k = a.shape()[1];
  if (c.size() == 0 || k == 0) return;
  newtape::detail::multiply_adds += c.size() * k;
  blas::with_float(c.dtype(), [&]<class T>() { product<T>(a, b, c.data<T>(), c.data<T>(), c.shape()[1]); });
}

Array linear(const Array& x, const Array& w, const Array& b) {
  if (x.ndim() != 2 || w.ndim() != 2 || b.ndim() != 1 || x.shape()[1] != w.shape()[1] || b.shape()[0] != w.shape()[0]) {
    raise<ShapeError>("linear: the lengths must agree", "x [n, k], w [m, k], b [m]",
                      "x " + to_string(x.shape()) + ", w " + to_string(w.shape()) + ", b " + to_string(b.shape()));
  }
  const bool half_weight = is_half(w.dtype()) && x.dtype() == f32;
  if (!is_floating(x.dtype()) || (w.dtype() != x.dtype() && !half_weight) || b.dtype() != x.dtype()) {
    raise<DTypeError>(
        "linear: the operands must have one float dtype", "f32 or f64, three times",
        std::string(name(x.dtype())) + ", " + std::string(name(w.dtype())) + " and " + std::string(name(b.dtype())));
  }
  if (half_weight) return half_product(x, transpose(w, 0, 1), b);
  const auto n = x.shape()[0];
  const auto k = x.shape()[1];
  const auto m = w.shape()[0];
  if (recorder() != nullptr && n * m * k != 0) return record_linear(x, w, b);
  Array y = Array::empty({n, m}, x.dtype());
  if (y.size() == 0) return y;
  if (k == 0) {
    assign(y, b);
    return y;
  }
  linear_into(x, transpose(w, 0, 1), contiguous(b), y);
  return y;
}

}  // namespace newtape::core
