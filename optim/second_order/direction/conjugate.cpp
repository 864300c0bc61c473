// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/direction/direction.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim::direction {

namespace {

class Conjugate final : public Direction {
 public:
  explicit Conjugate(const ConjugateOptions& options) : options_(options) {}

  Step step(Curvature& b, const Array& gradient, const Region& region) override {
    Array d = -gradient;
    const double gg = core::dot(gradient, gradient);
    Step s;
    s.scaled = false;
    if (gradient_.defined()) {
      const Array y = gradient - gradient_;
      const double factor = beta(gradient, y, gg);
      // Powell's restart, when successive gradients are far from orthogonal.
      const bool nonorthogonal =
          std::abs(core::dot(gradient, gradient_)) > 0.9 * gg && options_.beta != Beta::hager_zhang;
      if (std::isfinite(factor) && !nonorthogonal) {
        d = core::axpy(factor, direction_, std::move(d));
        if (core::dot(d, gradient) > -1e-10 * gg) {
          d = -gradient;
          s.note = "restart";
        }
      } else {
        s.note = "restart";
      }
    }
    gradient_ = gradient;
    direction_ = d;
    s.d = std::move(d);
    return truncate_to_radius(std::move(s), b, gradient, region);
  }

  void reset() override { gradient_ = direction_ = Array(); }
  void save(const std::string& prefix, NamedArrays& state) const override {
    if (!gradient_.defined()) return;
    state.emplace_back(prefix + "gradient", gradient_);
    state.emplace_back(prefix + "direction", direction_);
  }
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype) override {
    reset();
    if (!state.contains(prefix + "gradient")) return;
    gradient_ = state.take(prefix + "gradient", dtype, {size});
    direction_ = state.take(prefix + "direction", dtype, {size});
  }

 private:
  using Beta = ConjugateOptions::Beta;

  /// Hager and Zhang 2006, "A survey of nonlinear conjugate gradient methods", table 1.1 and eq. 7.
  double beta(const Array& g, const Array& y, double gg) const {
    const double dy = core::dot(direction_, y);
    switch (options_.beta) {
      case Beta::fletcher_reeves: return gg / core::dot(gradient_, gradient_);
      case Beta::polak_ribiere: return std::max(core::dot(g, y) / core::dot(gradient_, gradient_), 0.);
      case Beta::hestenes_stiefel: return std::max(core::dot(g, y) / dy, 0.);
      case Beta::dai_yuan: return gg / dy;
      case Beta::hager_zhang: break;
    }
    const double raw = (core::dot(y, g) - 2 * core::dot(y, y) * core::dot(direction_, g) / dy) / dy;
    const double lower = -1 / (core::norm2(direction_) * std::min(0.01, core::norm2(gradient_)));
    return std::max(raw, lower);
  }

  ConjugateOptions options_;
  Array gradient_, direction_;
};

}  // namespace

MakeDirection conjugate(const ConjugateOptions& options) {
  return [options] { return std::make_unique<Conjugate>(options); };
}

}  // namespace newtape::optim::direction
