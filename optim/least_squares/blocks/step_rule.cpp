// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/optim/least_squares/blocks/step_rule.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace newtape::optim {

namespace {

using Vector = std::vector<double>;

constexpr int max_factorizations = 60;

double inner_of(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
bool all_finite(const Vector& x) {
  return std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
}
Vector scaled_by(double factor, Vector x) {
  for (double& v : x) v *= factor;
  return x;
}

/// The minimiser of |J s + r|^2 + damping |D s|^2 for D^2 the diagonal of J^T J (Marquardt 1963); the damping follows the
/// ratio (Nielsen 1999).
class LevenbergMarquardtRule : public BlockStepRule {
 public:
  LevenbergMarquardtRule(const LeastSquaresProblemOptions& options, BlockResiduals& residuals,
                         BlockLinearSolver& solver)
      : BlockStepRule(residuals, solver), damping_(options.initial_damping), accuracy_(options.accuracy) {}

  std::optional<BlockStep> propose() override {
    for (int i = 0; i < max_factorizations; ++i, rejected()) {
      const Vector d = scaled_by(damping_, scale());
      if (!solver_.factorize(d)) continue;
      Vector s = solver_.step(residuals_, accuracy_);
      if (!all_finite(s)) continue;
      // -g^T s - |J s|^2 / 2, by (J^T J + d) s = -g.
      double predicted = -inner_of(residuals_.gradient(), s);
      for (std::size_t k = 0; k < s.size(); ++k) predicted += d[k] * s[k] * s[k];
      return BlockStep{std::move(s), 0.5 * predicted, damping_};
    }
    return {};
  }
  void accepted(double ratio) override {
    damping_ = std::max(damping_ * std::max(1.0 / 3, 1 - std::pow(2 * ratio - 1, 3)), 1e-20);
    growth_ = 2;
  }
  void rejected() override {
    damping_ *= growth_;
    growth_ *= 2;
  }

 private:
  double damping_, accuracy_;
  double growth_ = 2;
};

/// The Gauss-Newton step, damped as little as a factorization needs.
class UndampedRule : public BlockStepRule {
 public:
  UndampedRule(const LeastSquaresProblemOptions& options, BlockResiduals& residuals, BlockLinearSolver& solver)
      : BlockStepRule(residuals, solver), accuracy_(options.accuracy) {}
  void moved() override {
    BlockStepRule::moved();
    full_.clear();
  }

 protected:
  bool find_full() {
    if (!full_.empty()) return true;
    scale_ = scale();
    double damping = 1e-12;
    for (int i = 0; i < max_factorizations && damping < 1e20; ++i, damping *= 10) {
      if (!solver_.factorize(scaled_by(damping, scale_))) continue;
      full_ = solver_.step(residuals_, accuracy_);
      // A longer one is a direction in which J is singular up to rounding.
      if (all_finite(full_) && length(full_) < 1e6 * length(cauchy())) return true;
    }
    full_.clear();
    return false;
  }
  double length(const Vector& s) const {
    double sum = 0;
    for (std::size_t k = 0; k < s.size(); ++k) sum += scale_[k] * s[k] * s[k];
    return std::sqrt(sum);
  }
  /// The minimiser along the steepest descent in units of D.
  Vector cauchy() const {
    Vector s = residuals_.gradient();
    for (std::size_t k = 0; k < s.size(); ++k) s[k] /= -scale_[k];
    const double slope = -inner_of(residuals_.gradient(), s);
    const Vector change = residuals_.forward(s);
    const double curvature = inner_of(change, change);
    return curvature > 0 ? scaled_by(slope / curvature, std::move(s)) : s;
  }
  double predicted(const Vector& s) const {
    const Vector change = residuals_.forward(s);
    return -inner_of(residuals_.gradient(), s) - 0.5 * inner_of(change, change);
  }

  double accuracy_;
  Vector scale_, full_;
};

/// Gauss-Newton steps, halved until one lowers the value.
class GaussNewtonRule : public UndampedRule {
 public:
  using UndampedRule::UndampedRule;
  std::optional<BlockStep> propose() override {
    if (!find_full()) return {};
    Vector s = scaled_by(fraction_, full_);
    const double reduction = predicted(s);
    return BlockStep{std::move(s), reduction, 0};
  }
  void accepted(double) override { fraction_ = 1; }
  void rejected() override { fraction_ *= 0.5; }

 private:
  double fraction_ = 1;
};

/// Powell 1970: from the Cauchy point to the Gauss-Newton step, within a trust region of |D s|.
class DoglegRule : public UndampedRule {
 public:
  using UndampedRule::UndampedRule;
  std::optional<BlockStep> propose() override {
    if (!find_full()) return {};
    const double far = length(full_);
    if (radius_ == 0) radius_ = far;
    Vector s = full_;
    if (far > radius_) {
      const Vector near = cauchy();
      const double close = length(near);
      if (close >= radius_) {
        s = scaled_by(radius_ / close, near);
      } else {
        // |near + t (full - near)| = radius
        Vector along = full_;
        for (std::size_t k = 0; k < along.size(); ++k) along[k] -= near[k];
        double b = 0;
        for (std::size_t k = 0; k < along.size(); ++k) b += scale_[k] * near[k] * along[k];
        const double a = length(along) * length(along), c = radius_ * radius_ - close * close;
        const double t = c / (b + std::sqrt(b * b + a * c));
        for (std::size_t k = 0; k < s.size(); ++k) s[k] = near[k] + t * along[k];
      }
    }
    taken_ = length(s);
    const double reduction = predicted(s);
    return BlockStep{std::move(s), reduction, radius_};
  }
  void accepted(double ratio) override {
    if (ratio > 0.75) radius_ = std::max(radius_, 3 * taken_);
    if (ratio < 0.25) radius_ = 0.5 * taken_;
  }
  void rejected() override { radius_ = 0.5 * taken_; }

 private:
  double radius_ = 0, taken_ = 0;
};

}  // namespace

Vector BlockStepRule::scale() const {
  Vector s = residuals_.squares();
  const double longest = s.empty() ? 0 : *std::max_element(s.begin(), s.end());
  for (double& v : s) {
    if (v == 0) v = longest > 0 ? longest : 1;
  }
  return s;
}

std::unique_ptr<BlockStepRule> make_step_rule(const LeastSquaresProblemOptions& options, BlockResiduals& residuals,
                                              BlockLinearSolver& solver) {
  switch (options.algorithm) {
    case LeastSquaresAlgorithm::gauss_newton: return std::make_unique<GaussNewtonRule>(options, residuals, solver);
    case LeastSquaresAlgorithm::dogleg: return std::make_unique<DoglegRule>(options, residuals, solver);
    case LeastSquaresAlgorithm::levenberg_marquardt: break;
  }
  return std::make_unique<LevenbergMarquardtRule>(options, residuals, solver);
}

}  // namespace newtape::optim
