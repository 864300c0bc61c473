// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/eigenvalues.hpp>

#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/inspect/spectra/krylov_basis.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace newtape::inspect {

namespace {

using detail::KrylovBasis;
using detail::SmallEigh;

/// Lanczos with thick restarts: the projection T = V^T A V is kept as a full matrix, whose rows are the coefficients of
/// the orthogonalisation, so that a restart needs no separate recurrence.
class Lanczos {
 public:
  Lanczos(const LinearOperator& a, const ExtremeEigenvaluesOptions& options)
      : a_(a),
        n_(a.rows()),
        largest_(static_cast<std::size_t>(std::min(options.largest, n_))),
        smallest_(static_cast<std::size_t>(std::min(options.smallest, n_))),
        limit_(options.max_products > 0 ? options.max_products : 1000),
        tolerance_(options.tolerance > 0 ? options.tolerance
                   : a.dtype() == f32    ? 1e-4
                                         : 1e-8),
        generator_(options.generator != nullptr ? *options.generator : default_generator()),
        basis_(n_, a.dtype()) {
    const auto wanted = options.largest + options.smallest;
    const auto least = std::max<std::int64_t>(3 * wanted, wanted + 10);
    room_ = static_cast<std::size_t>(
        std::min(n_, options.basis > 0 ? std::max(options.basis, least) : std::max<std::int64_t>(50, least)));
  }

  ExtremeEigenvalues run(bool vectors) {
    basis_.extend_randomly(generator_);
    while (true) {
      const bool complete = grow();
      // The decomposition is cheap beside a product only while the basis is small.
      const bool look = complete || basis_.size() == room_ || t_.size() < 20 || t_.size() % 5 == 0 || spent();
      if (look) {
        ritz_ = detail::small_eigh(t_);
        if (complete || spent()) break;
        if (converged() && !seek_copies()) break;
        if (basis_.size() == room_) restart(spare());
      }
      basis_.append(std::move(next_));
    }
    return result(vectors);
  }

 private:
  bool spent() const { return products_ >= limit_; }

  /// Multiplies the last vector, and extends T by its row. True when the basis is complete: an invariant subspace, with
  /// as many vectors as A has rows or as could be found.
  bool grow() {
    Array w = a_(basis_.back());
    ++products_;
    std::vector<double> h;
    const double before = core::norm2(w);
    w = basis_.orthogonalize(std::move(w), &h);
    beta_ = core::norm2(w);
    for (std::size_t i = 0; i < t_.size(); ++i) t_[i].push_back(h[i]);
    t_.push_back(std::move(h));
    scale_ = std::max(scale_, before);
    if (static_cast<std::int64_t>(t_.size()) == n_) {
      beta_ = 0;
      return true;
    }
    const double rounding = 10 * std::sqrt(static_cast<double>(t_.size())) * epsilon(a_.dtype()) * scale_;
    if (beta_ > rounding) {
      // Another pass where cancellation has left little of the vector.
      next_ = beta_ < 1e-2 * before ? basis_.orthogonalize(w * (1 / beta_)) : std::move(w);
      return false;
    }
    // The space is invariant: other eigenvectors are orthogonal to it.
    beta_ = 0;
    if (t_.size() >= room_ && t_.size() >= largest_ + smallest_) return true;
    if (!basis_.extend_randomly(generator_)) return true;
    next_ = basis_.back();
    std::vector<Array> without;
    for (std::size_t i = 0; i + 1 < basis_.size(); ++i) without.push_back(basis_[i]);
    basis_.replace(std::move(without));
    return false;
  }

  double norm() const { return std::max(std::abs(ritz_.values.front()), std::abs(ritz_.values.back())); }
  /// Of a residual.
  double bound() const { return tolerance_ * norm(); }
  /// |A x - w x| of Ritz pair k in exact arithmetic.
  double residual(std::size_t k) const { return beta_ * std::abs(ritz_.vectors[k].back()); }
  /// Positions of the wanted Ritz values.
  std::vector<std::size_t> wanted(std::size_t extra = 0) const {
    const auto size = ritz_.values.size();
    std::vector<std::size_t> all;
    for (std::size_t k = 0; k < size; ++k) {
      const bool low = smallest_ > 0 && k < smallest_ + extra;
      const bool high = largest_ > 0 && k + largest_ + extra >= size;
      if (low || high) all.push_back(k);
    }
    return all;
  }
  bool converged() const {
    if (ritz_.values.size() < largest_ + smallest_) return false;
    if (beta_ == 0) return largest_ <= 1 && smallest_ <= 1;
    // A first vector that happens to be nearly orthogonal to an eigenvector hides it for some steps.
    if (products_ < 10) return false;
    for (const auto k : wanted()) {
      if (residual(k) > bound()) return false;
    }
    return true;
  }

  /// The Krylov space of one vector has every eigenvalue once. Where several are wanted, copies of them are sought from
  /// another random vector, orthogonal to the eigenvectors found, until a search finds none. True while that goes on.
  bool seek_copies() {
    if ((largest_ <= 1 && smallest_ <= 1) || beta_ == 0) return false;
    std::vector<double> values;
    for (const auto k : wanted()) values.push_back(ritz_.values[k]);
    if (!found_.empty()) {
      if (products_ < search_from_ + 10 || !separated()) return true;
      double change = 0;
      for (std::size_t i = 0; i < values.size(); ++i) change = std::max(change, std::abs(values[i] - found_[i]));
      if (change <= bound()) return false;
    }
    restart(0);
    const Array other = basis_.orthogonalize(random::normal({n_}, 0, 1, a_.dtype(), generator_));
    next_ = basis_.orthogonalize(other * (1 / core::norm2(other)));
    found_ = std::move(values);
    search_from_ = products_;
    return true;
  }
  /// Whether the eigenvalues next to the wanted ones are known well enough to lie apart from them.
  bool separated() const {
    const auto size = ritz_.values.size();
    const auto apart = [&](std::size_t inner, std::size_t outer) {
      return residual(inner) <= std::max(0.1 * std::abs(ritz_.values[outer] - ritz_.values[inner]), bound());
    };
    if (size <= largest_ + smallest_) return false;
    if (largest_ > 1 && !apart(size - 1 - largest_, size - largest_)) return false;
    return smallest_ <= 1 || apart(smallest_, smallest_ - 1);
  }

  /// Neighbours of the wanted Ritz vectors that a restart keeps at each end.
  std::size_t spare() const {
    const std::size_t ends = (largest_ > 0 ? 1 : 0) + (smallest_ > 0 ? 1 : 0);
    return room_ > largest_ + smallest_ ? (room_ - largest_ - smallest_) / (3 * ends) : 0;
  }
  /// Keeps the wanted Ritz vectors and `extra` neighbours of them; the next vector follows.
  void restart(std::size_t extra) {
    const auto kept = wanted(extra);
    std::vector<std::vector<double>> t(kept.size(), std::vector<double>(kept.size(), 0));
    KrylovBasis basis(n_, a_.dtype());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      basis.append(basis.orthogonalize(basis_.combine(ritz_.vectors[kept[i]].data(), t_.size())));
      t[i][i] = ritz_.values[kept[i]];
    }
    basis_ = std::move(basis);
    t_ = std::move(t);
    next_ = basis_.orthogonalize(std::move(next_));
  }

  void take(EigenvalueSet& set, std::size_t k, bool vectors) {
    const double value = ritz_.values[k];
    Array x = basis_.combine(ritz_.vectors[k].data(), t_.size());
    const double length = core::norm2(x);
    const double r = core::norm2(core::axpy(-value, x, a_(x))) / length;
    ++products_;
    worst_ = std::max(worst_, r);
    set.values.push_back(value);
    set.residuals.push_back(r);
    if (vectors) set.vectors.push_back(core::axpy(1 / length - 1, x, x));
  }
  ExtremeEigenvalues result(bool vectors) {
    ExtremeEigenvalues all;
    const auto size = ritz_.values.size();
    for (std::size_t i = 0; i < std::min(largest_, size); ++i) take(all.largest, size - 1 - i, vectors);
    for (std::size_t i = 0; i < std::min(smallest_, size); ++i) take(all.smallest, i, vectors);
    const double rounding = 10 * std::sqrt(static_cast<double>(n_)) * epsilon(a_.dtype());
    all.converged = all.largest.values.size() == largest_ && all.smallest.values.size() == smallest_ &&
                    worst_ <= std::max(2 * tolerance_, rounding) * norm();
    all.products = products_;
    return all;
  }

  const LinearOperator& a_;
  std::int64_t n_;
  std::size_t largest_, smallest_;
  std::size_t room_ = 0;
  std::int64_t limit_;
  double tolerance_;
  Generator& generator_;
  KrylovBasis basis_;
  std::vector<std::vector<double>> t_;
  SmallEigh ritz_;
  Array next_;
  double beta_ = 0;
  double scale_ = 0;
  double worst_ = 0;  ///< residual of the result
  std::int64_t products_ = 0;
  std::vector<double> found_;  ///< the wanted eigenvalues when the search for copies began
  std::int64_t search_from_ = 0;
};

}  // namespace

ExtremeEigenvalues extreme_eigenvalues(const LinearOperator& a, const ExtremeEigenvaluesOptions& options) {
  detail::expect_symmetric("extreme_eigenvalues", a);
  if (options.largest < 0 || options.smallest < 0 || options.largest + options.smallest == 0) {
    raise<ValueError>("extreme_eigenvalues: at least one eigenvalue must be asked for", "largest + smallest > 0",
                      std::to_string(options.largest) + " and " + std::to_string(options.smallest));
  }
  if (!(options.tolerance >= 0) || options.max_products < 0 || options.basis < 0) {
    raise<ValueError>("extreme_eigenvalues: tolerance and limits must not be negative", "0 or more",
                      std::to_string(options.tolerance) + ", " + std::to_string(options.max_products) + ", " +
                          std::to_string(options.basis));
  }
  return Lanczos(a, options).run(options.vectors);
}

ConditionNumber condition_number(const LinearOperator& a, const ConditionNumberOptions& options) {
  if (!a.symmetric() && a.columns() > a.rows()) {
    raise<ShapeError>("condition_number: the matrix must not have more columns than rows", "rows >= columns",
                      to_string(Shape{a.rows(), a.columns()}));
  }
  const auto ends = extreme_eigenvalues(a.symmetric() ? a : gram(a), {.largest = 1,
                                                                      .smallest = 1,
                                                                      .tolerance = options.tolerance,
                                                                      .max_products = options.max_products,
                                                                      .generator = options.generator});
  ConditionNumber c{.largest = ends.largest.values[0], .smallest = ends.smallest.values[0]};
  c.converged = ends.converged;
  const double size = std::max(std::abs(c.largest), std::abs(c.smallest));
  const double rounding = static_cast<double>(a.columns()) * epsilon(a.dtype()) * size;
  if (a.symmetric() && c.smallest < -rounding) {
    raise<ValueError>("condition_number: a symmetric matrix must be positive semidefinite", "eigenvalues >= 0",
                      std::to_string(c.smallest));
  }
  c.value = c.smallest > rounding ? c.largest / c.smallest : std::numeric_limits<double>::infinity();
  if (!a.symmetric()) {
    c.largest = std::sqrt(c.largest);
    c.smallest = std::sqrt(std::max(c.smallest, 0.0));
    c.value = std::sqrt(c.value);
  }
  return c;
}

}  // namespace newtape::inspect
