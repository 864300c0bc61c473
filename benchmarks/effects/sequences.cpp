// SPDX-License-Identifier: BSD-3-Clause
// LSTM against RNN.
#include "comparisons.hpp"

#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;
namespace inspect = nt::inspect;

namespace {

/// [n, length, inputs] to predictions [n, length, outputs] of what follows each element.
template <class Layer>
struct Predictor : nn::Module<Predictor<Layer>> {
  Predictor(std::int64_t inputs, std::int64_t width, std::int64_t outputs)
      : layer(this->add("layer", Layer(inputs, width, {.batch_first = true}))),
        head(this->add("head", nn::Linear(width, outputs))) {}
  nt::Tensor forward(const nt::Tensor& x) const { return head(layer(x).output); }
  Layer layer;
  nn::Linear head;
};

/// The root mean square error of forecasts of the years after 1920 by a network trained on those before.
template <class Layer>
double forecast_sunspots(const inspect::Run& run) {
  constexpr std::int64_t known = 221;
  constexpr std::int64_t length = 40;
  constexpr std::int64_t warm = 12;  // years without a forecast at the start of the input
  static const nt::Tensor number = nt::data::sunspots(nt::f32).array("number");
  const nt::Tensor root = nt::sqrt(number + 1);
  const nt::Tensor scale = nt::std(root[nt::Slice(0, known)]);
  const nt::Tensor series = root / scale;
  const nt::Tensor windows = nt::sliding_window_view(series[nt::Slice(0, known)], length + 1);
  const nt::Slice before(0, -1);
  const nt::Slice scored(warm, nt::none);

  const Predictor<Layer> model(1, 16, 1);
  run.initialize(model);
  nt::optim::AdamW optimizer(model.parameters(), {.lr = 1e-2});
  auto noise = run.generator(inspect::Source::augmentation);
  const auto predict = [&](const nt::Tensor& x) {
    return x + nt::squeeze(model(nt::unsqueeze(x, -1)), -1);  // the last value, and a change
  };
  for (int step = 0; step < 200; ++step) {
    const nt::Tensor seen =
        windows * nt::exp(nt::Tensor(nt::random::normal({windows.shape(0), 1}, 0, 0.4, nt::f32, noise)));
    const nt::Tensor x = seen[{nt::ellipsis, before}];
    optimizer.zero_grad();
    nn::mse_loss(predict(x)[{nt::ellipsis, nt::Slice(warm - 1, nt::none)}], seen[{nt::ellipsis, scored}]).backward();
    optimizer.step();
  }
  const nt::NoGrad off;
  const nt::Tensor recent = nt::sliding_window_view(series[nt::Slice(known - length, number.size() - 1)], length);
  const nt::Tensor forecast = nt::square(nt::maximum(predict(recent)[{nt::ellipsis, -1}] * scale, 1)) - 1;
  return nt::sqrt(nn::mse_loss(forecast, number[nt::Slice(known, nt::none)])).item();
}

/// The loss in bits a character of a text that was not trained on.
template <class Layer>
double predict_text(const inspect::Run& run) {
  constexpr std::int64_t length = 48;
  constexpr std::int64_t batch = 32;
  static const std::string text = nt::data::pride_and_prejudice();
  static const nt::data::CharVocabulary vocabulary(text);
  static const nt::Array codes = vocabulary.encode(text);
  const std::int64_t train = codes.size() * 9 / 10;
  const std::int64_t classes = vocabulary.size();
  const auto windows = [&](std::int64_t first, std::int64_t last, std::int64_t count, nt::Generator& g) {
    const nt::Array start = nt::random::integers({count, 1}, first, last - length - 1, g);
    return nt::Tensor(codes)[nt::Tensor(start) + nt::arange(0, length + 1, 1, nt::i64)];
  };
  const auto loss = [&](const auto& model, const nt::Tensor& w) {
    const nt::Tensor x = nt::one_hot(w[{nt::ellipsis, nt::Slice(0, -1)}], classes).to(nt::f32);
    const nt::Tensor y = w[{nt::ellipsis, nt::Slice(1, nt::none)}];
    return nn::cross_entropy(model(x).reshape({-1, classes}), y.reshape({-1}));
  };
  const Predictor<Layer> model(classes, 64, classes);
  run.initialize(model);
  nt::optim::AdamW optimizer(model.parameters(), {.lr = 5e-3});
  auto order = run.generator(inspect::Source::order);
  for (int step = 0; step < 800; ++step) {
    optimizer.zero_grad();
    loss(model, windows(0, train, batch, order)).backward();
    optimizer.step();
  }
  const nt::NoGrad off;
  nt::Generator same(1);  // the same part of the rest in all runs
  return loss(model, windows(train, codes.size(), 256, same)).item() / std::log(2.0);
}

}  // namespace

ComparisonResult compare_on_sunspots(const ComparisonOptions& options) {
  return {
      "Sunspots",
      "Forecasts of the next year, trained on 1700 to 1920, tested on the years to 2008; 16 units, AdamW, lr 0.01, 200 "
      "steps on all windows of 40 years, scaled at random. Metric: root mean square error, margin 1.",
      {"LSTM: instead of an RNN with tanh of the same width"},
      inspect::measure_effects(
          forecast_sunspots<nn::RNN>, {{"LSTM", forecast_sunspots<nn::LSTM>}},
          {.runs = options.runs, .metric = "root mean square error", .higher_is_better = false, .margin = 1})};
}

ComparisonResult compare_on_text(const ComparisonOptions& options) {
  return {"Text",
          "The next character of Pride and Prejudice, tested on the last tenth; 64 units, AdamW, lr 0.005, 800 batches "
          "of 32 "
          "windows of 48 characters. Metric: bits a character, margin 0.05.",
          {"LSTM: instead of an RNN with tanh of the same width"},
          inspect::measure_effects(
              predict_text<nn::RNN>, {{"LSTM", predict_text<nn::LSTM>}},
              {.runs = options.runs, .metric = "bits a character", .higher_is_better = false, .margin = 0.05})};
}
