// SPDX-License-Identifier: BSD-3-Clause
// RODAS (Hairer and Wanner, Solving Ordinary Differential Equations II, 2nd edition 1996, section IV.7 and its program):
// stiffly accurate, L-stable, order 4 with an estimate of order 3. Stage i solves
//     (1 / (gamma h) - J) u_i = f(t + c_i h, y + sum_j a_ij u_j) + sum_j (c_ij / h) u_j + h d_i df/dt
#include <newtape/autograd/ode/stepper.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>

#include <array>

namespace newtape::detail {
namespace {

constexpr double gamma = 0.25;
constexpr std::array<double, 6> nodes{0, 0.386, 0.21, 0.63, 1, 1};
constexpr std::array<double, 6> of_time{0.25, -0.1043, 0.1035, -0.03620000000000023, 0, 0};
const std::array<std::vector<double>, 6> states{{
    {},
    {1.544},
    {0.9466785280815826, 0.2557011698983284},
    {3.314825187068521, 2.896124015972201, 0.9986419139977817},
    {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950},
    {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1},
}};
const std::array<std::vector<double>, 6> slopes{{
    {},
    {-5.6688},
    {-2.430093356833875, -0.2063599157091915},
    {-0.1073529058151375, -9.594562251023355, -20.47028614809616},
    {7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160},
    {8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054},
}};
const std::vector<double> inside2{10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823,
                                  1.025137723295662};
const std::vector<double> inside3{-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386,
                                  -6.594389125716872};

class Rosenbrock final : public Stepper {
 public:
  Trial step(const CheckedOde& f, const Tensor& t, const Tensor& y, const Tensor& slope, double h) const override {
    const auto n = y.size();
    const Tensor j = reshape(jacobian([&](const Tensor& state) { return f(t, state); }, y), {n, n});
    const linalg::LUFactor factor = linalg::lu_factor(eye(n, y.dtype()) / (gamma * h) - j);
    const Tensor drift = jvp([&](const Tensor& time) { return f(time, y); }, t, ones_like(t)).second;

    Trial trial;
    auto& u = trial.stages;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Tensor state = combination(y, states[i], u, 1);
      Tensor right = i == 0 ? slope : f(t + nodes[i] * h, state);
      if (of_time[i] != 0) right = right + (h * of_time[i]) * drift;
      right = combination(right, slopes[i], u, 1 / h);
      u.push_back(reshape(linalg::lu_solve(factor, reshape(right, {n})), y.shape()));
      if (i + 1 == nodes.size()) trial.y = state + u.back();
    }
    trial.error = u.back();
    return trial;
  }

  std::vector<Tensor> polynomial(const Tensor& y, const Trial& trial, double) const override {
    const Tensor second = combination({}, inside2, trial.stages, 1);
    const Tensor third = combination({}, inside3, trial.stages, 1);
    return {y, trial.y - y + second, third - second, -third};
  }

  int error_order() const noexcept override { return 4; }
};

}  // namespace

const Stepper& rosenbrock() {
  static const Rosenbrock method;
  return method;
}

}  // namespace newtape::detail
