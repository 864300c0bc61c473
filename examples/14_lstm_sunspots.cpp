// SPDX-License-Identifier: BSD-3-Clause
// An LSTM forecasts the next year's sunspots: trained on the years 1700 to 1920, tested on the later ones, against
// persistence and a linear autoregression. Plots the forecasts as SVG.
#include <newtape/newtape.hpp>

#include <fstream>

namespace nt = newtape;
namespace nn = nt::nn;

/// Values [n, length] to forecasts of the respective next values, [n, length].
struct Forecaster : nn::Module<Forecaster> {
  explicit Forecaster(std::int64_t width)
      : lstm(add("lstm", nn::LSTM(1, width, {.batch_first = true}))), head(add("head", nn::Linear(width, 1))) {}
  nt::Tensor forward(nt::In x) const {
    return x + nt::squeeze(head(lstm(nt::unsqueeze(x, -1)).output), -1);  // the last value, and a change
  }
  nn::LSTM lstm;
  nn::Linear head;
};

/// Lines of one value per year, in the colours that name them.
void draw(const std::string& file, std::int64_t year, const std::vector<std::pair<std::string, nt::Tensor>>& lines) {
  std::ofstream svg(file);
  svg << "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 900 250' font-size='12' fill='none'>\n";
  for (const auto& [colour, values] : lines) {
    svg << fmt::format("<polyline stroke='{}' stroke-width='1.5' points='", colour);
    for (std::int64_t i = 0; i < values.size(); ++i)
      svg << fmt::format("{},{:.1f} ", 10 + 10 * i, 225 - values[i].item());
    svg << "'/>\n";
  }
  for (std::int64_t x = 0; x < 900; x += 100)
    svg << fmt::format("<text x='{}' y='245' fill='gray'>{}</text>\n", x, year + x / 10);
  svg << "</svg>\n";
}

int main() {
  const nt::Tensor number = nt::data::sunspots(nt::f32).array("number");
  constexpr int models = 3;            // their forecasts are averaged
  constexpr int steps = 300;           // training steps, each on the full batch
  constexpr std::int64_t known = 221;  // the years to 1920
  constexpr std::int64_t lags = 9;     // of Yule's autoregression (1927), at today's usual order
  constexpr std::int64_t length = 40;  // years of the network's input
  constexpr std::int64_t warm = 12;    // years without a forecast, at the start of the input
  const nt::Slice before(0, -1);
  // The square root stabilises the variance.
  const nt::Tensor root = nt::sqrt(number + 1);
  const nt::Tensor scale = nt::std(root[nt::Slice(0, known)]);
  const nt::Tensor series = root / scale;
  const auto count = [&](const nt::Tensor& z) { return nt::square(nt::maximum(z * scale, 1)) - 1; };
  // All windows of n years in [first, last).
  const auto windows = [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    return nt::sliding_window_view(series[nt::Slice(first, last)], n);
  };

  const nt::Tensor past = windows(lags + 1, 0, known);
  const auto linear = nt::models::least_squares(past[{nt::ellipsis, before}], past[{nt::ellipsis, -1}]);
  const nt::Tensor by_linear = count(linear.predict(windows(lags, known - lags, number.size() - 1)));

  const nt::Tensor train = windows(length + 1, 0, known);
  nt::Tensor forecast = nt::zeros({number.size() - known});
  for (int m = 0; m < models; ++m) {
    nt::manual_seed(static_cast<std::uint64_t>(m));
    const Forecaster model(16);
    nt::optim::AdamW optimizer(model.parameters(), {.lr = 1e-2});
    nt::optim::Scheduler scheduler(optimizer, nt::optim::one_cycle_lr({.total_steps = steps}));
    for (int step = 0; step < steps; ++step) {
      // Augmentation of the small data set: every window is scaled at random, with noise.
      const nt::Tensor seen = train * nt::exp(nt::random::normal({train.shape(0), 1}, 0, 0.4));
      const nt::Tensor x = seen[{nt::ellipsis, before}];
      const nt::Tensor noise = nt::random::normal(x.shape(), 0, 0.2);
      optimizer.zero_grad();
      nn::mse_loss(model(x + noise)[{nt::ellipsis, nt::Slice(warm - 1, nt::none)}],
                   seen[{nt::ellipsis, nt::Slice(warm, nt::none)}])
          .backward();
      optimizer.step();
      scheduler.step();
    }
    const nt::NoGrad off;
    const nt::Tensor recent = windows(length, known - length, number.size() - 1);
    forecast = forecast + count(model(recent)[{nt::ellipsis, -1}]) / models;
  }

  const nt::Tensor truth = number[nt::Slice(known, nt::none)];
  const auto error = [&](const nt::Tensor& guess) { return nt::sqrt(nn::mse_loss(guess, truth)).item(); };
  const double persistence = error(number[nt::Slice(known - 1, -1)]);
  fmt::print("root mean square error, 1921 to 2008:\n");
  fmt::print("  persistence        {:6.2f}\n", persistence);
  fmt::print("  autoregression({})  {:6.2f}\n", lags, error(by_linear));
  fmt::print("  LSTM               {:6.2f}\n", error(forecast));
  draw("sunspots.svg", 1921, {{"black", truth}, {"red", forecast}});
  fmt::print("sunspots.svg shows the numbers (black) and the LSTM's forecasts (red)\n");
  return error(forecast) < std::min(persistence, error(by_linear)) ? 0 : 1;
}
