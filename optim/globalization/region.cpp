// SPDX-License-Identifier: BSD-3-Clause
// Trust regions and damping: a step is tried, and the region follows how well the model foretold what came.
#include <newtape/core/elementwise.hpp>
#include <newtape/core/state_reader.hpp>
#include <newtape/core/vector.hpp>
#include <newtape/optim/direction/direction.hpp>
#include <newtape/optim/globalization/globalization.hpp>
#include <newtape/optim/globalization/precision.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim::globalization {

namespace {

constexpr int max_trials = 60;

/// A step that was tried.
struct Trial {
  Iterate to;
  Step step;
  double length = 0;
  double ratio = -1;  ///< the fall as a part of the predicted one
};

Trial attempt(Objective& f, const Iterate& at, Curvature& b, Direction& direction, const Bounds& bounds,
              const Region& region) {
  Trial t;
  t.step = direction.step(b, at.gradient, region);
  t.to.x = core::plus(core::copy(at.x), 1, t.step.d);
  if (bounds.any()) {
    t.to.x = bounds.project(std::move(t.to.x));
    t.step.d = core::sub(t.to.x, at.x);
    t.step.predicted = predicted_fall(at.gradient, t.step.d, b.product(t.step.d));
  }
  t.length = core::norm2(t.step.d);
  if (!std::isfinite(t.length)) return t;
  t.to.value = f.value_and_gradient(t.to.x, t.to.gradient);
  if (!std::isfinite(t.to.value) || !std::isfinite(core::norm_inf(t.to.gradient))) return t;
  const double noise = rounding(at.value, at.x.dtype());
  const double fall = at.value - t.to.value;
  if (std::abs(fall) <= noise && std::abs(t.step.predicted) <= noise) {
    // Rounding hides the fall: the gradient decides.
    t.ratio = core::norm2(t.to.gradient) < core::norm2(at.gradient) ? 1 : -1;
  } else {
    t.ratio = t.step.predicted > 0 ? fall / t.step.predicted : -1;
  }
  return t;
}

Move taken(Trial t, double region) {
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

  Move move(Objective& f, const Iterate& at, Curvature& b, Direction& direction, const Bounds& bounds) override {
    if (radius_ == 0) radius_ = std::clamp(core::norm2(at.x), 1., options_.max_radius);
    const double least = epsilon(at.x.dtype()) * std::max(core::norm2(at.x), 1e-10);
    std::int64_t inner = 0;
    for (int k = 0; k < max_trials && radius_ > least; ++k) {
      const double radius = radius_;
      Trial t = attempt(f, at, b, direction, bounds, {.radius = radius});
      inner += t.step.inner;
      if (t.ratio < 0.25) {
        radius_ = std::isfinite(t.to.value) ? 0.25 * std::min(radius, t.length) : 0.1 * std::min(radius, t.length);
        if (!std::isfinite(radius_)) radius_ = 0.1 * radius;
      } else if (t.ratio > 0.75 && t.length > 0.8 * radius) {
        radius_ = std::min(2 * radius, options_.max_radius);
      }
      if (t.ratio > options_.accept) {
        t.step.inner = inner;
        return taken(std::move(t), radius);
      }
      if (t.length == 0) break;
    }
    // Begin anew with some room, should somebody go on from here.
    radius_ = 0;
    return {.region = least, .inner = inner, .problem = diagnose(f, at, core::neg(at.gradient))};
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    state.emplace_back(prefix + "radius", core::full({}, radius_, f64));
  }
  void load(const std::string& prefix, detail::StateReader& state) override {
    const Array x = state.take(prefix + "radius", f64, {});
    if (x.defined()) radius_ = x.item();
  }

 private:
  TrustRegionOptions options_;
  double radius_;
};

class Damping final : public Globalization {
 public:
  explicit Damping(const DampingOptions& options) : options_(options) {}

  Move move(Objective& f, const Iterate& at, Curvature& b, Direction& direction, const Bounds& bounds) override {
    if (damping_ < 0) {
      const double along = core::dot(at.gradient, b.product(at.gradient)) / core::dot(at.gradient, at.gradient);
      damping_ = options_.initial * (std::isfinite(along) && along != 0 ? std::abs(along) : 1);
    }
    std::int64_t inner = 0;
    for (int k = 0; k < max_trials && std::isfinite(damping_); ++k) {
      const double damping = damping_;
      Trial t = attempt(f, at, b, direction, bounds, {.damping = damping});
      inner += t.step.inner;
      if (t.ratio > options_.accept) {
        damping_ *= std::max(1. / 3, 1 - std::pow(2 * std::min(t.ratio, 1.) - 1, 3));
        growth_ = 2;
        t.step.inner = inner;
        return taken(std::move(t), damping);
      }
      if (t.length == 0) break;
      damping_ = std::max(damping_, 1e-300) * growth_;
      growth_ *= 2;
    }
    const double reached = damping_;
    damping_ = -1;
    growth_ = 2;
    return {.region = reached, .inner = inner, .problem = diagnose(f, at, core::neg(at.gradient))};
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
  double damping_ = -1;  ///< below 0: to be chosen
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
