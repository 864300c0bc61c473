// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/metrics/accuracy.hpp>
#include <newtape/inspect/metrics/labels.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::inspect {
namespace {

/// Whether fewer than k classes come before the target.
bool among_top(const double* scores, std::int64_t classes, std::int64_t target, std::int64_t k) {
  const double own = scores[target];
  std::int64_t before = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    const bool higher = std::isnan(own) ? std::isnan(scores[c]) && c < target
                                        : std::isnan(scores[c]) || scores[c] > own || (scores[c] == own && c < target);
    before += higher ? 1 : 0;
  }
  return before < k;
}

double log_sum_exp(const double* x, std::int64_t n) {
  double top = x[0];
  for (std::int64_t i = 1; i < n; ++i) top = std::max(top, x[i]);
  if (!std::isfinite(top)) return top;
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - top);
  return top + std::log(sum);
}

}  // namespace

Accuracy::Accuracy(const AccuracyOptions& options) : options_(options) {
  if (options.top_k < 1)
    raise<ValueError>("Accuracy: top_k must be positive", "1 or more", std::to_string(options.top_k));
}

void Accuracy::update(const ArrayLike& scores, const ArrayLike& target) {
  const Array labels = detail::metric_labels("Accuracy", target);
  const auto* const wanted = labels.data<std::int64_t>();
  std::int64_t right = 0;
  std::int64_t count = 0;
  if (!is_floating(scores.dtype())) {
    detail::expect_same_shape("Accuracy", scores, target);
    const Array predicted = detail::metric_labels("Accuracy", scores);
    for (std::int64_t i = 0; i < labels.size(); ++i) {
      if (wanted[i] == options_.ignore_index) continue;
      right += predicted.data<std::int64_t>()[i] == wanted[i] ? 1 : 0;
      ++count;
    }
  } else {
    detail::expect_scores("Accuracy", scores, target);
    const auto classes = scores.shape().back();
    const Array values = detail::metric_values(scores);
    for (std::int64_t i = 0; i < labels.size(); ++i) {
      if (wanted[i] == options_.ignore_index) continue;
      detail::expect_class("Accuracy", wanted[i], classes);
      right += among_top(values.data<double>() + i * classes, classes, wanted[i], options_.top_k) ? 1 : 0;
      ++count;
    }
  }
  right_ += right;
  count_ += count;
}

void Accuracy::merge(const Accuracy& other) noexcept {
  const auto right = other.right_;
  const auto count = other.count_;
  right_ += right;
  count_ += count;
}

Estimate Accuracy::compute(double confidence) const { return proportion(right_, count_, confidence); }

void Perplexity::update(const ArrayLike& logits, const ArrayLike& target) {
  const Array labels = detail::metric_labels("Perplexity", target);
  expect_floating("Perplexity", logits);
  detail::expect_scores("Perplexity", logits, target);
  const auto classes = logits.shape().back();
  const Array values = detail::metric_values(logits);
  RunningMean batch;
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    const auto wanted = labels.data<std::int64_t>()[i];
    if (wanted == options_.ignore_index) continue;
    detail::expect_class("Perplexity", wanted, classes);
    const double* const row = values.data<double>() + i * classes;
    batch.add(log_sum_exp(row, classes) - row[wanted]);
  }
  losses_.merge(batch);
}

void Perplexity::update_losses(const ArrayLike& losses) {
  const Array values = detail::metric_values(losses);
  for (std::int64_t i = 0; i < values.size(); ++i) losses_.add(values.data<double>()[i]);
}

Estimate Perplexity::compute(double confidence) const {
  const Estimate mean = losses_.estimate(confidence);
  return {std::exp(mean.value), std::exp(mean.low), std::exp(mean.high), mean.count};
}

}  // namespace newtape::inspect
