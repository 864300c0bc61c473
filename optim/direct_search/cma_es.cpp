// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/check_option.hpp>
#include <newtape/optim/direct_search/direct_search.hpp>
#include <newtape/optim/second_order/globalization/precision.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

namespace newtape::optim {

namespace {

/// Learning rates and weights for n unknowns and a population (Hansen 2016, table 1, without negative weights).
struct Rates {
  std::int64_t population;
  std::vector<double> weights;  ///< of the best half, which sum to 1
  double effective = 0;         ///< mu_eff
  double of_path, of_sigma_path, of_rank_one, of_rank_mu, damping, expected_norm;

  Rates(std::int64_t size, std::int64_t points) : population(points) {
    const auto n = static_cast<double>(size);
    const auto parents = points / 2;
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < parents; ++i) {
      weights.push_back(std::log((static_cast<double>(points) + 1) / 2) - std::log(static_cast<double>(i + 1)));
      sum += weights.back();
    }
    for (double& w : weights) w /= sum, squares += w * w;
    effective = 1 / squares;
    of_path = (4 + effective / n) / (n + 4 + 2 * effective / n);
    of_sigma_path = (effective + 2) / (n + effective + 5);
    of_rank_one = 2 / ((n + 1.3) * (n + 1.3) + effective);
    of_rank_mu = std::min(1 - of_rank_one, 2 * (effective - 2 + 1 / effective) / ((n + 2) * (n + 2) + effective));
    damping = 1 + 2 * std::max(0., std::sqrt((effective - 1) / (n + 1)) - 1) + of_sigma_path;
    expected_norm = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
  }
};

Array column(const Array& v) { return core::reshape(v, {v.size(), 1}); }
Array times(const Array& m, const Array& v) { return core::reshape(core::matmul(m, column(v)), {v.size()}); }
Array row(const Array& m, std::int64_t i) { return core::contiguous(core::select(m, 0, i)); }

class CmaEs final : public DirectSearch {
 public:
  explicit CmaEs(const CmaEsOptions& options)
      : options_(options), generator_(options.seed), rates_(1, 4), restarts_left_(options.restarts) {}

  void begin(Objective& f, const Iterate& at, const Bounds&) override {
    best_ = {.x = at.x, .value = at.value, .gradient = {}};
    start_ = core::cast(at.x, f64);
    const auto size = f.size();
    const auto points = options_.population > 0
                            ? options_.population
                            : 4 + static_cast<std::int64_t>(3 * std::log(static_cast<double>(size)));
    rates_ = Rates(size, points);
    initialize();
  }

  SearchStep iterate(Objective& f, const Bounds& bounds) override {
    const auto points = rates_.population;
    const auto n = mean_.size();
    const Array z = random::normal({points, n}, 0, 1, f64, generator_);
    const Array x = core::matmul(z * (sigma_ * axes_), core::transpose(basis_, 0, 1)) + mean_;
    std::vector<Array> samples;
    std::vector<double> values;
    for (std::int64_t i = 0; i < points; ++i) {
      const Array sample = bounds.project(core::cast(row(x, i), f.dtype()));
      const double value = f.value(sample);
      samples.push_back(core::cast(sample, f64));
      values.push_back(std::isnan(value) ? infinity : value);
      if (value < best_.value) best_ = {.x = sample, .value = value, .gradient = {}};
    }
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    update(samples, order);
    const double spread = values[order.back()] - values[order.front()];
    return {.best = best_,
            .size = sigma_ * core::norm_inf(axes_),
            .spread = spread,
            .exhausted = exhausted(values[order.front()], spread, f.dtype()),
            .note = {}};
  }

  bool restart(Objective&, const Bounds&) override {
    if (restarts_left_-- <= 0) return false;
    rates_ = Rates(start_.size(), 2 * rates_.population);
    initialize();
    return true;
  }

 private:
  void initialize() {
    const auto n = start_.size();
    mean_ = start_;
    sigma_ = options_.sigma;
    const Array zero = core::zeros({}, f64);
    const Array scale = core::where(core::equal(start_, zero), core::ones({n}, f64), core::abs(start_));
    covariance_ = core::eye(n, f64) * (scale * scale);
    axes_ = scale;
    basis_ = core::eye(n, f64);
    path_ = sigma_path_ = core::zeros({n}, f64);
    generation_ = decomposed_ = 0;
    recent_.clear();
  }

  /// Moves the mean to the weighted best half, and adapts the step size and the covariance.
  void update(const std::vector<Array>& samples, const std::vector<std::size_t>& order) {
    const auto n = mean_.size();
    const Rates& r = rates_;
    ++generation_;
    Array shift = core::zeros({n}, f64);
    std::vector<Array> steps;  // (x - mean) / sigma, times sqrt(w)
    for (std::size_t i = 0; i < r.weights.size(); ++i) {
      const Array step = (samples[order[i]] - mean_) / sigma_;
      shift = std::move(shift) + r.weights[i] * step;
      steps.push_back(std::sqrt(r.weights[i]) * step);
    }
    mean_ = mean_ + sigma_ * shift;
    const Array white = times(core::transpose(basis_, 0, 1), shift) / axes_;
    const double fresh = std::sqrt(r.of_sigma_path * (2 - r.of_sigma_path) * r.effective);
    sigma_path_ = (1 - r.of_sigma_path) * sigma_path_ + fresh * times(basis_, white);
    const double length = core::norm2(sigma_path_);
    // The path of the covariance stalls while the step size grows fast.
    const double begun = std::sqrt(1 - std::pow(1 - r.of_sigma_path, 2 * static_cast<double>(generation_)));
    const bool moving = length / begun < (1.4 + 2 / (static_cast<double>(n) + 1)) * r.expected_norm;
    path_ = (1 - r.of_path) * path_;
    if (moving) path_ = path_ + std::sqrt(r.of_path * (2 - r.of_path) * r.effective) * shift;
    const double lost = moving ? 0 : r.of_rank_one * r.of_path * (2 - r.of_path);
    const Array all = core::stack(steps, 0);
    covariance_ = (1 - r.of_rank_one - r.of_rank_mu + lost) * covariance_ +
                  r.of_rank_one * core::matmul(column(path_), core::reshape(path_, {1, n})) +
                  r.of_rank_mu * core::matmul(core::transpose(all, 0, 1), all);
    sigma_ *= std::exp(std::min(1., r.of_sigma_path / r.damping * (length / r.expected_norm - 1)));
    const double stale = static_cast<double>(generation_ - decomposed_);
    if (stale * (r.of_rank_one + r.of_rank_mu) * static_cast<double>(n) * 10 >= 1) decompose();
  }

  void decompose() {
    decomposed_ = generation_;
    const auto parts = core::eigh(covariance_, true, "cma_es");
    // Rounding may leave an eigenvalue negative.
    const double floor = 1e-28 * core::norm_inf(parts.w);
    axes_ = core::sqrt(core::maximum(parts.w, core::number(floor, f64)));
    basis_ = parts.v;
  }

  /// Whether the best values of many generations, and all of this one, are equal to rounding.
  bool exhausted(double value, double spread, DType dtype) {
    recent_.push_back(value);
    const auto generations = 10 + static_cast<std::size_t>(30 * mean_.size() / rates_.population);
    if (recent_.size() > generations) recent_.pop_front();
    if (recent_.size() < generations) return false;
    const auto [low, high] = std::minmax_element(recent_.begin(), recent_.end());
    return std::max(spread, *high - *low) <= rounding(best_.value, dtype);
  }

  CmaEsOptions options_;
  Generator generator_;
  Rates rates_;
  int restarts_left_;
  Iterate best_;
  Array start_, mean_;               ///< f64, as all below
  Array covariance_, basis_, axes_;  ///< covariance = basis diag(axes^2) basis^T, as of generation `decomposed_`
  Array path_, sigma_path_;          ///< evolution paths
  double sigma_ = 0;
  std::int64_t generation_ = 0, decomposed_ = 0;
  std::deque<double> recent_;  ///< best values of the last generations
};

}  // namespace

Method cma_es(const CmaEsOptions& options) {
  check_option("cma_es", "sigma", options.sigma, {std::numeric_limits<double>::min(), infinity});
  check_option("cma_es", "restarts", options.restarts);
  if (options.population != 0) {
    check_option("cma_es", "population", static_cast<double>(options.population), {4, infinity});
  }
  return {.name = "CMA-ES", .curvature = {}, .direction = {}, .globalization = {}, .direct_search = [options] {
            return std::make_unique<CmaEs>(options);
          }};
}

}  // namespace newtape::optim
