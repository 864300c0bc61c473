// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/krylov_basis.hpp>

#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>

#include <cmath>
#include <numbers>

namespace newtape::inspect::detail {

Array KrylovBasis::orthogonalize(Array w, std::vector<double>* coefficients) const {
  if (coefficients != nullptr) coefficients->assign(size(), 0);
  const auto pass = [&](std::size_t first) {
    for (std::size_t i = first; i < size(); ++i) {
      const double h = core::dot(vectors_[i], w);
      w = core::axpy(-h, vectors_[i], std::move(w));
      if (coefficients != nullptr) (*coefficients)[i] += h;
    }
  };
  // Most of a Lanczos vector lies in the last two; a pass over all of them then takes away little more.
  if (size() > 2) pass(size() - 2);
  for (int k = 0; k < 3; ++k) {
    const double before = core::norm2(w);
    pass(0);
    if (!(core::norm2(w) < before / std::numbers::sqrt2)) break;
  }
  return w;
}

double KrylovBasis::append(Array w) {
  const double norm = core::norm2(w);
  vectors_.push_back(std::move(w) * (1 / norm));
  return norm;
}

bool KrylovBasis::extend(const Array& w) {
  if (static_cast<std::int64_t>(size()) >= n_) return false;
  const double before = core::norm2(w);
  if (!(before > 0)) return false;
  // Of unit length first, so that neither the smallest nor the largest numbers lose digits.
  Array rest = orthogonalize(w * (1 / before));
  // What is left of a dependent vector is rounding error of this size.
  if (core::norm2(rest) <= 10 * std::sqrt(static_cast<double>(n_)) * epsilon(dtype_)) return false;
  append(std::move(rest));
  // A third pass, as the rest may be small.
  Array last = std::move(vectors_.back());
  vectors_.pop_back();
  append(orthogonalize(std::move(last)));
  return true;
}

bool KrylovBasis::extend_randomly(Generator& generator) {
  // Each draw fails only for a vector in the span of the basis.
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (static_cast<std::int64_t>(size()) >= n_) return false;
    if (extend(random::normal({n_}, 0, 1, dtype_, generator))) return true;
  }
  return false;
}

Array KrylovBasis::combine(const double* c, std::size_t count) const {
  Array sum = core::zeros({n_}, dtype_);
  for (std::size_t i = 0; i < count; ++i) sum = core::axpy(c[i], vectors_[i], std::move(sum));
  return sum;
}

SmallEigh small_eigh(const std::vector<std::vector<double>>& matrix) {
  const auto n = matrix.size();
  const auto rows = static_cast<std::int64_t>(n);
  Array a = Array::empty({rows, rows}, f64);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) a.data<double>()[i * n + j] = matrix[i][j];
  }
  const core::Eigh e = core::eigh(a, true, "Lanczos");
  const Array w = core::contiguous(e.w);
  const Array v = core::contiguous(e.v);
  SmallEigh result{{w.data<double>(), w.data<double>() + n}, std::vector<std::vector<double>>(n)};
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) result.vectors[k].push_back(v.data<double>()[i * n + k]);
  }
  return result;
}

}  // namespace newtape::inspect::detail
