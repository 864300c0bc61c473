// SPDX-License-Identifier: BSD-3-Clause
#include "dense.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace newtape::table {

Matrix identity(std::int64_t n) {
  Matrix i(n, n);
  for (std::int64_t k = 0; k < n; ++k) i(k, k) = 1;
  return i;
}

Matrix transposed(const Matrix& a) {
  Matrix t(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) t(j, i) = a(i, j);
  }
  return t;
}

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.columns);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t k = 0; k < a.columns; ++k) {
      for (std::int64_t j = 0; j < b.columns; ++j) c(i, j) += a(i, k) * b(k, j);
    }
  }
  return c;
}

Matrix operator+(const Matrix& a, const Matrix& b) {
  Matrix c(a);
  for (std::size_t i = 0; i < c.data.size(); ++i) c.data[i] += b.data[i];
  return c;
}

Matrix operator*(Real c, const Matrix& a) {
  Matrix b(a);
  for (auto& x : b.data) x *= c;
  return b;
}

Matrix apply(const Matrix& a, Real (*f)(Real)) {
  Matrix b(a);
  std::transform(a.data.begin(), a.data.end(), b.data.begin(), f);
  return b;
}

Matrix block(const Matrix& a, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
  Matrix b(rows, columns);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) b(i, j) = a(row + i, column + j);
  }
  return b;
}

Matrix eliminated(Matrix a, Matrix b, Real* det) {
  const auto n = a.rows;
  Real product = 1;
  const auto exchange = [](Matrix& m, std::int64_t i, std::int64_t k) {
    for (std::int64_t j = 0; i != k && j < m.columns; ++j) std::swap(m(i, j), m(k, j));
  };
  const auto subtract = [](Matrix& m, std::int64_t from, std::int64_t what, Real times) {
    for (std::int64_t j = 0; j < m.columns; ++j) m(from, j) -= times * m(what, j);
  };
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t best = k;
    for (auto i = k; i < n; ++i) {
      if (std::abs(a(i, k)) > std::abs(a(best, k))) best = i;
    }
    if (best != k) product = -product;
    exchange(a, k, best);
    exchange(b, k, best);
    product *= a(k, k);
    for (std::int64_t i = 0; i < n; ++i) {
      if (i == k || a(k, k) == 0) continue;
      const Real times = a(i, k) / a(k, k);
      subtract(a, i, k, times);
      subtract(b, i, k, times);
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < b.columns; ++j) b(i, j) /= a(i, i);
  }
  if (det != nullptr) *det = product;
  return b;
}

Real determinant(const Matrix& a) {
  Real det = 1;
  eliminated(a, Matrix(a.rows, 0), &det);
  return det;
}

Matrix cholesky_of(const Matrix& a) {
  Matrix l(a.rows, a.rows);
  for (std::int64_t j = 0; j < a.rows; ++j) {
    for (auto i = j; i < a.rows; ++i) {
      Real x = a(i, j);
      for (std::int64_t k = 0; k < j; ++k) x -= l(i, k) * l(j, k);
      l(i, j) = i == j ? std::sqrt(x) : x / l(j, j);
    }
  }
  return l;
}

std::pair<Matrix, Matrix> orthogonalised(const Matrix& a) {
  Matrix q(a);
  for (std::int64_t j = 0; j < a.columns; ++j) {
    for (int round = 0; round < 2; ++round) {
      for (std::int64_t k = 0; k < j; ++k) {
        Real along = 0;
        for (std::int64_t i = 0; i < a.rows; ++i) along += q(i, k) * q(i, j);
        for (std::int64_t i = 0; i < a.rows; ++i) q(i, j) -= along * q(i, k);
      }
    }
    Real squares = 0;
    for (std::int64_t i = 0; i < a.rows; ++i) squares += q(i, j) * q(i, j);
    for (std::int64_t i = 0; i < a.rows; ++i) q(i, j) /= std::sqrt(squares);
  }
  return {q, transposed(q) * a};
}

std::pair<Matrix, Matrix> rotated(Matrix a) {
  const auto n = a.rows;
  Matrix v = identity(n);
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (std::int64_t p = 0; p < n; ++p) {
      for (auto q = p + 1; q < n; ++q) {
        if (a(p, q) == 0) continue;
        const Real theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
        const Real t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const Real c = 1 / std::sqrt(t * t + 1);
        const Real s = t * c;
        const auto turn = [c, s](Real& x, Real& y) {
          const Real before = x;
          x = c * x - s * y;
          y = s * before + c * y;
        };
        for (std::int64_t k = 0; k < n; ++k) turn(a(k, p), a(k, q));
        for (std::int64_t k = 0; k < n; ++k) turn(a(p, k), a(q, k));
        for (std::int64_t k = 0; k < n; ++k) turn(v(k, p), v(k, q));
      }
    }
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&a](auto i, auto j) { return a(i, i) < a(j, j); });
  Matrix w(n, 1);
  Matrix sorted(n, n);
  for (std::int64_t j = 0; j < n; ++j) {
    const auto from = order[static_cast<std::size_t>(j)];
    w(j, 0) = a(from, from);
    for (std::int64_t i = 0; i < n; ++i) sorted(i, j) = v(i, from);
  }
  return {w, sorted};
}

std::pair<Matrix, Matrix> singular(const Matrix& a) {
  const auto [squares, vectors] = rotated(transposed(a) * a);
  const auto k = std::min(a.rows, a.columns);
  Matrix s(k, 1);
  Matrix v(a.columns, k);
  for (std::int64_t j = 0; j < k; ++j) {
    const auto from = a.columns - 1 - j;
    s(j, 0) = std::sqrt(std::max<Real>(squares(from, 0), 0));
    for (std::int64_t i = 0; i < a.columns; ++i) v(i, j) = vectors(i, from);
  }
  return {s, v};
}

Matrix pseudo_inverse(const Matrix& a) {
  const Matrix t = transposed(a);
  return a.rows >= a.columns ? inverse(t * a) * t : t * inverse(a * t);
}

std::vector<std::complex<Real>> roots(const Matrix& a) {
  const auto n = static_cast<std::size_t>(a.rows);
  std::vector<Real> c(n + 1, 1);  // of x^n - c[1] x^(n-1) - ...
  Matrix m = a;
  for (std::size_t k = 1; k <= n; ++k) {
    Real trace = 0;
    for (std::int64_t i = 0; i < a.rows; ++i) trace += m(i, i);
    c[k] = trace / static_cast<Real>(k);
    m = a * (m + (-c[k]) * identity(a.rows));
  }
  std::vector<std::complex<Real>> z;
  std::complex<Real> power = 1;
  for (std::size_t i = 0; i < n; ++i) z.push_back(power *= std::complex<Real>(0.4L, 0.9L));
  for (int round = 0; round < 500; ++round) {
    for (std::size_t i = 0; i < n; ++i) {
      std::complex<Real> value = 1;
      for (std::size_t k = 1; k <= n; ++k) value = value * z[i] - c[k];
      for (std::size_t j = 0; j < n; ++j) value /= j == i ? std::complex<Real>(1) : z[i] - z[j];
      z[i] -= value;
    }
  }
  std::sort(z.begin(), z.end(), [](const auto& x, const auto& y) {
    const bool same = std::abs(x.real() - y.real()) < 1e-6L;
    return same ? x.imag() < y.imag() : x.real() < y.real();
  });
  return z;
}

Reference over_stacks(std::function<Matrix(const Matrices&)> f, std::size_t drop) {
  return [f = std::move(f), drop](const std::vector<Values>& operands) {
    std::vector<Values> xs = operands;
    Shape batch;
    Matrices ones;
    for (auto& x : xs) {
      while (x.shape.size() < 2) x.shape.push_back(1);
      batch = broadcast_shapes("reference", batch, Shape(x.shape.begin(), x.shape.end() - 2));
      ones.emplace_back(x.shape[x.shape.size() - 2], x.shape.back());
    }
    const Matrix like = f(ones);  // for its shape, if the stack is empty
    Shape shape = batch;
    shape.push_back(like.rows);
    shape.push_back(like.columns);
    Values y(shape);
    std::size_t next = 0;
    for_each_index(batch, [&](const Dims& at) {
      Matrices members;
      for (const auto& x : xs) {
        Matrix m(x.shape[x.shape.size() - 2], x.shape.back());
        Dims full(at);
        full.push_back(0);
        full.push_back(0);
        for (std::int64_t i = 0; i < m.rows; ++i) {
          for (std::int64_t j = 0; j < m.columns; ++j) {
            full[at.size()] = i;
            full[at.size() + 1] = j;
            m(i, j) = x[full];
          }
        }
        members.push_back(std::move(m));
      }
      const Matrix result = f(members);
      std::copy(result.data.begin(), result.data.end(), y.data.begin() + static_cast<std::ptrdiff_t>(next));
      next += result.data.size();
    });
    y.shape.resize(y.shape.size() - drop);
    return y;
  };
}

namespace {

/// diag(first, first + 1, ..), in the shape of x's matrices.
Tensor ramp(const Tensor& x, double first) {
  const auto m = x.shape(-2);
  const auto n = x.shape(-1);
  Array d = Array::empty({m, n}, f64);  // a constant for a function that is captured, as all of it is written here
  std::fill_n(d.data<double>(), d.size(), 0.0);
  for (std::int64_t i = 0; i < std::min(m, n); ++i) d.data<double>()[i * n + i] = first + static_cast<double>(i);
  return core::cast(d, x.dtype());
}
Matrix ramp(std::int64_t m, std::int64_t n, Real first) {
  Matrix d(m, n);
  for (std::int64_t i = 0; i < std::min(m, n); ++i) d(i, i) = first + static_cast<Real>(i);
  return d;
}

}  // namespace

Tensor regular(const Tensor& x) { return x * 0.375 + ramp(x, 2); }
Matrix regular(const Matrix& x) { return 0.375L * x + ramp(x.rows, x.columns, 2); }
Tensor symmetric(const Tensor& x) { return (x + transpose(x)) * 0.125 + ramp(x, 1); }
Matrix symmetric(const Matrix& x) { return 0.125L * (x + transposed(x)) + ramp(x.rows, x.columns, 1); }
Tensor positive(const Tensor& x) {
  const Tensor product = matmul(x, transpose(x)) * 0.25;
  return product + ramp(product, 1);
}
Matrix positive(const Matrix& x) { return 0.25L * (x * transposed(x)) + ramp(x.rows, x.rows, 1); }

}  // namespace newtape::table
