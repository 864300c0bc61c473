// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace newtape::core {

namespace {

int length(const Array& a, std::size_t from_last) { return static_cast<int>(a.shape()[a.ndim() - from_last]); }

/// Calls f(U[i, i]) for every pivot; `factors` is column-major.
template <class T, class F>
void each_pivot(const T* factors, std::int64_t m, std::int64_t n, F f) {
  for (std::int64_t i = 0; i < std::min(m, n); ++i) f(factors[i * m + i]);
}

bool is_odd(const std::int64_t* pivots, std::int64_t n) {
  bool result = false;
  for (std::int64_t i = 0; i < n; ++i) result ^= pivots[i] != i;
  return result;
}

}  // namespace

LU lu_factor(const Array& a, const char* op) {
  if (recorder() != nullptr)
    return record_arrays<LU>(
        "lu_factor", [=](const Array& x) { return lu_factor(x, op); }, a);
  blas::expect_matrices(op, a, false);
  blas::expect_finite(op, a);
  const blas::Session session;
  const int m = length(a, 2);
  const int n = length(a, 1);
  const int k = std::min(m, n);
  const Shape stack = blas::stack_of(a.shape());
  const auto count = element_count(stack);
  // LAPACK is column-major, and so is the result, seen through a transposed view.
  Array factors = copy(transpose(a, -2, -1));
  Shape pivots_shape = stack;
  pivots_shape.push_back(k);
  Array pivots = Array::empty(pivots_shape, i64);
  auto* to = pivots.data<std::int64_t>();
  if (k > 0) {
    blas::with_float(a.dtype(), [&]<class T>() {
      T* data = factors.data<T>();
      blas::each_member(count, double(m) * n * k, [&](std::int64_t begin, std::int64_t end) {
        const blas::Scratch<int> ipiv(k);
        for (auto i = begin; i < end; ++i) {
          blas::getrf(m, n, data + i * m * n, m, ipiv);
          for (int j = 0; j < k; ++j) to[i * k + j] = ipiv[j] - 1;
        }
      });
    });
  }
  return {transpose(factors, -2, -1), std::move(pivots)};
}

void expect_regular(const LU& lu, const char* op) {
  if (recorder() != nullptr) {
    const auto test = [op](const Array& factors, const Array& pivots) {
      expect_regular({factors, pivots}, op);
      return true;
    };
    record_decision("expect_regular", test, lu.factors, lu.pivots);
    return;
  }
  const auto n = lu.factors.shape().back();
  const Shape stack = blas::stack_of(lu.factors.shape());
  blas::with_float(lu.factors.dtype(), [&]<class T>() {
    const T* data = lu.factors.data<T>();
    for (std::int64_t member = 0; n > 0 && member < element_count(stack); ++member) {
      int pivot = 0;
      each_pivot(data + member * n * n, n, n, [&](T u) {
        ++pivot;
        if (u != 0) return;
        raise<NumericalError>(std::string(op) + ": a is singular", "nonzero pivots",
                              "pivot " + std::to_string(pivot) + " is 0" + blas::member_name(stack, member));
      });
    }
  });
}

Array lu_solve(const LU& lu, const Array& b, bool transposed) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& f, const Array& p, const Array& x) { return lu_solve({f, p}, x, transposed); };
    return record_call("lu_solve", again, lu.factors, lu.pivots, b);
  }
  const int n = length(lu.factors, 1);
  const int k = length(b, 1);
  const Shape batch = broadcast_shapes("lu_solve", blas::stack_of(lu.factors.shape()), blas::stack_of(b.shape()));
  Shape shape = batch;
  shape.push_back(n);
  shape.push_back(k);
  Array x = copy(expand(b, shape));
  if (x.size() == 0) return x;
  const blas::Session session;
  Array by_member = lu.pivots;
  by_member = unsqueeze(by_member, -1);
  blas::with_float(b.dtype(), [&]<class T>() {
    const T* factors = lu.factors.data<T>();
    T* data = x.data<T>();
    const auto* pivots = by_member.data<std::int64_t>();
    blas::each_member(element_count(batch), double(n) * n * k, [&](std::int64_t begin, std::int64_t end) {
      for (auto member = begin; member < end; ++member) {
        const T* f = factors + blas::batch_offset(member, batch, lu.factors);
        const auto* p = pivots + blas::batch_offset(member, batch, by_member);
        T* y = data + member * n * k;
        const auto exchange = [&](std::int64_t i) {
          if (p[i] != i) std::swap_ranges(y + i * k, y + (i + 1) * k, y + p[i] * k);
        };
        // Read row-major, the factors hold U^T in the lower and L^T in the upper triangle.
        const auto substitute = [&](CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag) {
          k == 1 ? blas::trsv(uplo, trans, diag, n, f, n, y)
                 : blas::trsm(CblasLeft, uplo, trans, diag, n, k, f, n, y, k);
        };
        if (transposed) {
          substitute(CblasLower, CblasNoTrans, CblasNonUnit);
          substitute(CblasUpper, CblasNoTrans, CblasUnit);
          for (std::int64_t i = n; i-- > 0;) exchange(i);
        } else {
          for (std::int64_t i = 0; i < n; ++i) exchange(i);
          substitute(CblasUpper, CblasTrans, CblasUnit);
          substitute(CblasLower, CblasTrans, CblasNonUnit);
        }
      }
    });
  });
  return x;
}

Array lu_inverse(LU lu) {
  if (recorder() != nullptr) {
    return record_call(
        "lu_inverse",
        [](const Array& f, const Array& p) {
          return lu_inverse({f, p});
        },
        lu.factors, lu.pivots);
  }
  const int n = length(lu.factors, 1);
  const auto count = element_count(blas::stack_of(lu.factors.shape()));
  Array by_rows = transpose(lu.factors, -2, -1);
  lu.factors = Array();
  Array y = by_rows.reusable() ? std::move(by_rows) : copy(by_rows);
  if (y.size() > 0) {
    const blas::Session session;
    const auto* pivots = lu.pivots.data<std::int64_t>();
    blas::with_float(y.dtype(), [&]<class T>() {
      T* data = y.data<T>();
      blas::each_member(count, double(n) * n * n, [&](std::int64_t begin, std::int64_t end) {
        const int lwork = n * 64;
        const blas::Scratch<T> work(lwork);
        const blas::Scratch<int> ipiv(n);
        for (auto i = begin; i < end; ++i) {
          for (int j = 0; j < n; ++j) ipiv[j] = static_cast<int>(pivots[i * n + j] + 1);
          blas::getri(n, data + i * n * n, n, ipiv, work, lwork);
        }
      });
    });
  }
  return transpose(y, -2, -1);
}

SignLog lu_slogdet(const LU& lu) {
  if (recorder() != nullptr) {
    return record_arrays<SignLog>(
        "lu_slogdet",
        [](const Array& f, const Array& p) {
          return lu_slogdet({f, p});
        },
        lu.factors, lu.pivots);
  }
  const auto n = lu.factors.shape().back();
  const Shape stack = blas::stack_of(lu.factors.shape());
  SignLog result{Array::empty(stack, lu.factors.dtype()), Array::empty(stack, lu.factors.dtype())};
  blas::with_float(lu.factors.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; member < element_count(stack); ++member) {
      T sign = is_odd(lu.pivots.data<std::int64_t>() + member * n, n) ? -1 : 1;
      double sum = 0;
      each_pivot(lu.factors.data<T>() + member * n * n, n, n, [&](T u) {
        sign = u == 0 ? 0 : u < 0 ? -sign : sign;
        sum += std::log(std::abs(static_cast<double>(u)));
      });
      result.sign.data<T>()[member] = sign;
      result.logabs.data<T>()[member] = static_cast<T>(sum);
    }
  });
  return result;
}

Array lu_det(const LU& lu) {
  if (recorder() != nullptr) {
    return record_call(
        "lu_det",
        [](const Array& f, const Array& p) {
          return lu_det({f, p});
        },
        lu.factors, lu.pivots);
  }
  const auto n = lu.factors.shape().back();
  const Shape stack = blas::stack_of(lu.factors.shape());
  Array result = Array::empty(stack, lu.factors.dtype());
  blas::with_float(lu.factors.dtype(), [&]<class T>() {
    for (std::int64_t member = 0; member < element_count(stack); ++member) {
      T product = is_odd(lu.pivots.data<std::int64_t>() + member * n, n) ? -1 : 1;
      each_pivot(lu.factors.data<T>() + member * n * n, n, n, [&](T u) { product *= u; });
      result.data<T>()[member] = product;
    }
  });
  return result;
}

Array lu_permutation(const LU& lu) {
  if (recorder() != nullptr) {
    return record_call(
        "lu_permutation",
        [](const Array& f, const Array& p) {
          return lu_permutation({f, p});
        },
        lu.factors, lu.pivots);
  }
  const auto m = lu.factors.shape()[lu.factors.ndim() - 2];
  const auto k = lu.pivots.shape().back();
  Shape shape = lu.pivots.shape();
  shape[shape.size() - 1] = m;
  Array rows = Array::empty(shape, i64);
  const Array pivots = contiguous(lu.pivots);
  for (std::int64_t member = 0; m > 0 && member < rows.size() / m; ++member) {
    auto* to = rows.data<std::int64_t>() + member * m;
    std::iota(to, to + m, 0);
    for (std::int64_t i = 0; i < k; ++i) {
      const auto other = pivots.data<std::int64_t>()[member * k + i];
      if (other < 0 || other >= m) {
        raise<ValueError>("lu: pivot out of range", "0 to " + std::to_string(m - 1), std::to_string(other));
      }
      std::swap(to[i], to[other]);
    }
  }
  return rows;
}

Array solve(const Array& a, const Array& b) {
  if (recorder() != nullptr)
    return record_call(
        "solve", [](const Array& x, const Array& y) { return solve(x, y); }, a, b);
  const auto shapes = [&] { return "a " + to_string(a.shape()) + ", b " + to_string(b.shape()); };
  if (a.ndim() < 2 || a.shape().back() != a.shape()[a.ndim() - 2]) {
    raise<ShapeError>("solve: a must be square", "a [.., n, n]", shapes());
  }
  const bool vector = b.ndim() == 1;
  if (b.ndim() == 0 || b.shape()[b.ndim() - (vector ? 1 : 2)] != a.shape().back()) {
    raise<ShapeError>("solve: b must have as many rows as a", "b [n] or [.., n, m]", shapes());
  }
  if (a.dtype() != b.dtype() || !is_floating(a.dtype())) {
    raise<DTypeError>("solve: the operands must have the same floating dtype", "f32 or f64",
                      std::string(name(a.dtype())) + " and " + std::string(name(b.dtype())));
  }
  const LU lu = lu_factor(a, "solve");
  expect_regular(lu, "solve");
  return vector ? squeeze(lu_solve(lu, unsqueeze(b, -1)), -1) : lu_solve(lu, b);
}

}  // namespace newtape::core
