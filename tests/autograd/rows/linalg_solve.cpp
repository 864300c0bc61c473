// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/linalg.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

using namespace linalg;

Matrix lower(Matrix a, bool unit = false) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (auto j = i; j < a.columns; ++j) a(i, j) = i < j ? 0 : unit ? 1 : a(i, j);
  }
  return a;
}
Matrix upper(const Matrix& a, bool unit = false) { return transposed(lower(transposed(a), unit)); }

/// P a = L U with partial pivoting; L below and U above the diagonal.
Matrix factored(Matrix a) {
  for (std::int64_t k = 0; k < std::min(a.rows, a.columns); ++k) {
    std::int64_t best = k;
    for (auto i = k; i < a.rows; ++i) {
      if (std::abs(a(i, k)) > std::abs(a(best, k))) best = i;
    }
    for (std::int64_t j = 0; best != k && j < a.columns; ++j) std::swap(a(k, j), a(best, j));
    for (auto i = k + 1; i < a.rows; ++i) {
      a(i, k) /= a(k, k);
      for (auto j = k + 1; j < a.columns; ++j) a(i, j) -= a(i, k) * a(k, j);
    }
  }
  return a;
}
/// The rows of regular(x) in reverse order, so that pivoting is required.
Tensor rows_reversed(const Tensor& x) {
  Tensor y = regular(x);
  std::vector<Tensor> rows;
  for (auto i = y.shape(-2); i-- > 0;) rows.push_back(slice(y, -2, i, i + 1));
  return rows.empty() ? y : concatenate(rows, -2);
}
Matrix rows_reversed(const Matrix& x) {
  const Matrix y = regular(x);
  Matrix t(y);
  for (std::int64_t i = 0; i < y.rows; ++i) {
    for (std::int64_t j = 0; j < y.columns; ++j) t(i, j) = y(y.rows - 1 - i, j);
  }
  return t;
}

const Call inverted = [](Args& x) { return inv(regular(x[0])); };
const Call solved = [](Args& x) {
  const Tensor a = regular(x[0]);
  return solve(a, x[1]);
};
const Reference solution = over_stacks([](const Matrices& x) { return eliminated(regular(x[0]), x[1]); });
const Reference solution_vector = over_stacks([](const Matrices& x) { return eliminated(regular(x[0]), x[1]); }, 1);

const Call solved_from_right = [](Args& x) {
  const Tensor a = regular(x[0]);
  return solve(a, x[1], {.left = false});
};
const Reference solution_from_right =
    over_stacks([](const Matrices& x) { return transposed(eliminated(transposed(regular(x[0])), transposed(x[1]))); });

Sample triangular(Shape a, Shape b, SolveTriangularOptions o) {
  const auto call = [o](Args& x) {
    const Tensor t = regular(x[0]);
    return solve_triangular(t, x[1], o);
  };
  const auto reference = [o](const Matrices& x) {
    Matrix t = o.upper ? upper(regular(x[0]), o.unitriangular) : lower(regular(x[0]), o.unitriangular);
    if (o.transposed) t = transposed(t);
    return o.left ? eliminated(t, x[1]) : transposed(eliminated(transposed(t), transposed(x[1])));
  };
  const bool vector = b.size() == 1;
  return {{std::move(a), std::move(b)}, call, over_stacks(reference, vector ? 1 : 0)};
}

Sample cholesky_factor(Shape shape, bool up) {
  return {
      {std::move(shape)}, [up](Args& x) { return cholesky(positive(x[0]), up); }, over_stacks([up](const Matrices& x) {
        const Matrix l = cholesky_of(positive(x[0]));
        return up ? transposed(l) : l;
      })};
}

Sample cholesky_solution(Shape l, Shape b, bool up = false) {
  const auto call = [up](Args& x) {
    const Tensor t = regular(x[0]);
    return cholesky_solve(x[1], t, up);
  };
  const auto reference = [up](const Matrices& x) {
    const Matrix t = up ? transposed(upper(regular(x[0]))) : lower(regular(x[0]));
    return eliminated(t * transposed(t), x[1]);
  };
  const bool vector = b.size() == 1;
  return {{std::move(l), std::move(b)}, call, over_stacks(reference, vector ? 1 : 0)};
}

const Call packed = [](Args& x) { return lu_factor(rows_reversed(x[0])).lu; };
const Reference packed_reference = over_stacks([](const Matrices& x) { return factored(rows_reversed(x[0])); });

/// The reference of one factor.
Sample lu_part(Shape shape, int which) {
  const auto call = [which](Args& x) {
    const LU f = lu(rows_reversed(x[0]));
    return which == 0 ? matmul(f.p, f.l) : which == 1 ? f.l : f.u;
  };
  const auto reference = [which](const Matrices& x) {
    const Matrix a = rows_reversed(x[0]);
    const auto k = std::min(a.rows, a.columns);
    const Matrix f = factored(a);
    return which == 0   ? a * inverse(upper(f))
           : which == 1 ? lower(block(f, 0, a.rows, 0, k), true)
                        : upper(block(f, 0, k, 0, a.columns));
  };
  return {{std::move(shape)}, call, over_stacks(reference)};
}

const Call lu_solved = [](Args& x) {
  const LUFactor f = lu_factor(rows_reversed(x[0]));
  return lu_solve(f, x[1]);
};
Sample lu_solution(Shape a, Shape b) {
  const bool vector = b.size() == 1;
  return {{std::move(a), std::move(b)},
          lu_solved,
          over_stacks([](const Matrices& x) { return eliminated(rows_reversed(x[0]), x[1]); }, vector ? 1 : 0)};
}

Sample lu_solution(Shape a, Shape b, LuSolveOptions o) {
  const auto call = [o](Args& x) {
    const LUFactor f = lu_factor(rows_reversed(x[0]));
    return lu_solve(f, x[1], o);
  };
  const auto reference = [o](const Matrices& x) {
    Matrix m = rows_reversed(x[0]);
    if (o.adjoint) m = transposed(m);
    return o.left ? eliminated(m, x[1]) : transposed(eliminated(transposed(m), transposed(x[1])));
  };
  const bool vector = b.size() == 1;
  return {{std::move(a), std::move(b)}, call, over_stacks(reference, vector ? 1 : 0)};
}

Reference scalar_of(Real (*f)(const Matrix&)) {
  return over_stacks([f](const Matrices& x) { return Matrix(1, 1, f(rows_reversed(x[0]))); }, 2);
}
const Call determined = [](Args& x) { return det(rows_reversed(x[0])); };
const Call logarithm = [](Args& x) { return slogdet(rows_reversed(x[0])).logabsdet; };

/// A matrix of rank `r` plus x, where x is zero (or nearly).
Sample singular_det(std::int64_t n, std::int64_t r) {
  Matrix base(n, n);
  for (std::int64_t k = 0; k < r; ++k) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        base(i, j) += static_cast<Real>((i * (k + 2) + k) % 5 - 2) * static_cast<Real>((j * (k + 3) + 1) % 7 - 3);
      }
    }
  }
  const auto call = [base](Args& x) {
    const In in = x[0];
    Array a = Array::empty({base.rows, base.columns}, f64);
    std::copy(base.data.begin(), base.data.end(), a.data<double>());
    return det(Tensor(a).to(in.dtype()) + in.tensor()) + sum(in) + 1.0;  // nonzero, as tolerances are relative
  };
  const auto reference = [base](const Matrices& x) {
    Real total = determinant(base + x[0]) + 1;
    for (const auto e : x[0].data) total += e;
    return Matrix(1, 1, total);
  };
  return {{{n, n}}, call, over_stacks(reference, 2)};
}

const Rows equations{{
    {.name = "inv",
     .domains = small,
     .samples = {{{{3, 3}}, inverted, over_stacks([](const Matrices& x) { return inverse(regular(x[0])); })},
                 {{{1, 1}}, inverted, over_stacks([](const Matrices& x) { return inverse(regular(x[0])); })},
                 {{{2, 2, 2}}, inverted, over_stacks([](const Matrices& x) { return inverse(regular(x[0])); })},
                 {{{0, 0}}, inverted, over_stacks([](const Matrices& x) { return inverse(regular(x[0])); })},
                 {{{0, 2, 2}}, inverted, over_stacks([](const Matrices& x) { return inverse(regular(x[0])); })}},
     .rejects = {{Error::shape, "a [2, 3]", [] { inv(of({2, 3})); }},
                 {Error::shape, "inv", [] { inv(of({3})); }},
                 {Error::dtype, "i64", [] { inv(of({2, 2}, i64)); }},
                 {Error::numerical, "pivot 1 is 0", [] { inv(of({2, 2})); }},
                 {Error::numerical, "in matrix [0, 1] of the stack",
                  [] {
                    inv(concatenate({reshape(eye(2), {1, 1, 2, 2}), of({1, 1, 2, 2})}, 1));
                  }},
                 {Error::numerical, "finite", [] { inv(not_a_number()); }}}},
    {.name = "solve",
     .domains = small,
     .samples = {{{{3, 3}, {3}}, solved, solution_vector},
                 {{{3, 3}, {3, 2}}, solved, solution},
                 {{{2, 3, 3}, {3}}, solved, solution_vector},
                 {{{2, 2}, {2, 2, 1}}, solved, solution},
                 {{{2, 1, 2, 2}, {3, 2, 1}}, solved, solution},
                 {{{0, 0}, {0}}, solved, solution_vector},
                 {{{0, 2, 2}, {2, 1}}, solved, solution},
                 {{{2, 2}, {2, 0}}, solved, solution},
                 {{{3, 3}, {2, 3}}, solved_from_right, solution_from_right},
                 {{{2, 2, 2}, {1, 2}}, solved_from_right, solution_from_right}},
     .rejects = {{Error::shape, "a [2, 3]", [] { solve(of({2, 3}), of({2})); }},
                 {Error::shape, "b [3]", [] { solve(of({2, 2}), of({3})); }},
                 {Error::shape, "b [2, 3, 2]", [] { solve(of({2, 2}), of({2, 3, 2})); }},
                 {Error::shape, "columns", [] { solve(of({2, 2}), of({2, 3}), {.left = false}); }},
                 {Error::shape, "columns", [] { solve(of({2, 2}), of({2}), {.left = false}); }},
                 {Error::dtype, "solve", [] { solve(of({2, 2}), of({2}, f64)); }},
                 {Error::numerical, "pivot 1 is 0", [] { solve(of({2, 2}), of({2})); }},
                 {Error::numerical, "finite", [] { solve(not_a_number(), of({2})); }}}},
    {.name = "solve_triangular",
     .domains = small,
     .samples = {triangular({3, 3}, {3}, {}),
                 triangular({3, 3}, {3, 2}, {.upper = true}),
                 triangular({2, 2}, {2, 3}, {.transposed = true}),
                 triangular({2, 2}, {2, 2, 1}, {.upper = true, .transposed = true}),
                 triangular({3, 3}, {3, 2}, {.unitriangular = true}),
                 triangular({3, 3}, {3}, {.upper = true, .transposed = true, .unitriangular = true}),
                 triangular({3, 3}, {2, 3}, {.left = false}),
                 triangular({2, 3, 3}, {1, 3}, {.upper = true, .left = false}),
                 triangular({3, 3}, {2, 3}, {.left = false, .transposed = true, .unitriangular = true}),
                 triangular({3, 3}, {2, 3}, {.upper = true, .left = false, .transposed = true}),
                 triangular({0, 0}, {0, 2}, {}),
                 triangular({2, 2}, {2, 0}, {})},
     .rejects = {{Error::shape, "a [2, 3]", [] { solve_triangular(of({2, 3}), of({2})); }},
                 {Error::shape, "b [3, 2]", [] { solve_triangular(of({2, 2}), of({3, 2})); }},
                 {Error::shape, "b [2, 3]", [] { solve_triangular(of({2, 2}), of({2, 3}), {.left = false}); }},
                 {Error::dtype, "solve_triangular", [] { solve_triangular(of({2, 2}), of({2}, f64)); }},
                 {Error::numerical, "0 in row 1", [] { solve_triangular(of({2, 2}), of({2})); }}}},
    {.name = "cholesky",
     .domains = small,
     .samples = {cholesky_factor({3, 3}, false), cholesky_factor({3, 2}, true), cholesky_factor({2, 2, 2}, false),
                 cholesky_factor({1, 1}, false), cholesky_factor({0, 0}, false), cholesky_factor({0, 2, 2}, false)},
     .rejects = {{Error::shape, "cholesky", [] { cholesky(of({2, 3})); }},
                 {Error::dtype, "cholesky", [] { cholesky(of({2, 2}, boolean)); }},
                 {Error::numerical, "order 2 is not positive", [] { cholesky(tensor({{1.0, 2}, {2, 1}})); }},
                 {Error::numerical, "in matrix [1] of the stack",
                  [] {
                    cholesky(stack({eye(2), -eye(2)}));
                  }},
                 {Error::numerical, "finite", [] { cholesky(not_a_number()); }}}},
    {.name = "cholesky_solve",
     .domains = small,
     .samples = {cholesky_solution({3, 3}, {3}), cholesky_solution({3, 3}, {3, 2}, true),
                 cholesky_solution({2, 2}, {2, 3}), cholesky_solution({2, 2, 2}, {2, 1}),
                 cholesky_solution({2, 2}, {3, 2, 1}), cholesky_solution({0, 0}, {0}),
                 cholesky_solution({2, 2}, {2, 0})},
     .rejects = {{Error::shape, "l", [] { cholesky_solve(of({2}), of({2, 3})); }},
                 {Error::shape, "b [3]", [] { cholesky_solve(of({3}), of({2, 2})); }},
                 {Error::dtype, "cholesky_solve", [] { cholesky_solve(of({2}, f64), of({2, 2})); }},
                 {Error::numerical, "singular", [] { cholesky_solve(of({2}), of({2, 2})); }}}},
    {.name = "lu_factor",
     .domains = small,
     .samples = {{{{3, 3}}, packed, packed_reference},
                 {{{2, 4}}, packed, packed_reference},
                 {{{4, 2}}, packed, packed_reference},
                 {{{2, 2, 2}}, packed, packed_reference},
                 {{{2, 3, 2}}, packed, packed_reference},
                 {{{0, 0}}, packed, packed_reference},
                 {{{0, 2, 2}}, packed, packed_reference}},
     .rejects = {{Error::shape, "lu_factor", [] { lu_factor(of({3})); }},
                 {Error::dtype, "lu_factor", [] { lu_factor(of({3, 3}, i64)); }},
                 {Error::numerical, "finite", [] { lu_factor(not_a_number()); }}}},
    {.name = "lu",
     .domains = small,
     .samples = {lu_part({3, 3}, 0), lu_part({2, 3}, 1), lu_part({3, 2}, 1), lu_part({2, 3}, 2), lu_part({2, 3, 2}, 2),
                 lu_part({2, 2, 2}, 0), lu_part({0, 0}, 0), lu_part({0, 2}, 2)},
     .rejects = {{Error::shape, "lu: a must", [] { lu(of({3})); }}},
     .composite = true},
    {.name = "lu_solve",
     .domains = small,
     .samples = {lu_solution({3, 3}, {3}), lu_solution({3, 3}, {3, 2}), lu_solution({2, 2, 2}, {2, 1}),
                 lu_solution({2, 2}, {3, 2, 1}), lu_solution({0, 0}, {0}), lu_solution({2, 2}, {2, 0}),
                 lu_solution({3, 3}, {3}, {.adjoint = true}), lu_solution({2, 2, 2}, {2, 1}, {.adjoint = true}),
                 lu_solution({3, 3}, {2, 3}, {.left = false}),
                 lu_solution({3, 3}, {2, 2, 3}, {.left = false, .adjoint = true})},
     .rejects = {{Error::shape, "b [3]", [] { lu_solve(lu_factor(eye(2)), of({3})); }},
                 {Error::shape, "a [2, 3]", [] { lu_solve(lu_factor(of({2, 3})), of({2})); }},
                 {Error::value, "5",
                  [] {
                    lu_solve({eye(2), tensor({5, 5})}, of({2}));
                  }},
                 {Error::numerical, "singular", [] { lu_solve(lu_factor(of({2, 2})), of({2})); }}},
     .composite = true},
    {.name = "det",
     .domains = small,
     .samples = {{{{3, 3}}, determined, scalar_of(determinant)},
                 {{{2, 2, 2}}, determined, scalar_of(determinant)},
                 {{{2, 1, 2, 2}}, determined, scalar_of(determinant)},
                 {{{0, 0}}, determined, scalar_of(determinant)},
                 {{{0, 2, 2}}, determined, scalar_of(determinant)}},
     .rejects = {{Error::shape, "det", [] { det(of({2, 3})); }},
                 {Error::dtype, "det", [] { det(of({2, 2}, i64)); }},
                 {Error::numerical, "finite", [] { det(not_a_number()); }}}},
    {.name = "det of singular matrices",
     .domains = {{.low = 0, .high = 0, .above = -1, .below = 1, .whole = true}},
     .samples = {singular_det(1, 0), singular_det(2, 1), singular_det(3, 2), singular_det(3, 1), singular_det(3, 0),
                 singular_det(4, 2), singular_det(4, 3), singular_det(0, 0)},
     .composite = true,
     .tolerance_scale = 64},
    {.name = "slogdet",
     .domains = small,
     .samples = {{{{3, 3}}, logarithm, scalar_of([](const Matrix& a) { return std::log(std::abs(determinant(a))); })},
                 {{{2, 2, 2}}, logarithm, scalar_of([](const Matrix& a) { return std::log(std::abs(determinant(a))); })},
                 {{{2, 2}},
                  [](Args& x) {
                    const auto [sign, logabs] = slogdet(rows_reversed(x[0]));
                    return sign * exp(logabs);
                  },
                  scalar_of(determinant)},
                 {{{0, 0}}, logarithm, scalar_of([](const Matrix&) { return Real(0); })},
                 {{{0, 2, 2}}, logarithm, scalar_of(determinant)}},
     .rejects = {{Error::shape, "slogdet", [] { slogdet(of({2, 3})); }},
                 {Error::dtype, "slogdet", [] { slogdet(of({2, 2}, i64)); }},
                 {Error::numerical, "singular",
                  [] {
                    const Tensor x = variable(of({2, 2}));
                    slogdet(x).logabsdet.backward();
                  }},
                 {Error::numerical, "finite", [] { slogdet(not_a_number()); }}}},
    {.name = "logdet",
     .domains = small,
     .samples = {{{{3, 3}},
                  [](Args& x) { return logdet(positive(x[0])); },
                  over_stacks([](const Matrices& x) { return Matrix(1, 1, std::log(determinant(positive(x[0])))); }, 2)},
                 {{{0, 2, 2}},
                  [](Args& x) { return logdet(positive(x[0])); },
                  over_stacks([](const Matrices& x) { return Matrix(1, 1, std::log(determinant(positive(x[0])))); }, 2)}},
     .rejects = {{Error::shape, "slogdet", [] { logdet(of({2, 3})); }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
