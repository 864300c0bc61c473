// SPDX-License-Identifier: BSD-3-Clause
// Metrics against scikit-learn and NumPy: tests/files/inspect/make_metrics.py.
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/parameter.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/metrics/accuracy.hpp>
#include <newtape/inspect/metrics/calibration.hpp>
#include <newtape/inspect/metrics/confusion.hpp>
#include <newtape/inspect/metrics/ranking.hpp>
#include <newtape/inspect/metrics/regression.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace newtape;
namespace core = newtape::core;

namespace {

const Reference& metric_values() {
  static const Reference reference("inspect/metrics.txt");
  return reference;
}

double metric_value(const std::string& name, std::int64_t i = 0) {
  return core::contiguous(metric_values()(name)).data<double>()[i];
}

/// A sum of n terms, each with a few roundings, relative to its value.
Approx near_metric(double expected, double n = 400) {
  return Approx(expected).epsilon(bounds::gamma(8 * n, f64)).margin(bounds::gamma(8 * n, f64));
}

/// Half of a 95 % interval, of derivatives that the script took by central differences of step 1e-4 and so with an
/// error of about (1e-4)^2.
Approx near_half(double expected) { return Approx(expected).epsilon(1e-6); }

/// The metric of the whole set, and of three parts of which the last two are merged into the first.
template <class M, class... Args>
std::pair<M, M> whole_and_merged(const M& empty, const Array& a, const Array& b) {
  M whole = empty;
  whole.update(a, b);
  const auto n = a.shape(0);
  M merged = empty;
  M other = empty;
  merged.update(core::slice(a, 0, 0, n / 3), core::slice(b, 0, 0, n / 3));
  other.update(core::slice(a, 0, n / 3, n / 2), core::slice(b, 0, n / 3, n / 2));
  other.update(core::slice(a, 0, n / 2, n), core::slice(b, 0, n / 2, n));
  merged.merge(other);
  return {whole, merged};
}

}  // namespace

TEST_CASE("accuracy and top-k accuracy are scikit-learn's, with Wilson's interval") {
  const Array& scores = metric_values()("scores");
  const Array& target = metric_values()("target");
  const auto [whole, merged] = whole_and_merged(inspect::Accuracy(), scores, target);
  CHECK(whole.compute().value == near_metric(metric_value("accuracy")));
  CHECK(whole.compute().low == near_metric(metric_value("accuracy_interval")));
  CHECK(whole.compute().high == near_metric(metric_value("accuracy_interval", 1)));
  CHECK(merged.compute().value == whole.compute().value);
  CHECK(merged.compute().count == 200);
  for (const int k : {2, 3}) {
    inspect::Accuracy top({.top_k = k});
    top.update(Tensor(core::cast(scores, f32)), target);
    CHECK(top.compute().value == near_metric(metric_value("top" + std::to_string(k))));
  }
  inspect::Accuracy classes;
  classes.update(core::argmax(scores, 1), target);
  CHECK(classes.compute().value == whole.compute().value);
}

TEST_CASE("accuracy: ties, NaN, ignored targets, invalid arguments") {
  inspect::Accuracy accuracy;
  CHECK(std::isnan(accuracy.compute().value));
  accuracy.update(tensor({{1.0, 1.0}, {1.0, 1.0}, {NAN, 5.0}}), tensor({0, 1, 0}));
  CHECK(accuracy.compute().value == 2.0 / 3);  // the first of equal scores; NaN as argmax has it
  accuracy.update(tensor({{1.0, 0.0}}), tensor({-100}));
  CHECK(accuracy.compute().count == 3);
  CHECK_THROWS_AS(accuracy.update(tensor({{1.0, 0.0}, {0.0, 1.0}}), tensor({0, 2})), ValueError);
  CHECK_THROWS_AS(accuracy.update(tensor({1.0, 0.0}), tensor({0, 1})), ShapeError);
  CHECK_THROWS_AS(accuracy.update(tensor({{1.0, 0.0}}), tensor({0.0})), DTypeError);
  CHECK(accuracy.compute().count == 3);
  CHECK_THROWS_AS(inspect::Accuracy({.top_k = 0}), ValueError);
  CHECK_THROWS_AS(accuracy.compute(1), ValueError);
  accuracy.merge(accuracy);
  CHECK(accuracy.compute().count == 6);
}

TEST_CASE("precision, recall and F1 are scikit-learn's; their intervals follow from weights of examples") {
  const Array& target = metric_values()("target");
  const auto [matrix, merged] = whole_and_merged(inspect::ConfusionMatrix(5), metric_values()("scores"), target);
  using inspect::Average;
  const std::pair<Average, const char*> averages[] = {
      {Average::micro, "micro"}, {Average::macro, "macro"}, {Average::weighted, "weighted"}};
  for (const auto& [average, name] : averages) {
    CHECK(matrix.precision(average).value == near_metric(metric_value(std::string("precision_") + name)));
    CHECK(matrix.recall(average).value == near_metric(metric_value(std::string("recall_") + name)));
    CHECK(matrix.f1(average).value == near_metric(metric_value(std::string("f1_") + name)));
    CHECK(merged.f1(average).value == matrix.f1(average).value);
  }
  for (const auto& [average, name] : {averages[1], averages[2]}) {
    const auto f1 = matrix.f1(average);
    CHECK((f1.high - f1.low) / 2 == near_half(metric_value(std::string("f1_") + name + "_half")));
  }
  const auto classes = matrix.per_class();
  CHECK(classes.size() == 5);
  CHECK(classes[4].examples == 0);
  CHECK(classes[0].recall.count == classes[0].examples);
  CHECK_THROWS_AS(inspect::ConfusionMatrix(2).update(tensor({2}), tensor({0})), ValueError);
  CHECK_THROWS_AS(inspect::ConfusionMatrix(2).merge(inspect::ConfusionMatrix(3)), ValueError);
}

TEST_CASE("AUROC and average precision are scikit-learn's, with ties; DeLong's interval by pairs") {
  const Array& score = metric_values()("score");
  const Array& label = metric_values()("label");
  const auto [roc, merged] = whole_and_merged(inspect::Auroc(), score, label);
  const auto e = roc.compute();
  CHECK(e.value == near_metric(metric_value("auroc")));
  CHECK((e.high - e.low) / 2 == near_metric(metric_value("auroc_half")));
  CHECK(merged.compute().value == e.value);
  CHECK(merged.compute().low == e.low);
  const auto [ap, merged_ap] = whole_and_merged(inspect::AveragePrecision(), score, label);
  CHECK(ap.compute().value == near_metric(metric_value("average_precision")));
  CHECK(ap.compute().low == near_metric(metric_value("average_precision_interval")));
  CHECK(ap.compute().high == near_metric(metric_value("average_precision_interval", 1)));
  CHECK(merged_ap.compute().value == ap.compute().value);
}

TEST_CASE("ranking metrics: separated classes, one class, NaN") {
  inspect::Auroc roc;
  CHECK(std::isnan(roc.compute().value));
  roc.update(tensor({0.1, 0.2, 0.8, 0.9}), tensor({0, 0, 1, 1}));
  CHECK(roc.compute().value == 1);
  CHECK(roc.compute().low == inspect::proportion(2, 2).low);
  CHECK(roc.compute().high == 1);
  inspect::AveragePrecision ap;
  ap.update(tensor({0.5}), tensor({0}));
  CHECK(std::isnan(ap.compute().value));
  ap.update(tensor({0.9, 0.7}), tensor({true, true}));
  CHECK(ap.compute().value == 1);
  CHECK_THROWS_AS(roc.update(tensor({NAN}), tensor({1})), ValueError);
  CHECK_THROWS_AS(roc.update(tensor({0.5}), tensor({2})), ValueError);
  CHECK_THROWS_AS(roc.update(tensor({1}), tensor({1})), DTypeError);
  CHECK(roc.positives() == 2);
}

TEST_CASE("AUROC of several classes is scikit-learn's; its intervals follow from weights of examples") {
  const Array& scores = metric_values()("auroc_scores");
  const Array& target = metric_values()("auroc_target");
  using inspect::Average;
  const auto [all, merged] = whole_and_merged(inspect::MulticlassAuroc(5), scores, target);
  const auto check = [](const inspect::Estimate& e, const std::string& name) {
    INFO(name);
    CHECK(e.value == near_metric(metric_value(name)));
    CHECK((e.high - e.low) / 2 == near_half(metric_value(name + "_half")));
    CHECK(e.count == 200);
  };
  check(all.one_vs_rest(), "auroc_ovr_macro");
  check(all.one_vs_rest(Average::weighted), "auroc_ovr_weighted");
  check(all.one_vs_one(), "auroc_ovo_macro");
  check(all.one_vs_one(Average::weighted), "auroc_ovo_weighted");
  // Sums of the same numbers in another order.
  CHECK(merged.one_vs_one().value == near_metric(all.one_vs_one().value));
  CHECK(merged.one_vs_rest().low == near_metric(all.one_vs_rest().low));
  inspect::MulticlassAuroc four(4);
  four.update(Tensor(core::slice(scores, 1, 0, 4)), target);
  check(four.one_vs_rest(Average::micro), "auroc_ovr_micro");
  const auto classes = all.per_class();
  for (std::int64_t k = 0; k < 4; ++k) {
    CHECK(classes[static_cast<std::size_t>(k)].value == near_metric(metric_value("auroc_classes", k)));
  }
  CHECK(std::isnan(classes[4].value));
}

TEST_CASE("AUROC of two classes is the same by either class, and DeLong's") {
  const Array& score = metric_values()("score");
  const Array& label = metric_values()("label");
  inspect::Auroc two;
  two.update(score, label);
  inspect::MulticlassAuroc many(2);
  many.update(core::stack(std::vector<Array>{-score, score}, 1), label);
  for (const auto& e : {many.one_vs_rest(), many.one_vs_one(), many.per_class()[0], many.per_class()[1]}) {
    CHECK(e.value == near_metric(two.compute().value));
    CHECK(e.low == near_metric(two.compute().low));
    CHECK(e.high == near_metric(two.compute().high));
  }
}

TEST_CASE("AUROC of several classes: separated and single examples, merging with itself, errors") {
  inspect::MulticlassAuroc roc(3);
  CHECK(std::isnan(roc.one_vs_rest().value));
  CHECK_THROWS_AS(roc.update(tensor({{0.1, 0.2}}), tensor({1})), ShapeError);
  CHECK_THROWS_AS(roc.update(tensor({{0.1, 0.2, 0.3}}), tensor({3})), ValueError);
  CHECK_THROWS_AS(roc.update(tensor({{0.1, NAN, 0.3}}), tensor({1})), ValueError);
  CHECK_THROWS_AS(roc.update(tensor({{0.1, 0.2, 0.3}}), tensor({1.0})), DTypeError);
  CHECK_THROWS_AS(roc.update(tensor({{1, 2, 3}}), tensor({1})), DTypeError);
  CHECK_THROWS_AS(roc.merge(inspect::MulticlassAuroc(2)), ValueError);
  CHECK_THROWS_AS(roc.one_vs_one(inspect::Average::micro), ValueError);
  CHECK_THROWS_AS(inspect::MulticlassAuroc(1), ValueError);
  roc.update(tensor({{0.9, 0.1, 0.0}, {0.8, 0.2, 0.1}, {0.1, 0.9, 0.2}, {0.2, 0.8, 0.0}}), tensor({0, 0, 1, 1}));
  CHECK(roc.one_vs_rest().value == 1);
  CHECK(roc.one_vs_one().low == inspect::proportion(2, 2).low);
  CHECK(roc.one_vs_one().count == 4);
  roc.update(tensor({{0.3, 0.6, 0.1}}), tensor({2}));  // one example: nothing is known of its class
  CHECK(roc.one_vs_one().low == 0);
  CHECK(roc.one_vs_one().high == 1);
  const auto before = roc.one_vs_one();
  roc.merge(roc);
  CHECK(roc.one_vs_one().value == near_metric(before.value));
  CHECK(roc.one_vs_one().count == 10);
}

TEST_CASE("errors of ranking metrics name the metric") {
  const auto text = [](auto metric) {
    try {
      metric.update(tensor({0.5}), tensor({2}));
    } catch (const ValueError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(text(inspect::Auroc()).rfind("Auroc: ", 0) == 0);
  CHECK(text(inspect::AveragePrecision()).rfind("AveragePrecision: ", 0) == 0);
}

TEST_CASE("intervals of AUROC, accuracy and R2 cover what they estimate") {
  // Scores N(1, 1) against N(0, 1): the area is Phi(1 / sqrt 2).
  const double area = 0.5 * std::erfc(-0.5);
  Generator g(5);
  constexpr int runs = 400;
  int area_in = 0, share_in = 0, r2_in = 0, classes_in = 0;
  for (int run = 0; run < runs; ++run) {
    inspect::Auroc roc;
    roc.update(random::normal({60}, 1, 1, f64, g), core::ones({60}, i64));
    roc.update(random::normal({60}, 0, 1, f64, g), core::zeros({60}, i64));
    const auto a = roc.compute();
    area_in += a.low <= area && area <= a.high ? 1 : 0;
    // Scores N(0, 1), of the own class N(1, 1): each pair of classes is ranked with the same area.
    inspect::MulticlassAuroc three(3);
    const Array of = random::integers({90}, 0, 3, g);
    Array drawn_scores = random::normal({90, 3}, 0, 1, f64, g);
    for (std::int64_t i = 0; i < 90; ++i) drawn_scores.data<double>()[3 * i + of.data<std::int64_t>()[i]] += 1;
    three.update(drawn_scores, of);
    const auto c = three.one_vs_one();
    classes_in += c.low <= area && area <= c.high ? 1 : 0;
    const Array drawn = random::bernoulli({50}, 0.9, f64, g);
    const auto p = inspect::proportion(static_cast<std::int64_t>(core::sum(drawn, Axes(), false).item()), 50);
    share_in += p.low <= 0.9 && 0.9 <= p.high ? 1 : 0;
    inspect::R2 r2;  // targets N(0, 1) + N(0, 1), predicted by the first part: 1/2
    const Array x = random::normal({200}, 0, 1, f64, g);
    r2.update(x, x + random::normal({200}, 0, 1, f64, g));
    const auto r = r2.compute();
    r2_in += r.low <= 0.5 && 0.5 <= r.high ? 1 : 0;
  }
  // These intervals are asymptotic: known to cover 92 % or more of such samples, less four standard deviations of 400.
  const double least = runs * (0.92 - 4 * std::sqrt(0.92 * 0.08 / runs));
  CHECK(area_in >= least);
  CHECK(classes_in >= least);
  CHECK(share_in >= least);
  CHECK(r2_in >= least);
}

TEST_CASE("calibration: Brier score and error of equal-mass bins") {
  const auto [two, merged] =
      whole_and_merged(inspect::Calibration(), metric_values()("probability"), metric_values()("label"));
  CHECK(two.brier().value == near_metric(metric_value("brier")));
  CHECK(merged.brier().value == near_metric(metric_value("brier")));
  CHECK(merged.ece().value == two.ece().value);
  CHECK(merged.ece().low == two.ece().low);
  inspect::Calibration many({.bins = 10});
  many.update(metric_values()("softmax"), metric_values()("target"));
  CHECK(many.brier().value == near_metric(metric_value("brier_multi")));
  const auto ece = many.ece();
  CHECK(ece.value == near_metric(metric_value("ece10")));
  CHECK(ece.low <= ece.high);
  std::int64_t all = 0;
  for (const auto& bin : many.bins()) {
    CHECK(bin.count == 20);
    all += bin.count;
  }
  CHECK(all == 200);
  // Equal confidences stay together, so that the order of examples makes no difference.
  inspect::Calibration tied({.bins = 3});
  tied.update(tensor({0.5, 0.5, 0.5, 0.9}), tensor({0, 1, 1, 1}));
  CHECK(tied.bins().size() == 2);
  CHECK(tied.bins()[0].count == 3);
  CHECK_THROWS_AS(tied.update(tensor({1.5}), tensor({1})), ValueError);
  CHECK_THROWS_AS(tied.update(tensor({NAN}), tensor({1})), ValueError);
  CHECK(std::isnan(inspect::Calibration().ece().value));
}

TEST_CASE("errors of regression are scikit-learn's, far from 0 too") {
  const Array& guess = metric_values()("guess");
  const Array& truth = metric_values()("truth");
  const auto [mse, merged_mse] = whole_and_merged(inspect::MeanSquaredError(), guess, truth);
  CHECK(mse.compute().value == near_metric(metric_value("mse"), 3000));
  CHECK(merged_mse.compute().value == near_metric(metric_value("mse"), 3000));
  CHECK(mse.compute().high - mse.compute().value == near_metric(metric_value("mse_half"), 3000));
  const auto [mae, merged_mae] = whole_and_merged(inspect::MeanAbsoluteError(), guess, truth);
  CHECK(mae.compute().value == near_metric(metric_value("mae"), 3000));
  CHECK(merged_mae.compute().value == near_metric(metric_value("mae"), 3000));
  const auto [r2, merged_r2] = whole_and_merged(inspect::R2(), guess, truth);
  CHECK(r2.compute().value == near_metric(metric_value("r2"), 3000));
  CHECK(merged_r2.compute().value == near_metric(metric_value("r2"), 3000));
  CHECK(r2.compute().value - r2.compute().low == near_half(metric_value("r2_half")));
  CHECK(merged_r2.compute().value - merged_r2.compute().low == near_half(metric_value("r2_half")));
  inspect::R2 constant;
  constant.update(tensor({1.0, 2.0}), tensor({3.0, 3.0}));
  CHECK(std::isnan(constant.compute().value));
  CHECK_THROWS_AS(constant.update(tensor({1.0}), tensor({1.0, 2.0})), ShapeError);
}

TEST_CASE("perplexity of logits, of losses, and without overflow") {
  const Array& target = metric_values()("target");
  const auto [p, merged] = whole_and_merged(inspect::Perplexity(), metric_values()("scores"), target);
  CHECK(p.compute().value == near_metric(metric_value("perplexity")));
  CHECK(p.compute().low == near_metric(metric_value("perplexity_low")));
  CHECK(merged.compute().value == near_metric(metric_value("perplexity")));
  inspect::Perplexity uniform;
  uniform.update(full({7, 50}, 1e4), zeros({7}, i64));
  // Rounding of 1e4 + log 50.
  CHECK(uniform.compute().value == Approx(50).epsilon(bounds::gamma(4e4, f64)));
  inspect::Perplexity losses;
  losses.update_losses(full({3, 2}, std::log(8.0), f64));
  CHECK(losses.compute().value == near_metric(8));
  CHECK(losses.compute().high == near_metric(8));
}

TEST_CASE("Wilson's interval: published values and ends") {
  // Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29.
  const auto check = [](std::int64_t r, std::int64_t n, double low, double high) {
    const auto e = inspect::proportion(r, n);
    CHECK(e.low == Approx(low).margin(5e-5));
    CHECK(e.high == Approx(high).margin(5e-5));
  };
  check(81, 263, 0.2553, 0.3662);
  check(15, 148, 0.0624, 0.1605);
  check(0, 20, 0.0000, 0.1611);
  check(1, 29, 0.0061, 0.1718);
  CHECK_THROWS_AS(inspect::proportion(3, 2), ValueError);
  CHECK(inspect::to_string(inspect::proportion(1, 2)) == "0.5 [0.09453, 0.9055] (n = 2)");
}
