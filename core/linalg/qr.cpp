// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>

namespace newtape::core {

QR qr(const Array& a, bool complete, const char* op) {
  if (recorder() != nullptr)
    return record_arrays<QR>(
        "qr", [=](const Array& x) { return qr(x, complete, op); }, a);
  blas::expect_matrices(op, a, false);
  blas::expect_finite(op, a);
  const blas::Session session;
  const int m = static_cast<int>(a.shape()[a.ndim() - 2]);
  const int n = static_cast<int>(a.shape().back());
  const int k = std::min(m, n);
  const int columns = complete ? m : k;  // of q
  const Shape stack = blas::stack_of(a.shape());
  const auto count = element_count(stack);
  // Column-major, as in LAPACK; the results are transposed views.
  const auto stacked = [&](int rows, int width) {
    Shape shape = stack;
    shape.push_back(rows);
    shape.push_back(width);
    return shape;
  };
  Array reflectors = copy(transpose(a, -2, -1));
  Array q = Array::empty(stacked(columns, m), a.dtype());
  Array r = Array::empty(stacked(n, columns), a.dtype());
  if (count > 0) {
    blas::with_float(a.dtype(), [&]<class T>() {
      T* pa = reflectors.data<T>();
      T* pq = q.data<T>();
      T* pr = r.data<T>();
      blas::each_member(count, 2.0 * m * n * k, [&](std::int64_t begin, std::int64_t end) {
        const int lwork = std::max({m, n, 1}) * 64;
        const blas::Scratch<T> work(lwork);
        const blas::Scratch<T> tau(std::max(columns, 1));
        for (auto i = begin; i < end; ++i) {
          T* const from = pa + i * m * n;
          T* const to = pq + i * m * columns;
          T* const upper = pr + i * n * columns;
          if (k > 0) blas::geqrf(m, n, from, m, tau, work, lwork);
          for (int j = 0; j < n; ++j) {
            const int length = std::min(j + 1, k);
            std::copy(from + j * m, from + j * m + length, upper + j * columns);
            std::fill(upper + j * columns + length, upper + (j + 1) * columns, T(0));
          }
          std::copy(from, from + m * k, to);
          std::fill(to + m * k, to + m * columns, T(0));
          if (columns > 0) blas::orgqr(m, columns, k, to, m, tau, work, lwork);
        }
      });
    });
  }
  return {transpose(q, -2, -1), transpose(r, -2, -1)};
}

}  // namespace newtape::core
