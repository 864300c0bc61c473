// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/linalg.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/reduce.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

using namespace linalg;

template <class F>
Sample number(Shape shape, Call call, F reference) {
  return one(
      std::move(shape), std::move(call), [reference](const Matrix& x) { return Matrix(1, 1, reference(x)); }, 2);
}

/// Taylor series with scaling and squaring.
Matrix exponential(const Matrix& a) {
  const Matrix small_a = std::ldexp(Real(1), -12) * a;
  Matrix term = identity(a.rows);
  Matrix y = term;
  for (int k = 1; k < 20; ++k) {
    term = (Real(1) / static_cast<Real>(k)) * (term * small_a);
    y = y + term;
  }
  for (int k = 0; k < 12; ++k) y = y * y;
  return y;
}
Sample exponential_of(Shape shape, double scale) {
  return one(
      std::move(shape), [scale](Args& x) { return matrix_exp(x[0].tensor() * scale); },
      [scale](const Matrix& x) { return exponential(static_cast<Real>(scale) * x); });
}

Matrix power(const Matrix& a, int n) {
  Matrix y = identity(a.rows);
  for (int k = 0; k < std::abs(n); ++k) y = y * a;
  return n < 0 ? inverse(y) : y;
}
Sample power_of(Shape shape, int n) {
  return one(
      std::move(shape), [n](Args& x) { return matrix_power(regular(x[0]), n); },
      [n](const Matrix& x) { return power(regular(x), n); });
}

const Call root = [](Args& x) { return matrix_sqrt(positive(x[0])); };
/// Newton's iteration for the square root (Denman & Beavers 1976).
Matrix root_reference(const Matrix& x) {
  Matrix y = positive(x);
  Matrix z = identity(y.rows);
  for (int k = 0; k < 30; ++k) {
    const Matrix next = 0.5L * (y + inverse(z));
    z = 0.5L * (z + inverse(y));
    y = next;
  }
  return y;
}

const Call lyapunov = [](Args& x) {
  const Tensor a = positive(x[0]);
  return solve_lyapunov(a, x[1]);
};
/// Lyapunov equation as a linear system of n^2 equations.
const Reference lyapunov_reference = over_stacks([](const Matrices& x) {
  const Matrix a = positive(x[0]);
  const auto n = a.rows;
  Matrix m(n * n, n * n);
  Matrix q(n * n, 1);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      q(i * n + j, 0) = x[1](i, j);
      for (std::int64_t k = 0; k < n; ++k) {
        m(i * n + j, k * n + j) += a(i, k);
        m(i * n + j, i * n + k) += a(k, j);
      }
    }
  }
  Matrix y = eliminated(m, q);
  y.rows = y.columns = n;
  return y;
});

// --- norms ---

using OfMatrix = Real (*)(const Matrix&);

Real frobenius(const Matrix& a) {
  Real total = 0;
  for (const auto x : a.data) total += x * x;
  return std::sqrt(total);
}
Real nuclear(const Matrix& a) {
  Real total = 0;
  for (const auto s : singular(a).first.data) total += s;
  return total;
}
Real largest_singular(const Matrix& a) { return singular(a).first.data.front(); }
Real smallest_singular(const Matrix& a) { return singular(a).first.data.back(); }
std::vector<Real> row_sums(const Matrix& a) {
  std::vector<Real> sums(static_cast<std::size_t>(a.rows), 0);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) sums[static_cast<std::size_t>(i)] += std::abs(a(i, j));
  }
  return sums;
}
Real max_row_sum(const Matrix& a) {
  const auto sums = row_sums(a);
  return *std::max_element(sums.begin(), sums.end());
}
Real min_row_sum(const Matrix& a) {
  const auto sums = row_sums(a);
  return *std::min_element(sums.begin(), sums.end());
}
Real max_column_sum(const Matrix& a) { return max_row_sum(transposed(a)); }
Real min_column_sum(const Matrix& a) { return min_row_sum(transposed(a)); }

template <class Order>
Sample matrix_norm_of(Shape shape, Order order, OfMatrix reference) {
  return number(
      std::move(shape), [order](Args& x) { return matrix_norm(regular(x[0]), order); },
      [reference](const Matrix& x) { return reference(regular(x)); });
}
/// Of the matrices whose rows lie along axis 2 and whose columns lie along axis 0 of [m, k, n]: [k] or [1, k, 1].
Reference norm_over_outer_axes(OfMatrix reference, bool keepdims = false) {
  return [reference, keepdims](const std::vector<Values>& x) {
    const Shape& shape = x[0].shape;
    Values y(keepdims ? Shape{1, shape[1], 1} : Shape{shape[1]});
    for (std::int64_t k = 0; k < shape[1]; ++k) {
      Matrix a(shape[2], shape[0]);
      for (std::int64_t i = 0; i < a.rows; ++i) {
        for (std::int64_t j = 0; j < a.columns; ++j) a(i, j) = x[0][{j, k, i}];
      }
      y.data[static_cast<std::size_t>(k)] = reference(a);
    }
    return y;
  };
}
template <class Order>
Sample condition_of(Shape shape, Order order, OfMatrix reference) {
  return number(
      std::move(shape), [order](Args& x) { return cond(regular(x[0]), order); },
      [reference](const Matrix& x) {
        const Matrix a = regular(x);
        return reference(a) * reference(inverse(a));
      });
}
Sample vector_norm_of(Shape shape, double p, Real (*reference)(const Matrix&)) {
  return number(
      std::move(shape), [p](Args& x) { return vector_norm(x[0], p); }, reference);
}

/// Powers of every element, along a new last axis.
Sample powers_of_vector(Shape shape, std::int64_t columns, bool asked, bool increasing) {
  Shape out = shape;
  out.push_back(columns);
  const auto call = [=](Args& x) { return asked ? vander(x[0], columns, increasing) : vander(x[0], {}, increasing); };
  return {{std::move(shape)}, call, [=](const std::vector<Values>& x) {
            Values y(out);
            for_each_index(out, [&](const Dims& at) {
              const auto k = increasing ? at.back() : columns - 1 - at.back();
              const Dims from(at.begin(), at.end() - 1);
              y[at] = 1;
              for (std::int64_t i = 0; i < k; ++i) y[at] *= x[0][from];
            });
            return y;
          }};
}

const Call chain = [](Args& x) { return multi_dot(x.list()); };
Matrix chained(const Matrices& x) {
  Matrix y = x[0];
  for (std::size_t i = 1; i < x.size(); ++i) y = y * x[i];
  return y;
}

const Call blocks = [](Args& x) { return block_diag(x.list()); };
const Reference blocks_reference = [](const std::vector<Values>& x) {
  Matrices all;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  for (const auto& v : x) {
    Matrix m;
    m.rows = v.shape.size() == 2 ? v.shape[0] : 1;
    m.columns = v.shape.empty() ? 1 : v.shape.back();
    m.data = v.data;
    rows += m.rows;
    columns += m.columns;
    all.push_back(std::move(m));
  }
  Values y({rows, columns});
  std::int64_t row = 0;
  std::int64_t column = 0;
  for (const auto& m : all) {
    for (std::int64_t i = 0; i < m.rows; ++i) {
      for (std::int64_t j = 0; j < m.columns; ++j) y[{row + i, column + j}] = m(i, j);
    }
    row += m.rows;
    column += m.columns;
  }
  return y;
};

const Rows matrix_functions{{
    {.name = "matrix_exp",
     .domains = small,
     .samples = {exponential_of({3, 3}, 1), exponential_of({2, 2}, 0.0078125), exponential_of({2, 2}, 0.125),
                 exponential_of({2, 2}, 0.5), exponential_of({2, 2}, 8), exponential_of({2, 2, 2}, 1),
                 exponential_of({1, 1}, 2), exponential_of({0, 0}, 1), exponential_of({0, 2, 2}, 1)},
     .rejects = {{Error::shape, "matrix_exp", [] { matrix_exp(of({2, 3})); }},
                 {Error::dtype, "matrix_exp", [] { matrix_exp(of({2, 2}, i64)); }},
                 {Error::numerical, "finite", [] { matrix_exp(not_a_number()); }}},
     .tolerance_scale = 16},
    {.name = "matrix_power",
     .domains = small,
     .samples = {power_of({3, 3}, 1), power_of({3, 3}, 2), power_of({2, 2, 2}, 5), power_of({2, 2}, -1),
                 power_of({3, 3}, -2), power_of({0, 0}, 3), power_of({0, 2, 2}, 2)},
     .rejects = {{Error::shape, "matrix_power", [] { matrix_power(of({2, 3}), 2); }},
                 {Error::numerical, "pivot 1 is 0", [] { matrix_power(of({2, 2}), -1); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "matrix_sqrt",
     .domains = small,
     .samples = {one({3, 3}, root, root_reference), one({2, 2, 3}, root, root_reference),
                 one({1, 1}, root, root_reference), one({0, 0}, root, root_reference),
                 one({0, 2, 2}, root, root_reference)},
     .rejects = {{Error::shape, "matrix_sqrt", [] { matrix_sqrt(of({2, 3})); }},
                 {Error::dtype, "matrix_sqrt", [] { matrix_sqrt(of({2, 2}, i64)); }},
                 {Error::numerical, "positive definite", [] { matrix_sqrt(-eye(2)); }},
                 {Error::numerical, "positive definite", [] { sum(matrix_sqrt(variable(of({2, 2})))).backward(); }},
                 {Error::numerical, "finite", [] { matrix_sqrt(not_a_number()); }}},
     .tolerance_scale = 4},
    {.name = "solve_lyapunov",
     .domains = small,
     .samples = {{{{3, 3}, {3, 3}}, lyapunov, lyapunov_reference},
                 {{{2, 2, 2}, {2, 2}}, lyapunov, lyapunov_reference},
                 {{{2, 2}, {2, 2, 2}}, lyapunov, lyapunov_reference},
                 {{{0, 0}, {0, 0}}, lyapunov, lyapunov_reference}},
     .rejects = {{Error::shape, "a [2, 3]", [] { solve_lyapunov(of({2, 3}), of({2, 2})); }},
                 {Error::shape, "q [2, 3]", [] { solve_lyapunov(of({2, 2}), of({2, 3})); }},
                 {Error::dtype, "solve_lyapunov", [] { solve_lyapunov(of({2, 2}), of({2, 2}, f64)); }},
                 {Error::numerical, "positive definite", [] { solve_lyapunov(of({2, 2}), of({2, 2})); }}},
     .tolerance_scale = 4},
    {.name = "vector_norm",
     .domains = {{.low = -2, .high = 2, .avoid = {0}, .above = 0}},
     .samples = {vector_norm_of({3, 2}, 2, frobenius),
                 vector_norm_of({3, 1}, 1, max_column_sum),
                 {{{2, 3}},
                  [](Args& x) { return vector_norm(x[0], infinity, -1, true); },
                  over_stacks([](const Matrices& x) {
                    Matrix y(x[0].rows, 1);
                    for (std::int64_t i = 0; i < y.rows; ++i) {
                      y(i, 0) = max_column_sum(block(x[0], i, 1, 0, x[0].columns));
                    }
                    return y;
                  })},
                 vector_norm_of({0, 2}, 2, frobenius)},
     .composite = true,
     .distinct = true},
    {.name = "matrix_norm",
     .domains = small,
     .samples = {matrix_norm_of({3, 2}, MatrixNorm::fro, frobenius), matrix_norm_of({3, 2}, MatrixNorm::nuc, nuclear),
                 matrix_norm_of({3, 3}, 1.0, max_column_sum), matrix_norm_of({3, 3}, -1.0, min_column_sum),
                 matrix_norm_of({3, 3}, infinity, max_row_sum),
                 matrix_norm_of({2, 2, 2}, -infinity, min_row_sum), matrix_norm_of({3, 2}, 2.0, largest_singular),
                 matrix_norm_of({2, 2, 3}, -2.0, smallest_singular),
                 number({2, 3}, [](Args& x) { return linalg::norm(regular(x[0]), 1); },
                        [](const Matrix& x) { return max_column_sum(regular(x)); }),
                 number({2, 3}, [](Args& x) { return linalg::norm(regular(x[0])); },
                        [](const Matrix& x) { return frobenius(regular(x)); }),
                 {{{2, 3}},
                  [](Args& x) { return matrix_norm(regular(x[0]), MatrixNorm::nuc, true); },
                  over_stacks([](const Matrices& x) { return Matrix(1, 1, nuclear(regular(x[0]))); })},
                 {{{2, 4, 3}},
                  [](Args& x) { return matrix_norm(x[0], infinity, {.axes = {2, 0}}); },
                  norm_over_outer_axes(max_row_sum)},
                 {{{2, 4, 3}},
                  [](Args& x) { return matrix_norm(x[0], 1.0, {.axes = {-1, 0}, .keepdims = true}); },
                  norm_over_outer_axes(max_column_sum, true)},
                 matrix_norm_of({0, 2, 2}, MatrixNorm::nuc, nuclear),
                 matrix_norm_of({0, 2, 2}, MatrixNorm::fro, frobenius)},
     .rejects = {{Error::shape, "matrix_norm", [] { matrix_norm(of({3})); }},
                 {Error::value, "differ", [] { matrix_norm(of({3, 3}), 1.0, {.axes = {0, -2}}); }},
                 {Error::shape, "matrix_norm", [] { matrix_norm(of({3, 3}), 1.0, {.axes = {0, 2}}); }},
                 {Error::value, "3.0", [] { matrix_norm(of({3, 3}), 3.0); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "cond",
     .domains = small,
     .samples = {condition_of({3, 3}, 2.0, largest_singular), condition_of({2, 2, 2}, -2.0, smallest_singular),
                 condition_of({3, 3}, 1.0, max_column_sum), condition_of({2, 2}, infinity, max_row_sum),
                 condition_of({2, 2}, MatrixNorm::fro, frobenius), condition_of({0, 2, 2}, MatrixNorm::nuc, nuclear)},
     .rejects = {{Error::shape, "cond", [] { cond(of({3}), 1); }},
                 {Error::shape, "cond", [] { cond(of({3})); }},
                 {Error::value, "3.0", [] { cond(eye(2), 3); }},
                 {Error::numerical, "pivot 1 is 0", [] { cond(of({2, 2}), 1); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "trace",
     .samples = {number({3, 3}, [](Args& x) { return trace(x[0]); },
                        [](const Matrix& x) { return x(0, 0) + x(1, 1) + x(2, 2); }),
                 number({2, 2, 3}, [](Args& x) { return trace(x[0]); },
                        [](const Matrix& x) { return x(0, 0) + x(1, 1); }),
                 number({0, 0}, [](Args& x) { return trace(x[0]); }, [](const Matrix&) { return Real(0); })},
     .rejects = {{Error::shape, "trace", [] { trace(of({3})); }}},
     .composite = true},
    {.name = "vander",
     .domains = small,
     .samples = {powers_of_vector({3}, 3, false, false), powers_of_vector({3}, 4, true, true),
                 powers_of_vector({2, 2}, 3, true, false), powers_of_vector({0}, 3, true, false)},
     .rejects = {{Error::shape, "vander", [] { vander(of({})); }}, {Error::value, "-1", [] { vander(of({2}), -1); }}},
     .composite = true},
    {.name = "multi_dot",
     .domains = small,
     .samples = {{{{2, 3}, {3, 4}}, chain, over_stacks(chained)},
                 {{{5, 1}, {1, 4}, {4, 2}}, chain, over_stacks(chained)},
                 {{{1, 3}, {3, 2}, {2, 5}, {5}}, chain, over_stacks(chained, 1)},
                 {{{3}, {3, 2}, {2, 3}, {3}}, chain, [](const std::vector<Values>& x) {
                    std::vector<Values> y = x;
                    y[0].shape = {1, 3};
                    return over_stacks(chained, 2)(y);
                  }},
                 {{{0, 2}, {2, 2}, {2, 1}}, chain, over_stacks(chained)}},
     .rejects = {{Error::shape, "[2, 3], [2, 3]", [] { multi_dot({of({2, 3}), of({2, 3})}); }},
                 {Error::value, "1", [] { multi_dot({of({2, 3})}); }}},
     .composite = true},
    {.name = "block_diag",
     .domains = small,
     .samples = {{{{2, 3}, {1, 2}}, blocks, blocks_reference},
                 {{{2, 2}, {3}, {}}, blocks, blocks_reference},
                 {{{2, 0}, {1, 2}}, blocks, blocks_reference}},
     .rejects = {{Error::shape, "[2, 2, 2]", [] { block_diag({of({2, 2, 2})}); }},
                 {Error::value, "0", [] { block_diag(std::vector<Tensor>{}); }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
