// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/metrics/labels.hpp>
#include <newtape/inspect/metrics/ranking.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace newtape::inspect {

using detail::RankedSide;

namespace {

/// The share of `negative` below each of `positive`, and of `positive` above each of `negative`, ties counting one half;
/// the mean of either is the area under the ROC curve.
struct RankShares {
  std::vector<double> positive, negative;
  double area = 0;
};

RankShares rank_shares(const std::vector<double>& positive, const std::vector<double>& negative) {
  const auto shares_below = [](const std::vector<double>& of, std::vector<double> among) {
    std::sort(among.begin(), among.end());
    std::vector<double> shares;
    shares.reserve(of.size());
    for (const double s : of) {
      const auto [from, to] = std::equal_range(among.begin(), among.end(), s);
      shares.push_back(static_cast<double>((from - among.begin()) + (to - among.begin())) /
                       (2 * static_cast<double>(among.size())));
    }
    return shares;
  };
  RankShares r{shares_below(positive, negative), shares_below(negative, positive)};
  for (double& share : r.negative) share = 1 - share;
  for (const double share : r.positive) r.area += share;
  r.area /= static_cast<double>(positive.size());
  return r;
}

}  // namespace

/// Examples and their scores: the positive or the negative ones.
struct detail::RankedSide {
  std::vector<std::int64_t> examples;
  std::vector<double> scores;
};

/// An average of areas, and its derivative in the weight of each example.
struct MulticlassAuroc::Contributions {
  double value = 0;
  std::vector<double> of_example;

  /// Adds the area between two sides, and returns it.
  double add(double weight, const RankedSide& positive, const RankedSide& negative) {
    const RankShares r = rank_shares(positive.scores, negative.scores);
    const double area = r.area;
    value += weight * area;
    const auto put = [&](const std::vector<std::int64_t>& examples, const std::vector<double>& shares) {
      for (std::size_t i = 0; i < examples.size(); ++i) {
        of_example[static_cast<std::size_t>(examples[i])] +=
            weight * (shares[i] - area) / static_cast<double>(examples.size());
      }
    };
    put(positive.examples, r.positive);
    put(negative.examples, r.negative);
    return area;
  }
  /// Adds the derivative in the weight that every example of a class gives to a term of the average.
  void add_to_class(const std::vector<std::int64_t>& examples, double derivative) {
    for (const auto i : examples) of_example[static_cast<std::size_t>(i)] += derivative;
  }
};

MulticlassAuroc::MulticlassAuroc(std::int64_t classes) : classes_(classes) {
  if (classes < 2) {
    raise<ValueError>("MulticlassAuroc: there must be classes to tell apart", ">= 2", std::to_string(classes));
  }
  examples_.resize(static_cast<std::size_t>(classes));
}

void MulticlassAuroc::update(const ArrayLike& scores, const ArrayLike& target) {
  constexpr const char* name = "MulticlassAuroc";
  expect_floating(name, scores);
  detail::expect_scores(name, scores, target);
  if (scores.shape().back() != classes_) {
    raise<ShapeError>("MulticlassAuroc: every class has a score", "[.., " + std::to_string(classes_) + "]",
                      to_string(scores.shape()));
  }
  const Array values = detail::metric_values(scores);
  const Array labels = detail::metric_labels(name, target);
  const double* const s = values.data<double>();
  if (std::any_of(s, s + values.size(), [](double x) { return std::isnan(x); })) {
    raise<ValueError>("MulticlassAuroc: scores must have an order", "numbers", "NaN");
  }
  const auto* const label = labels.data<std::int64_t>();
  for (std::int64_t i = 0; i < labels.size(); ++i) detail::expect_class(name, label[i], classes_);
  const std::int64_t before = std::ssize(scores_) / classes_;
  scores_.insert(scores_.end(), s, s + values.size());
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    examples_[static_cast<std::size_t>(label[i])].push_back(before + i);
  }
}

void MulticlassAuroc::merge(const MulticlassAuroc& other) {
  if (other.classes_ != classes_) {
    raise<ValueError>("MulticlassAuroc: only metrics of as many classes can be merged", std::to_string(classes_),
                      std::to_string(other.classes_));
  }
  const MulticlassAuroc added = other;  // `other` may be this one
  const std::int64_t before = std::ssize(scores_) / classes_;
  scores_.insert(scores_.end(), added.scores_.begin(), added.scores_.end());
  for (std::size_t k = 0; k < examples_.size(); ++k) {
    for (const auto i : added.examples_[k]) examples_[k].push_back(before + i);
  }
}

void MulticlassAuroc::append(RankedSide& to, std::size_t score_of, std::size_t class_of) const {
  for (const auto i : examples_[class_of]) {
    to.examples.push_back(i);
    to.scores.push_back(scores_[static_cast<std::size_t>(i * classes_) + score_of]);
  }
}

std::vector<std::size_t> MulticlassAuroc::present() const {
  std::vector<std::size_t> classes;
  for (std::size_t k = 0; k < examples_.size(); ++k) {
    if (!examples_[k].empty()) classes.push_back(k);
  }
  return classes;
}

Estimate MulticlassAuroc::estimate(const Contributions& c, double confidence) const {
  const double z = detail::two_sided_z(confidence);
  const auto count = std::ssize(scores_) / classes_;
  // The variance of a mean over n examples has the divisor n - 1, in each class as in DeLong's.
  double variance = 0;
  std::int64_t fewest = count;
  for (const auto& examples : examples_) {
    if (examples.empty()) continue;
    fewest = std::min<std::int64_t>(fewest, std::ssize(examples));
    const auto n = static_cast<double>(examples.size());
    double squares = 0;
    for (const auto i : examples) squares += std::pow(c.of_example[static_cast<std::size_t>(i)], 2);
    variance += n > 1 ? squares * n / (n - 1) : std::numeric_limits<double>::infinity();
  }
  if ((c.value <= 0 || c.value >= 1) && !(variance > 0 && std::isfinite(variance))) {
    Estimate e = proportion(c.value >= 1 ? fewest : 0, fewest, confidence);
    e.count = count;
    return e;
  }
  const double half = z * std::sqrt(variance);
  return {c.value, std::max(0.0, c.value - half), std::min(1.0, c.value + half), count};
}

Estimate MulticlassAuroc::one_vs_rest(Average average, double confidence) const {
  const auto classes = present();
  const auto count = static_cast<std::size_t>(std::ssize(scores_) / classes_);
  const auto n = static_cast<double>(count);
  Contributions c{0, std::vector<double>(count)};
  if (classes.size() < 2) return {};
  if (average == Average::micro) {
    RankedSide own, others;
    for (const auto k : classes) {
      for (std::size_t j = 0; j < examples_.size(); ++j) append(j == k ? own : others, j, k);
    }
    c.add(1, own, others);
    return estimate(c, confidence);
  }
  for (const auto k : classes) {
    RankedSide own, others;
    for (const auto j : classes) append(j == k ? own : others, k, j);
    const double share = static_cast<double>(examples_[k].size()) / n;
    const double area = c.add(average == Average::macro ? 1 / static_cast<double>(classes.size()) : share, own, others);
    if (average == Average::weighted) c.add_to_class(examples_[k], area / n);
  }
  if (average == Average::weighted) {
    for (double& x : c.of_example) x -= c.value / n;
  }
  return estimate(c, confidence);
}

Estimate MulticlassAuroc::one_vs_one(Average average, double confidence) const {
  if (average == Average::micro) {
    raise<ValueError>("MulticlassAuroc: pairs of classes have no micro average", "Average::macro or weighted", "micro");
  }
  const auto classes = present();
  const auto count = static_cast<std::size_t>(std::ssize(scores_) / classes_);
  const auto n = static_cast<double>(count);
  const auto of = static_cast<double>(classes.size());
  Contributions c{0, std::vector<double>(count)};
  if (classes.size() < 2) return {};
  for (const auto j : classes) {
    for (const auto k : classes) {  // each ordered pair: the area by the score of j
      if (j == k) continue;
      RankedSide own, others;
      append(own, j, j);
      append(others, j, k);
      const auto examples = static_cast<double>(own.examples.size() + others.examples.size());
      const double area =
          c.add(average == Average::macro ? 1 / (of * (of - 1)) : examples / (2 * n * (of - 1)), own, others);
      if (average == Average::macro) continue;
      for (const auto* side : {&own, &others}) c.add_to_class(side->examples, area / (2 * n * (of - 1)));
    }
  }
  if (average == Average::weighted) {
    for (double& x : c.of_example) x -= c.value / n;
  }
  return estimate(c, confidence);
}

std::vector<Estimate> MulticlassAuroc::per_class(double confidence) const {
  std::vector<Estimate> all(examples_.size());
  const auto classes = present();
  for (const auto k : classes) {
    if (classes.size() < 2) break;
    Contributions c{0, std::vector<double>(scores_.size() / examples_.size())};
    RankedSide own, others;
    for (const auto j : classes) append(j == k ? own : others, k, j);
    c.add(1, own, others);
    all[k] = estimate(c, confidence);
  }
  return all;
}

}  // namespace newtape::inspect
