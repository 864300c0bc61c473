// SPDX-License-Identifier: BSD-3-Clause
// Regularisers, batch norm and K-FAC on small tables.
#include "comparisons.hpp"

#include <newtape/newtape.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace inspect = nt::inspect;

namespace {

/// A task: the data, the loss, and what is measured.
struct Task {
  nt::data::Dataset all;
  std::int64_t examples;  ///< to train on
  std::int64_t outputs;   ///< 1: regression
  int epochs;
  bool training_loss = false;  ///< what is measured is log10 of the loss on the examples trained on
};

/// One way to train.
struct Setting {
  double l1 = 0;
  double l2 = 0;
  double dropout = 0;
  bool norm = false;
  bool kfac = false;
};

nn::Sequential make_model(const Task& task, const Setting& s) {
  constexpr std::int64_t width = 64;
  nn::Sequential model;
  std::int64_t inputs = task.all.array(0).shape(1);
  for (int layer = 0; layer < 2; ++layer) {
    model.push_back(nn::Linear(inputs, width));
    if (s.norm) model.push_back(nn::BatchNorm1d(width));
    model.push_back(nn::ReLU());
    if (s.dropout > 0) model.push_back(nn::Dropout(s.dropout));
    inputs = width;
  }
  model.push_back(nn::Linear(width, task.outputs));
  return model;
}

nt::Tensor loss_of(const Task& task, const nt::Tensor& output, const nt::Tensor& y) {
  return task.outputs > 1 ? nn::cross_entropy(output, y) : nn::mse_loss(nt::squeeze(output, 1), y);
}

double train(const inspect::Run& run, const Task& task, const Setting& s) {
  auto split = run.generator(inspect::Source::split);
  const auto sets = task.all.split({task.examples, -1}, split);
  const auto model = make_model(task, s);
  run.initialize(model);
  std::unique_ptr<nt::optim::Optimizer> optimizer;
  if (s.kfac) {
    const auto likelihood = task.outputs > 1 ? nt::optim::Likelihood::categorical : nt::optim::Likelihood::independent;
    optimizer = std::make_unique<nt::optim::KFAC>(
        model.parameters(),
        nt::optim::KFACOptions{.lr = 0.1,
                               .likelihood = likelihood,
                               .seed = static_cast<int>(run.seed(inspect::Source::noise) % 1'000'000)});
  } else {
    optimizer =
        std::make_unique<nt::optim::AdamW>(model.parameters(), nt::optim::AdamWOptions{.lr = 3e-3, .weight_decay = 0});
  }
  nt::data::Loader loader(sets[0], run.loader({.batch_size = 32, .drop_last = true, .prefetch = 0}));
  for (int epoch = 0; epoch < task.epochs; ++epoch) {
    for (auto& [x, y] : loader) {
      const nt::Tensor target = y;
      optimizer->zero_grad();
      optimizer->step([&, input = x] { return model(input); },
                      [&](const nt::Tensor& output) {
                        nt::Tensor loss = loss_of(task, output, target);
                        if (s.l1 > 0) loss = loss + s.l1 * nn::l1_penalty(model);
                        if (s.l2 > 0) loss = loss + s.l2 * nn::l2_penalty(model);
                        return loss;
                      });
    }
  }
  model.eval();
  const nt::NoGrad off;
  const auto& [x, y] = sets[task.training_loss ? 0 : 1].arrays();
  const nt::Tensor output = model(x);
  if (task.training_loss) return nt::log10(loss_of(task, output, y)).item();
  if (task.outputs == 1) return loss_of(task, output, y).item();
  return 100 * nt::mean((nt::argmax(output, 1) == y).to(nt::f64)).item();
}

const std::string kfac_text = "K-FAC: instead of AdamW, lr 0.1, as many steps";

inspect::Experiment experiment_of(const Task& task, const Setting& s) {
  return [&task, s](const inspect::Run& run) { return train(run, task, s); };
}

ComparisonResult compare(const Task& task, const inspect::MeasureEffectOptions& measure) {
  const std::vector<std::pair<std::string, Setting>> settings = {{"L1", {.l1 = 1e-4}},
                                                                 {"L2", {.l2 = 1e-3}},
                                                                 {"dropout", {.dropout = 0.3}},
                                                                 {"batch norm", {.norm = true}},
                                                                 {"K-FAC", {.kfac = true}}};
  std::vector<std::pair<std::string, inspect::Experiment>> techniques;
  for (const auto& [name, setting] : settings) techniques.emplace_back(name, experiment_of(task, setting));
  ComparisonResult result;
  result.techniques = {"L1: penalty 0.0001 sum |w|", "L2: penalty 0.001 sum w^2",
                       "dropout: 0.3 after each hidden layer", "batch norm: before each activation", kfac_text};
  result.effects = inspect::measure_effects(experiment_of(task, {}), techniques, measure);
  return result;
}

std::string setting_text(const Task& task, const std::string& metric) {
  return fmt::format(
      "{} examples to train on, {} to test; two hidden layers of 64, ReLU; AdamW, lr 0.003, {} epochs of "
      "batches of 32. Metric: {}.",
      task.examples, task.all.size() - task.examples, task.epochs, metric);
}

nt::data::Dataset standardized(const nt::data::Table& table) {
  const nt::data::Standardize x(table.examples);
  return {x.apply(table.features()), table.target()};
}

}  // namespace

ComparisonResult compare_on_digits(const ComparisonOptions& options) {
  const auto set = nt::data::digits().train;
  const Task task{{nt::Tensor(set.array(0)).reshape({-1, 64}), set.array(1)}, 300, 10, 30};
  auto result = compare(task, {.runs = options.runs, .metric = "% accuracy", .margin = 1});
  result.title = "Digits";
  result.setting = setting_text(task, "accuracy in percent, margin 1");
  return result;
}

ComparisonResult compare_optimizers_on_digits(const ComparisonOptions& options) {
  const auto set = nt::data::digits().train;
  const Task task{{nt::Tensor(set.array(0)).reshape({-1, 64}), set.array(1)}, 1000, 10, 5, true};
  ComparisonResult result;
  result.title = "Digits, training loss";
  result.setting = setting_text(task, "log10 of the training loss, margin 0.1");
  result.techniques = {kfac_text};
  result.effects = inspect::measure_effects(
      experiment_of(task, {}), {{"K-FAC", experiment_of(task, {.kfac = true})}},
      {.runs = options.runs, .metric = "log10 of the loss", .higher_is_better = false, .margin = 0.1});
  return result;
}

ComparisonResult compare_on_breast_cancer(const ComparisonOptions& options) {
  const Task task{standardized(nt::data::breast_cancer(nt::f32)), 200, 2, 30};
  auto result = compare(task, {.runs = options.runs, .metric = "% accuracy", .margin = 1});
  result.title = "Breast cancer";
  result.setting = setting_text(task, "accuracy in percent, margin 1");
  return result;
}

ComparisonResult compare_on_diabetes(const ComparisonOptions& options) {
  auto table = nt::data::diabetes(nt::f32);
  const nt::data::Standardize y(table.examples, {.per = nt::data::Statistics::array, .array = 1});
  const nt::data::Standardize x(table.examples);
  const Task task{{x.apply(table.features()), y.apply(table.target())}, 300, 1, 30};
  auto result =
      compare(task, {.runs = options.runs, .metric = "square error", .higher_is_better = false, .margin = 0.05});
  result.title = "Diabetes";
  result.setting = setting_text(task, "mean square error of the standardized target (1: the mean), margin 0.05");
  return result;
}
