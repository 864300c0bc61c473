// SPDX-License-Identifier: BSD-3-Clause
// A neural differential equation of hares and lynxes: the rates of growth are a network, a Runge-Kutta solver written
// here integrates them, and gradients go back through its steps. The last years are predicted.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;

/// Pelts in thousands, 1900 to 1920, of the Hudson Bay Company (Elton & Nicholson 1942, as tabulated by Howard 2009).
const std::vector<double> hares{30,   47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22,   25.4, 27.1,
                                40.3, 57,   76.6, 52.3, 19.5, 11.2, 7.6,  14.6, 16.2, 24.7};
const std::vector<double> lynxes{4, 6.1,  9.8,  35.2, 59.4, 41.7, 19,   13,  8.3,  9.1, 7.4,
                                 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6};

/// The rates of growth d/dt log(population), as a network of the populations.
struct Growth : nn::Module<Growth> {
  nt::Tensor forward(nt::In log_x) const { return second(nt::tanh(first(nt::exp(std::move(log_x)) / 50))); }
  nn::Linear first = add("first", nn::Linear(2, 12, {.dtype = nt::f64}));
  nn::Linear second = add("second", nn::Linear(12, 2, {.dtype = nt::f64}));
};

/// States [years, n, 2] after each of `years` years from x [n, 2], by the classical Runge-Kutta method.
nt::Tensor solve(const Growth& f, nt::Tensor x, int years) {
  constexpr int steps = 4;
  constexpr double h = 1.0 / steps;
  std::vector<nt::Tensor> states;
  for (int i = 1; i <= years * steps; ++i) {
    const nt::Tensor k1 = f(x);
    const nt::Tensor k2 = f(x + h / 2 * k1);
    const nt::Tensor k3 = f(x + h / 2 * k2);
    const nt::Tensor k4 = f(x + h * k3);
    x = x + h / 6 * (k1 + 2 * (k2 + k3) + k4);
    if (i % steps == 0) states.push_back(x);
  }
  return nt::stack(states);
}

double rms(const nt::Tensor& x) { return nt::sqrt(nt::mean(nt::square(x))).item(); }

int main() {
  constexpr int ahead = 3;
  const nt::Tensor x = nt::log(nt::stack({nt::tensor(hares), nt::tensor(lynxes)}, 1));  // [21, 2]
  const std::int64_t seen = 16;                                                         // 1900 to 1915
  // From every year the next three, [3, n, 2].
  const auto futures = [&](std::int64_t from, std::int64_t to) {
    std::vector<nt::Tensor> later;
    for (int k = 1; k <= ahead; ++k) later.push_back(x[nt::Slice(from + k, to + k)]);
    return nt::stack(later);
  };

  nt::manual_seed(1);
  const Growth growth;
  const nt::Tensor starts = x[nt::Slice(0, seen - ahead)];
  const nt::Tensor targets = futures(0, seen - ahead);
  const auto loss = [&] {
    nt::Tensor sum = nn::mse_loss(solve(growth, starts, ahead), targets);
    for (const auto& p : growth.parameters()) sum += 1e-3 * nt::mean(nt::square(p));
    return sum;
  };
  const auto run = nt::optim::minimize(loss, growth.parameters(), {.stop = {.max_iterations = 300}});
  fmt::print("loss {:.4f} after {} iterations\n", run.value, run.iterations);

  const nt::NoGrad off;
  const std::int64_t n = x.shape(0);
  const nt::Tensor later = futures(seen - ahead, n - ahead);  // they end in 1916 to 1920
  const nt::Tensor origin = x[nt::Slice(seen - ahead, n - ahead)];
  const nt::Tensor predicted = solve(growth, origin, ahead);
  fmt::print("\nthree years ahead, in thousands:\nyear   hares predicted, counted   lynxes predicted, counted\n");
  for (std::int64_t i = 0; i < origin.shape(0); ++i) {
    const nt::Tensor p = nt::exp(predicted[{-1, i}]);
    const auto year = static_cast<std::size_t>(seen + i);
    fmt::print("{} {:17.1f} {:8.1f} {:19.1f} {:8.1f}\n", 1900 + year, p[0].item(), hares[year], p[1].item(),
               lynxes[year]);
  }
  const double error = rms(predicted[-1] - later[-1]);
  const double unchanged = rms(origin - later[-1]);
  fmt::print("\nwrong by a factor of {:.2f}; populations taken as unchanged: by {:.2f}\n", std::exp(error),
             std::exp(unchanged));
  fmt::print(
      "In years that were not trained on: three years ahead, half of a cycle of the two populations is known.\n");
  return error < 0.7 * unchanged ? 0 : 1;
}
