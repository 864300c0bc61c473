// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cstring>

namespace newtape::core {

namespace {

/// A triangular matrix for row-major BLAS: in transposed memory, the other triangle, transposed.
struct StoredTriangle {
  blas::Operand a;
  CBLAS_UPLO uplo;
  CBLAS_TRANSPOSE trans;

  StoredTriangle(const Array& x, bool upper, bool transposed)
      : a(x),
        uplo((a.transposed == CblasTrans) != upper ? CblasUpper : CblasLower),
        trans((a.transposed == CblasTrans) != transposed ? CblasTrans : CblasNoTrans) {}
};

template <class T>
void substitute(const StoredTriangle& s, const T* a, bool left, bool unit, T* x, int n, int k) {
  const auto diag = unit ? CblasUnit : CblasNonUnit;
  if (left && k == 1) {
    blas::trsv(s.uplo, s.trans, diag, n, a, s.a.leading, x);
  } else if (!left && k == 1) {
    blas::trsv(s.uplo, s.trans == CblasTrans ? CblasNoTrans : CblasTrans, diag, n, a, s.a.leading, x);
  } else if (left) {
    blas::trsm(CblasLeft, s.uplo, s.trans, diag, n, k, a, s.a.leading, x, k);
  } else {
    blas::trsm(CblasRight, s.uplo, s.trans, diag, k, n, a, s.a.leading, x, n);
  }
}

void expect_system(const char* op, const Array& a, const Array& b, bool left) {
  blas::expect_matrices(op, a, true);
  const std::string what(op);
  const auto n = a.shape().back();
  if (b.ndim() < 2 || b.shape()[b.ndim() - (left ? 2 : 1)] != n) {
    raise<ShapeError>(what + (left ? ": b must have as many rows as a" : ": b must have as many columns as a"),
                      left ? "a [.., n, n], b [.., n, k]" : "a [.., n, n], b [.., k, n]",
                      "a " + to_string(a.shape()) + ", b " + to_string(b.shape()));
  }
  if (a.dtype() != b.dtype()) {
    raise<DTypeError>(what + ": the operands must have the same floating dtype", "f32 or f64",
                      std::string(name(a.dtype())) + " and " + std::string(name(b.dtype())));
  }
}

void expect_diagonal(const char* op, const Array& a) {
  const auto n = a.shape().back();
  const auto step = a.strides()[a.ndim() - 1] + a.strides()[a.ndim() - 2];
  const Shape stack = blas::stack_of(a.shape());
  blas::with_float(a.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; member < element_count(stack); ++member) {
      const T* data = a.data<T>() + blas::batch_offset(member, stack, a);
      for (std::int64_t i = 0; i < n; ++i) {
        if (data[i * step] != 0) continue;
        raise<NumericalError>(std::string(op) + ": a is singular", "nonzero diagonal elements",
                              "0 in row " + std::to_string(i + 1) + blas::member_name(stack, member));
      }
    }
  });
}

/// A copy of b, broadcast to the common stack.
Array broadcast_copy(const char* op, const Array& a, const Array& b, Shape& batch) {
  batch = broadcast_shapes(op, blas::stack_of(a.shape()), blas::stack_of(b.shape()));
  Shape shape = batch;
  shape.push_back(b.shape()[b.ndim() - 2]);
  shape.push_back(b.shape().back());
  return copy(expand(b, shape));
}

}  // namespace

Array solve_triangular(const Array& a, const Array& b, const Triangle& which, const char* op) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& x, const Array& y) { return solve_triangular(x, y, which, op); };
    return record_call("solve_triangular", again, a, b);
  }
  expect_system(op, a, b, which.left);
  if (!which.unit) expect_diagonal(op, a);
  Shape batch;
  Array x = broadcast_copy(op, a, b, batch);
  if (x.size() == 0) return x;
  const blas::Session session;
  const StoredTriangle s(a, which.upper, which.transposed);
  const int n = static_cast<int>(a.shape().back());
  const int k = static_cast<int>(b.shape()[b.ndim() - (which.left ? 1 : 2)]);
  blas::with_float(x.dtype(), [&]<class T>() {
    const T* pa = s.a.array.template data<T>();
    T* px = x.data<T>();
    blas::each_member(element_count(batch), double(n) * n * k, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        substitute<T>(s, pa + blas::batch_offset(i, batch, s.a.array), which.left, which.unit, px + i * n * k, n, k);
      }
    });
  });
  return x;
}

Array cholesky(const Array& a, const char* op) {
  if (recorder() != nullptr)
    return record_call(
        "cholesky", [=](const Array& x) { return cholesky(x, op); }, a);
  blas::expect_matrices(op, a, true);
  blas::expect_finite(op, a);
  Array l = copy(a);
  if (l.size() == 0) return l;
  const blas::Session session;
  const int n = static_cast<int>(a.shape().back());
  const Shape stack = blas::stack_of(a.shape());
  const auto count = element_count(stack);
  blas::Failures failed(count);
  blas::with_float(a.dtype(), [&]<class T>() {
    T* data = l.data<T>();
    blas::each_member(count, double(n) * n * n / 3, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        T* m = data + i * n * n;
        failed[i] = blas::potrf('U', n, m, n);  // column-major upper is row-major lower
        for (int row = 0; row < n; ++row) std::fill(m + row * n + row + 1, m + (row + 1) * n, T(0));
      }
    });
  });
  failed.raise_first(op, stack, "a is not positive definite", "positive leading minors", "the minor of order ",
                     " is not positive");
  return l;
}

Array cholesky_solve(const Array& l, const Array& b, const char* op) {
  if (recorder() != nullptr) {
    return record_call(
        "cholesky_solve", [=](const Array& x, const Array& y) { return cholesky_solve(x, y, op); }, l, b);
  }
  expect_system(op, l, b, true);
  expect_diagonal(op, l);
  Shape batch;
  Array x = broadcast_copy(op, l, b, batch);
  if (x.size() == 0) return x;
  const blas::Session session;
  const StoredTriangle s(l, false, false);
  const StoredTriangle t(l, false, true);
  const int n = static_cast<int>(l.shape().back());
  const int k = static_cast<int>(b.shape().back());
  blas::with_float(x.dtype(), [&]<class T>() {
    T* px = x.data<T>();
    blas::each_member(element_count(batch), 2.0 * n * n * k, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        const T* pl = s.a.array.template data<T>() + blas::batch_offset(i, batch, s.a.array);
        const T* pt = t.a.array.template data<T>() + blas::batch_offset(i, batch, t.a.array);
        substitute<T>(s, pl, true, false, px + i * n * k, n, k);
        substitute<T>(t, pt, true, false, px + i * n * k, n, k);
      }
    });
  });
  return x;
}

Array cholesky_grad(const Array& l, const Array& g) {
  if (recorder() != nullptr)
    return record_call(
        "cholesky_grad", [](const Array& x, const Array& y) { return cholesky_grad(x, y); }, l, g);
  Array x = copy(g);
  if (x.size() == 0) return x;
  const blas::Session session;
  const int n = static_cast<int>(l.shape().back());
  const Shape batch = blas::stack_of(g.shape());
  const StoredTriangle s(l, false, false);
  const auto transposed = s.trans == CblasTrans ? CblasNoTrans : CblasTrans;
  blas::with_float(x.dtype(), [&]<class T>() {
    T* px = x.data<T>();
    blas::each_member(element_count(batch), 3.0 * n * n * n, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        const T* pl = s.a.array.template data<T>() + blas::batch_offset(i, batch, s.a.array);
        T* m = px + i * n * n;
        const int lda = s.a.leading;
        for (int row = 0; row < n; ++row) std::fill(m + row * n + row + 1, m + (row + 1) * n, T(0));
        // a' = L^-T (Phi + Phi^T) L^-1 / 2, where Phi is the lower triangle of L^T L' with halved diagonal.
        blas::trmm(CblasLeft, s.uplo, transposed, CblasNonUnit, n, n, T(0.5), pl, lda, m, n);
        for (int row = 0; row < n; ++row) {
          for (int column = row + 1; column < n; ++column) m[row * n + column] = m[column * n + row];
        }
        blas::trsm(CblasLeft, s.uplo, transposed, CblasNonUnit, n, n, pl, lda, m, n);
        blas::trsm(CblasRight, s.uplo, s.trans, CblasNonUnit, n, n, pl, lda, m, n);
      }
    });
  });
  return x;
}

}  // namespace newtape::core
