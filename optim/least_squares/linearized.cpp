// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/block_products.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/optim/least_squares/linearized.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace newtape::optim {

namespace {

double* values(Array& x) { return x.data<double>(); }
const double* values(const Array& x) { return x.data<double>(); }

}  // namespace

Array product(const Array& a, const Array& x) {
  const std::int64_t m = a.shape(0), n = a.shape(1);
  Array y = Array::empty({m}, f64);
  const double *row = values(a), *from = values(x);
  double* const to = values(y);
  for (std::int64_t i = 0; i < m; ++i, row += n) to[i] = std::inner_product(row, row + n, from, 0.);
  return y;
}

Array absolute_product(const Array& a, const Array& x) {
  const std::int64_t m = a.shape(0), n = a.shape(1);
  Array y = Array::empty({m}, f64);
  const double *row = values(a), *from = values(x);
  double* const to = values(y);
  for (std::int64_t i = 0; i < m; ++i, row += n) {
    double sum = 0;
    for (std::int64_t k = 0; k < n; ++k) sum += std::abs(row[k] * from[k]);
    to[i] = sum;
  }
  return y;
}

Array transposed_product(const Array& a, const Array& u) {
  const std::int64_t m = a.shape(0), n = a.shape(1);
  Array y = core::zeros({n}, f64);
  const double *row = values(a), *from = values(u);
  double* const to = values(y);
  for (std::int64_t i = 0; i < m; ++i, row += n) {
    for (std::int64_t k = 0; k < n; ++k) to[k] += row[k] * from[i];
  }
  return y;
}

Array column_norms(const Array& matrix, const Array& weights) {
  const Array a = core::contiguous(matrix);
  const std::int64_t m = a.shape(0), n = a.shape(1);
  Array norms = core::zeros({n}, f64);
  double* const to = values(norms);
  const double* const weight = weights.defined() ? values(weights) : nullptr;
  double largest = 0;
  const double* const elements = values(a);
  const double* row = elements;
  for (std::int64_t i = 0; i < m; ++i, row += n) {
    const double w = weight != nullptr ? weight[i] : 1;
    for (std::int64_t k = 0; k < n; ++k) {
      to[k] += w * row[k] * (w * row[k]);
      largest = std::max(largest, to[k]);
    }
  }
  bool safe = largest < 1e300;
  for (std::int64_t k = 0; k < n; ++k) safe = safe && to[k] > 1e-280;
  if (safe) {
    for (std::int64_t k = 0; k < n; ++k) to[k] = std::sqrt(to[k]);
    return norms;
  }
  for (std::int64_t k = 0; k < n; ++k) {
    double unit = 0, sum = 0;
    const auto element = [&](std::int64_t i) { return (weight != nullptr ? weight[i] : 1) * elements[i * n + k]; };
    for (std::int64_t i = 0; i < m; ++i) unit = std::max(unit, std::abs(element(i)));
    unit = unit > 0 ? unit : 1;
    for (std::int64_t i = 0; i < m; ++i) sum += element(i) / unit * (element(i) / unit);
    to[k] = unit * std::sqrt(sum);
  }
  return norms;
}

namespace {

Array transposed_of(const Array& a) { return core::transpose(a, 0, 1); }
Array column(const Array& x) { return core::reshape(x, {x.size(), 1}); }
Array vector(const Array& x) { return core::contiguous(core::reshape(x, {x.size()})); }
using Numbers = std::vector<double>;

/// A J D^-1, or its transpose where that has more rows than columns: T = Q R, of which Q is applied and never formed.
/// With A J D^-1 = U B V^T, B [k, k] and k = min(m, n), one of U and V is Q and the other one the identity.
class Dense : public Linearized {
 public:
  Dense(const Array& jacobian, const Array& weights, const Array& scale, const Array& free)
      : m_(jacobian.shape(0)),
        n_(jacobian.shape(1)),
        k_(std::min(m_, n_)),
        longer_(std::max(m_, n_)),
        unscale_((free.defined() ? free : core::ones(scale.shape(), f64)) / scale),
        t_(scaled(jacobian, weights)),
        qr_(longer_, k_, t_, "least_squares") {}

  Array forward(const Array& s) const override {
    Array y = core::zeros({m_}, f64);
    double* const to = values(y);
    const double *t = t_.data(), *unscale = values(unscale_), *from = values(s);
    // D s, with 1 for D where unknowns are held.
    const auto step = [&](std::int64_t i) { return unscale[i] > 0 ? from[i] / unscale[i] : from[i]; };
    for (std::int64_t c = 0; c < k_; ++c, t += longer_) {
      if (tall()) {
        const double factor = step(c);
        for (std::int64_t i = 0; i < m_; ++i) to[i] += t[i] * factor;
      } else {
        for (std::int64_t i = 0; i < n_; ++i) to[c] += t[i] * step(i);
      }
    }
    return y;
  }

 private:
  std::int64_t unknowns() const override { return n_; }
  bool tall() const { return m_ >= n_; }

  /// T by columns: A J D^-1, or its transpose, which lies by columns as that does by rows.
  Numbers scaled(const Array& jacobian, const Array& weights) const {
    Numbers t(static_cast<std::size_t>(m_ * n_));
    constexpr std::int64_t rows = 32;  // whose lines of memory stay in cache until they are full
    const double *j = values(jacobian), *unscale = values(unscale_);
    const double* const weight = weights.defined() ? values(weights) : nullptr;
    bool finite = true;
    for (std::int64_t first = 0; first < m_; first += rows) {
      for (std::int64_t k = 0; k < n_; ++k) {
        for (std::int64_t i = first; i < std::min(m_, first + rows); ++i) {
          const double element = j[i * n_ + k] * unscale[k] * (weight != nullptr ? weight[i] : 1);
          finite = finite && std::isfinite(element);
          t[static_cast<std::size_t>(tall() ? k * m_ + i : i * n_ + k)] = element;
        }
      }
    }
    if (!finite) raise<NumericalError>("least_squares: the scaled Jacobian must be finite", "finite numbers");
    return t;
  }

  /// U^T b, first k elements.
  Numbers reduced(const Array& b) const {
    Numbers c(values(b), values(b) + m_);
    if (tall()) qr_.apply_transposed(c.data());
    c.resize(static_cast<std::size_t>(k_));
    return c;
  }
  /// D^-1 V t.
  Array expanded(Numbers t) const {
    t.resize(static_cast<std::size_t>(n_), 0.);
    if (!tall()) qr_.apply(t.data());
    Array s = Array::empty({n_}, f64);
    for (std::int64_t i = 0; i < n_; ++i) values(s)[i] = values(unscale_)[i] * t[static_cast<std::size_t>(i)];
    return s;
  }
  /// An element of B.
  double middle(std::int64_t i, std::int64_t j) const {
    if (!tall()) std::swap(i, j);
    return i <= j ? qr_.upper(i, j) : 0;
  }

  /// By QR of the stacked matrix.
  Array solve_damped(const Array& b, double damping, double) override {
    if (!stack_ || damping != damping_) {
      Numbers a(static_cast<std::size_t>(2 * k_ * k_), 0.);
      for (std::int64_t j = 0; j < k_; ++j) {
        double* at = a.data() + 2 * k_ * j;
        for (std::int64_t i = 0; i < k_; ++i) at[i] = middle(i, j);
        at[k_ + j] = std::sqrt(damping);
      }
      stack_.emplace(2 * k_, k_, std::move(a), "least_squares");
      damping_ = damping;
    }
    Numbers z = reduced(b);
    for (double& v : z) v = -v;
    z.resize(static_cast<std::size_t>(2 * k_), 0.);
    stack_->apply_transposed(z.data());
    if (!stack_->solve_triangle(z.data())) raise<NumericalError>("least_squares: the Jacobian is singular");
    z.resize(static_cast<std::size_t>(k_));
    return expanded(std::move(z));
  }

  Array solve_undamped(const Array& b, double rcond) override {
    if (!svd_.s.defined()) {
      // Normalises the columns, whose lengths say nothing of the rank.
      const Array columns = this->columns();
      const Array lengths = column_norms(columns);
      const Array nonzero = core::greater(lengths, core::zeros({}, f64));
      lengths_ = core::where(nonzero, lengths, core::ones({}, f64));
      svd_ = core::svd(columns / lengths_, core::SVDPart::reduced, "least_squares");
    }
    const double* s = svd_.s.data<double>();
    std::int64_t rank = 0;
    while (rank < svd_.s.size() && s[rank] > rcond * s[0]) ++rank;
    if (rank == 0) return core::zeros(unscale_.shape(), f64);
    const Array u = core::slice(svd_.u, 1, 0, rank);
    const Array rows = core::slice(svd_.vh, 0, 0, rank);
    const Numbers c = reduced(b);
    Array right = Array::empty({k_}, f64);
    std::transform(c.begin(), c.end(), values(right), [](double v) { return -v; });
    const Array t = times(transposed_of(u), right) / core::slice(svd_.s, 0, 0, rank);
    if (rank == n_) return unscale_ * (times(transposed_of(rows), t) / lengths_);
    // The shortest z = D s with W^T z = t, where W has the rows' lengths again.
    const core::QR w = core::qr(transposed_of(rows * lengths_), false, "least_squares");
    const core::Triangle lower{.upper = true, .transposed = true};
    return unscale_ * times(w.q, vector(core::solve_triangular(w.r, column(t), lower, "least_squares")));
  }

  static Array times(const Array& a, const Array& x) { return vector(core::matmul(a, column(x))); }

  /// A J D^-1, or the triangle of its QR.
  Array columns() const {
    Array a = Array::empty({k_, n_}, f64);
    for (std::int64_t i = 0; tall() && i < k_; ++i) {
      for (std::int64_t j = 0; j < n_; ++j) values(a)[i * n_ + j] = middle(i, j);
    }
    if (!tall()) std::copy(t_.begin(), t_.end(), values(a));
    return a;
  }

  std::int64_t m_, n_, k_, longer_;
  Array unscale_;  ///< 1 / D, 0 where held
  Numbers t_;
  core::HouseholderQR qr_;
  std::optional<core::HouseholderQR> stack_;
  double damping_ = -1;
  core::SVD svd_;
  Array lengths_;  ///< of the columns; 1 for a column of zeros
};

/// The Jacobian by its products only.
class Implicit : public Linearized {
 public:
  Implicit(Residuals::Products products, const Array& weights, const Array& scale, const Array& free)
      : products_(std::move(products)), weights_(weights), scale_(scale), free_(free) {}

  Array forward(const Array& s) const override { return weighted(products_.forward(held(s))); }

 private:
  std::int64_t unknowns() const override { return scale_.size(); }
  Array transposed(const Array& u) const { return held(products_.transposed(weighted(u))); }

  Array solve_damped(const Array& b, double damping, double accuracy) override {
    // CGLS in t = D s, on [A J D^-1; sqrt(damping) I].
    Array t = core::zeros(scale_.shape(), f64);
    Array r = -b;
    Array g = transposed(r) / scale_;  // the negative gradient in t
    Array p = g;
    double gamma = core::dot(g, g);
    const double target = accuracy * std::sqrt(gamma);
    const std::int64_t limit = 4 * std::min(scale_.size(), b.size()) + 20;
    for (std::int64_t i = 0; i < limit && gamma > 0 && std::sqrt(gamma) > target; ++i) {
      ++inner;
      const Array q = forward(p / scale_);
      const double curvature = core::dot(q, q) + damping * core::dot(p, p);
      if (!(curvature > 0)) break;
      const double alpha = gamma / curvature;
      t = core::axpy(alpha, p, std::move(t));
      r = core::axpy(-alpha, q, std::move(r));
      g = core::axpy(-damping, t, transposed(r) / scale_);
      const double next = core::dot(g, g);
      p = next / gamma * std::move(p) + g;
      gamma = next;
    }
    return held(t / scale_);
  }
  /// Started at 0, the iterates stay in the row space and converge to the minimum-norm solution.
  Array solve_undamped(const Array& b, double rcond) override { return solve_damped(b, 0, rcond); }

  Array weighted(Array u) const { return weights_.defined() ? std::move(u) * weights_ : u; }
  Array held(Array s) const { return free_.defined() ? std::move(s) * free_ : s; }

  Residuals::Products products_;
  Array weights_, scale_, free_;
};

}  // namespace

Array Linearized::damped(const Array& b, double damping, double accuracy) {
  try {
    return solve_damped(b, damping, accuracy);
  } catch (const NumericalError&) {
    return core::full({unknowns()}, std::numeric_limits<double>::quiet_NaN(), f64);
  }
}

Array Linearized::undamped(const Array& b, double rcond) {
  try {
    return solve_undamped(b, rcond);
  } catch (const NumericalError&) {
    return damped(b, rcond * rcond, rcond);
  }
}

std::unique_ptr<Linearized> linearized(const Array& jacobian, const Array& weights, const Array& scale,
                                       const Array& free) {
  return std::make_unique<Dense>(jacobian, weights, scale, free);
}
std::unique_ptr<Linearized> linearized(Residuals::Products products, const Array& weights, const Array& scale,
                                       const Array& free) {
  return std::make_unique<Implicit>(std::move(products), weights, scale, free);
}

}  // namespace newtape::optim
