// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/core/runtime/stable_sort.hpp>
#include <newtape/inspect/default_generator_scope.hpp>
#include <newtape/inspect/diagnosis/paired_runs.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>

namespace newtape::inspect {
namespace {

constexpr std::int64_t evaluated_examples = 512;

/// Whether classes are the last axis of the output: [n, t, classes] for targets [n, t].
bool classes_last(const Array& output, const Array& target) {
  return output.ndim() > 2 && output.shape(1) == target.shape(1);
}

/// Calls f(index of a label, the label, whether it is the largest output).
template <class F>
void each_label(const Array& output, const Array& target, const F& f) {
  const Array values = core::cast(output, f64);
  // [n, classes, ..] -> [n, .., classes]
  Array last = values;
  if (!classes_last(output, target)) {
    Dims order{0};
    for (std::size_t i = 2; i < values.ndim(); ++i) order.push_back(static_cast<std::int64_t>(i));
    order.push_back(1);
    last = core::permute(values, order);
  }
  last = core::contiguous(last);
  const Array labels = core::contiguous(core::cast(target, i64));
  const auto classes = last.shape(-1);
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    const double* row = last.data<double>() + i * classes;
    const auto best = std::max_element(row, row + classes) - row;
    const std::int64_t label = labels.data<std::int64_t>()[i];
    f(i, label, best == label && std::isfinite(row[best]));
  }
}

std::vector<double> class_errors(const Array& output, const Array& target) {
  const auto each = target.size() / target.shape(0);
  std::vector<double> errors(static_cast<std::size_t>(target.shape(0)));
  each_label(output, target, [&](std::int64_t i, std::int64_t, bool right) {
    errors[static_cast<std::size_t>(i / each)] += right ? 0 : 1 / static_cast<double>(each);
  });
  return errors;
}

/// The mean over classes of the share of their labels that are missed.
double balanced_class_error(const Array& output, const Array& target) {
  std::map<std::int64_t, std::pair<double, double>> classes;  // missed, all
  each_label(output, target, [&](std::int64_t, std::int64_t label, bool right) {
    auto& [missed, all] = classes[label];
    missed += right ? 0 : 1;
    all += 1;
  });
  double sum = 0;
  for (const auto& [label, counts] : classes) sum += counts.first / counts.second;
  return sum / static_cast<double>(std::max<std::size_t>(1, classes.size()));
}

/// Wrong sides of the threshold that separates best.
std::vector<double> threshold_errors(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), 0);
  newtape::detail::stable_sort(order, [&](auto a, auto b) { return x[a] < x[b]; });
  // Above the threshold is 1; wrong so far: zeros above.
  double wrong = static_cast<double>(std::count(y.begin(), y.end(), 0.0));
  double best = wrong;
  std::size_t cut = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    wrong += y[order[k]] == 0 ? -1 : 1;
    if (k + 1 < order.size() && !(x[order[k + 1]] > x[order[k]])) continue;  // equal outputs share a side
    if (wrong < best) best = wrong, cut = k + 1;
  }
  std::vector<double> errors(x.size());
  for (std::size_t k = 0; k < order.size(); ++k) errors[order[k]] = (k >= cut) != (y[order[k]] == 1) ? 1 : 0;
  return errors;
}

/// Of several targets an example: wrong sides of the threshold of the half of the outputs that ends where as many are above
/// it as there are ones, each value weighted to a half.
std::vector<double> balanced_errors(const std::vector<double>& x, const std::vector<double>& y, std::size_t examples) {
  std::vector<double> ordered = x;
  const auto ones = static_cast<std::size_t>(std::count(y.begin(), y.end(), 1.0));
  const auto at = ordered.begin() + static_cast<std::ptrdiff_t>(x.size() - ones);
  std::nth_element(ordered.begin(), at, ordered.end());
  const double threshold = *at;
  const double each = static_cast<double>(x.size()) / static_cast<double>(examples);
  const double weights[2] = {0.5 * static_cast<double>(x.size()) / static_cast<double>(x.size() - ones),
                             0.5 * static_cast<double>(x.size()) / static_cast<double>(ones)};
  const bool constant = std::all_of(x.begin(), x.end(), [&](double v) { return v == threshold; });
  std::vector<double> errors(examples);
  for (std::size_t k = 0; k < x.size(); ++k) {
    const bool above = x[k] >= threshold;
    const double wrong = constant ? 0.5 : above != (y[k] == 1) ? 1 : 0;
    errors[k * examples / x.size()] += wrong * weights[y[k] == 1 ? 1 : 0] / each;
  }
  for (double& e : errors) e = std::min(e, 1.0);
  return errors;
}

/// The variance, or that of a normal distribution with the same quartiles if it is smaller: single huge targets must not
/// make all other errors vanish.
double robust_variance(std::vector<double> values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  const auto quantile = [&](std::size_t k) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(k), values.end());
    return values[k];
  };
  const double low = quantile(values.size() / 4);
  const double width = (quantile(values.size() - 1 - values.size() / 4) - low) / 1.349;
  const double variance = squares / n;
  // Only of tails that a uniform or normal distribution, or a small sample of one, does not have.
  return width > 0 && variance > 9 * width * width ? width * width : variance;
}

/// Squared errors in units of the variance of each of the `columns`, at most 1 for an example.
std::vector<double> squared_errors(const std::vector<double>& a, const std::vector<double>& b, std::size_t n,
                                   std::size_t columns) {
  std::vector<double> variances;
  for (std::size_t j = 0; j < columns; ++j) {
    std::vector<double> column;
    for (std::size_t i = j; i < b.size(); i += columns) column.push_back(b[i]);
    variances.push_back(robust_variance(std::move(column)));
  }
  // A column that does not vary counts in the unit of the others.
  const double most = *std::max_element(variances.begin(), variances.end());
  for (double& v : variances) v = std::max(v > 1e-12 * most ? v : most, 1e-300);
  const std::size_t each = b.size() / n;
  std::vector<double> errors(n);
  for (std::size_t i = 0; i < b.size(); ++i) {
    errors[i / each] += (a[i] - b[i]) * (a[i] - b[i]) / variances[i % columns];
  }
  for (double& e : errors) {
    e /= static_cast<double>(each);
    e = std::isfinite(e) ? std::min(e, 1.0) : 1.0;
  }
  return errors;
}

std::vector<double> value_errors(const Array& output, const Array& target) {
  const Array x = core::contiguous(core::cast(output, f64));
  const Array y = core::contiguous(core::cast(target, f64));
  const auto n = static_cast<std::size_t>(y.shape(0));
  if (x.size() != y.size()) return std::vector<double>(n, 1);
  const std::vector<double> a(x.data<double>(), x.data<double>() + x.size());
  const std::vector<double> b(y.data<double>(), y.data<double>() + y.size());
  const bool finite = std::all_of(a.begin(), a.end(), [](double v) { return std::isfinite(v); });
  // Two values, 0 and 1 or -1 and 1 say, are two classes.
  const auto ends = std::minmax_element(b.begin(), b.end());
  const auto low = ends.first, high = ends.second;  // Clang before 16 captures no structured bindings
  const bool binary = std::all_of(b.begin(), b.end(), [&](double v) { return v == *low || v == *high; });
  if (binary && (*low < *high || (b.size() == n && (*low == 0 || *low == 1)))) {
    std::vector<double> sides;
    for (const double v : b) sides.push_back(*low < *high ? (v == *high ? 1 : 0) : v);
    if (!finite) return std::vector<double>(n, 1);
    return b.size() == n ? threshold_errors(a, sides) : balanced_errors(a, sides, n);
  }
  return squared_errors(a, b, n, y.ndim() == 2 ? b.size() / n : 1);
}

Tensor changed(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) { return f ? f(x) : x; }

/// Indices of the batches, in epochs.
class Batches {
 public:
  Batches(std::int64_t examples, std::int64_t batch, bool shuffle, std::uint64_t seed)
      : examples_(examples), batch_(std::min(batch, examples)), shuffle_(shuffle), generator_(seed) {}
  std::vector<std::int64_t> next() {
    if (at_ + batch_ > examples_ || order_.empty()) {
      at_ = 0;
      order_.resize(static_cast<std::size_t>(examples_));
      std::iota(order_.begin(), order_.end(), 0);
      if (shuffle_) {
        const Array p = random::permutation(examples_, generator_);
        order_.assign(p.data<std::int64_t>(), p.data<std::int64_t>() + examples_);
      }
    }
    const auto first = order_.begin() + at_;
    at_ += batch_;
    return {first, first + batch_};
  }

 private:
  std::int64_t examples_, batch_, at_ = 0;
  bool shuffle_;
  Generator generator_;
  std::vector<std::int64_t> order_;
};

data::Dataset without(const data::Dataset& set, const std::vector<std::int64_t>& left_out) {
  if (left_out.empty()) return set;
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    if (std::find(left_out.begin(), left_out.end(), i) == left_out.end()) kept.push_back(i);
  }
  Array indices = Array::empty({static_cast<std::int64_t>(kept.size())}, i64);
  std::copy(kept.begin(), kept.end(), indices.data<std::int64_t>());
  return set[indices];
}

}  // namespace

std::vector<double> example_errors(const Array& output, const Array& target) {
  if (is_floating(target.dtype())) return value_errors(output, target);
  if (output.ndim() != target.ndim() + 1) return value_errors(output, target);
  return class_errors(output, target);
}

double mean_error(const std::vector<double>& errors) {
  if (errors.empty()) return std::numeric_limits<double>::quiet_NaN();
  return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
}

double RunOutcome::error_rate() const { return errors.empty() ? 1 : mean_error(errors); }

namespace {

PairedGain gain_of(const std::vector<double>& before, const std::vector<double>& after, double error_before,
                   double error_after) {
  PairedGain result;
  result.gain = (error_before - error_after) / std::max(error_before, 0.1);
  const std::size_t n = std::max(before.size(), after.size());
  if (n < 2) return result;
  const auto at = [](const std::vector<double>& errors, std::size_t i) { return errors.empty() ? 1.0 : errors[i]; };
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double d = at(before, i) - at(after, i);
    sum += d;
    squares += d * d;
  }
  const auto count = static_cast<double>(n);
  const double variance = std::max(0.0, squares / count - sum / count * (sum / count)) / (count - 1);
  // No variance: all examples changed alike.
  result.deviations = variance > 0 ? sum / count / std::sqrt(variance) : sum == 0 ? 0 : sum > 0 ? 1e3 : -1e3;
  return result;
}

}  // namespace

PairedGain paired_gain(const RunOutcome& before, const RunOutcome& after) {
  return gain_of(before.errors, after.errors, before.error_rate(), after.error_rate());
}

PairedGain held_gain(const RunOutcome& before, const RunOutcome& after) {
  if (before.held.empty() || after.held.empty()) return {};
  return gain_of(before.held, after.held, mean_error(before.held), mean_error(after.held));
}

data::Dataset some_examples(const data::Dataset& set, std::int64_t limit) {
  if (set.size() <= limit) return set;
  Array indices = Array::empty({limit}, i64);
  for (std::int64_t i = 0; i < limit; ++i) indices.data<std::int64_t>()[i] = i * set.size() / limit;
  return set[indices];
}

PairedRuns::PairedRuns(const TraineeFactory& make, const TrainingData& data, std::uint64_t seed)
    : make_(make), data_(data), seed_(seed), examined_(some_examples(data.train, evaluated_examples)) {
  if (data.test.size() > 0) held_ = some_examples(data.test, evaluated_examples / 2);
}

RunOutcome PairedRuns::run(const Treatment& treatment, std::int64_t steps, const RunObservers& observers) const {
  RunOutcome outcome;
  const detail::DefaultGeneratorScope generator{Generator(seed_)};
  const auto trainee = make_();
  if (treatment.prepare) treatment.prepare(*trainee);
  default_generator() = Generator(seed_).fork(1);
  LossFunction loss = treatment.loss ? treatment.loss(data_.loss) : data_.loss;
  const data::Dataset train = without(data_.train, treatment.leave_out);
  Batches batches(train.size(), data_.batch * treatment.batch_factor, data_.shuffle || treatment.shuffle, seed_ + 1);
  if (observers.start) observers.start(*trainee);
  try {
    for (std::int64_t s = 0; s < steps; ++s) {
      const auto batch = train.gather(batches.next());
      if (treatment.before_step) treatment.before_step(*trainee);
      const Tensor x = changed(treatment.input, batch[0]);
      const Tensor y = changed(treatment.target, batch[1]);
      const TrainingBatch shown{x, y, loss};
      const Tensor value = treatment.step ? treatment.step(*trainee, shown) : trainee->step(shown);
      outcome.losses.push_back(value.defined() && value.size() == 1 ? value.item() : 0);
      if (!std::isfinite(outcome.losses.back())) {
        outcome.died = true;
        outcome.error = "the loss is not finite";
        break;
      }
    }
    if (observers.trained) observers.trained(*trainee);
    outcome.errors = evaluate(*trainee, examined_, treatment);
    try {
      if (held_.size() > 0) outcome.held = evaluate(*trainee, held_, treatment);
    } catch (const std::exception&) {  // test examples that do not fit say nothing of training
      outcome.held.clear();
    }
  } catch (const std::exception& e) {
    outcome.died = true;
    outcome.error = e.what();
  }
  if (observers.end) observers.end(*trainee);
  return outcome;
}

std::vector<std::int64_t> PairedRuns::batch_of(std::int64_t step) const {
  Batches batches(data_.train.size(), data_.batch, data_.shuffle, seed_ + 1);
  std::vector<std::int64_t> examples;
  for (std::int64_t s = 0; s <= step; ++s) examples = batches.next();
  return examples;
}

Tensor PairedRuns::meant(const Tensor& output) const {
  if (logarithms_) return exp(output);
  return reversed_ ? -output : output;
}

std::optional<double> PairedRuns::balanced_error(const Trainee& trainee) const {
  const NoGrad off;
  const EvaluationScope evaluation(trainee.model());
  std::optional<double> most;
  for (const auto* set : {&examined_, &held_}) {
    if (set->size() == 0) continue;
    const auto batch = set->gather(Batches(set->size(), set->size(), false, 0).next());
    const Array output = trainee.forward(batch[0]).value();
    if (is_floating(batch[1].dtype()) || output.ndim() != batch[1].ndim() + 1) return {};
    most = std::max(most.value_or(0), balanced_class_error(output, batch[1]));
  }
  return most;
}

std::vector<double> PairedRuns::evaluate(const Trainee& trainee, const data::Dataset& set,
                                         const Treatment& treatment) const {
  const NoGrad off;
  const EvaluationScope evaluation(trainee.model());
  const auto batch = set.gather(Batches(set.size(), set.size(), false, 0).next());
  const Tensor output = changed(treatment.output, trainee.forward(changed(treatment.input, batch[0])));
  return example_errors(meant(output).value(), batch[1]);
}

}  // namespace newtape::inspect
