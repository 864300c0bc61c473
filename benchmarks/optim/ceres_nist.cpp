// SPDX-License-Identifier: BSD-3-Clause
#include "nist_fit.hpp"

#include <ceres/ceres.h>
#include <glog/logging.h>

#include <cmath>
#include <map>
#include <stdexcept>

namespace bench {

namespace {

enum class Form {
  misra1a,
  misra1b,
  misra1c,
  misra1d,
  chwirut,
  danwood,
  enso,
  gauss,
  lanczos,
  hahn1,
  kirby2,
  mgh17,
  nelson,
  roszman1,
  bennett5,
  eckerle4,
  mgh09,
  mgh10,
  rat42,
  rat43
};

/// The model's value for one observation.
template <Form form, class T>
T model(const T* b, double x, double x2) {
  const double pi = std::acos(-1.0);
  switch (form) {
    case Form::misra1a: return b[0] * (1.0 - exp(-b[1] * x));
    case Form::misra1b: return b[0] * (1.0 - 1.0 / ((1.0 + b[1] * x / 2.0) * (1.0 + b[1] * x / 2.0)));
    case Form::misra1c: return b[0] * (1.0 - 1.0 / sqrt(1.0 + 2.0 * b[1] * x));
    case Form::misra1d: return b[0] * b[1] * x / (1.0 + b[1] * x);
    case Form::chwirut: return exp(-b[0] * x) / (b[1] + b[2] * x);
    case Form::danwood: return b[0] * pow(x, b[1]);
    case Form::enso:
      return b[0] + b[1] * std::cos(2 * pi * x / 12) + b[2] * std::sin(2 * pi * x / 12) +
             b[4] * cos(2 * pi * x / b[3]) + b[5] * sin(2 * pi * x / b[3]) + b[7] * cos(2 * pi * x / b[6]) +
             b[8] * sin(2 * pi * x / b[6]);
    case Form::gauss:
      return b[0] * exp(-b[1] * x) + b[2] * exp(-(x - b[3]) * (x - b[3]) / (b[4] * b[4])) +
             b[5] * exp(-(x - b[6]) * (x - b[6]) / (b[7] * b[7]));
    case Form::lanczos: return b[0] * exp(-b[1] * x) + b[2] * exp(-b[3] * x) + b[4] * exp(-b[5] * x);
    case Form::hahn1:
      return (b[0] + b[1] * x + b[2] * x * x + b[3] * x * x * x) / (1.0 + b[4] * x + b[5] * x * x + b[6] * x * x * x);
    case Form::kirby2: return (b[0] + b[1] * x + b[2] * x * x) / (1.0 + b[3] * x + b[4] * x * x);
    case Form::mgh17: return b[0] + b[1] * exp(-x * b[3]) + b[2] * exp(-x * b[4]);
    case Form::nelson: return b[0] - b[1] * x * exp(-b[2] * x2);
    case Form::roszman1: return b[0] - b[1] * x - atan(b[2] / (x - b[3])) / pi;
    case Form::bennett5: return b[0] * pow(b[1] + x, -1.0 / b[2]);
    case Form::eckerle4: return b[0] / b[1] * exp(-0.5 * (x - b[2]) * (x - b[2]) / (b[1] * b[1]));
    case Form::mgh09: return b[0] * (x * x + x * b[1]) / (x * x + x * b[2] + b[3]);
    case Form::mgh10: return b[0] * exp(b[1] / (x + b[2]));
    case Form::rat42: return b[0] / (1.0 + exp(b[1] - b[2] * x));
    case Form::rat43: return b[0] / pow(1.0 + exp(b[1] - b[2] * x), 1.0 / b[3]);
  }
  throw std::logic_error("no such form");
}

template <Form form>
struct Observation {
  double y, x, x2;
  template <class T>
  bool operator()(const T* b, T* residual) const {
    residual[0] = model<form>(b, x, x2) - y;
    return true;
  }
};

using MakeCost = ceres::CostFunction* (*)(double y, double x, double x2);

template <Form form, int unknowns>
ceres::CostFunction* cost(double y, double x, double x2) {
  return new ceres::AutoDiffCostFunction<Observation<form>, 1, unknowns>(new Observation<form>{y, x, x2});
}

const std::map<std::string, MakeCost> costs = {
    {"Misra1a", cost<Form::misra1a, 2>},   {"BoxBOD", cost<Form::misra1a, 2>},    {"Misra1b", cost<Form::misra1b, 2>},
    {"Misra1c", cost<Form::misra1c, 2>},   {"Misra1d", cost<Form::misra1d, 2>},   {"Chwirut1", cost<Form::chwirut, 3>},
    {"Chwirut2", cost<Form::chwirut, 3>},  {"DanWood", cost<Form::danwood, 2>},   {"ENSO", cost<Form::enso, 9>},
    {"Gauss1", cost<Form::gauss, 8>},      {"Gauss2", cost<Form::gauss, 8>},      {"Gauss3", cost<Form::gauss, 8>},
    {"Lanczos1", cost<Form::lanczos, 6>},  {"Lanczos2", cost<Form::lanczos, 6>},  {"Lanczos3", cost<Form::lanczos, 6>},
    {"Hahn1", cost<Form::hahn1, 7>},       {"Thurber", cost<Form::hahn1, 7>},     {"Kirby2", cost<Form::kirby2, 5>},
    {"MGH17", cost<Form::mgh17, 5>},       {"Nelson", cost<Form::nelson, 3>},     {"Roszman1", cost<Form::roszman1, 4>},
    {"Bennett5", cost<Form::bennett5, 3>}, {"Eckerle4", cost<Form::eckerle4, 3>}, {"MGH09", cost<Form::mgh09, 4>},
    {"MGH10", cost<Form::mgh10, 3>},       {"Rat42", cost<Form::rat42, 3>},       {"Rat43", cost<Form::rat43, 4>}};

}  // namespace

NistFit fit_by_ceres(const NistData& data, bool tight) {
  const MakeCost make = costs.at(data.name);
  FLAGS_minloglevel = google::GLOG_FATAL;  // it says of every overflow at a trial point that it is one
  NistFit fit;
  fit.parameters = data.start;
  ceres::Problem problem;
  for (std::size_t i = 0; i < data.y.size(); ++i) {
    const double x2 = data.x.size() > 1 ? data.x[1][i] : 0;
    problem.AddResidualBlock(make(data.y[i], data.x[0][i], x2), nullptr, fit.parameters.data());
  }
  ceres::Solver::Options options;
  options.linear_solver_type = ceres::DENSE_QR;
  options.logging_type = ceres::SILENT;
  if (tight) {
    options.max_num_iterations = 10000;
    options.function_tolerance *= 1e-10;
    options.gradient_tolerance *= 1e-10;
    options.parameter_tolerance *= 1e-10;
  }
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  fit.iterations = summary.num_successful_steps + summary.num_unsuccessful_steps - 1;
  fit.seconds = summary.total_time_in_seconds;
  fit.converged = summary.termination_type == ceres::CONVERGENCE;
  return fit;
}

}  // namespace bench
