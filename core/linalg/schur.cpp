// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/schur.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>

namespace newtape::core {

namespace {

/// The matrices as LAPACK reads them, by columns, in memory of their own if `write`.
Array by_columns(const Array& x, bool write) {
  const Array turned = transpose(x, -2, -1);
  return write ? copy(turned) : contiguous(turned);
}

Shape leading_axes(const Array& x) { return Shape(x.shape().begin(), x.shape().end() - 2); }

}  // namespace

Schur schur(const Array& a, const char* op) {
  blas::expect_matrices(op, a, true);
  const auto n = static_cast<int>(a.shape().back());
  blas::expect_countable(op, a, 66.0 * n);
  blas::expect_finite(op, a);
  Array t = by_columns(a, true);
  Array z = Array::empty(t.shape(), a.dtype());
  const Shape stack = blas::stack_of(a.shape());
  const auto count = element_count(stack);
  if (a.size() == 0) return {transpose(t, -2, -1), transpose(z, -2, -1)};
  const blas::Session session;
  blas::Failures failed(count);
  blas::with_float(a.dtype(), [&]<class T>() {
    blas::each_member(count, 25.0 * n * n * n, [&](std::int64_t begin, std::int64_t end) {
      const int lwork = 66 * n;
      const blas::Scratch<T> work(lwork), wr(n), wi(n);
      for (auto i = begin; i < end; ++i) {
        failed[i] = blas::gees(n, t.data<T>() + i * n * n, wr, wi, z.data<T>() + i * n * n, work, lwork);
      }
    });
  });
  failed.raise_first(op, stack, "the eigenvalues do not converge", "convergence", "LAPACK gees returned info = ", "");
  return {transpose(t, -2, -1), transpose(z, -2, -1)};
}

Array solve_sylvester(const Array& t, const Array& s, const Array& q, bool transposed, const char* op) {
  const auto m = static_cast<int>(t.shape().back()), n = static_cast<int>(s.shape().back());
  const Array ts = by_columns(t, false), ss = by_columns(s, false);
  Shape stack = broadcast_shapes(op, broadcast_shapes(op, leading_axes(t), leading_axes(s)), leading_axes(q));
  Shape shape = stack;
  shape.push_back(m);
  shape.push_back(n);
  Array x = by_columns(expand(q, shape), true);
  const auto count = element_count(stack);
  if (x.size() == 0) return transpose(x, -2, -1);
  const blas::Session session;
  blas::Failures failed(count);
  blas::with_float(t.dtype(), [&]<class T>() {
    blas::each_member(count, 1.0 * m * n * (m + n), [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        T* const to = x.data<T>() + i * m * n;
        T scale = 1;
        failed[i] = blas::trsyl(transposed ? "T" : "N", m, n, ts.data<T>() + blas::batch_offset(i, stack, ts),
                                ss.data<T>() + blas::batch_offset(i, stack, ss), to, scale);
        for (int k = 0; scale != 1 && k < m * n; ++k) to[k] /= scale;
      }
    });
  });
  failed.raise_first(op, stack, "the equation is singular", "eigenvalues of a that are not those of -b",
                     "LAPACK trsyl returned info = ", "");
  return transpose(x, -2, -1);
}

namespace {

/// What sytrf left in `a` (n x n by columns) and `pivots`, as l, d (both by columns and zero outside), the order of the rows,
/// and the blocks.
template <class T>
void unpack_ldl(int n, const T* a, const int* pivots, T* l, T* d, std::int64_t* order, bool* inside) {
  const auto at = [n](std::int64_t i, std::int64_t j) { return j * n + i; };
  for (int i = 0; i < n; ++i) order[i] = i;
  for (int k = 0; k < n;) {
    const int size = pivots[k] < 0 ? 2 : 1;
    const int row = k + size - 1, other = (pivots[k] < 0 ? -pivots[k] : pivots[k]) - 1;
    if (other != row) {  // earlier columns are not yet in this order
      std::swap(order[row], order[other]);
      for (int j = 0; j < k; ++j) std::swap(l[at(row, j)], l[at(other, j)]);
    }
    for (int j = k; j < k + size; ++j) {
      l[at(j, j)] = 1;
      for (int i = k + size; i < n; ++i) l[at(i, j)] = a[at(i, j)];
      for (int i = k; i < k + size; ++i) {
        d[at(i, j)] = a[at(std::max(i, j), std::min(i, j))];
        inside[at(i, j)] = true;
      }
    }
    k += size;
  }
}

}  // namespace

LDL ldl(const Array& a, const char* op) {
  blas::expect_matrices(op, a, true);
  const auto n = static_cast<int>(a.shape().back());
  blas::expect_countable(op, a, 64.0 * n);
  blas::expect_finite(op, a);
  Array packed = by_columns(a, true);
  Shape rows = a.shape();
  rows.erase(rows.size() - 1);
  LDL y{zeros(packed.shape(), a.dtype()), zeros(packed.shape(), a.dtype()), zeros(rows, i64),
        zeros(packed.shape(), boolean)};
  const auto count = element_count(blas::stack_of(a.shape()));
  if (a.size() == 0) return y;
  const blas::Session session;
  blas::with_float(a.dtype(), [&]<class T>() {
    blas::each_member(count, 1.0 * n * n * n / 3, [&](std::int64_t begin, std::int64_t end) {
      const int lwork = 64 * n;
      const blas::Scratch<T> work(lwork);
      const blas::Scratch<int> pivots(n);
      for (auto i = begin; i < end; ++i) {
        T* const from = packed.data<T>() + i * n * n;
        blas::sytrf(n, from, pivots, work, lwork);  // info > 0: d is singular, and still right
        unpack_ldl<T>(n, from, pivots, y.l.data<T>() + i * n * n, y.d.data<T>() + i * n * n,
                      y.permutation.data<std::int64_t>() + i * n, y.inside.data<bool>() + i * n * n);
      }
    });
  });
  y.l = transpose(y.l, -2, -1);
  return y;  // d and the blocks are symmetric
}

}  // namespace newtape::core
