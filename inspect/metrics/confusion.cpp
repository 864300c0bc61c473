// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/inspect/metrics/confusion.hpp>
#include <newtape/inspect/metrics/labels.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace newtape::inspect {
namespace {

/// The elements of a confusion matrix.
class Counts {
 public:
  explicit Counts(const Array& confusion) : array_(core::contiguous(confusion)), p_(array_.data<std::int64_t>()) {}
  std::size_t rows() const { return static_cast<std::size_t>(array_.shape()[0]); }
  std::size_t columns() const { return static_cast<std::size_t>(array_.shape()[1]); }
  std::int64_t operator()(std::size_t i, std::size_t j) const { return p_[i * columns() + j]; }

 private:
  Array array_;
  const std::int64_t* p_;
};

}  // namespace

Array confusion_matrix(const ArrayLike& predicted, const ArrayLike& target, std::int64_t classes) {
  if (predicted.shape() != target.shape() || target.ndim() != 1) {
    raise<ShapeError>("confusion_matrix: predictions and targets must have the same shape",
                      "two arrays of equal shape [n]",
                      to_string(predicted.shape()) + " and " + to_string(target.shape()));
  }
  Array counts = core::zeros({classes, classes}, i64);
  const Array p = core::contiguous(predicted);
  const Array t = core::contiguous(target);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    const auto from = t.data<std::int64_t>()[i];
    const auto to = p.data<std::int64_t>()[i];
    if (from < 0 || from >= classes || to < 0 || to >= classes) {
      raise<ValueError>("confusion_matrix: class out of range", "0 to " + std::to_string(classes - 1),
                        "target " + std::to_string(from) + ", prediction " + std::to_string(to));
    }
    ++counts.data<std::int64_t>()[from * classes + to];
  }
  return counts;
}

double accuracy(const ArrayLike& confusion) {
  const Counts counts(confusion);
  double right = 0;
  double all = 0;
  for (std::size_t i = 0; i < counts.rows(); ++i) {
    right += static_cast<double>(counts(i, i));
    for (std::size_t j = 0; j < counts.columns(); ++j) all += static_cast<double>(counts(i, j));
  }
  return all == 0 ? 0 : right / all;
}

std::string format_confusion(const ArrayLike& confusion, std::span<const char* const> names) {
  const Counts counts(confusion);
  const std::size_t n = counts.rows();
  const auto name_of = [&](std::size_t i) { return i < names.size() ? std::string(names[i]) : std::to_string(i); };
  std::size_t width = 5;
  for (std::size_t i = 0; i < n; ++i) width = std::max(width, name_of(i).size());
  std::string text = fmt::format("{:>{}} |", "true", width);
  for (std::size_t j = 0; j < n; ++j) text += fmt::format(" {:>5.5}", name_of(j));
  text += " | found\n";
  for (std::size_t i = 0; i < n; ++i) {
    double row = 0;
    text += fmt::format("{:>{}} |", name_of(i), width);
    for (std::size_t j = 0; j < n; ++j) {
      row += static_cast<double>(counts(i, j));
      text += counts(i, j) == 0 ? fmt::format(" {:>5}", ".") : fmt::format(" {:>5}", counts(i, j));
    }
    text += fmt::format(" | {:5.1f}%\n", row == 0 ? 0.0 : 100 * static_cast<double>(counts(i, i)) / row);
  }
  return text;
}

/// The score diagonal * TP / (row * examples + column * predictions) of a class.
struct ConfusionMatrix::Score {
  double diagonal, row, column;

  double denominator(double r, double c) const noexcept { return row * r + column * c; }
  double of(double tp, double r, double c) const noexcept {
    const double d = denominator(r, c);
    return d == 0 ? 0 : diagonal * tp / d;
  }
};

struct ConfusionMatrix::Totals {
  std::vector<double> rows, columns;  ///< examples of each class, predictions of each class
  double all = 0;
};

namespace {
constexpr double in_unit(double x) { return std::clamp(x, 0.0, 1.0); }
}  // namespace

ConfusionMatrix::ConfusionMatrix(std::int64_t classes) : classes_(classes) {
  if (classes < 1) raise<ValueError>("ConfusionMatrix: there must be classes", "1 or more", std::to_string(classes));
  counts_.resize(static_cast<std::size_t>(classes * classes));
}

void ConfusionMatrix::update(const ArrayLike& predicted, const ArrayLike& target) {
  const Array labels = detail::metric_labels("ConfusionMatrix", target);
  const bool scores = is_floating(predicted.dtype());
  Array found;
  if (scores) {
    detail::expect_scores("ConfusionMatrix", predicted, target);
    if (predicted.shape().back() != classes_) {
      raise<ShapeError>("ConfusionMatrix: scores must be those of the classes",
                        "[.., " + std::to_string(classes_) + "]", to_string(predicted.shape()));
    }
    found = detail::metric_values(predicted);
  } else {
    detail::expect_same_shape("ConfusionMatrix", predicted, target);
    found = detail::metric_labels("ConfusionMatrix", predicted);
  }
  const auto class_at = [&](std::int64_t i) {
    return scores ? detail::best_class(found.data<double>() + i * classes_, classes_) : found.data<std::int64_t>()[i];
  };
  const auto* const t = labels.data<std::int64_t>();
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    detail::expect_class("ConfusionMatrix", t[i], classes_);
    if (!scores) detail::expect_class("ConfusionMatrix", class_at(i), classes_);
  }
  for (std::int64_t i = 0; i < labels.size(); ++i) ++counts_[static_cast<std::size_t>(t[i] * classes_ + class_at(i))];
}

void ConfusionMatrix::merge(const ConfusionMatrix& other) {
  if (other.classes_ != classes_) {
    raise<ValueError>("ConfusionMatrix: matrices of different classes cannot be merged", std::to_string(classes_),
                      std::to_string(other.classes_));
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

Array ConfusionMatrix::counts() const {
  Array copy = Array::empty({classes_, classes_}, i64);
  std::copy(counts_.begin(), counts_.end(), copy.data<std::int64_t>());
  return copy;
}

ConfusionMatrix::Totals ConfusionMatrix::totals() const {
  const auto n = static_cast<std::size_t>(classes_);
  Totals t{std::vector<double>(n), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const auto count = static_cast<double>(counts_[i * n + j]);
      t.rows[i] += count;
      t.columns[j] += count;
      t.all += count;
    }
  }
  return t;
}

Estimate ConfusionMatrix::accuracy(double confidence) const {
  std::int64_t right = 0;
  std::int64_t all = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    all += counts_[i];
    if (i % static_cast<std::size_t>(classes_ + 1) == 0) right += counts_[i];
  }
  return proportion(right, all, confidence);
}

/// The sum of weights[k] score_k, where with `by_examples` weights[k] is the share of class k among the examples, which
/// is random, too. The gradient in the share of the cell (t, p) has three parts, so the variance
/// (E[gradient^2] - E[gradient]^2) / n takes one pass over the cells.
Estimate ConfusionMatrix::weighted(const Score& score, const std::vector<double>& weights, bool by_examples,
                                   double confidence) const {
  const double z = detail::two_sided_z(confidence);
  const Totals t = totals();
  if (t.all == 0) return {};
  const auto n = static_cast<std::size_t>(classes_);
  std::vector<double> on_diagonal(n), on_row(n), on_column(n);
  double value = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double d = score.denominator(t.rows[k], t.columns[k]) / t.all;
    const double s = score.of(static_cast<double>(counts_[k * n + k]), t.rows[k], t.columns[k]);
    value += weights[k] * s;
    if (d == 0) continue;
    on_diagonal[k] = weights[k] * score.diagonal / d;
    on_row[k] = -weights[k] * s * score.row / d + (by_examples ? s : 0);
    on_column[k] = -weights[k] * s * score.column / d;
  }
  double first = 0;
  double second = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double share = static_cast<double>(counts_[i * n + j]) / t.all;
      const double gradient = (i == j ? on_diagonal[i] : 0) + on_row[i] + on_column[j];
      first += share * gradient;
      second += share * gradient * gradient;
    }
  }
  const double half = z * std::sqrt(std::max(0.0, second - first * first) / t.all);
  return {value, in_unit(value - half), in_unit(value + half), static_cast<std::int64_t>(t.all)};
}

Estimate ConfusionMatrix::averaged(const Score& score, Average average, double confidence) const {
  if (average == Average::micro) return accuracy(confidence);
  const Totals t = totals();
  const auto n = static_cast<std::size_t>(classes_);
  std::vector<double> weights(n);
  double present = 0;
  for (std::size_t k = 0; k < n; ++k) present += t.rows[k] + t.columns[k] > 0 ? 1 : 0;
  for (std::size_t k = 0; k < n; ++k) {
    if (average == Average::weighted) {
      weights[k] = t.all == 0 ? 0 : t.rows[k] / t.all;
    } else if (t.rows[k] + t.columns[k] > 0) {
      weights[k] = 1 / present;
    }
  }
  return weighted(score, weights, average == Average::weighted, confidence);
}

Estimate ConfusionMatrix::precision(Average average, double confidence) const {
  return averaged({1, 0, 1}, average, confidence);
}
Estimate ConfusionMatrix::recall(Average average, double confidence) const {
  return averaged({1, 1, 0}, average, confidence);
}
Estimate ConfusionMatrix::f1(Average average, double confidence) const {
  return averaged({2, 1, 1}, average, confidence);
}

std::vector<ClassScores> ConfusionMatrix::per_class(double confidence) const {
  const Totals t = totals();
  const auto n = static_cast<std::size_t>(classes_);
  std::vector<ClassScores> scores;
  for (std::size_t k = 0; k < n; ++k) {
    const auto right = counts_[k * n + k];
    const auto of_class = static_cast<std::int64_t>(t.rows[k]);
    std::vector<double> only(n);
    only[k] = 1;
    scores.push_back({proportion(right, static_cast<std::int64_t>(t.columns[k]), confidence),
                      proportion(right, of_class, confidence), weighted({2, 1, 1}, only, false, confidence), of_class});
  }
  return scores;
}

}  // namespace newtape::inspect
