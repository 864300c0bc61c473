// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <array>
#include <cmath>
#include <span>

namespace newtape::core {

namespace {

// Largest 1-norm for which the Pade approximant of each degree is accurate to double precision (Higham, The scaling and
// squaring method for the matrix exponential revisited, SIAM J. Matrix Anal. Appl. 26 (2005), table 2.3).
struct Degree {
  int m;
  double norm;
};
constexpr std::array<Degree, 5> degrees{{{3, 1.495585217958292e-2},
                                         {5, 2.539398330063230e-1},
                                         {7, 9.504178996162932e-1},
                                         {9, 2.097847961257068},
                                         {13, 5.371920351148152}}};

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

/// exp(a) of one matrix with 1-norm `norm`.
Array exp_one(Array a, double norm) {
  const auto degree = std::find_if(degrees.begin(), degrees.end() - 1, [&](const Degree& d) { return norm <= d.norm; });
  int squarings = 0;
  if (norm > degree->norm) {
    squarings = std::max(0, static_cast<int>(std::ceil(std::log2(norm / degree->norm))));
    const Array factor = full({}, std::ldexp(1.0, -squarings), a.dtype());
    a = std::move(a) * factor;
  }
  const auto b = numerator(degree->m);
  const Array identity = eye(a.shape().back(), a.dtype());
  std::vector<Array> even{matmul(a, a)};  // a^2, a^4, ...
  const auto powers = static_cast<std::size_t>(degree->m == 13 ? 3 : degree->m / 2);
  while (even.size() < powers) even.push_back(matmul(even.back(), even[0]));
  const auto part = [&](std::size_t first) {  // odd (first = 1, divided by a) or even (first = 0) terms
    std::array<double, 6> c{};
    for (std::size_t i = 0; i < powers; ++i) c[i] = b[first + 2 * (i + 1)];
    Array low = combination(b[first], even, std::span(c).first(powers), identity);
    if (degree->m != 13) return low;
    const std::array<double, 3> high{b[first + 8], b[first + 10], b[first + 12]};
    return std::move(low) + matmul(even[2], combination(0, even, high, identity));
  };
  const Array u = matmul(a, part(1));
  const Array v = part(0);
  Array y = solve(v - u, v + u);
  for (; squarings > 0; --squarings) y = matmul(y, y);
  return y;
}

}  // namespace

Array matrix_exp(const Array& a, const char* op) {
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
