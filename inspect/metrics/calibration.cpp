// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/metrics/calibration.hpp>
#include <newtape/inspect/metrics/labels.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::inspect {
namespace {

using Outcomes = std::vector<std::pair<double, bool>>;

/// Bins of sorted outcomes, example i counting weights[i] times.
std::vector<Calibration::Bin> equal_mass_bins(const Outcomes& sorted, const std::vector<std::int64_t>& weights,
                                              std::int64_t bins) {
  std::int64_t all = 0;
  for (const auto w : weights) all += w;
  std::vector<Calibration::Bin> result;
  Calibration::Bin bin;
  double confidence = 0;
  double happened = 0;
  std::int64_t before = 0;  // examples in bins that are complete
  const auto finish = [&] {
    if (bin.count == 0) return;
    bin.confidence = confidence / static_cast<double>(bin.count);
    bin.frequency = happened / static_cast<double>(bin.count);
    before += bin.count;
    result.push_back(bin);
    bin = {};
    confidence = happened = 0;
  };
  std::int64_t end = 1;  // the bin that is being filled ends at the end-th quantile
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const bool tied = i > 0 && sorted[i].first == sorted[i - 1].first;
    if (!tied && (before + bin.count) * bins >= end * all) {
      finish();
      while (before * bins >= end * all && end < bins) ++end;
    }
    const auto w = weights[i];
    bin.count += w;
    confidence += static_cast<double>(w) * sorted[i].first;
    happened += sorted[i].second ? static_cast<double>(w) : 0;
  }
  finish();
  return result;
}

double calibration_error(const std::vector<Calibration::Bin>& bins) {
  double sum = 0;
  double all = 0;
  for (const auto& b : bins) {
    sum += static_cast<double>(b.count) * std::abs(b.confidence - b.frequency);
    all += static_cast<double>(b.count);
  }
  return sum / all;
}

void expect_probability(double p) {
  // Rounding of a softmax in f32 may pass 1.
  if (!(p >= 0 && p <= 1 + 1e-6))
    raise<ValueError>("Calibration: probabilities lie in [0, 1]", "0 to 1", std::to_string(p));
}

}  // namespace

Calibration::Calibration(const CalibrationOptions& options) : options_(options) {
  if (options.bins < 1 || options.resamples < 1) {
    raise<ValueError>("Calibration: bins and resamples must be positive", "1 or more",
                      std::to_string(std::min(options.bins, options.resamples)));
  }
}

void Calibration::update(const ArrayLike& probabilities, const ArrayLike& target) {
  expect_floating("Calibration", probabilities);
  const bool binary = probabilities.ndim() == target.ndim();
  if (binary) {
    detail::expect_same_shape("Calibration", probabilities, target);
  } else {
    detail::expect_scores("Calibration", probabilities, target);
  }
  const Array p = detail::metric_values(probabilities);
  const Array labels = detail::metric_labels("Calibration", target);
  const auto classes = binary ? 1 : probabilities.shape().back();
  for (std::int64_t i = 0; i < p.size(); ++i) expect_probability(p.data<double>()[i]);
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    detail::expect_class("Calibration", labels.data<std::int64_t>()[i], binary ? 2 : classes);
  }
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    const double* const row = p.data<double>() + i * classes;
    const auto wanted = labels.data<std::int64_t>()[i];
    double squares = 0;
    for (std::int64_t k = 0; k < classes; ++k) {
      const double off = row[k] - ((binary ? wanted == 1 : wanted == k) ? 1 : 0);
      squares += off * off;
    }
    brier_.add(squares);
    const auto best = binary ? 0 : detail::best_class(row, classes);
    outcomes_.emplace_back(row[best], binary ? wanted == 1 : wanted == best);
  }
}

void Calibration::merge(const Calibration& other) {
  const Outcomes more = other.outcomes_;
  outcomes_.insert(outcomes_.end(), more.begin(), more.end());
  brier_.merge(other.brier_);
}

Outcomes Calibration::sorted() const {
  Outcomes all = outcomes_;
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<Calibration::Bin> Calibration::bins() const {
  const Outcomes all = sorted();
  return equal_mass_bins(all, std::vector<std::int64_t>(all.size(), 1), options_.bins);
}

Estimate Calibration::ece(double confidence) const {
  static_cast<void>(detail::two_sided_z(confidence));  // checks it
  const auto n = static_cast<std::int64_t>(outcomes_.size());
  if (n == 0) return {};
  const Outcomes all = sorted();
  const double value = calibration_error(equal_mass_bins(all, std::vector<std::int64_t>(all.size(), 1), options_.bins));
  Generator generator(options_.seed);
  std::vector<double> errors;
  for (std::int64_t r = 0; r < options_.resamples; ++r) {
    std::vector<std::int64_t> weights(all.size());
    const Array drawn = random::integers({n}, 0, n, generator);
    for (std::int64_t i = 0; i < n; ++i) ++weights[static_cast<std::size_t>(drawn.data<std::int64_t>()[i])];
    errors.push_back(calibration_error(equal_mass_bins(all, weights, options_.bins)));
  }
  std::sort(errors.begin(), errors.end());
  const auto quantile = [&](double q) {
    const double at = q * static_cast<double>(errors.size() - 1);
    const auto i = static_cast<std::size_t>(at);
    const auto j = std::min(i + 1, errors.size() - 1);
    return errors[i] + (at - static_cast<double>(i)) * (errors[j] - errors[i]);
  };
  const double tail = (1 - confidence) / 2;
  return {value, std::clamp(2 * value - quantile(1 - tail), 0.0, 1.0), std::clamp(2 * value - quantile(tail), 0.0, 1.0),
          n};
}

}  // namespace newtape::inspect
