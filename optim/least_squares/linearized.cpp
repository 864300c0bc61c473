// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/least_squares/linearized.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::optim {

Array product(const Array& a, const Array& x) {
  return core::contiguous(core::reshape(core::matmul(a, core::reshape(x, {x.size(), 1})), {a.shape(0)}));
}

namespace {

Array transposed_of(const Array& a) { return core::transpose(a, 0, 1); }
Array column(const Array& x) { return core::reshape(x, {x.size(), 1}); }
Array vector(const Array& x) { return core::contiguous(core::reshape(x, {x.size()})); }

/// b padded with n zeros, for [a; extra] s = -[b; 0].
Array padded(const Array& b, std::int64_t n) {
  const std::vector<Array> parts = {b, core::zeros({n}, f64)};
  return core::concatenate(parts, 0);
}

/// A J D^-1 = U B V^T with B [k, k], k = min(m, n), where U and V have orthonormal columns, and one of them is the
/// identity.
class Dense : public Linearized {
 public:
  Dense(const Array& jacobian, const Array& weights, const Array& scale, const Array& free)
      : unscale_((free.defined() ? free : core::ones(scale.shape(), f64)) / scale) {
    Array j = jacobian * unscale_;
    if (weights.defined()) j = std::move(j) * column(weights);
    j_ = std::move(j);
    const std::int64_t m = j_.shape(0);
    const std::int64_t n = j_.shape(1);
    tall_ = m >= n;
    core::QR qr = core::qr(tall_ ? j_ : transposed_of(j_), false, "least_squares");
    q_ = std::move(qr.q);
    b_ = tall_ ? qr.r : core::contiguous(transposed_of(qr.r));
  }

  Array forward(const Array& s) const override { return product(j_, scaled_step(s)); }
  Array transposed(const Array& u) const override { return product(transposed_of(j_), u) / positive_unscale(); }

 private:
  std::int64_t unknowns() const override { return unscale_.size(); }

  /// By QR of the stacked matrix.
  Array solve_damped(const Array& b, double damping, double) override {
    const std::int64_t k = b_.shape(0);
    if (!stack_.q.defined() || damping != damping_) {
      const std::vector<Array> parts = {b_, core::eye(k, f64) * std::sqrt(damping)};
      stack_ = core::qr(core::concatenate(parts, 0), false, "least_squares");
      damping_ = damping;
    }
    const Array z = padded(-reduced(b), k);
    const Array right = product(transposed_of(stack_.q), z);
    return expanded(vector(core::solve_triangular(stack_.r, column(right), {.upper = true}, "least_squares")));
  }

  Array solve_undamped(const Array& b, double rcond) override {
    if (!svd_.s.defined()) {
      // Normalises the columns, whose lengths say nothing of the rank.
      const Array lengths = column_norms(columns());
      const Array nonzero = core::greater(lengths, core::zeros({}, f64));
      lengths_ = core::where(nonzero, lengths, core::ones({}, f64));
      svd_ = core::svd(columns() / lengths_, core::SVDPart::reduced, "least_squares");
    }
    const double* s = svd_.s.data<double>();
    std::int64_t rank = 0;
    while (rank < svd_.s.size() && s[rank] > rcond * s[0]) ++rank;
    if (rank == 0) return core::zeros(unscale_.shape(), f64);
    const Array u = core::slice(svd_.u, 1, 0, rank);
    const Array rows = core::slice(svd_.vh, 0, 0, rank);
    const Array t = product(transposed_of(u), -(tall_ ? reduced(b) : b)) / core::slice(svd_.s, 0, 0, rank);
    if (rank == unscale_.size()) return unscale_ * (product(transposed_of(rows), t) / lengths_);
    // The shortest z = D s with W^T z = t, where W has the rows' lengths again.
    const core::QR w = core::qr(transposed_of(rows * lengths_), false, "least_squares");
    const core::Triangle lower{.upper = true, .transposed = true};
    return unscale_ * product(w.q, vector(core::solve_triangular(w.r, column(t), lower, "least_squares")));
  }

  /// D s, with 1 for D where unknowns are held.
  Array scaled_step(const Array& s) const { return s / positive_unscale(); }
  /// 1 / D, and 1 for held unknowns, whose columns are zero.
  Array positive_unscale() const {
    const Array zero = core::zeros({}, f64);
    return core::where(core::greater(unscale_, zero), unscale_, core::ones({}, f64));
  }
  /// A J D^-1, or the triangle of its QR.
  const Array& columns() const { return tall_ ? b_ : j_; }
  Array reduced(const Array& b) const { return tall_ ? product(transposed_of(q_), b) : b; }
  Array expanded(const Array& t) const { return unscale_ * (tall_ ? t : product(q_, t)); }

  Array unscale_;  ///< 1 / D, 0 where held
  Array j_;        ///< A J D^-1
  Array q_, b_;
  bool tall_ = true;
  core::QR stack_;
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
  Array transposed(const Array& u) const override { return held(products_.transposed(weighted(u))); }

 private:
  std::int64_t unknowns() const override { return scale_.size(); }

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

Array column_norms(const Array& a) {
  const Array largest = core::max(core::abs(a), {0});
  const Array zero = core::zeros({}, f64);
  const Array unit = core::where(core::greater(largest, zero), largest, core::ones({}, f64));
  return unit * core::sqrt(core::sum(core::square(a / unit), {0}));
}

}  // namespace newtape::optim
