// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/check_option.hpp>
#include <newtape/optim/direct_search/direct_search.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

namespace newtape::optim {

namespace {

struct Vertex {
  Array x;
  double value = infinity;  ///< infinite where the function is NaN
};

double element(const Array& x, std::int64_t i) { return x.dtype() == f32 ? x.data<float>()[i] : x.data<double>()[i]; }
void set_element(Array& x, std::int64_t i, double value) {
  if (x.dtype() == f32) {
    x.data<float>()[i] = static_cast<float>(value);
  } else {
    x.data<double>()[i] = value;
  }
}

class NelderMead final : public DirectSearch {
 public:
  explicit NelderMead(const NelderMeadOptions& options) : options_(options), restarts_left_(options.restarts) {}

  void begin(Objective& f, const Iterate& at, const Bounds& bounds) override {
    // Gao and Han 2012, eq. 4.1. One unknown takes the coefficients of two.
    const double n = static_cast<double>(std::max<std::int64_t>(f.size(), 2));
    expansion_ = 1 + 2 / n;
    contraction_ = 0.75 - 1 / (2 * n);
    shrinkage_ = 1 - 1 / n;
    value_at_restart_ = at.value;
    spread_out(f, {at.x, at.value}, bounds, options_.size);
  }

  SearchStep iterate(Objective& f, const Bounds& bounds) override {
    const std::size_t last = simplex_.size() - 1;
    Array centre = simplex_[0].x;
    for (std::size_t i = 1; i < last; ++i) centre = std::move(centre) + simplex_[i].x;
    centre = std::move(centre) / static_cast<double>(last);
    const Array away = centre - simplex_[last].x;
    const auto along = [&](double t) { return evaluated(f, bounds, centre + t * away); };

    const char* note = "reflection";
    Vertex next = along(1);
    if (next.value < simplex_[0].value) {
      if (Vertex further = along(expansion_); further.value < next.value) next = std::move(further), note = "expansion";
    } else if (!(next.value < simplex_[last - 1].value)) {
      const bool outside = next.value < simplex_[last].value;
      Vertex nearer = along(outside ? contraction_ : -contraction_);
      note = outside ? "contraction outside" : "contraction inside";
      if (outside ? nearer.value <= next.value : nearer.value < simplex_[last].value) {
        next = std::move(nearer);
      } else {
        return shrink(f, bounds);
      }
    }
    simplex_[last] = std::move(next);
    return reached(note);
  }

  bool restart(Objective& f, const Bounds& bounds) override {
    const Vertex best = simplex_[0];
    if (restarts_left_-- <= 0 || !(best.value < value_at_restart_ - 1e-8 * std::abs(value_at_restart_))) return false;
    value_at_restart_ = best.value;
    spread_out(f, best, bounds, options_.size / 2);
    return true;
  }

 private:
  static Vertex evaluated(Objective& f, const Bounds& bounds, Array x) {
    x = bounds.project(std::move(x));
    const double value = f.value(x);
    return {std::move(x), std::isnan(value) ? infinity : value};
  }

  /// A simplex of `best` and a point along each axis.
  void spread_out(Objective& f, const Vertex& best, const Bounds& bounds, double size) {
    simplex_ = {best};
    for (std::int64_t i = 0; i < f.size(); ++i) {
      const double at = element(best.x, i);
      const double h = size * (at == 0 ? 1 : std::abs(at));
      const auto moved = [&](double by) {
        Array x = core::copy(best.x);
        set_element(x, i, at + by);
        return bounds.project(std::move(x));
      };
      Array x = moved(h);
      // At an upper bound: to the other side.
      if (std::abs(element(x, i) - at) < h / 2) x = moved(-h);
      simplex_.push_back(evaluated(f, bounds, std::move(x)));
    }
    sort();
  }

  SearchStep shrink(Objective& f, const Bounds& bounds) {
    for (std::size_t i = 1; i < simplex_.size(); ++i) {
      simplex_[i] = evaluated(f, bounds, simplex_[0].x + shrinkage_ * (simplex_[i].x - simplex_[0].x));
    }
    return reached("shrinkage");
  }

  void sort() {
    std::stable_sort(simplex_.begin(), simplex_.end(),
                     [](const Vertex& a, const Vertex& b) { return a.value < b.value; });
  }

  SearchStep reached(const char* note) {
    sort();
    double size = 0;
    for (const Vertex& v : simplex_) size = std::max(size, core::norm2(v.x - simplex_[0].x));
    return {.best = {.x = simplex_[0].x, .value = simplex_[0].value, .gradient = {}},
            .size = size,
            .spread = simplex_.back().value - simplex_[0].value,
            .note = note};
  }

  NelderMeadOptions options_;
  int restarts_left_;
  double expansion_ = 2, contraction_ = 0.5, shrinkage_ = 0.5;
  double value_at_restart_ = infinity;
  std::vector<Vertex> simplex_;  ///< n + 1 points, the best first
};

}  // namespace

Method nelder_mead(const NelderMeadOptions& options) {
  check_option("nelder_mead", "size", options.size, {std::numeric_limits<double>::min(), infinity});
  check_option("nelder_mead", "restarts", options.restarts);
  return {.name = "Nelder-Mead", .curvature = {}, .direction = {}, .globalization = {}, .direct_search = [options] {
            return std::make_unique<NelderMead>(options);
          }};
}

}  // namespace newtape::optim
