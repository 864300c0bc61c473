// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at inputs and labels only.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/paired_runs.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>
#include <newtape/nn/losses/classification.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <set>

namespace newtape::inspect {
namespace {

bool has_inputs(const Evidence& e) { return e.x.defined() && is_floating(e.x.dtype()) && e.x.size() > 0; }
bool has_labels(const Evidence& e) { return e.y.defined() && e.y.size() > 0; }

std::optional<Measurement> non_finite_inputs(const Evidence& e) {
  if (!has_inputs(e)) return {};
  const auto s = core::summarize(e.x);
  return Measurement{s.non_finite_share(), fmt::format("{} of {} inputs are NaN or infinite", s.non_finite, s.size),
                     ""};
}
std::vector<Treatment> zero_non_finite(const Evidence&) {
  return {{.input = [](const Tensor& x) { return where(isfinite(x), x, 0.0); }}};
}

std::optional<Measurement> unscaled_inputs(const Evidence& e) {
  if (!has_inputs(e)) return {};
  const auto s = column_statistics(example_rows(e.x, examined_rows));
  double squares = 0;
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  for (std::size_t j = 0; j < s.mean.size(); ++j) {
    const double square = s.mean[j] * s.mean[j] + s.std[j] * s.std[j];
    squares += square;
    if (s.std[j] > 0) {
      low = std::min(low, s.std[j]);
      high = std::max(high, std::sqrt(square));
    }
  }
  const double rms = std::sqrt(squares / static_cast<double>(s.mean.size()));
  if (!(rms > 0)) return {};
  return Measurement{std::max(rms, 0.1 / rms),
                     fmt::format("inputs have rms {:.3g}; deviations of columns from {:.3g}, rms up to {:.3g}", rms,
                                 std::isfinite(low) ? low : 0, high),
                     ""};
}

std::optional<Measurement> constant_inputs(const Evidence& e) {
  if (!e.x.defined() || e.x.size() == 0) return {};
  const auto rows = example_rows(e.x, examined_rows);
  if (rows.rows < 2) return {};
  const auto s = column_statistics(rows);
  double constant = 0;
  for (std::size_t j = 0; j < s.std.size(); ++j) {
    constant += s.std[j] <= 1e-6 * std::abs(s.mean[j]) ? 1 : 0;
  }
  const double share = constant / static_cast<double>(s.std.size());
  return Measurement{share, fmt::format("{} of {} input columns are constant", constant, s.std.size()), ""};
}

/// The positions at the end of sequences where nearly all examples have the same value.
std::int64_t constant_ending(const ExampleRows& rows, std::int64_t positions) {
  const std::int64_t width = rows.columns / positions;
  std::int64_t ending = 0;
  for (std::int64_t t = positions - 1; t >= 0; --t, ++ending) {
    for (std::int64_t j = t * width; j < (t + 1) * width; ++j) {
      std::map<double, std::int64_t> counts;
      std::int64_t most = 0;
      for (std::int64_t i = 0; i < rows.rows; ++i) most = std::max(most, ++counts[rows.row(i)[j]]);
      if (static_cast<double>(most) < 0.95 * static_cast<double>(rows.rows)) return ending;
    }
  }
  return ending;
}
std::int64_t padding_of(const Evidence& e) {
  const bool sequences =
      e.x.defined() && e.x.size() > 0 && (e.x.ndim() == 3 || (e.x.ndim() == 2 && !is_floating(e.x.dtype())));
  if (!sequences || e.x.shape(1) < 2) return 0;
  return constant_ending(example_rows(e.x, examined_rows), e.x.shape(1));
}
std::optional<Measurement> padding(const Evidence& e) {
  const bool scans =
      std::any_of(e.graph.ops.begin(), e.graph.ops.end(), [](const auto& op) { return op.ends_with("_scan"); });
  if (!e.graph.known || !e.x.defined() || e.x.ndim() < 2) return {};
  const std::int64_t n = scans ? padding_of(e) : 0;
  return Measurement{
      static_cast<double>(n) / static_cast<double>(e.x.shape(1)),
      fmt::format("the last {} of {} positions have the same value in nearly all examples, and a recurrent "
                  "layer reads them",
                  n, e.x.shape(1)),
      ""};
}
std::vector<Treatment> cut_padding(const Evidence& e) {
  const std::int64_t kept = e.x.shape(1) - padding_of(e);
  if (kept < 1 || kept == e.x.shape(1)) return {};
  Treatment t;
  t.input = [kept](const Tensor& x) { return slice(x, 1, 0, kept); };
  t.code = fmt::format("x = slice(x, 1, 0, {});  // or padding before the words", kept);
  return {t};
}

std::optional<Measurement> repeated_examples(const Evidence& e) {
  if (!has_inputs(e) || e.x.shape(0) < 32) return {};
  if (e.x.size() / e.x.shape(0) < 4) return {};  // few values coincide by chance
  const auto rows = example_rows(e.x, examined_rows);
  std::set<std::vector<double>> distinct;
  for (std::int64_t i = 0; i < rows.rows; ++i) distinct.insert({rows.row(i), rows.row(i) + rows.columns});
  const auto n = static_cast<double>(distinct.size());
  return Measurement{n < 2 ? 0 : static_cast<double>(rows.rows) / n,
                     fmt::format("of {} training examples {} are different", rows.rows, distinct.size()), ""};
}

std::optional<Measurement> labels_out_of_range(const Evidence& e) {
  if (!has_labels(e) || is_floating(e.y.dtype()) || !e.output.defined() || e.output.ndim() < 2) return {};
  const auto labels = example_rows(e.y, std::numeric_limits<std::int64_t>::max());
  const auto [low, high] = std::minmax_element(labels.values.begin(), labels.values.end());
  // Classes are axis 1, or the last axis where the axes before it are the labels'.
  const bool last = e.target.defined() && e.output.ndim() == e.target.ndim() + 1 && e.output.ndim() > 2 &&
                    e.output.shape(1) == e.target.shape(1);
  const auto classes = static_cast<double>(last ? e.output.shape(-1) : e.output.shape(1));
  const double beyond = std::max({0.0, *high - (classes - 1), -*low});
  return Measurement{beyond, fmt::format("labels from {} to {}, {} outputs", *low, *high, classes), ""};
}

std::optional<Measurement> constant_labels(const Evidence& e) {
  if (!has_labels(e)) return {};
  const auto rows = example_rows(e.y, std::numeric_limits<std::int64_t>::max());
  if (rows.rows < 2) return {};
  const auto s = column_statistics(rows);
  const bool constant = std::all_of(s.std.begin(), s.std.end(), [](double d) { return d == 0; });
  return Measurement{constant ? 1.0 : 0.0, fmt::format("all {} labels are {}", rows.rows, rows.values[0]), ""};
}

std::optional<Measurement> dominating_class(const Evidence& e) {
  const auto counts = class_counts(e.y);
  if (counts.size() < 2) return {};
  const auto most = std::max_element(counts.begin(), counts.end());
  const double share = *most / static_cast<double>(e.y.size());
  if (share >= 1) return {};  // constant
  std::string text = fmt::format("{:.1f}% of the labels are class {}", 100 * share, most - counts.begin());
  if (!e.balanced) return Measurement{share, text, ""};
  // A model that finds the others all the same is not harmed.
  const auto classes = static_cast<double>(std::count_if(counts.begin(), counts.end(), [](double n) { return n > 0; }));
  text += fmt::format("; each class counting alike, {:.2f} of the labels are missed", *e.balanced);
  return Measurement{*e.balanced > 0.5 * (1 - 1 / classes) ? share : 0, text, ""};
}

/// Whether the model names test labels, or meets test targets, better than a constant does, beyond three deviations.
bool beats_chance_on_test(const Evidence& e) {
  if (!std::isfinite(e.final_test) || !e.test_y.defined() || e.test_y.size() < 30) return false;
  const double n = std::min<double>(512, static_cast<double>(e.test_y.shape(0)));
  double chance = 0;
  if (const auto counts = class_counts(e.test_y); counts.size() > 1) {
    chance = 1 - *std::max_element(counts.begin(), counts.end()) / static_cast<double>(e.test_y.size());
  } else if (is_floating(e.test_y.dtype()) && e.y.defined()) {
    const Array constant = core::full(e.test_y.shape(), core::summarize(e.y).mean(), e.test_y.dtype());
    chance = mean_error(example_errors(constant, e.test_y));
  }
  return e.final_test < chance - 3 * std::sqrt(chance * (1 - chance) / n);
}

std::optional<Measurement> shuffled_labels(const Evidence& e) {
  if (!e.x.defined() || e.x.size() == 0 || !has_labels(e)) return {};
  for (const Array& side : {e.x, e.y}) {  // where one is constant the other cannot depend on it
    const auto s = column_statistics(example_rows(side, examined_rows));
    if (std::all_of(s.std.begin(), s.std.end(), [](double d) { return !(d > 0); })) return {};
  }
  const auto a = neighbour_agreement(e.x, e.y);
  const ReferenceFit& r = e.reference;
  // Codes of words or letters have neighbours that say less than those of measurements.
  if (a.examples < (is_floating(e.x.dtype()) ? 64 : 200) || a.chance > 0.9) return {};
  std::string text = fmt::format(
      "the nearest of {} examples has the same label in {:.1f}%, by chance it would in "
      "{:.1f}% ({:+.1f} standard deviations)",
      a.examples, 100 * a.agreement, 100 * a.chance, a.deviations);
  if (r.known()) {
    text += fmt::format("; regressions leave {:.2f} of the variance ({:+.1f} standard errors from the mean)", r.error,
                        r.deviations);
  }
  // What the model learned and others confirm depends on the inputs. Where nothing is found in test examples either, the
  // regressions may not be made for these data.
  const bool learned = beats_chance_on_test(e);
  const bool blind = e.test_reference.examples >= 100 && e.test_reference.deviations < 3;
  if (e.test_reference.known()) {
    text +=
        fmt::format("; of test examples alone {:.2f} ({:+.1f})", e.test_reference.error, e.test_reference.deviations);
  }
  return Measurement{learned || blind ? 0 : 3 - std::max(a.deviations, r.deviations), text, ""};
}

std::optional<Measurement> sorted_examples(const Evidence& e) {
  const auto counts = class_counts(e.y);
  if (counts.size() < 2 || e.shuffled || e.y.ndim() != 1) return {};
  const Array y = core::contiguous(core::cast(e.y, i64));
  const auto n = static_cast<double>(y.size());
  double same = 0;
  for (std::int64_t i = 1; i < y.size(); ++i) {
    same += y.data<std::int64_t>()[i] == y.data<std::int64_t>()[i - 1] ? 1 : 0;
  }
  double chance = 0;
  for (const double c : counts) chance += c / n * (c / n);
  const double deviation = std::sqrt(chance * (1 - chance) / n);
  if (!(deviation > 0)) return {};
  return Measurement{(same / (n - 1) - chance) / deviation,
                     fmt::format("{:.1f}% of the examples follow one of their class, by chance {:.1f}%",
                                 100 * same / (n - 1), 100 * chance),
                     ""};
}
std::vector<Treatment> shuffle_examples(const Evidence&) { return {{.shuffle = true}}; }

std::optional<Measurement> different_test_inputs(const Evidence& e) {
  if (!has_inputs(e) || !e.test_x.defined() || !is_floating(e.test_x.dtype())) return {};
  const ReferenceFit& told = e.set_reference;
  const double explained = told.known() && told.deviations > 6 ? 1 - told.error : 0;
  const auto a = core::summarize(e.x);
  const auto b = core::summarize(e.test_x);
  if (!(a.std() > 0) || b.examined < 32) return {};
  const double shift = std::abs(a.mean() - b.mean()) / a.std();
  const double ratio = b.std() > 0 ? std::abs(std::log2(b.std() / a.std())) : 10;
  const auto columns = column_distance(example_rows(e.x, examined_rows), example_rows(e.test_x, examined_rows));
  const double distance =
      columns.distance > columns.by_chance ? columns.distance / std::max(0.3, columns.by_chance) : 0;
  // Where no column and no size differs, columns may still go together in another way.
  return Measurement{
      std::max({shift, ratio, 0.5 * distance, explained}),
      fmt::format("training inputs have mean {:.3g} and deviation {:.3g}, test inputs {:.3g} and {:.3g}; the "
                  "distributions of column {} are {:.2f} apart, by chance at most {:.2f}; a regression that tells "
                  "the sets from each other explains {:.2f} of the variance",
                  a.mean(), a.std(), b.mean(), b.std(), columns.column, columns.distance, columns.by_chance, explained),
      ""};
}

std::optional<Measurement> leaked_test_examples(const Evidence& e) {
  if (!e.x.defined() || !e.test_x.defined()) return {};
  if (e.x.size() / std::max<std::int64_t>(1, e.x.shape(0)) < 4) return {};  // few values coincide by chance
  const double share = share_of_equal_rows(e.test_x, e.x);
  const double chance = share_of_repeated_rows(e.x);
  return Measurement{share - chance,
                     fmt::format("{:.1f}% of the test examples are training examples; of the training examples {:.1f}% "
                                 "occur more than once",
                                 100 * share, 100 * chance),
                     ""};
}

/// [1, n]
Array tensor_of(const std::vector<double>& v) {
  Array a = Array::empty({1, static_cast<std::int64_t>(v.size())}, f64);
  std::copy(v.begin(), v.end(), a.data<double>());
  return a;
}
/// Targets in units of their deviation; the output is scaled back.
std::vector<Treatment> standardize_targets(const Evidence& e) {
  const auto s = core::summarize(e.y);
  const double mean = s.mean();
  const double std = s.std();
  if (e.y.ndim() == 2 && e.y.shape(1) > 1 && e.y.shape(1) <= 64) {  // numbers of several kinds, each in its own unit
    const Treatment columns = standardize_inputs(e.y);
    const auto c = column_statistics(example_rows(e.y, examined_rows));
    const Tensor middle = Tensor(tensor_of(c.mean)).to(e.y.dtype());
    const Tensor size = Tensor(tensor_of(c.std)).to(e.y.dtype());
    return {{.target = columns.input, .output = [=](const Tensor& y) { return y * size + middle; }}};
  }
  return {{.target = [=](const Tensor& y) { return (y - mean) / std; },
           .output = [=](const Tensor& y) { return y * std + mean; }}};
}
std::optional<Measurement> non_finite_targets(const Evidence& e) {
  if (!has_labels(e) || !is_floating(e.y.dtype())) return {};
  const auto s = core::summarize(e.y);
  return Measurement{s.non_finite_share(), fmt::format("{} of {} targets are NaN or infinite", s.non_finite, s.size),
                     ""};
}
std::vector<Treatment> leave_out_non_finite(const Evidence& e) {
  Treatment t;
  const auto rows = example_rows(e.y, std::numeric_limits<std::int64_t>::max());
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    const bool finite = std::all_of(rows.row(i), rows.row(i) + rows.columns, [](double v) { return std::isfinite(v); });
    if (!finite) t.leave_out.push_back(i);
  }
  return {t};
}

/// Targets of a softmax cross-entropy: each example's sum to 1.
Measurement rows_that_sum_to_one(const Evidence& e) {
  const auto rows = example_rows(e.y, examined_rows);
  const auto classes = e.output.ndim() > 1 ? e.output.shape(1) : 1;
  double worst = 0;
  for (std::int64_t i = 0; i < rows.rows && rows.columns == classes; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < rows.columns; ++j) sum += rows.row(i)[j];
    worst = std::max(worst, std::abs(sum - 1));
  }
  return {
      worst > 0.01 ? worst : 0,
      fmt::format("targets of an example sum to up to {:.3g} more or less than 1, and the loss takes a softmax", worst),
      e.graph.loss_location};
}

/// Targets of a binary cross-entropy that are no probabilities; the loss of margins, which takes -1 and 1, is never
/// negative.
std::optional<Measurement> targets_are_no_probabilities(const Evidence& e) {
  if (!has_labels(e) || !is_floating(e.y.dtype()) || !e.graph.known) return {};
  if (!e.graph.loss_has("softplus") && !e.graph.loss_has("log_softmax")) return {};
  const auto s = core::summarize(e.y);
  if (e.graph.loss_has("log_softmax") && e.output.defined() && e.output.shape() == e.target.shape()) {
    // An expectation takes probabilities too: it is no cross-entropy of the targets.
    if (e.graph.loss_has("exp") || e.graph.loss_has("softmax"))
      return Measurement{0, "the loss is no cross-entropy", ""};
    return rows_that_sum_to_one(e);
  }
  const bool negative = std::any_of(e.losses.begin(), e.losses.end(), [](const auto& l) { return l.value < 0; });
  return Measurement{negative ? std::max({0.0, -s.min, s.max - 1}) : 0,
                     fmt::format("targets from {} to {}, and the loss becomes negative", s.min, s.max), ""};
}
std::vector<Treatment> targets_as_probabilities(const Evidence& e) {
  if (e.graph.loss_has("log_softmax")) {
    return {{.loss = [](const LossFunction&) -> LossFunction {
               return [](const Tensor& o, const Tensor& y) { return nn::binary_cross_entropy_with_logits(o, y); };
             },
             .code = "nn::binary_cross_entropy_with_logits(output, y)"}};
  }
  const auto s = core::summarize(e.y);
  return {{.target = [low = s.min, width = s.max - s.min](const Tensor& y) { return (y - low) / width; }}};
}

/// The ends of the middle half of a column, and how far its furthest element is outside of it, in its length.
struct Spread {
  double low = 0, high = 0, furthest = 0;
};
std::vector<Spread> spreads(const ExampleRows& rows) {
  std::vector<Spread> all;
  std::vector<double> column(static_cast<std::size_t>(rows.rows));
  for (std::int64_t j = 0; j < rows.columns; ++j) {
    for (std::int64_t i = 0; i < rows.rows; ++i) column[static_cast<std::size_t>(i)] = rows.row(i)[j];
    std::sort(column.begin(), column.end());
    Spread s{column[column.size() / 4], column[column.size() - 1 - column.size() / 4], 0};
    const double length = s.high - s.low;
    if (length > 0) s.furthest = std::max(s.low - column.front(), column.back() - s.high) / length;
    if (!std::isfinite(s.furthest)) s.furthest = 0;  // non_finite_inputs, non_finite_targets
    all.push_back(s);
  }
  return all;
}
std::optional<Measurement> outliers_of(const Array& values, const char* what) {
  const auto rows = example_rows(values, std::numeric_limits<std::int64_t>::max());
  if (rows.rows < 20) return {};
  const auto all = spreads(rows);
  const auto worst = std::max_element(all.begin(), all.end(),
                                      [](const Spread& a, const Spread& b) { return a.furthest < b.furthest; });
  return Measurement{worst->furthest,
                     fmt::format("half of the {} of column {} lie in [{:.3g}, {:.3g}], the furthest {:.3g} times its "
                                 "length outside",
                                 what, worst - all.begin(), worst->low, worst->high, worst->furthest),
                     ""};
}
std::optional<Measurement> outliers_in_inputs(const Evidence& e) {
  return has_inputs(e) ? outliers_of(e.x, "inputs") : std::nullopt;
}
std::optional<Measurement> outliers_in_targets(const Evidence& e) {
  return has_labels(e) && is_floating(e.y.dtype()) ? outliers_of(e.y, "targets") : std::nullopt;
}

/// Beyond which an element is cut or left out, in lengths of the middle half: 8 deviations of a normal distribution.
constexpr double far_out = 5;

/// Inputs no further out than that.
std::vector<Treatment> clip_inputs(const Evidence& e) {
  const auto all = spreads(example_rows(e.x, std::numeric_limits<std::int64_t>::max()));
  Shape shape = e.x.shape();
  shape[0] = 1;
  Array low = Array::empty(shape, f64);
  Array high = Array::empty(shape, f64);
  for (std::size_t j = 0; j < all.size(); ++j) {
    const double room = far_out * (all[j].high - all[j].low);
    low.data<double>()[j] = room > 0 ? all[j].low - room : -std::numeric_limits<double>::infinity();
    high.data<double>()[j] = room > 0 ? all[j].high + room : std::numeric_limits<double>::infinity();
  }
  const Tensor l = Tensor(low).to(e.x.dtype());
  const Tensor h = Tensor(high).to(e.x.dtype());
  // What is far out says nothing: the middle of the column.
  const Tensor middle = where(isfinite(l), 0.5 * (l + h), 0.0 * where(isfinite(l), l, 0.0));
  return {{.input = [l, h, middle](const Tensor& x) { return where((x < l) | (x > h), middle, x); }}};
}
std::vector<Treatment> leave_out_far_targets(const Evidence& e) {
  const auto rows = example_rows(e.y, std::numeric_limits<std::int64_t>::max());
  const auto all = spreads(rows);
  Treatment t;
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    bool far = false;
    for (std::int64_t j = 0; j < rows.columns; ++j) {
      const Spread& s = all[static_cast<std::size_t>(j)];
      const double room = far_out * (s.high - s.low);
      const double v = rows.row(i)[j];
      far = far || (room > 0 && (v < s.low - room || v > s.high + room));
    }
    if (far) t.leave_out.push_back(i);
  }
  if (t.leave_out.empty() || static_cast<std::int64_t>(t.leave_out.size()) > rows.rows / 4) return {};
  t.code = fmt::format("// look at {} targets, the first of example {}", t.leave_out.size(), t.leave_out[0]);
  return {t};
}

/// Inputs of other sizes, over decades: what a layer makes of them may not fit.
std::vector<Treatment> inputs_of_other_sizes(const Evidence& e) {
  if (!has_inputs(e)) return {};
  std::vector<Treatment> doses;
  for (const double factor : {0.1, 10.0, 100.0}) {
    doses.push_back(
        {.input = [factor](const Tensor& x) { return factor * x; }, .code = fmt::format("x = {} * x;", factor)});
  }
  return doses;
}

std::optional<Measurement> unscaled_targets(const Evidence& e) {
  if (!has_labels(e) || !is_floating(e.y.dtype())) return {};
  const auto s = core::summarize(e.y);
  if (!(s.std() > 0)) return {};
  return Measurement{s.rms(), fmt::format("targets have mean {:.3g} and deviation {:.3g}", s.mean(), s.std()), ""};
}

// Outliers stand before scales: of equal remedies the first row is the cause.
const Rule data_rows[] = {
    {"non_finite_inputs", Phase::data, Certainty::proof, "inputs", non_finite_inputs, 0,
     "one NaN in a product makes the whole row NaN", "The inputs contain NaN or infinities.",
     "x = nt::where(nt::isfinite(x), x, 0.0);", zero_non_finite, "IEEE 754"},
    {"outliers_in_inputs", Phase::data, Certainty::hint, "inputs", outliers_in_inputs, 30,
     "thirty times the length of the middle half; a normal distribution reaches 4 in a million numbers",
     "Some inputs are far outside of all others.",
     "x = where(x > limit, 0.0, x);  // look for codes of missing numbers", clip_inputs, "Tukey 1977, chapter 2", false,
     true},
    {"outliers_in_targets", Phase::data, Certainty::hint, "targets", outliers_in_targets, 30,
     "thirty times the length of the middle half; a normal distribution reaches 4 in a million numbers",
     "Some targets are far outside of all others.", "nn::huber_loss(output, y)  // and look at these targets",
     leave_out_far_targets, "Huber 1964; Tukey 1977, chapter 2", false, true},
    {"unscaled_inputs", Phase::data, Certainty::hint, "inputs", unscaled_inputs, 10,
     "initialisers assume inputs of mean square 1: a factor of 10 is 100 in the curvature of the first layer",
     "The inputs are not scaled.", "x = (x - mean) / std;  // of the training set, for test inputs too",
     standardize_inputs, "LeCun et al. 1998, Efficient BackProp, section 4.3", false, true, false, nullptr,
     inputs_of_other_sizes},
    {"constant_inputs", Phase::data, Certainty::strong, "inputs", constant_inputs, 0.5,
     "a column without variance tells no example from another", "Most input columns are constant.",
     "// check how the inputs are read", nullptr, "definition", false, false, false, "padding"},
    {"padding", Phase::data, Certainty::hint, "sequences, graph", padding, 0.3,
     "a state that is read after three tenths of nothing has forgotten as much; the experiment tells",
     "Recurrent layers read padding after the sequence.", "// pad before the sequence, or read the state at its end",
     cut_padding, "Dwarampudi & Reddy 2019"},
    {"repeated_examples", Phase::data, Certainty::strong, "inputs", repeated_examples, 8,
     "each example eight times on average: an eighth of the examples that there seem to be",
     "The training set is a few examples, again and again.", "// check how the training set was put together", nullptr,
     "definition"},
    {"labels_out_of_range", Phase::data, Certainty::proof, "integer labels, outputs", labels_out_of_range, 0,
     "a class needs an output", "The model has too few outputs for the labels.",
     "nn::Linear(features, classes)  // classes = 1 + largest label", nullptr, "definition of cross entropy"},
    {"non_finite_targets", Phase::data, Certainty::proof, "targets", non_finite_targets, 0,
     "one NaN in a batch makes its loss NaN", "The targets contain NaN or infinities.",
     "// leave these examples out, or mask them in the loss", leave_out_non_finite, "IEEE 754"},
    {"targets_are_no_probabilities", Phase::data, Certainty::proof, "targets, graph", targets_are_no_probabilities, 0,
     "outside of [0, 1] the binary cross-entropy has no minimum, and a softmax cannot sum to anything but 1",
     "Targets of a cross-entropy are no probabilities.", "y = (y + 1) / 2;  // 0 and 1 for -1 and 1",
     targets_as_probabilities, "definition of cross entropy"},
    {"constant_labels", Phase::data, Certainty::proof, "labels", constant_labels, 0.5, "a constant needs no inputs",
     "All labels are the same.", "// check how the labels are read", nullptr, "definition"},
    {"dominating_class", Phase::data, Certainty::strong, "integer labels", dominating_class, 0.8,
     "predicting that class alone is right more often than in 4 of 5 cases, and the model misses more than half as "
     "many "
     "of all classes as that does",
     "One class dominates.", "nn::cross_entropy(output, y, {.weight = 1 / shares});", nullptr,
     "He & Garcia 2009, section 2"},
    {"shuffled_labels", Phase::data, Certainty::strong, "inputs, labels", shuffled_labels, 0,
     "three standard deviations above chance: 1 of 740 shuffled sets reaches it",
     "The labels do not depend on the inputs.", "// check that inputs and labels are in the same order", nullptr,
     "Cover & Hart 1967: a neighbour errs at most twice as often as the best classifier"},
    {"sorted_examples", Phase::data, Certainty::strong, "integer labels, order", sorted_examples, 6,
     "six standard deviations of random orders", "Examples are trained on in the order of their classes.",
     "data::Loader(set, {.shuffle = true})", shuffle_examples, "Bengio 2012, section 3.3", false, true},
    {"different_test_inputs", Phase::data, Certainty::strong, "test inputs", different_test_inputs, 0.5,
     "half a deviation of the mean, a factor of 1.4 in the deviation, three tenths of a column's examples on another "
     "side of some value, or half of the variance of which set an example is in, is beyond what a split does",
     "Test inputs are not transformed as training inputs are.",
     "// use the same transform and the training set's statistics", nullptr,
     "Bishop 1995, section 8.2; Lopez-Paz & Oquab 2017: tests by classifiers", false, false, false,
     "repeated_examples"},
    {"leaked_test_examples", Phase::data, Certainty::strong, "test inputs", leaked_test_examples, 0.05,
     "examples of one source occur in both sets as often as twice in one", "Test examples are in the training set.",
     "auto [train, test] = set.split(0.9);  // before any augmentation", nullptr, "Kaufman et al. 2012"},
    {"unscaled_targets", Phase::data, Certainty::hint, "targets", unscaled_targets, 10,
     "outputs start with a mean square near 1; the loss then starts at 100 times that", "The targets are not scaled.",
     "y = (y - mean) / std;", standardize_targets, "Bishop 1995, section 8.2", false, true},
};

}  // namespace

std::span<const Rule> data_rules() { return data_rows; }

}  // namespace newtape::inspect
