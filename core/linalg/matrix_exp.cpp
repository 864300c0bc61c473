// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace newtape::core {

namespace {

// Largest norm for which the Pade approximant of each degree is accurate to double precision (Higham, The scaling and
// squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26 (2005), table 2.3; the last as in
// Al-Mohy and Higham, A new scaling and squaring algorithm for the matrix exponential, same journal, 31 (2009)).
struct Degree {
  int m;
  double norm;
};
constexpr std::array<Degree, 5> degrees{{{3, 1.495585217958292e-2},
                                         {5, 2.539398330063230e-1},
                                         {7, 9.504178996162932e-1},
                                         {9, 2.097847961257068},
                                         {13, 4.25}}};

/// Numerator coefficients of degree m: (2m - j)! m! / ((2m)! (m - j)! j!), scaled so that the last one is 1.
std::array<double, 14> numerator(int m) {
  std::array<double, 14> b{};
  b[static_cast<std::size_t>(m)] = 1;
  for (int j = m; j > 0; --j) {
    b[static_cast<std::size_t>(j - 1)] = b[static_cast<std::size_t>(j)] * (2.0 * m - j + 1) * j / (m - j + 1);
  }
  return b;
}

/// c0 I + c1 x1 + ...
Array combination(double c0, std::span<const Array> x, std::span<const double> c, const Array& identity) {
  Array sum = identity * c0;
  for (std::size_t i = 0; i < x.size(); ++i) sum = std::move(sum) + x[i] * c[i];
  return sum;
}

double norm1(const Array& a) { return max(sum(abs(a), -2)).item(); }

/// The squarings that rounding in the evaluation of degree m asks for: the leading term of the backward error of |a|,
/// relative to |a| (Al-Mohy & Higham 2009, eq. 5.1). The 1-norm of |a|^p is that of a product with a row of ones.
int extra_squarings(const Array& a, int m, int squarings) {
  const auto n = a.shape().back();
  const Array size = abs(a) * number(std::ldexp(1.0, -squarings), f64);
  Array row = ones({1, n}, f64);
  const double norm = max(matmul(row, size)).item();
  if (norm == 0) return 0;
  double c = 1;  // (m!)^2 / ((2m)! (2m + 1)!), a factor with each power
  for (int i = 1; i <= 2 * m + 1; ++i) {
    row = matmul(row, size);
    c /= i;
    if (i <= 2 * m) c *= i <= m ? 1.0 : static_cast<double>(i - m) / i;
  }
  const double error = c * max(row).item() / norm;
  if (error == 0) return 0;
  const double unit = std::numeric_limits<double>::epsilon() / 2;
  return std::max(0, static_cast<int>(std::ceil(std::log2(error / unit) / (2 * m))));
}

/// The degree, and by how many powers of two the matrix is divided.
struct PadePlan {
  int m;
  int squarings;
};

/// Norms of powers show what a nonnormal matrix's own norm does not: |a^p|^(1/p) may be far smaller.
PadePlan plan(const Array& a, std::vector<Array>& even) {
  const auto root = [](const Array& power, int p) { return std::pow(norm1(power), 1.0 / p); };
  even.push_back(matmul(a, a));
  even.push_back(matmul(even[0], even[0]));
  even.push_back(matmul(even[1], even[0]));
  const double d4 = root(even[1], 4);
  const double d6 = root(even[2], 6);
  const double low = std::max(d4, d6);
  for (std::size_t i = 0; i < 2; ++i) {
    if (low <= degrees[i].norm && extra_squarings(a, degrees[i].m, 0) == 0) return {degrees[i].m, 0};
  }
  even.push_back(matmul(even[1], even[1]));
  const double d8 = root(even[3], 8);
  const double middle = std::max(d6, d8);
  for (std::size_t i = 2; i < 4; ++i) {
    if (middle <= degrees[i].norm && extra_squarings(a, degrees[i].m, 0) == 0) return {degrees[i].m, 0};
  }
  const double high = std::max(d8, root(matmul(even[1], even[2]), 10));
  const double norm = std::min(middle, high);
  const int squarings = norm == 0 ? 0 : std::max(0, static_cast<int>(std::ceil(std::log2(norm / degrees[4].norm))));
  return {13, squarings + extra_squarings(a, 13, squarings)};
}

/// exp(a) of one matrix in f64, whose sixth power is finite.
Array exp_of(Array a) {
  std::vector<Array> even;  // a^2, a^4, ..
  const auto [degree, scaling] = plan(a, even);
  const int m = degree;  // Clang before 16 captures no structured bindings
  int squarings = scaling;
  if (squarings > 0) {
    a = std::move(a) * number(std::ldexp(1.0, -squarings), f64);
    for (std::size_t i = 0; i < 3; ++i) {
      even[i] = std::move(even[i]) * number(std::ldexp(1.0, -2 * squarings * (static_cast<int>(i) + 1)), f64);
    }
  }
  const auto b = numerator(m);
  const Array identity = eye(a.shape().back(), f64);
  const auto powers = static_cast<std::size_t>(m == 13 ? 3 : m / 2);
  const auto part = [&](std::size_t first) {  // odd (first = 1, divided by a) or even (first = 0) terms
    std::array<double, 6> c{};
    for (std::size_t i = 0; i < powers; ++i) c[i] = b[first + 2 * (i + 1)];
    Array low = combination(b[first], std::span(even).first(powers), std::span(c).first(powers), identity);
    if (m != 13) return low;
    const std::array<double, 3> high{b[first + 8], b[first + 10], b[first + 12]};
    return std::move(low) + matmul(even[2], combination(0, std::span(even).first(3), high, identity));
  };
  const Array u = matmul(a, part(1));
  const Array v = part(0);
  Array y = solve(v - u, v + u);
  for (; squarings > 0; --squarings) y = matmul(y, y);
  return y;
}

/// In f64 for every dtype, as powers of large elements overflow f32.
Array exp_one(const Array& a, double norm) {
  Array x = cast(a, f64);
  // Powers up to the tenth are taken.
  const int excess = std::max(0, norm > 1 ? std::ilogb(norm) - 90 : 0);
  if (excess == 0) return cast(exp_of(std::move(x)), a.dtype());
  Array y = exp_of(std::move(x) * number(std::ldexp(1.0, -excess), f64));
  for (int i = 0; i < excess; ++i) y = matmul(y, y);
  return cast(std::move(y), a.dtype());
}

}  // namespace

Array matrix_exp(const Array& a, const char* op) {
  if (recorder() != nullptr)
    return record_call(
        "matrix_exp", [=](const Array& x) { return matrix_exp(x, op); }, a);
  blas::expect_matrices(op, a, true);
  blas::expect_finite(op, a);
  if (a.size() == 0) return copy(a);
  const auto n = a.shape().back();
  const Array norms = contiguous(max(cast(sum(abs(a), -2), f64), -1));
  if (a.ndim() == 2) return exp_one(a, norms.item());
  Array result = Array::empty(a.shape(), a.dtype());
  const Array flat = reshape(a, {-1, n, n});
  Array to = reshape(result, {-1, n, n});
  const auto count = flat.shape()[0];
  blas::each_member(count, 20.0 * static_cast<double>(n * n * n), [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      Array member = select(to, 0, i);
      assign(member, exp_one(select(flat, 0, i), norms.data<double>()[i]));
    }
  });
  return result;
}

}  // namespace newtape::core
