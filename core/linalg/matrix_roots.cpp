// SPDX-License-Identifier: BSD-3-Clause
// Square roots and logarithms of general matrices, by their real Schur form.
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/schur.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace newtape::core {

namespace {

/// Rows and columns of a matrix.
Array part(const Array& x, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
  return slice(slice(x, -2, row, row + rows), -1, column, column + columns);
}

double element(const Array& t, std::int64_t i, std::int64_t j) {
  return t.data<double>()[i * t.strides()[0] + j * t.strides()[1]];
}

[[noreturn]] void refuse_eigenvalue(const char* op, double eigenvalue) {
  raise<NumericalError>(std::string(op) + ": a has an eigenvalue on the closed negative real axis",
                        "eigenvalues that are positive or not real", "an eigenvalue of " + std::to_string(eigenvalue));
}

/// The root of a block of the Schur form. Of 2 x 2 with eigenvalues u +- i v: r + (t - u) / (2 r), where r is the real part of
/// sqrt(u + i v) (Higham 1987).
Array root_of_block(const Array& t, const char* op) {
  if (t.shape()[0] == 1) {
    const double x = element(t, 0, 0);
    if (!(x > 0)) refuse_eigenvalue(op, x);
    return sqrt(t);
  }
  const double u = 0.5 * (element(t, 0, 0) + element(t, 1, 1));
  const double h = 0.5 * (element(t, 0, 0) - element(t, 1, 1));
  const double v = std::sqrt(std::max(-h * h - element(t, 0, 1) * element(t, 1, 0), 0.0));
  const double size = std::hypot(u, v);
  // sqrt((u + |u + i v|) / 2), without cancellation for negative u.
  const double r = u >= 0 ? std::sqrt(0.5 * (u + size)) : v / std::sqrt(2 * (size - u));
  if (!(r > 0)) refuse_eigenvalue(op, u);
  const Array identity = eye(2, f64);
  return identity * r + (t - identity * u) * (0.5 / r);
}

/// The root of a Schur form, by halves: those of the diagonal blocks, and r11 r12 + r12 r22 = t12.
Array root_of_form(const Array& t, const char* op) {
  const auto n = t.shape()[0];
  if (n == 1 || (n == 2 && element(t, 1, 0) != 0)) return root_of_block(t, op);
  auto k = n / 2;
  if (element(t, k, k - 1) != 0) ++k;  // not through a block
  const Array first = root_of_form(part(t, 0, k, 0, k), op), last = root_of_form(part(t, k, n - k, k, n - k), op);
  const Array above = solve_sylvester(first, last, part(t, 0, k, k, n - k), false, op);
  const std::array<Array, 2> top{first, above}, bottom{zeros({n - k, k}, f64), last};
  const std::array<Array, 2> both{concatenate(top, 1), concatenate(bottom, 1)};
  return concatenate(both, 0);
}

double norm1_of(const Array& x) { return max(sum(abs(x), -2)).item(); }

/// log(1 + x) for |x| <= 1/4: the Pade approximant [8/8] in partial fractions, the sum of w x / (1 + p x) over the places p
/// and weights w of Gauss's rule on [0, 1] (Higham 2008, eq. 11.18); its error is below the rounding for |x| < 0.34 (table 11.1).
Array log_near_one(const Array& x) {
  constexpr std::array<double, 4> places{0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                         0.9602898564975363};
  constexpr std::array<double, 4> weights{0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                          0.1012285362903763};
  const Array identity = eye(x.shape()[0], f64);
  Array sum = zeros(x.shape(), f64);
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (const double sign : {-1.0, 1.0}) {
      sum = sum + solve(identity + x * (0.5 + 0.5 * sign * places[i]), x * (0.5 * weights[i]));
    }
  }
  return sum;
}

Array sqrt_one(const Array& a, const char* op) {
  const Schur s = schur(a, op);
  return matmul(matmul(s.z, root_of_form(s.t, op)), transpose(s.z, -2, -1));
}

Array log_one(const Array& a, const char* op) {
  const Array identity = eye(a.shape()[0], f64);
  const Array distance = a - identity;
  if (norm1_of(distance) <= 0.25) return log_near_one(distance);  // the form would lose the digits of a - 1
  const Schur s = schur(a, op);
  Array t = s.t;
  double scale = 1;
  for (; norm1_of(t - identity) > 0.25; scale *= 2) t = root_of_form(t, op);
  return matmul(matmul(s.z, log_near_one(t - identity) * scale), transpose(s.z, -2, -1));
}

/// f(a, op) of each matrix, in f64.
template <class F>
Array each_in_double(const Array& a, const char* op, const F& f) {
  blas::expect_matrices(op, a, true);
  blas::expect_finite(op, a);
  if (a.size() == 0) return copy(a);
  const auto n = a.shape().back();
  const Array flat = reshape(cast(a, f64), {-1, n, n});
  Array result = Array::empty(flat.shape(), f64);
  for (std::int64_t i = 0; i < flat.shape()[0]; ++i) {
    Array member = select(result, 0, i);
    assign(member, f(select(flat, 0, i), op));
  }
  return reshape(cast(result, a.dtype()), a.shape());
}

}  // namespace

Array sqrtm(const Array& a, const char* op) { return each_in_double(a, op, sqrt_one); }
Array logm(const Array& a, const char* op) { return each_in_double(a, op, log_one); }

}  // namespace newtape::core
