// SPDX-License-Identifier: BSD-3-Clause
// Trust regions and damping, adapted to the ratio of actual to predicted reduction.
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>
#include <newtape/optim/second_order/globalization/globalization.hpp>
#include <newtape/optim/second_order/globalization/precision.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace newtape::optim::globalization {

namespace {

constexpr int max_trials = 60;

/// A trial step.
struct Trial {
  Iterate to;
  Step step;
  double length = 0;
  double ratio = -1;  ///< actual over predicted reduction
};

/// A curvature in the scaled variables p, d = s p.
class Scaled final : public Curvature {
 public:
  Scaled(Curvature& b, Array s) : b_(b), s_(std::move(s)) {}
  void evaluate(Objective&, const Iterate&) override {}
  Array product(const Array& v) override { return s_ * b_.product(s_ * v); }
  Array matrix() override {
    if (!matrix_.defined()) {
      matrix_ = b_.matrix() * core::reshape(s_, {s_.size(), 1}) * s_;
    }
    return matrix_;
  }
  Array solve(const Array& v) override {
    Array d = b_.solve(v / s_);
    return d.defined() ? std::move(d) / s_ : d;
  }
  Array precondition(const Array& v) override {
    Array d = b_.precondition(v / s_);
    return d.defined() ? std::move(d) / s_ : d;
  }
  bool scaled() const override { return b_.scaled(); }

 private:
  Curvature& b_;
  Array s_, matrix_;
};

Trial attempt(Objective& f, const Iterate& at, Curvature& b, Step step, const Bounds& bounds) {
  Trial t;
  t.step = std::move(step);
  t.to.x = at.x + t.step.d;
  if (bounds.any()) {
    t.to.x = bounds.project(std::move(t.to.x));
    t.step.d = t.to.x - at.x;
    t.step.predicted = predicted_reduction(at.gradient, t.step.d, b.product(t.step.d));
  }
  t.length = core::norm2(t.step.d);
  if (!std::isfinite(t.length)) return t;
  t.to.value = f.value_and_gradient(t.to.x, t.to.gradient);
  if (!std::isfinite(t.to.value) || !std::isfinite(core::norm_inf(t.to.gradient))) return t;
  const double noise = rounding(at.value, at.x.dtype());
  const double reduction = at.value - t.to.value;
  if (std::abs(reduction) <= noise && std::abs(t.step.predicted) <= noise) {
    // Rounding hides the reduction: compare the gradients.
    t.ratio = core::norm2(t.to.gradient) < 0.9 * core::norm2(at.gradient) ? 1 : -1;
  } else {
    t.ratio = t.step.predicted > 0 ? reduction / t.step.predicted : -1;
  }
  return t;
}

StepResult accepted(Trial t, double region) {
  return {.moved = true,
          .to = std::move(t.to),
          .ratio = t.ratio,
          .region = region,
          .inner = t.step.inner,
          .note = std::move(t.step.note)};
}

class TrustRegion final : public Globalization {
 public:
  explicit TrustRegion(const TrustRegionOptions& options) : options_(options), radius_(options.initial_radius) {}

  StepResult move(Objective& f, const Iterate& at, Curvature& b, Direction& direction, const Bounds& bounds) override {
    const Array s = scales(b);
    std::optional<Scaled> inside;
    if (s.defined()) inside.emplace(b, s);
    const auto size = [&](const Array& x) { return core::norm2(s.defined() ? x / s : x); };
    if (radius_ == 0) radius_ = std::clamp(size(at.x), 1., options_.max_radius);
    const double min_radius = epsilon(at.x.dtype()) * std::max(size(at.x), 1e-10);
    std::int64_t inner = 0;
    for (int k = 0; k < max_trials && radius_ > min_radius; ++k) {
      const double radius = radius_;
      Step step = inside ? direction.step(*inside, s * at.gradient, {.radius = radius})
                         : direction.step(b, at.gradient, {.radius = radius});
      if (inside) step.d = s * step.d;
      Trial t = attempt(f, at, b, std::move(step), bounds);
      const double length = size(t.step.d);
      inner += t.step.inner;
      if (t.ratio < 0.25) {
        radius_ = (std::isfinite(length) ? std::min(radius, length) : radius) * shrinkage(at, t);
      } else if (t.ratio > 0.75 && length > 0.8 * radius) {
        radius_ = std::min(2 * radius, options_.max_radius);
      }
      if (t.ratio > options_.accept) {
        t.step.inner = inner;
        return accepted(std::move(t), radius);
      }
      if (t.length == 0) break;
    }
    // A run that continues from here starts with the initial radius.
    radius_ = 0;
    return {.region = min_radius, .inner = inner, .problem = diagnose(f, at, -at.gradient)};
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    state.emplace_back(prefix + "radius", core::full({}, radius_, f64));
  }
  void load(const std::string& prefix, detail::StateReader& state) override {
    const Array x = state.take(prefix + "radius", f64, {});
    if (x.defined()) radius_ = x.item();
  }

 private:
  /// Factor of the radius after a poor step: the minimiser, along the step, of the parabola through both values and the
  /// first slope.
  static double shrinkage(const Iterate& at, const Trial& t) {
    if (!std::isfinite(t.to.value)) return 0.1;
    const double slope = core::dot(at.gradient, t.step.d);
    const double part = -slope / (2 * (t.to.value - at.value - slope));
    return std::isfinite(part) ? std::clamp(part, 0.1, 0.5) : 0.25;
  }

  /// The scale of each unknown in the region's norm; undefined: 1.
  Array scales(Curvature& b) {
    if (!options_.scaled || !b.dense()) return {};
    const Array matrix = core::abs(b.matrix());
    const double max_entry = matrix.size() == 0 ? 0 : core::max(matrix).item();
    if (!(max_entry > 0 && std::isfinite(max_entry))) return {};
    const std::int64_t n = matrix.shape(0);
    const Array one = core::ones({}, matrix.dtype());
    Array s = core::full({n}, 1 / std::sqrt(max_entry), matrix.dtype());
    for (int i = 0; i < 8; ++i) {
      const Array rows = core::max(matrix * core::reshape(s, {n, 1}) * s, {1});
      // Rows of zeros keep their scale.
      s = std::move(s) / core::sqrt(core::where(core::greater(rows, core::zeros({}, rows.dtype())), rows, one));
    }
    return core::minimum(std::move(s), core::full({}, 1e8 / std::sqrt(max_entry), matrix.dtype()));
  }
  TrustRegionOptions options_;
  double radius_;
};

class Damping final : public Globalization {
 public:
  explicit Damping(const DampingOptions& options) : options_(options) {}

  StepResult move(Objective& f, const Iterate& at, Curvature& b, Direction& direction, const Bounds& bounds) override {
    if (damping_ < 0) {
      const double along = core::dot(at.gradient, b.product(at.gradient)) / core::dot(at.gradient, at.gradient);
      damping_ = options_.initial * (std::isfinite(along) && along != 0 ? std::abs(along) : 1);
    }
    std::int64_t inner = 0;
    for (int k = 0; k < max_trials && std::isfinite(damping_); ++k) {
      const double damping = damping_;
      Trial t = attempt(f, at, b, direction.step(b, at.gradient, {.damping = damping}), bounds);
      inner += t.step.inner;
      if (t.ratio > options_.accept) {
        damping_ *= std::max(1. / 3, 1 - std::pow(2 * std::min(t.ratio, 1.) - 1, 3));
        growth_ = 2;
        t.step.inner = inner;
        return accepted(std::move(t), damping);
      }
      if (t.length == 0) break;
      damping_ = std::max(damping_, 1e-300) * growth_;
      growth_ *= 2;
    }
    const double reached = damping_;
    damping_ = -1;
    growth_ = 2;
    return {.region = reached, .inner = inner, .problem = diagnose(f, at, -at.gradient)};
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    state.emplace_back(prefix + "damping", core::full({}, damping_, f64));
    state.emplace_back(prefix + "growth", core::full({}, growth_, f64));
  }
  void load(const std::string& prefix, detail::StateReader& state) override {
    const Array damping = state.take(prefix + "damping", f64, {});
    const Array growth = state.take(prefix + "growth", f64, {});
    if (damping.defined()) damping_ = damping.item();
    if (growth.defined()) growth_ = growth.item();
  }

 private:
  DampingOptions options_;
  double damping_ = -1;  ///< below 0: not chosen yet
  double growth_ = 2;
};

}  // namespace

MakeGlobalization trust_region(const TrustRegionOptions& options) {
  return [options] { return std::make_unique<TrustRegion>(options); };
}
MakeGlobalization damping(const DampingOptions& options) {
  return [options] { return std::make_unique<Damping>(options); };
}

}  // namespace newtape::optim::globalization
