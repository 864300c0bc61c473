// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/linalg.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace newtape::table {
namespace {

using namespace linalg;

Matrix squares(const Matrix& a) {
  return apply(a, [](Real x) { return x * x; });
}
Matrix diagonal_matrix(const Matrix& w) {
  Matrix d(w.rows, w.rows);
  for (std::int64_t i = 0; i < w.rows; ++i) d(i, i) = w(i, 0);
  return d;
}

// --- QR: signs normalised to a positive diagonal ---

enum class QrPart { q, r, product };
Sample qr_part(Shape shape, QrPart part, QRMode mode = QRMode::reduced) {
  const auto call = [part, mode](Args& x) {
    const auto [q, r] = qr(regular(x[0]), mode);
    if (part == QrPart::product) return matmul(q, r);
    const auto k = std::min(r.shape(-2), r.shape(-1));
    const Tensor signs = sign(diagonal(slice(r, -2, 0, k), 0, -2, -1));
    if (part == QrPart::q) return slice(q, -1, 0, k) * unsqueeze(signs, -2);
    return slice(r, -2, 0, k) * unsqueeze(signs, -1);
  };
  return one(std::move(shape), call, [part](const Matrix& x) {
    const Matrix a = regular(x);
    const auto k = std::min(a.rows, a.columns);
    const Matrix q = orthogonalised(block(a, 0, a.rows, 0, k)).first;
    return part == QrPart::product ? a : part == QrPart::q ? q : transposed(q) * a;
  });
}

// --- least squares ---

Sample least_squares(Shape a, Shape b) {
  const auto call = [](Args& x) {
    const Tensor m = regular(x[0]);
    return lstsq(m, x[1]).solution;
  };
  const bool vector = b.size() == 1;
  return {{std::move(a), std::move(b)},
          call,
          over_stacks([](const Matrices& x) { return pseudo_inverse(regular(x[0])) * x[1]; }, vector ? 1 : 0)};
}
Sample least_squares_of_product(Shape l, Shape r, Shape b) {
  const auto call = [](Args& x) {
    const Tensor left = regular(x[0]);
    const Tensor right = regular(x[1]);
    return lstsq(matmul(left, right), x[2], 1e-5).solution;
  };
  return {{std::move(l), std::move(r), std::move(b)}, call, over_stacks([](const Matrices& x) {
            return pseudo_inverse(regular(x[1])) * (pseudo_inverse(regular(x[0])) * x[2]);
          })};
}
Sample residuals(Shape a, Shape b) {
  const auto call = [](Args& x) {
    const Tensor m = regular(x[0]);
    return lstsq(m, x[1]).residuals;
  };
  const bool vector = b.size() == 1;
  return {{std::move(a), std::move(b)},
          call,
          over_stacks(
              [](const Matrices& x) {
                const Matrix m = regular(x[0]);
                const Matrix r = x[1] + Real(-1) * (m * (pseudo_inverse(m) * x[1]));
                const Matrix all = transposed(r) * r;
                Matrix sums(all.rows, 1);
                for (std::int64_t i = 0; i < all.rows; ++i) sums(i, 0) = all(i, i);
                return sums;
              },
              vector ? 2 : 1)};
}

const Call pseudo = [](Args& x) { return pinv(regular(x[0])); };
Matrix pseudo_reference(const Matrix& x) { return pseudo_inverse(regular(x)); }
/// Of the semidefinite b b^T: (b^+)^T b^+.
const Call semidefinite_pseudo = [](Args& x) {
  const Tensor b = regular(x[0]);
  return pinv(matmul(b, transpose(b)), {.rtol = 1e-4, .hermitian = true});
};
Matrix semidefinite_reference(const Matrix& x) {
  const Matrix y = pseudo_inverse(regular(x));
  return transposed(y) * y;
}

// --- eigenvalues ---

enum class Factor { values, left, right, both };

Sample eigen(Shape shape, Factor part) {
  const auto call = [part](Args& x) {
    const auto [w, v] = eigh(symmetric(x[0]));
    if (part == Factor::values) return w;
    if (part == Factor::left) return square(v);
    return matmul(v * unsqueeze(sin(w), -2), transpose(v));
  };
  return one(
      std::move(shape), call,
      [part](const Matrix& x) {
        const auto [w, v] = rotated(symmetric(x));
        if (part == Factor::values) return w;
        if (part == Factor::left) return squares(v);
        return v * (diagonal_matrix(apply(w, [](Real e) { return std::sin(e); })) * transposed(v));
      },
      part == Factor::values ? 1 : 0);
}
/// With another lower triangle, which `upper` does not read.
const Call upper_values = [](Args& x) {
  const Tensor a = symmetric(x[0]);
  return eigvalsh(a - tril(a, -1).detach(), true);
};
const Call values_only = [](Args& x) { return eigvalsh(symmetric(x[0])); };
Matrix symmetric_values(const Matrix& x) { return rotated(symmetric(x)).first; }

/// A matrix with a pair of conjugate eigenvalues and one or two real ones.
Matrix rotating(const Matrix& x) {
  Matrix a = 0.25L * x;
  for (std::int64_t i = 0; i < a.rows; ++i) a(i, i) += static_cast<Real>(i < 2 ? 1 : 2 * i);
  if (a.rows > 1) a(0, 1) += 2;
  if (a.rows > 1) a(1, 0) -= 2;
  return a;
}
Tensor rotating(const Tensor& x) {
  const auto n = x.shape(-1);
  Array base = Array::empty({n, n}, f64);
  const Matrix at = rotating(Matrix(n, n));
  std::copy(at.data.begin(), at.data.end(), base.data<double>());
  return x * 0.25 + Tensor(base).to(x.dtype());
}
/// The permutation that sorts eigenvalues by real, then imaginary part.
Tensor eigenvalue_order(const Tensor& re, const Tensor& im) {
  std::vector<double> key;
  for (std::int64_t i = 0; i < re.size(); ++i) {
    key.push_back(std::round(select(re, 0, i).item() * 1e4) + (select(im, 0, i).item() > 0 ? 0.5 : 0));
  }
  std::vector<std::int64_t> at(key.size());
  std::iota(at.begin(), at.end(), 0);
  std::sort(at.begin(), at.end(),
            [&](auto i, auto j) { return key[static_cast<std::size_t>(i)] < key[static_cast<std::size_t>(j)]; });
  Array order = Array::empty({static_cast<std::int64_t>(at.size())}, i64);
  std::copy(at.begin(), at.end(), order.data<std::int64_t>());
  return order;
}

/// Eigenvalues (re, im), or |v_ij|^2, or the real part of v_i conj(v_j) for the first eigenvector.
enum class EigPart { re, im, sizes, projection };
Sample general(Shape shape, EigPart part) {
  const auto call = [part](Args& x) {
    const Eig e = eig(rotating(x[0]));
    const Tensor order = eigenvalue_order(e.w_real, e.w_imag);
    if (part == EigPart::re) return take(e.w_real, order, 0);
    if (part == EigPart::im) return take(e.w_imag, order, 0);
    const Tensor re = take(e.v_real, order, -1);
    const Tensor im = take(e.v_imag, order, -1);
    if (part == EigPart::sizes) return square(re) + square(im);
    const auto first = [](const Tensor& t) { return slice(t, -1, 0, 1); };
    return matmul(first(re), transpose(first(re))) + matmul(first(im), transpose(first(im)));
  };
  const auto reference = [part](const Matrix& x) {
    const Matrix a = rotating(x);
    const auto n = a.rows;
    const auto w = roots(a);
    Matrix y(n, 1);
    if (part == EigPart::re || part == EigPart::im) {
      for (std::int64_t i = 0; i < n; ++i) {
        const auto z = w[static_cast<std::size_t>(i)];
        y(i, 0) = part == EigPart::re ? z.real() : z.imag();
      }
      return y;
    }
    // Eigenvectors by inverse iteration, (a - w) v = b, as a real system of twice the size.
    y = Matrix(n, n);
    for (std::int64_t j = 0; j < n; ++j) {
      const auto z = w[static_cast<std::size_t>(j)] + std::complex<Real>(1e-7L, 1e-7L);
      Matrix m(2 * n, 2 * n);
      Matrix v(2 * n, 1);
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t k = 0; k < n; ++k) m(i, k) = m(n + i, n + k) = a(i, k) - (i == k ? z.real() : 0);
        m(i, n + i) = z.imag();
        m(n + i, i) = -z.imag();
        v(i, 0) = 1 + static_cast<Real>(i) / 3;
      }
      for (int round = 0; round < 5; ++round) {
        v = eliminated(m, v);
        Real total = 0;
        for (const auto e : v.data) total += e * e;
        v = (1 / std::sqrt(total)) * v;
      }
      if (part == EigPart::projection && j == 0) {
        Matrix p(n, n);
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t k = 0; k < n; ++k) p(i, k) = v(i, 0) * v(k, 0) + v(n + i, 0) * v(n + k, 0);
        }
        return p;
      }
      for (std::int64_t i = 0; i < n; ++i) y(i, j) = v(i, 0) * v(i, 0) + v(n + i, 0) * v(n + i, 0);
    }
    return y;
  };
  return one(std::move(shape), call, reference, part == EigPart::re || part == EigPart::im ? 1 : 0);
}

// --- singular values ---

Sample singular_part(Shape shape, Factor part, bool full = false) {
  const auto call = [part, full](Args& x) {
    const auto [u, s, vh] = svd(regular(x[0]), full);
    const auto k = s.shape(-1);
    const Tensor left = slice(u, -1, 0, k);
    const Tensor right = slice(vh, -2, 0, k);
    if (part == Factor::values) return s;
    if (part == Factor::left) return square(left);
    if (part == Factor::right) return square(right);
    return matmul(left * unsqueeze(square(s), -2), right);
  };
  const auto reference = [part](const Matrix& x) {
    const Matrix a = regular(x);
    const auto [s, v] = singular(a);
    if (part == Factor::values) return s;
    if (part == Factor::right) return squares(transposed(v));
    if (part == Factor::left) return squares(singular(transposed(a)).second);
    return a * (v * (diagonal_matrix(s) * transposed(v)));
  };
  return one(std::move(shape), call, reference, part == Factor::values ? 1 : 0);
}
/// The orthogonal matrix nearest to a.
Sample nearest_orthogonal(Shape shape) {
  const auto call = [](Args& x) {
    const auto [u, s, vh] = svd(regular(x[0]));
    return matmul(u, vh);
  };
  return one(std::move(shape), call, [](const Matrix& x) {
    const Matrix a = regular(x);
    const auto [s, v] = singular(a);
    return a * (v * (diagonal_matrix(apply(s, [](Real e) { return 1 / e; })) * transposed(v)));
  });
}
const Call singular_values_only = [](Args& x) { return svdvals(regular(x[0])); };
Matrix singular_values(const Matrix& x) { return singular(regular(x)).first; }

const Call ranked = [](Args& x) {
  const Tensor l = regular(x[0]);
  const Tensor r = regular(x[1]);
  return matrix_rank(matmul(l, r));
};
Reference rank(std::int64_t r) {
  return over_stacks([r](const Matrices&) { return Matrix(1, 1, static_cast<Real>(r)); }, 2);
}

const Rows factors{{
    {.name = "qr",
     .domains = small,
     .samples = {qr_part({3, 3}, QrPart::q), qr_part({3, 3}, QrPart::r), qr_part({4, 2}, QrPart::q),
                 qr_part({4, 2}, QrPart::r), qr_part({2, 4}, QrPart::q), qr_part({2, 4}, QrPart::r),
                 qr_part({2, 3, 2}, QrPart::q), qr_part({4, 2}, QrPart::q, QRMode::complete),
                 qr_part({2, 4, 2}, QrPart::r, QRMode::complete), qr_part({2, 4}, QrPart::r, QRMode::complete),
                 qr_part({0, 0}, QrPart::r), qr_part({3, 0}, QrPart::q), qr_part({0, 3}, QrPart::r),
                 qr_part({0, 2, 2}, QrPart::q)},
     .rejects = {{Error::shape, "qr", [] { qr(of({3})); }},
                 {Error::dtype, "qr", [] { qr(of({3, 3}, i64)); }},
                 {Error::numerical, "finite", [] { qr(not_a_number()); }},
                 {Error::value, "columns of q beyond", [] {
                    sum(qr(variable(ones({3, 1})), QRMode::complete).q).backward();
                  }}}},
    {.name = "lstsq",
     .domains = small,
     .samples = {least_squares({4, 2}, {4}), least_squares({4, 2}, {4, 3}), least_squares({2, 4}, {2}),
                 least_squares({2, 4, 2}, {4, 1}), least_squares({2, 2}, {3, 2, 1}), least_squares({2, 3}, {2, 2, 1}),
                 least_squares_of_product({3, 2}, {2, 3}, {3, 2}), least_squares_of_product({4, 2}, {2, 3}, {4, 1}),
                 least_squares_of_product({2, 1}, {1, 3}, {2, 2, 1}), residuals({4, 2}, {4}), residuals({4, 2}, {4, 2}),
                 residuals({2, 3, 2}, {3, 1}), least_squares({2, 0}, {2}), least_squares({0, 2}, {0, 2}),
                 least_squares({0, 3, 2}, {3, 1})},
     .rejects = {{Error::shape, "lstsq", [] { lstsq(of({3}), of({3})); }},
                 {Error::shape, "b [3]", [] { lstsq(of({2, 3}), of({3})); }},
                 {Error::dtype, "lstsq", [] { lstsq(of({3, 2}), of({3}, f64)); }},
                 {Error::numerical, "finite", [] { lstsq(not_a_number(), of({2})); }}},
     .tolerance_scale = 4},
    {.name = "pinv",
     .domains = small,
     .samples = {one({4, 2}, pseudo, pseudo_reference),
                 one({2, 4}, pseudo, pseudo_reference),
                 one({3, 3}, pseudo, pseudo_reference),
                 one({2, 3, 2}, pseudo, pseudo_reference),
                 {{{3, 2}, {2, 4}},
                  [](Args& x) {
                    const Tensor l = regular(x[0]);
                    const Tensor r = regular(x[1]);
                    return pinv(matmul(l, r), 1e-5);
                  },
                  over_stacks([](const Matrices& x) {
                    return pseudo_inverse(regular(x[1])) * pseudo_inverse(regular(x[0]));
                  })},
                 one({3, 3}, [](Args& x) { return pinv(symmetric(x[0]), {.hermitian = true}); },
                     [](const Matrix& x) { return inverse(symmetric(x)); }),
                 one({3, 2}, semidefinite_pseudo, semidefinite_reference),
                 one({2, 3}, [](Args& x) { return pinv(regular(x[0]), {.atol = 1e-3}); }, pseudo_reference),
                 one({0, 0}, pseudo, pseudo_reference),
                 one({3, 0}, pseudo, pseudo_reference),
                 one({0, 2, 3}, pseudo, pseudo_reference)},
     .rejects = {{Error::shape, "pinv", [] { pinv(of({3})); }},
                 {Error::dtype, "pinv", [] { pinv(of({3, 3}, i64)); }},
                 {Error::numerical, "finite", [] { pinv(not_a_number()); }}},
     .tolerance_scale = 4},
    {.name = "eigh",
     .domains = small,
     .samples = {eigen({3, 3}, Factor::values), eigen({3, 3}, Factor::left), eigen({3, 3}, Factor::both),
                 eigen({1, 1}, Factor::both), eigen({2, 2, 2}, Factor::left), eigen({2, 2, 2}, Factor::both),
                 eigen({0, 0}, Factor::left), eigen({0, 2, 2}, Factor::both), eigen({0, 0}, Factor::values)},
     .rejects = {{Error::shape, "eigh", [] { eigh(of({2, 3})); }},
                 {Error::dtype, "eigh", [] { eigh(of({2, 2}, i64)); }},
                 {Error::numerical, "finite", [] { eigh(not_a_number()); }},
                 {Error::numerical, "equal values",
                  [] {
                    const auto [w, v] = eigh(variable(eye(2)));
                    sum(v * tensor({{1.0, 2}, {3, 4}})).backward();
                  }}},
     .covers = {"eigh", "divided_by_gaps", "tied_shares", "undetermined", "values_gradient", "without_derivative"},
     .tolerance_scale = 4},
    {.name = "eigvalsh",
     .domains = small,
     .samples = {one({3, 3}, upper_values, symmetric_values, 1), one({3, 3}, values_only, symmetric_values, 1), one({2, 2, 2}, values_only, symmetric_values, 1),
                 one({1, 1}, values_only, symmetric_values, 1), one({0, 0}, values_only, symmetric_values, 1),
                 one({0, 2, 2}, values_only, symmetric_values, 1)},
     .rejects = {{Error::shape, "eigvalsh", [] { eigvalsh(of({2, 3})); }},
                 {Error::dtype, "eigvalsh", [] { eigvalsh(of({2, 2}, i64)); }},
                 {Error::numerical, "finite", [] { eigvalsh(not_a_number()); }}}},
    {.name = "eig",
     .domains = small,
     .samples = {general({3, 3}, EigPart::re), general({3, 3}, EigPart::im), general({3, 3}, EigPart::sizes),
                 general({3, 3}, EigPart::projection), general({2, 2}, EigPart::im), general({2, 2}, EigPart::sizes),
                 general({4, 4}, EigPart::re), one({0, 0}, [](Args& x) { return eig(x[0]).v_real; },
                                                   [](const Matrix& x) { return x; }),
                 one({2, 2, 2},
                     [](Args& x) {
                       const auto [re, im] = eigvals(regular(x[0]));
                       return sum(re * re - im * im, -1);  // the trace of a^2
                     },
                     [](const Matrix& x) {
                       const Matrix a = regular(x);
                       const Matrix b = a * a;
                       return Matrix(1, 1, b(0, 0) + b(1, 1));
                     },
                     2)},
     .rejects = {{Error::shape, "eig", [] { eig(of({2, 3})); }},
                 {Error::dtype, "eig", [] { eig(of({2, 2}, i64)); }},
                 {Error::numerical, "finite", [] { eig(not_a_number()); }},
                 {Error::numerical, "phases",
                  [] {
                    sum(eig(variable(tensor({{1.0, 2}, {-2, 1}}))).v_imag * tensor({{1.0, 2}, {3, 4}})).backward();
                  }}},
     .tolerance_scale = 8},
    {.name = "svd",
     .domains = small,
     .samples = {singular_part({3, 3}, Factor::values), singular_part({3, 3}, Factor::left),
                 singular_part({3, 3}, Factor::right), singular_part({3, 3}, Factor::both),
                 singular_part({4, 2}, Factor::left), singular_part({4, 2}, Factor::right),
                 singular_part({4, 2}, Factor::both), singular_part({2, 4}, Factor::left),
                 singular_part({2, 4}, Factor::right), singular_part({2, 4}, Factor::both), nearest_orthogonal({3, 3}),
                 nearest_orthogonal({3, 2}), nearest_orthogonal({2, 2, 3}), singular_part({2, 2, 2}, Factor::both),
                 singular_part({3, 2}, Factor::both, true),
                 singular_part({2, 3}, Factor::right, true), singular_part({0, 0}, Factor::left),
                 singular_part({2, 0}, Factor::both), singular_part({0, 2, 3}, Factor::both)},
     .rejects = {{Error::shape, "svd", [] { svd(of({3})); }},
                 {Error::dtype, "svd", [] { svd(of({3, 3}, i64)); }},
                 {Error::numerical, "finite", [] { svd(not_a_number()); }},
                 {Error::value, "have no derivative", [] { sum(svd(variable(ones({2, 1})), true).u).backward(); }},
                 {Error::numerical, "equal values", [] {
                    sum(svd(variable(eye(2))).u * tensor({{1.0, 2}, {3, 4}})).backward();
                  }}},
     .tolerance_scale = 8},
    {.name = "svdvals",
     .domains = small,
     .samples = {one({3, 3}, singular_values_only, singular_values, 1),
                 one({2, 3, 2}, singular_values_only, singular_values, 1),
                 one({2, 3}, singular_values_only, singular_values, 1),
                 one({0, 0}, singular_values_only, singular_values, 1),
                 one({0, 2, 2}, singular_values_only, singular_values, 1)},
     .rejects = {{Error::shape, "svdvals", [] { svdvals(of({3})); }},
                 {Error::dtype, "svdvals", [] { svdvals(of({3, 3}, i64)); }},
                 {Error::numerical, "finite", [] { svdvals(not_a_number()); }}}},
    {.name = "matrix_rank",
     .domains = small,
     .samples = {{{{3, 2}, {2, 4}}, ranked, rank(2)},
                 {{{2, 3, 1}, {1, 3}}, ranked, rank(1)},
                 {{{3, 3}, {3, 3}}, ranked, rank(3)},
                 {{{3, 3}}, [](Args& x) { return matrix_rank(symmetric(x[0]), {.hermitian = true}); }, rank(3)},
                 {{{3, 3}}, [](Args& x) { return matrix_rank(regular(x[0]), {.atol = 100}); }, rank(0)},
                 {{{0, 2}, {2, 2}}, ranked, rank(0)}},
     .rejects = {{Error::shape, "matrix_rank", [] { matrix_rank(of({3})); }},
                 {Error::shape, "matrix_rank", [] { matrix_rank(of({2, 3}), {.hermitian = true}); }}},
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = "counts"},
}};

}  // namespace
}  // namespace newtape::table
