// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/flop_counter.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cstring>
#include <string>

namespace newtape::core {

using blas::batch_offset;
using blas::gemm;
using blas::Operand;

namespace {

/// c [n, m] = a b + beta c, split over the rows or columns of c when it is large.
template <class T>
void product(const Operand& a, const T* pa, const Operand& b, const T* pb, T beta, T* c, std::int64_t n, std::int64_t m,
             std::int64_t k) {
  const int ldc = static_cast<int>(std::max<std::int64_t>(m, 1));
  const auto part = [&](std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
    const T* first = pa + row * (a.transposed == CblasNoTrans ? a.leading : 1);
    const T* second = pb + column * (b.transposed == CblasNoTrans ? 1 : b.leading);
    gemm<T>(a.transposed, b.transposed, static_cast<int>(rows), static_cast<int>(columns), static_cast<int>(k), first,
            a.leading, second, b.leading, beta, c + row * ldc + column, ldc);
  };
  // Below some millions of multiplications a second thread costs more than it brings.
  const int threads = n * m * k < (1 << 20) ? 1 : num_threads();
  if (threads == 1) {
    part(0, n, 0, m);
    return;
  }
  const bool by_rows = n >= m;
  const std::int64_t length = by_rows ? n : m;
  const std::int64_t each = ((length + threads - 1) / threads + 7) / 8 * 8;
  const std::int64_t parts = (length + each - 1) / each;
  newtape::detail::parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const auto at = p * each;
      const auto count = std::min(each, length - at);
      by_rows ? part(at, count, 0, m) : part(0, n, at, count);
    }
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
        for (std::int64_t j = 0; j < m; ++j) pc[i * m + j] += pa[i * k + l] * pb[l * m + j];
      }
    }
  }
}

template <class T>
void multiply(const Array& a, const Array& b, Array& c, const Shape& batch) {
  const std::size_t dims = c.ndim();
  const auto n = c.shape()[dims - 2];
  const auto m = c.shape()[dims - 1];
  const auto k = a.shape()[a.ndim() - 1];
  if (c.size() == 0) return;
  T* out = c.data<T>();
  if (k == 0) {
    std::memset(out, 0, static_cast<std::size_t>(c.size()) * sizeof(T));
    return;
  }
  blas::prepare();
  const Operand left(a);
  const Operand right(b);
  const T* pa = left.array.template data<T>();
  const T* pb = right.array.template data<T>();
  const auto count = element_count(batch);
  if (count == 1) {
    product<T>(left, pa, right, pb, T(0), out, n, m, k);
    return;
  }
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 19) / std::max<std::int64_t>(1, n * m * k));
  newtape::detail::parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      gemm<T>(left.transposed, right.transposed, static_cast<int>(n), static_cast<int>(m), static_cast<int>(k),
              pa + batch_offset(i, batch, left.array), left.leading, pb + batch_offset(i, batch, right.array),
              right.leading, T(0), out + i * n * m, static_cast<int>(m));
    }
  });
}

}  // namespace

Array matmul(const Array& a, const Array& b) {
  const auto shapes = [&] { return "a " + to_string(a.shape()) + ", b " + to_string(b.shape()); };
  if (a.ndim() < 2 || b.ndim() < 2 || a.shape().back() != b.shape()[b.ndim() - 2]) {
    raise<ShapeError>("matmul: the inner lengths must agree", "a [.., n, k], b [.., k, m]", shapes());
  }
  if (a.dtype() != b.dtype() || a.dtype() == boolean) {
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

  // Rows of `a` (columns of `b`) that are all the same, as in the gradient of a sum, give rows (columns) that are all
  // the same: one is computed, and stretched.
  if (shape[shape.size() - 2] > 1 && a.strides()[a.ndim() - 2] == 0)
    return expand(matmul(slice(a, -2, 0, 1), b), shape);
  if (shape.back() > 1 && b.strides().back() == 0) return expand(matmul(a, slice(b, -1, 0, 1)), shape);

  // A stack of matrices times one matrix is one taller matrix times it.
  if (b.ndim() == 2 && a.ndim() > 2 && a.is_contiguous() && a.size() > 0) {
    return reshape(matmul(reshape(a, {-1, a.shape().back()}), b), shape);
  }
  Array c = Array::empty(shape, a.dtype());
  newtape::detail::multiply_adds += c.size() * a.shape().back();
  if (a.dtype() == f32) {
    multiply<float>(a, b, c, batch);
  } else if (a.dtype() == f64) {
    multiply<double>(a, b, c, batch);
  } else {
    multiply_integers(a, b, c, batch);
  }
  return c;
}

void add_matmul(Array& c, const Array& a, const Array& b) {
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
  blas::prepare();
  const Operand left(a);
  const Operand right(b);
  const auto run = [&]<class T>() {
    product<T>(left, left.array.data<T>(), right, right.array.data<T>(), T(1), c.data<T>(), c.shape()[0], c.shape()[1],
               k);
  };
  c.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
}

Array linear(const Array& x, const Array& w, const Array& b) {
  if (x.ndim() != 2 || w.ndim() != 2 || b.ndim() != 1 || x.shape()[1] != w.shape()[1] || b.shape()[0] != w.shape()[0]) {
    raise<ShapeError>("linear: the lengths must agree", "x [n, k], w [m, k], b [m]",
                      "x " + to_string(x.shape()) + ", w " + to_string(w.shape()) + ", b " + to_string(b.shape()));
  }
  if (!is_floating(x.dtype()) || w.dtype() != x.dtype() || b.dtype() != x.dtype()) {
    raise<DTypeError>(
        "linear: the operands must have one float dtype", "f32 or f64, three times",
        std::string(name(x.dtype())) + ", " + std::string(name(w.dtype())) + " and " + std::string(name(b.dtype())));
  }
  const auto n = x.shape()[0];
  const auto k = x.shape()[1];
  const auto m = w.shape()[0];
  Array y = Array::empty({n, m}, x.dtype());
  if (y.size() == 0) return y;
  assign(y, b);
  if (k == 0) return y;
  newtape::detail::multiply_adds += y.size() * k;
  blas::prepare();
  const Operand left(x);
  const Operand right(transpose(w, 0, 1));
  const auto run = [&]<class T>() {
    product<T>(left, left.array.data<T>(), right, right.array.data<T>(), T(1), y.data<T>(), n, m, k);
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return y;
}

}  // namespace newtape::core
