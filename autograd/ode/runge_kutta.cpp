// SPDX-License-Identifier: BSD-3-Clause
// Explicit Runge-Kutta methods with embedded error estimates. The last stage is f at the end of the step, which is the
// first stage of the next.
#include <newtape/autograd/ode/stepper.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>

#include <array>

namespace newtape::detail {
namespace {

struct Tableau {
  int error_order;
  std::vector<double> nodes;                ///< c of stages 1.. (stage 0 is at the start)
  std::vector<std::vector<double>> rows;    ///< weights of stages 0..i in stage i + 1; the last row gives the new y
  std::vector<double> error;                ///< weights of all stages in the estimate of the error
  std::vector<std::vector<double>> inside;  ///< [stage][p]: of s^(p+1) in the weight of the stage at t + s h
};

/// Dormand and Prince 1980; the polynomial is Shampine's (1986).
const Tableau dopri5{5,
                     {1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1},
                     {{1. / 5},
                      {3. / 40, 9. / 40},
                      {44. / 45, -56. / 15, 32. / 9},
                      {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
                      {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
                      {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}},
                     {-71. / 57600, 0, 71. / 16695, -71. / 1920, 17253. / 339200, -22. / 525, 1. / 40},
                     {{1, -8048581381. / 2820520608, 8663915743. / 2820520608, -12715105075. / 11282082432},
                      {},
                      {0, 131558114200. / 32700410799, -68118460800. / 10900136933, 87487479700. / 32700410799},
                      {0, -1754552775. / 470086768, 14199869525. / 1410260304, -10690763975. / 1880347072},
                      {0, 127303824393. / 49829197408, -318862633887. / 49829197408, 701980252875. / 199316789632},
                      {0, -282668133. / 205662961, 2019193451. / 616988883, -1453857185. / 822651844},
                      {0, 40617522. / 29380423, -110615467. / 29380423, 69997945. / 29380423}}};

const Tableau bosh3{3,
                    {1. / 2, 3. / 4, 1},
                    {{1. / 2}, {0, 3. / 4}, {2. / 9, 1. / 3, 4. / 9}},
                    {5. / 72, -1. / 12, -1. / 9, 1. / 8},
                    {{1, -4. / 3, 5. / 9}, {0, 1, -2. / 3}, {0, 4. / 3, -8. / 9}, {0, -1, 1}}};

/// scale s^2 (s - a) (s - b) in powers of s, from the first.
std::vector<double> quartic(double scale, double a, double b) { return {0, scale * a * b, -scale * (a + b), scale}; }

/// Tsitouras 2011, table 1 and section 5.
const Tableau tsit5{
    5,
    {0.161, 0.327, 0.9, 0.9800255409045097, 1, 1},
    {{0.161},
     {-0.008480655492356989, 0.335480655492357},
     {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
     {5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
     {5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383},
     {0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774}},
    {-0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629, 0.5823571654525552,
     -0.45808210592918697, 1. / 66},
    [] {
      // The first weight is scale s (s - a) (s^2 - b s + c).
      const double scale = -1.0530884977290216, a = 1.3299890189751412, b = 1.4364028541716351, c = 0.7139816917074209;
      // The second has complex roots: scale s^2 (s^2 - p s + q).
      const double scale2 = 0.1017, p2 = 2.1966568338249754, q2 = 1.2949852507374631;
      const double scale3 = 2.490627285651252793, p3 = 2.38535645472061657, q3 = 1.57803468208092486;
      return std::vector<std::vector<double>>{{-scale * a * c, scale * (c + a * b), -scale * (a + b), scale},
                                              {0, scale2 * q2, -scale2 * p2, scale2},
                                              {0, scale3 * q3, -scale3 * p3, scale3},
                                              quartic(-16.54810288924490272, 1.21712927295533244, 0.61620406037800089),
                                              quartic(47.37952196281928122, 1.203071208372362603, 0.658047292653547382),
                                              quartic(-34.87065786149660974, 1.2, 2. / 3),
                                              quartic(2.5, 1, 0.6)};
    }()};

class RungeKutta final : public Stepper {
 public:
  explicit RungeKutta(const Tableau& tableau) : tableau_(tableau) {}

  Trial step(const CheckedOde& f, const Tensor& t, const Tensor& y, const Tensor& slope, double h) const override {
    Trial trial;
    trial.stages = {slope};
    for (std::size_t i = 0; i < tableau_.rows.size(); ++i) {
      trial.y = combination(y, tableau_.rows[i], trial.stages, h);
      trial.stages.push_back(f(t + tableau_.nodes[i] * h, trial.y));
    }
    trial.slope = trial.stages.back();
    trial.error = combination({}, tableau_.error, trial.stages, h);
    return trial;
  }

  std::vector<Tensor> polynomial(const Tensor& y, const Trial& trial, double h) const override {
    std::vector<Tensor> powers{y};
    for (std::size_t p = 0; p < tableau_.inside[0].size(); ++p) {
      std::vector<double> weights;
      for (const auto& stage : tableau_.inside) weights.push_back(p < stage.size() ? stage[p] : 0);
      powers.push_back(combination({}, weights, trial.stages, h));
    }
    return powers;
  }

  int error_order() const noexcept override { return tableau_.error_order; }

 private:
  const Tableau& tableau_;
};

}  // namespace

Tensor combination(const Tensor& y, std::span<const double> weights, std::span<const Tensor> tensors, double scale) {
  Tensor sum = y;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    Tensor term = (scale * weights[i]) * tensors[i];
    sum = sum.defined() ? sum + term : std::move(term);
  }
  return sum;
}

const Stepper& runge_kutta(OdeOptions::Method method) {
  static const RungeKutta fifth(dopri5), tsitouras(tsit5), third(bosh3);
  switch (method) {
    case OdeOptions::Method::tsit5: return tsitouras;
    case OdeOptions::Method::bosh3: return third;
    default: return fifth;
  }
}

}  // namespace newtape::detail
