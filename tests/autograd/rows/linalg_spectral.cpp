// SPDX-License-Identifier: BSD-3-Clause
// Functions of symmetric matrices and of singular values, at distinct values and at equal, zero and nearly equal ones.
#include "autograd/rows/linalg.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
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

Matrix spectral_diagonal(const std::vector<Real>& values, std::int64_t columns = 0) {
  const auto n = static_cast<std::int64_t>(values.size());
  Matrix d(n, std::max(n, columns));
  for (std::int64_t i = 0; i < n; ++i) d(i, i) = values[static_cast<std::size_t>(i)];
  return d;
}
/// q d q^T for a rotation q.
Matrix turned(const Matrix& d) {
  Matrix start(d.rows, d.rows);
  for (std::int64_t i = 0; i < d.rows * d.rows; ++i) {
    start.data[static_cast<std::size_t>(i)] = static_cast<Real>(i * i % 7) - 2 + (i % (d.rows + 1) == 0 ? 3 : 0);
  }
  const Matrix q = orthogonalised(start).first;
  return q * d * transposed(q);
}

/// f(a) by Jacobi's rotations.
Matrix function_of_symmetric(const Matrix& a, Real (*f)(Real)) {
  const auto [w, v] = rotated(0.5L * (a + transposed(a)));
  Matrix d(w.rows, w.rows);
  for (std::int64_t i = 0; i < w.rows; ++i) d(i, i) = f(w(i, 0));
  return v * d * transposed(v);
}
/// u f(s) v^T = a v (f(s) / s) v^T, given f(s) / s.
Matrix function_of_singular(const Matrix& a, Real (*ratio)(Real)) {
  if (a.rows < a.columns) return transposed(function_of_singular(transposed(a), ratio));
  const auto [s, v] = singular(a);
  Matrix d(s.rows, s.rows);
  for (std::int64_t i = 0; i < s.rows; ++i) d(i, i) = ratio(s(i, 0));
  return a * (v * d * transposed(v));
}

/// x itself, or added to a constant.
Tensor shifted(const In& x, const Matrix& base) {
  Array a = Array::empty({base.rows, base.columns}, f64);
  std::copy(base.data.begin(), base.data.end(), a.data<double>());
  return Tensor(a).to(x.dtype()) + x.tensor();
}

using Of = Tensor (*)(const Tensor&);

Sample symmetric_function(Shape shape, Of call, Real (*f)(Real)) {
  return one(
      std::move(shape), [call](Args& x) { return call(positive(x[0])); },
      [f](const Matrix& x) { return function_of_symmetric(positive(x), f); });
}
/// At `base`, where x is 0; symmetric parts.
Sample symmetric_at(const Matrix& base, Of call, Real (*f)(Real)) {
  return one(
      {base.rows, base.columns},
      [base, call](Args& x) {
        const Tensor a = shifted(x[0], base);
        return call((a + transpose(a)) * 0.5);
      },
      [base, f](const Matrix& x) { return function_of_symmetric(base + x, f); });
}
std::vector<Sample> symmetric_at(const std::vector<Matrix>& bases, Of call, Real (*f)(Real)) {
  std::vector<Sample> all;
  for (const auto& b : bases) all.push_back(symmetric_at(b, call, f));
  return all;
}
Sample singular_function(Shape shape, Of call, Real (*ratio)(Real)) {
  return one(
      std::move(shape), [call](Args& x) { return call(regular(x[0])); },
      [ratio](const Matrix& x) { return function_of_singular(regular(x), ratio); });
}
std::vector<Sample> singular_at(const std::vector<Matrix>& bases, Of call, Real (*ratio)(Real)) {
  std::vector<Sample> all;
  for (const auto& b : bases) {
    all.push_back(one(
        {b.rows, b.columns}, [b, call](Args& x) { return call(shifted(x[0], b)); },
        [b, ratio](const Matrix& x) { return function_of_singular(b + x, ratio); }));
  }
  return all;
}

const std::vector<Matrix>& definite_points() {
  static const std::vector<Matrix> all{Matrix(0, 0),
                                       identity(2),
                                       spectral_diagonal({1, 1, 2}),
                                       turned(spectral_diagonal({1, 1, 2})),
                                       turned(spectral_diagonal({1, 1 + 1e-8L, 2})),
                                       turned(spectral_diagonal({1, 1 + 1e-12L, 2})),
                                       turned(spectral_diagonal({0.5L, 0.51L, 0.52L}))};
  return all;
}
std::vector<Matrix> symmetric_points() {
  std::vector<Matrix> all = definite_points();
  all.push_back(Matrix(2, 2));
  all.push_back(turned(spectral_diagonal({2, 0, 0})));
  all.push_back(turned(spectral_diagonal({1, -1, -1})));
  return all;
}
const std::vector<Matrix>& rank_points() {
  static const std::vector<Matrix> all{Matrix(0, 2),
                                       Matrix(2, 2),
                                       Matrix(2, 3),
                                       identity(2),
                                       turned(spectral_diagonal({1, 1, 2})),
                                       turned(spectral_diagonal({2, 0, 0})),
                                       transposed(spectral_diagonal({2, 0}, 3)),
                                       turned(spectral_diagonal({1, 1 + 1e-8L, 1 + 1e-12L}))};
  return all;
}

Tensor matrix_sine(const Tensor& a) {
  return matrix_function([](const Tensor& x) { return sin(x); }, a);
}
Tensor matrix_exp_by_values(const Tensor& a) {
  return matrix_function([](const Tensor& x) { return exp(x); }, a);
}
Tensor matrix_logarithm(const Tensor& a) { return matrix_log(a); }
Tensor matrix_inverse_root(const Tensor& a) { return matrix_rsqrt(a); }
Tensor matrix_root(const Tensor& a) { return matrix_sqrt(a); }
Tensor singular_sine(const Tensor& a) {
  return singular_value_function([](const Tensor& x) { return sin(x); }, a);
}
Tensor orthogonal_part(const Tensor& a) { return polar(a).u; }
Tensor symmetric_part(const Tensor& a) { return polar(a).p; }

/// By eigenvectors and singular vectors, as users write it.
Tensor sine_by_eigh(const Tensor& a) {
  const auto [w, v] = eigh(a);
  return matmul(v * unsqueeze(sin(w), -2), transpose(v));
}
Tensor exponential_by_eigh(const Tensor& a) {
  const auto [w, v] = eigh(a);
  return matmul(v * unsqueeze(exp(w), -2), transpose(v));
}
Tensor sine_by_svd(const Tensor& a) {
  const auto [u, s, vh] = svd(a);
  return matmul(u * unsqueeze(sin(s), -2), vh);
}
Tensor sine_by_full_svd(const Tensor& a) {
  const auto [u, s, vh] = svd(a, true);
  const auto k = s.shape(-1);
  return matmul(slice(u, -1, 0, k) * unsqueeze(sin(s), -2), slice(vh, -2, 0, k));
}

Real sine(Real x) { return std::sin(x); }
Real exponential_of_number(Real x) { return std::exp(x); }
Real logarithm_of_number(Real x) { return std::log(x); }
Real inverse_root(Real x) { return 1 / std::sqrt(x); }
Real root_of_number(Real x) { return std::sqrt(x); }
Real sine_ratio(Real x) { return x == 0 ? 1 : std::sin(x) / x; }
Real reciprocal_of_number(Real x) { return 1 / x; }

/// p of a = u p or, `left`, p u.
Sample polar_part(Shape shape, bool left) {
  return one(
      std::move(shape), [left](Args& x) { return polar(regular(x[0]), left).p; },
      [left](const Matrix& x) {
        const Matrix a = regular(x);
        return function_of_symmetric(left ? a * transposed(a) : transposed(a) * a,
                                     [](Real w) { return std::sqrt(std::max<Real>(w, 0)); });
      });
}

Sample polar_symmetric_at(const Matrix& base) {
  return one(
      {base.rows, base.columns}, [base](Args& x) { return symmetric_part(shifted(x[0], base)); },
      [base](const Matrix& x) {
        const Matrix a = base + x;
        return function_of_symmetric(transposed(a) * a, root_of_number);
      });
}

/// Centred rows times the inverse root of their covariance.
Tensor whitened(const Tensor& x) {
  const Tensor centred = x - mean(x, 0, true);
  return matmul(centred, matrix_rsqrt(matmul(transpose(centred), centred) / static_cast<double>(x.shape(0))));
}
Matrix whitened_reference(const Matrix& x) {
  Matrix centred = x;
  for (std::int64_t j = 0; j < x.columns; ++j) {
    Real total = 0;
    for (std::int64_t i = 0; i < x.rows; ++i) total += x(i, j);
    for (std::int64_t i = 0; i < x.rows; ++i) centred(i, j) -= total / static_cast<Real>(x.rows);
  }
  return centred *
         function_of_symmetric((1 / static_cast<Real>(x.rows)) * (transposed(centred) * centred), inverse_root);
}
/// Rows of orthogonal columns: the covariance is a multiple of I.
Matrix balanced() {
  Matrix x(4, 2);
  const std::vector<Real> columns{1, 1, 1, -1, -1, 1, -1, -1};
  x.data = columns;
  return x;
}

const std::vector<Domain> at_zero{{.low = 0, .high = 0, .above = -1, .below = 1, .whole = true}};

const Rows spectral_functions{{
    {.name = "matrix_function",
     .domains = small,
     .samples = {symmetric_function({3, 3}, matrix_sine, sine), symmetric_function({2, 2, 2}, matrix_sine, sine),
                 symmetric_function({1, 1}, matrix_sine, sine), symmetric_function({0, 0}, matrix_sine, sine),
                 symmetric_function({0, 2, 2}, matrix_sine, sine)},
     .rejects = {{Error::shape, "matrix_function",
                  [] {
                    matrix_sine(of({2, 3}));
                  }},
                 {Error::dtype, "matrix_function",
                  [] {
                    matrix_sine(of({2, 2}, i64));
                  }},
                 {Error::numerical, "finite", [] { matrix_sine(not_a_number()); }},
                 {Error::value, "elementwise", [] { matrix_function([](const Tensor& x) { return sum(x); }, eye(2)); }},
                 {Error::value, "variables",
                  [] {
                    const Tensor c = variable(tensor(2.0));
                    matrix_function([&](const Tensor& x) { return x * c; }, eye(2));
                  }}},
     .tolerance_scale = 4},
    {.name = "matrix_function at equal values",
     .domains = at_zero,
     .samples = symmetric_at(symmetric_points(), matrix_sine, sine),
     .covers = {"matrix_function"},
     .tolerance_scale = 16},
    {.name = "matrix_function, an exponential, at equal values",
     .domains = at_zero,
     .samples = symmetric_at(symmetric_points(), matrix_exp_by_values, exponential_of_number),
     .covers = {"matrix_function"},
     .tolerance_scale = 16},
    {.name = "matrix_log",
     .domains = small,
     .samples = {symmetric_function({3, 3}, matrix_logarithm, logarithm_of_number),
                 symmetric_function({2, 2, 2}, matrix_logarithm, logarithm_of_number),
                 symmetric_function({0, 2, 2}, matrix_logarithm, logarithm_of_number)},
     .rejects = {{Error::shape, "matrix_log",
                  [] {
                    matrix_log(of({2, 3}));
                  }},
                 {Error::numerical, "matrix_log",
                  [] {
                    matrix_log(of({2, 2}));
                  }},
                 {Error::numerical, "matrix_log", [] { matrix_log(-eye(2)); }}},
     .composite = true,
     .tolerance_scale = 16},
    {.name = "matrix_log at equal values",
     .domains = at_zero,
     .samples = symmetric_at(definite_points(), matrix_logarithm, logarithm_of_number),
     .composite = true,
     .tolerance_scale = 16},
    {.name = "matrix_rsqrt",
     .domains = small,
     .samples = {symmetric_function({3, 3}, matrix_inverse_root, inverse_root),
                 symmetric_function({2, 2, 2}, matrix_inverse_root, inverse_root),
                 symmetric_function({0, 0}, matrix_inverse_root, inverse_root)},
     .rejects = {{Error::shape, "matrix_rsqrt",
                  [] {
                    matrix_rsqrt(of({2, 3}));
                  }},
                 {Error::numerical, "matrix_rsqrt",
                  [] {
                    matrix_rsqrt(of({2, 2}));
                  }}},
     .composite = true,
     .tolerance_scale = 16},
    {.name = "matrix_rsqrt at equal values",
     .domains = at_zero,
     .samples = symmetric_at(definite_points(), matrix_inverse_root, inverse_root),
     .composite = true,
     .tolerance_scale = 16},
    {.name = "matrix_sqrt at equal values",
     .domains = at_zero,
     .samples = symmetric_at(definite_points(), matrix_root, root_of_number),
     .composite = true,
     .tolerance_scale = 16},
    {.name = "whitening at equal values",
     .domains = at_zero,
     .samples = {one(
                     {4, 2}, [](Args& x) { return whitened(shifted(x[0], balanced())); },
                     [](const Matrix& x) { return whitened_reference(balanced() + x); }),
                 one(
                     {4, 0}, [](Args& x) { return whitened(x[0]); }, whitened_reference)},
     .composite = true,
     .tolerance_scale = 16},
    {.name = "v sin(w) v^T by eigh at equal values",
     .domains = at_zero,
     .samples = symmetric_at(symmetric_points(), sine_by_eigh, sine),
     .composite = true,
     .order = 1,
     .reason = "further derivatives at equal values are a NumericalError",
     .tolerance_scale = 16},
    {.name = "v exp(w) v^T by eigh at equal values",
     .domains = at_zero,
     .samples = symmetric_at(symmetric_points(), exponential_by_eigh, exponential_of_number),
     .composite = true,
     .order = 1,
     .reason = "further derivatives at equal values are a NumericalError",
     .tolerance_scale = 16},
    {.name = "u sin(s) vh by svd at equal values",
     .domains = at_zero,
     .samples = singular_at(rank_points(), sine_by_svd, sine_ratio),
     .composite = true,
     .order = 1,
     .reason = "further derivatives at equal values are a NumericalError",
     .tolerance_scale = 64},
    {.name = "u sin(s) vh by full svd at equal values",
     .domains = at_zero,
     .samples = singular_at(rank_points(), sine_by_full_svd, sine_ratio),
     .composite = true,
     .order = 1,
     .reason = "further derivatives at equal values are a NumericalError",
     .tolerance_scale = 64},
    {.name = "singular_value_function",
     .domains = small,
     .samples = {singular_function({3, 3}, singular_sine, sine_ratio),
                 singular_function({3, 2}, singular_sine, sine_ratio),
                 singular_function({2, 2, 3}, singular_sine, sine_ratio),
                 singular_function({0, 2}, singular_sine, sine_ratio)},
     .rejects = {{Error::shape, "singular_value_function", [] { singular_sine(of({3})); }},
                 {Error::dtype, "singular_value_function",
                  [] {
                    singular_sine(of({3, 3}, i64));
                  }},
                 {Error::value, "odd",
                  [] { singular_value_function([](const Tensor& x) { return exp(x); }, eye(2)); }}},
     .composite = true,
     .tolerance_scale = 16},
    {.name = "singular_value_function at equal values",
     .domains = at_zero,
     .samples = singular_at(rank_points(), singular_sine, sine_ratio),
     .composite = true,
     .tolerance_scale = 64},
    {.name = "polar",
     .domains = small,
     .samples = {singular_function({3, 3}, orthogonal_part, reciprocal_of_number),
                 singular_function({3, 2}, orthogonal_part, reciprocal_of_number),
                 singular_function({2, 2, 3}, orthogonal_part, reciprocal_of_number),
                 singular_function({0, 0}, orthogonal_part, reciprocal_of_number), polar_part({3, 3}, false),
                 polar_part({3, 2}, true), polar_part({2, 2, 3}, false), polar_part({2, 3}, true)},
     .rejects = {{Error::shape, "polar", [] { polar(of({3})); }},
                 {Error::dtype, "polar",
                  [] {
                    polar(of({3, 3}, i64));
                  }},
                 {Error::numerical, "finite", [] { polar(not_a_number()); }},
                 {Error::numerical, "full rank",
                  [] {
                    sum(polar(variable(of({2, 2}))).u).backward();
                  }}},
     .tolerance_scale = 16},
    {.name = "polar at equal values",
     .domains = at_zero,
     .samples = singular_at({Matrix(0, 0), identity(2), turned(spectral_diagonal({1, 1, 2})),
                             turned(spectral_diagonal({1, 1 + 1e-8L, 1 + 1e-12L})),
                             transposed(spectral_diagonal({1, 1}, 3)), spectral_diagonal({1, 1}, 3)},
                            orthogonal_part, reciprocal_of_number),
     .covers = {"polar"},
     .tolerance_scale = 16},
    {.name = "polar's symmetric part at equal values",
     .domains = at_zero,
     .samples = {polar_symmetric_at(identity(2)), polar_symmetric_at(Matrix(0, 0))},
     .covers = {"polar"},
     .tolerance_scale = 16},
}};

}  // namespace
}  // namespace newtape::table
