// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <atomic>

namespace newtape::core {

namespace {

Shape with(Shape stack, std::int64_t a) {
  stack.push_back(a);
  return stack;
}
Shape with(Shape stack, std::int64_t a, std::int64_t b) {
  stack.push_back(a);
  stack.push_back(b);
  return stack;
}

std::atomic<int> failing{0};

int divide_and_conquer(int info) { return failing.load(std::memory_order_relaxed) > 0 ? 1 : info; }

/// LAPACK overwrites its operand: copies member i of `from` into `to` once more, for another algorithm.
template <class T>
void restore(const Array& from, std::int64_t i, std::int64_t size, T* to) {
  std::copy_n(from.data<T>() + i * size, size, to + i * size);
}

}  // namespace

DivideAndConquerFails::DivideAndConquerFails() { ++failing; }
DivideAndConquerFails::~DivideAndConquerFails() { --failing; }

Eigh eigh(const Array& a, bool vectors, const char* op) {
  if (recorder() != nullptr)
    return record_arrays<Eigh>(
        "eigh", [=](const Array& x) { return eigh(x, vectors, op); }, a);
  blas::expect_matrices(op, a, true);
  const auto length = static_cast<double>(a.shape().back());
  blas::expect_countable(op, a, 1 + (66 + 2 * length) * length);
  blas::expect_finite(op, a);
  const Shape stack = blas::stack_of(a.shape());
  const int n = static_cast<int>(a.shape().back());
  const Array source = contiguous(a);
  Array v = copy(source);
  Array w = Array::empty(with(stack, n), a.dtype());
  if (v.size() == 0) return {std::move(w), transpose(v, -2, -1)};
  const blas::Session session;
  const auto count = element_count(stack);
  blas::Failures failed(count);
  blas::with_float(a.dtype(), [&]<class T>() {
    T* pv = v.data<T>();
    T* pw = w.data<T>();
    blas::each_member(count, 9.0 * n * n * n, [&](std::int64_t begin, std::int64_t end) {
      // Room for LAPACK's blocks of up to 64 columns, and the minimum documented for syevd.
      const int lwork = std::max(1 + 6 * n + 2 * n * n, n * 66);
      const int liwork = 3 + 5 * n;
      const blas::Scratch<T> work(lwork);
      const blas::Scratch<int> iwork(liwork);
      for (auto i = begin; i < end; ++i) {
        // Column-major upper is row-major lower; the eigenvectors are returned as rows of this memory.
        const char job = vectors ? 'V' : 'N';
        failed[i] =
            divide_and_conquer(blas::syevd(job, 'U', n, pv + i * n * n, n, pw + i * n, work, lwork, iwork, liwork));
        if (failed[i] == 0) continue;
        restore(source, i, std::int64_t{n} * n, pv);
        failed[i] = blas::syev(job, 'U', n, pv + i * n * n, n, pw + i * n, work, lwork);
      }
    });
  });
  failed.raise_first(op, stack, "the eigenvalues do not converge", "convergence", "LAPACK syev returned info = ", "");
  return {std::move(w), vectors ? transpose(v, -2, -1) : Array()};
}

SVD svd(const Array& a, SVDPart part, const char* op) {
  if (recorder() != nullptr)
    return record_arrays<SVD>(
        "svd", [=](const Array& x) { return svd(x, part, op); }, a);
  blas::expect_matrices(op, a, false);
  const auto shorter = static_cast<double>(std::min(a.shape(-1), a.shape(-2)));
  const auto longer = static_cast<double>(std::max(a.shape(-1), a.shape(-2)));
  blas::expect_countable(op, a, (66 + 4 * shorter) * shorter + 66 * longer);
  blas::expect_finite(op, a);
  const Shape stack = blas::stack_of(a.shape());
  const int m = static_cast<int>(a.shape()[a.ndim() - 2]);
  const int n = static_cast<int>(a.shape().back());
  const int k = std::min(m, n);
  const bool vectors = part != SVDPart::values;
  const int rows = part == SVDPart::full ? n : k;     // of vh
  const int columns = part == SVDPart::full ? m : k;  // of u
  Array s = Array::empty(with(stack, k), a.dtype());
  Array u;
  Array vh;
  if (vectors) {
    u = Array::empty(with(stack, m, columns), a.dtype());
    vh = Array::empty(with(stack, rows, n), a.dtype());
  }
  const auto count = element_count(stack);
  if (k == 0 || count == 0) {
    // No singular values: any orthonormal basis will do.
    if (vectors && u.size() > 0) assign(u, eye(m, a.dtype()));
    if (vectors && vh.size() > 0) assign(vh, eye(n, a.dtype()));
    return {std::move(u), std::move(s), std::move(vh)};
  }
  const blas::Session session;
  // Read column-major, the memory is a^T = vh^T diag(s) u^T, and LAPACK's column-major "U" is row-major vh.
  const Array source = contiguous(a);
  Array at = copy(source);
  blas::Failures failed(count);
  blas::with_float(a.dtype(), [&]<class T>() {
    T* pa = at.data<T>();
    T* ps = s.data<T>();
    T* pu = vectors ? u.data<T>() : nullptr;
    T* pv = vectors ? vh.data<T>() : nullptr;
    const char job = part == SVDPart::values ? 'N' : part == SVDPart::full ? 'A' : 'S';
    const blas::Scratch<int> none(std::int64_t{8} * k);
    T best = 0;
    blas::gesdd(job, n, m, pa, n, ps, pv, n, pu, columns, &best, -1, none);
    const int lwork = static_cast<int>(best);
    blas::each_member(count, 20.0 * m * n * k, [&](std::int64_t begin, std::int64_t end) {
      const blas::Scratch<T> work(lwork);
      const blas::Scratch<int> iwork(std::int64_t{8} * k);
      for (auto i = begin; i < end; ++i) {
        T* const vh_i = vectors ? pv + i * rows * n : nullptr;
        T* const u_i = vectors ? pu + i * m * columns : nullptr;
        failed[i] = divide_and_conquer(
            blas::gesdd(job, n, m, pa + i * m * n, n, ps + i * k, vh_i, n, u_i, columns, work, lwork, iwork));
        if (failed[i] == 0) continue;
        restore(source, i, std::int64_t{m} * n, pa);
        const int room = 64 * (m + n) + 5 * k;
        const blas::Scratch<T> more(room);
        failed[i] = blas::gesvd(job, n, m, pa + i * m * n, n, ps + i * k, vh_i, n, u_i, columns, more, room);
      }
    });
  });
  failed.raise_first(op, stack, "the singular values do not converge", "convergence",
                     "LAPACK gesvd returned info = ", "");
  return {std::move(u), std::move(s), std::move(vh)};
}

Eig eig(const Array& a, bool vectors, const char* op) {
  if (recorder() != nullptr)
    return record_arrays<Eig>(
        "eig", [=](const Array& x) { return eig(x, vectors, op); }, a);
  blas::expect_matrices(op, a, true);
  blas::expect_countable(op, a, 66.0 * static_cast<double>(a.shape().back()));
  blas::expect_finite(op, a);
  const Shape stack = blas::stack_of(a.shape());
  const int n = static_cast<int>(a.shape().back());
  const Shape values = with(stack, n);
  Eig result{Array::empty(values, a.dtype()), Array::empty(values, a.dtype()), {}, {}};
  if (vectors) {
    result.v_real = Array::empty(a.shape(), a.dtype());
    result.v_imag = zeros(a.shape(), a.dtype());
  }
  if (a.size() == 0) return result;
  const blas::Session session;
  Array by_columns = copy(transpose(a, -2, -1));
  const auto count = element_count(stack);
  blas::Failures failed(count);
  blas::with_float(a.dtype(), [&]<class T>() {
    T* pa = by_columns.data<T>();
    T* wr = result.w_real.data<T>();
    T* wi = result.w_imag.data<T>();
    blas::each_member(count, 25.0 * n * n * n, [&](std::int64_t begin, std::int64_t end) {
      const int lwork = std::max(n * 66, 4 * n);
      const blas::Scratch<T> work(lwork);
      const blas::Scratch<T> packed(vectors ? std::int64_t{n} * n : 1);
      for (auto i = begin; i < end; ++i) {
        failed[i] = blas::geev('N', vectors ? 'V' : 'N', n, pa + i * n * n, n, wr + i * n, wi + i * n, nullptr, 1,
                               packed, n, work, lwork);
        if (!vectors) continue;
        // LAPACK packs a conjugate pair into two columns: real and imaginary part of the first vector.
        T* re = result.v_real.data<T>() + i * n * n;
        T* im = result.v_imag.data<T>() + i * n * n;
        for (std::int64_t j = 0; j < n; ++j) {
          const bool pair = wi[i * n + j] != 0;
          for (std::int64_t row = 0; row < n; ++row) {
            re[row * n + j] = packed[j * n + row];
            if (!pair) continue;
            re[row * n + j + 1] = packed[j * n + row];
            im[row * n + j] = packed[(j + 1) * n + row];
            im[row * n + j + 1] = -packed[(j + 1) * n + row];
          }
          j += pair ? 1 : 0;
        }
      }
    });
  });
  failed.raise_first(op, stack, "the eigenvalues do not converge", "convergence", "LAPACK geev returned info = ", "");
  return result;
}

}  // namespace newtape::core
