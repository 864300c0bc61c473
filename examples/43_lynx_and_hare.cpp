// SPDX-License-Identifier: BSD-3-Clause
// A differential equation fitted to data: Lotka and Volterra's model of predators and prey, and the pelts of hares and
// lynxes that the Hudson's Bay Company took in, 1900 to 1920 (thousands; Howard 2009). Four rates and two initial
// numbers by least squares of the logarithms; the derivatives go through the steps of the solver.
#include <newtape/newtape.hpp>

namespace nt = newtape;

const nt::Tensor pelts =
    nt::tensor({{30, 4},      {47.2, 6.1},  {70.2, 9.8},  {77.4, 35.2}, {36.3, 59.4}, {20.6, 41.7}, {18.1, 19},
                {21.4, 13},   {22, 8.3},    {25.4, 9.1},  {27.1, 7.4},  {40.3, 8},    {57, 12.3},   {76.6, 19.5},
                {52.3, 45.7}, {19.5, 51.1}, {11.2, 29.7}, {7.6, 15.8},  {14.6, 9.7},  {16.2, 10.1}, {24.7, 8.6}},
               nt::f64);

/// The numbers of both at `years`, from the logarithms of the rates and of the numbers in the first year.
nt::Tensor populations(const nt::Tensor& logs, const nt::Tensor& years) {
  const nt::Tensor p = nt::exp(logs);
  const auto change = [p](const nt::Tensor&, const nt::Tensor& y) {
    const nt::Tensor hare = y[0], lynx = y[1];
    return nt::stack({(p[0] - p[1] * lynx) * hare, (p[3] * hare - p[2]) * lynx}, 0);
  };
  return nt::odeint(change, nt::slice(p, 0, 4, 6), years, {.rtol = 1e-8});
}

int main() {
  const nt::Tensor years = nt::arange(21, nt::f64);
  const auto residuals = [&](const nt::Tensor& logs) { return nt::log(populations(logs, years)) - nt::log(pelts); };
  const nt::Tensor start = nt::log(nt::tensor({0.5, 0.02, 1, 0.03, 30, 5}, nt::f64));
  const auto fit = nt::optim::least_squares(residuals, start);
  const nt::Tensor values = nt::exp(fit.x());
  const nt::Tensor deviations = values * fit.standard_deviations()[0];  // of a logarithm: relative

  // Posterior means and deviations by Hamiltonian Monte Carlo: B. Carpenter, Predator-Prey Population Dynamics: the
  // Lotka-Volterra model in Stan (2018). His noise is that of the logarithms, too.
  const char* names[] = {"births of hares", "hares eaten",   "deaths of lynxes",
                         "lynxes fed",      "hares in 1900", "lynxes in 1900"};
  const double stan[] = {0.55, 0.028, 0.80, 0.024, 34, 5.9};
  const double spread[] = {0.06, 0.004, 0.09, 0.004, 3, 0.5};
  bool agree = fit.converged();
  fmt::print("{:<18} {:>16} {:>18}\n", "", "least squares", "Stan (Carpenter)");
  for (std::int64_t i = 0; i < 6; ++i) {
    const double value = values[i].item();
    fmt::print("{:<18} {:7.3f} +- {:5.3f} {:9.3f} +- {:5.3f}\n", names[i], value, deviations[i].item(), stan[i],
               spread[i]);
    agree &= std::abs(value - stan[i]) < spread[i];
  }

  // A period is the time between two crossings of the hares' equilibrium from below: an event of the solver.
  const nt::Tensor p = values.detach();
  const std::vector<nt::OdeEvent> peaks{
      {.function = [&](const nt::Tensor&, const nt::Tensor& y) { return y[1] - p[0] / p[1]; }, .direction = 1}};
  const auto course = nt::solve_ivp(
      [&](const nt::Tensor&, const nt::Tensor& y) {
        return nt::stack({(p[0] - p[1] * y[1]) * y[0], (p[3] * y[0] - p[2]) * y[1]}, 0);
      },
      0, 40, nt::slice(p, 0, 4, 6), peaks);
  const auto& c = course.crossings();
  fmt::print("the hares peak every {:.1f} years\n",
             (c.back().t - c.front().t).item<double>() / static_cast<double>(c.size() - 1));
  return agree ? 0 : 1;
}
