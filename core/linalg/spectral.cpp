// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <cmath>
#include <limits>

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

/// Numbers that differ by at most gap_margin n eps max|w| are treated as equal.
constexpr double gap_margin = 4;

template <class T>
T gap_tolerance(const T* w, std::int64_t n) {
  T largest = 0;
  for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(w[i]));
  return static_cast<T>(gap_margin * static_cast<double>(n)) * std::numeric_limits<T>::epsilon() * largest;
}

}  // namespace

Eigh eigh(const Array& a, bool vectors, const char* op) {
  blas::expect_matrices(op, a, true);
  blas::expect_finite(op, a);
  const Shape stack = blas::stack_of(a.shape());
  const int n = static_cast<int>(a.shape().back());
  Array v = copy(a);
  Array w = Array::empty(with(stack, n), a.dtype());
  if (v.size() == 0) return {std::move(w), transpose(v, -2, -1)};
  blas::prepare();
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
        failed[i] = blas::syevd(vectors ? 'V' : 'N', 'U', n, pv + i * n * n, n, pw + i * n, work, lwork, iwork, liwork);
      }
    });
  });
  failed.raise_first(op, stack, "the eigenvalues do not converge", "convergence", "LAPACK syevd returned info = ", "");
  return {std::move(w), vectors ? transpose(v, -2, -1) : Array()};
}

SVD svd(const Array& a, SVDPart part, const char* op) {
  blas::expect_matrices(op, a, false);
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
  blas::prepare();
  // Read column-major, the memory is a^T = vh^T diag(s) u^T, and LAPACK's column-major "U" is row-major vh.
  Array at = copy(a);
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
        failed[i] = blas::gesdd(job, n, m, pa + i * m * n, n, ps + i * k, vectors ? pv + i * rows * n : nullptr, n,
                                vectors ? pu + i * m * columns : nullptr, columns, work, lwork, iwork);
      }
    });
  });
  failed.raise_first(op, stack, "the singular values do not converge", "convergence",
                     "LAPACK gesdd returned info = ", "");
  return {std::move(u), std::move(s), std::move(vh)};
}

Eig eig(const Array& a, bool vectors, const char* op) {
  blas::expect_matrices(op, a, true);
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
  blas::prepare();
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
      const blas::Scratch<T> packed(vectors ? n * n : 1);
      for (auto i = begin; i < end; ++i) {
        failed[i] = blas::geev('N', vectors ? 'V' : 'N', n, pa + i * n * n, n, wr + i * n, wi + i * n, nullptr, 1,
                               packed, n, work, lwork);
        if (!vectors) continue;
        // LAPACK packs a conjugate pair into two columns: real and imaginary part of the first vector.
        T* re = result.v_real.data<T>() + i * n * n;
        T* im = result.v_imag.data<T>() + i * n * n;
        for (int j = 0; j < n; ++j) {
          const bool pair = wi[i * n + j] != 0;
          for (int row = 0; row < n; ++row) {
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

Array no_gap(const Array& w) {
  const Array x = contiguous(w);
  const auto n = x.shape().back();
  Array result = Array::empty(with(x.shape(), n), boolean);
  blas::with_float(x.dtype(), [&]<class T>() {
    bool* to = result.data<bool>();
    for (std::int64_t member = 0; member * n < x.size(); ++member) {
      const T* values = x.data<T>() + member * n;
      const T tolerance = gap_tolerance(values, n);
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) *to++ = i == j || std::abs(values[j] - values[i]) <= tolerance;
      }
    }
  });
  return result;
}

namespace {

/// Largest coupling between vectors without a gap, relative to the largest cotangent.
template <class T>
struct Coupling {
  T max_coupling = 0;
  T largest = 0;
  void check(const char* op, const Shape& stack, std::int64_t member) const {
    if (max_coupling <= std::sqrt(std::numeric_limits<T>::epsilon()) * largest) return;  // half of the digits
    raise<NumericalError>(
        std::string(op) + ": the vectors of equal values are not unique, and the derivative depends on them",
        "distinct values, or a function independent of the choice of vectors",
        "coupling " + std::to_string(max_coupling / largest) + ", relative to the cotangent" +
            blas::member_name(stack, member));
  }
};

}  // namespace

void expect_no_coupling(const Array& p, const Array& no_gap, const Array& scale, const char* op) {
  const Array none = expand(no_gap, p.shape());
  if (p.size() == 0 || !any(none).item<bool>()) return;
  const Array x = contiguous(p);
  const Array size = contiguous(scale);
  const Array where_none = contiguous(none);
  const Shape stack = blas::stack_of(p.shape());
  const auto each = p.size() / element_count(stack);
  blas::with_float(p.dtype(), [&]<class T>() {
    const auto each_size = size.size() / element_count(stack);
    for (std::int64_t member = 0; member < element_count(stack); ++member) {
      Coupling<T> c;
      for (std::int64_t i = 0; i < each_size; ++i) {
        c.largest = std::max(c.largest, std::abs(size.data<T>()[member * each_size + i]));
      }
      for (auto i = member * each; i < (member + 1) * each; ++i) {
        if (where_none.data<bool>()[i]) c.max_coupling = std::max(c.max_coupling, std::abs(x.data<T>()[i]));
      }
      c.check(op, stack, member);
    }
  });
}

Array eigh_inner_grad(const Array& p, const Array& w, const Array& g_w, const char* op) {
  Array x = copy(p);
  const auto n = p.shape().back();
  const Shape stack = blas::stack_of(p.shape());
  const Array values = unsqueeze(contiguous(w), -1);
  const Array diagonal = g_w.defined() ? contiguous(g_w) : Array();
  blas::with_float(p.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; n > 0 && member < element_count(stack); ++member) {
      T* m = x.data<T>() + member * n * n;
      const T* e = values.data<T>() + blas::batch_offset(member, stack, values);
      const T tolerance = gap_tolerance(e, n);
      Coupling<T> c;
      for (std::int64_t i = 0; i < n * n; ++i) c.largest = std::max(c.largest, std::abs(m[i]));
      for (std::int64_t i = 0; i < n; ++i) {
        m[i * n + i] = diagonal.defined() ? diagonal.data<T>()[member * n + i] : 0;
        for (std::int64_t l = 0; l < i; ++l) {
          const T coupling = m[i * n + l] - m[l * n + i];
          const T gap = e[l] - e[i];
          const bool none = std::abs(gap) <= tolerance;
          if (none) c.max_coupling = std::max(c.max_coupling, std::abs(coupling));
          m[i * n + l] = m[l * n + i] = none ? 0 : coupling / (2 * gap);
        }
      }
      c.check(op, stack, member);
    }
  });
  return x;
}

Array svd_inner_grad(const Array& j, const Array& k, const Array& s, const Array& g_s, const char* op) {
  const Array left = j.defined() ? contiguous(j) : Array();
  const Array right = k.defined() ? contiguous(k) : Array();
  const Array& given = left.defined() ? left : right;
  Array x = Array::empty(given.shape(), given.dtype());
  const auto n = x.shape().back();
  const Shape stack = blas::stack_of(x.shape());
  const Array values = unsqueeze(contiguous(s), -1);
  const Array diagonal = g_s.defined() ? contiguous(g_s) : Array();
  blas::with_float(x.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; n > 0 && member < element_count(stack); ++member) {
      const T* pj = left.defined() ? left.data<T>() + member * n * n : nullptr;
      const T* pk = right.defined() ? right.data<T>() + member * n * n : nullptr;
      T* m = x.data<T>() + member * n * n;
      const T* e = values.data<T>() + blas::batch_offset(member, stack, values);
      const T tolerance = gap_tolerance(e, n);
      Coupling<T> c;
      for (std::int64_t i = 0; i < n * n; ++i) {
        if (pj != nullptr) c.largest = std::max(c.largest, std::abs(pj[i]));
        if (pk != nullptr) c.largest = std::max(c.largest, std::abs(pk[i]));
      }
      for (std::int64_t i = 0; i < n; ++i) {
        m[i * n + i] = diagonal.defined() ? diagonal.data<T>()[member * n + i] : 0;
        for (std::int64_t l = 0; l < i; ++l) {
          const T from_j = pj != nullptr ? pj[i * n + l] - pj[l * n + i] : 0;
          const T from_k = pk != nullptr ? pk[i * n + l] - pk[l * n + i] : 0;
          const T p = (from_j + from_k) / 2;
          const T q = (from_j - from_k) / 2;
          const T gap = e[l] - e[i];
          const T sum = e[l] + e[i];
          const bool no_gap = std::abs(gap) <= tolerance;
          const bool no_sum = sum <= tolerance;
          if (no_gap) c.max_coupling = std::max(c.max_coupling, std::abs(p));
          if (no_sum) c.max_coupling = std::max(c.max_coupling, std::abs(q));
          const T by_gap = no_gap ? 0 : p / gap;  // antisymmetric numerator and denominator: the same for (l, i)
          const T by_sum = no_sum ? 0 : q / sum;
          m[i * n + l] = by_gap + by_sum;
          m[l * n + i] = by_gap - by_sum;
        }
      }
      c.check(op, stack, member);
    }
  });
  return x;
}

}  // namespace newtape::core
