// SPDX-License-Identifier: BSD-3-Clause
// NIST's Statistical Reference Datasets for nonlinear regression: data, starts and certified values from files/nist,
// and the models.
#pragma once

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace nist {

namespace nt = newtape;

/// The prediction of y from parameters b [n] and the rows of predictors, x[0] [m] and so on.
using Model = std::function<nt::Tensor(const nt::Tensor& b, const std::vector<nt::Tensor>& x)>;

struct Problem {
  std::string name;
  std::string difficulty;                   ///< Lower, Average, Higher
  std::vector<std::vector<double>> starts;  ///< two
  std::vector<double> parameters, deviations;
  double residual_sum = 0, residual_deviation = 0;
  std::int64_t degrees_of_freedom = 0;
  nt::Tensor y;
  std::vector<nt::Tensor> x;
  Model model;

  nt::Tensor start(int which) const { return vector(starts[static_cast<std::size_t>(which)]); }
  nt::Tensor residuals(const nt::Tensor& b) const { return model(b, x) - y; }

  static nt::Tensor vector(const std::vector<double>& values) {
    nt::Array a = nt::Array::empty({static_cast<std::int64_t>(values.size())}, nt::f64);
    std::copy(values.begin(), values.end(), a.data<double>());
    return a;
  }
};

/// Digits that agree: -log10 of the relative error, at most the 11 that are certified.
inline double log_relative_error(double value, double certified) {
  const double error = certified == 0 ? std::abs(value) : std::abs(value - certified) / std::abs(certified);
  if (std::isnan(error)) return 0;
  return std::clamp(-std::log10(error), 0.0, 11.0);
}

/// The minimum over several numbers.
inline double log_relative_error(const std::vector<double>& values, const std::vector<double>& certified) {
  double fewest = 11;
  for (std::size_t i = 0; i < certified.size(); ++i) {
    fewest = std::min(fewest, log_relative_error(values[i], certified[i]));
  }
  return fewest;
}
/// The same for a problem's parameters.
inline double digits(const Problem& p, std::vector<double> parameters) {
  // The sign of a width is arbitrary: it enters squared, or with the height's sign.
  if (p.name.substr(0, 5) == "Gauss" || p.name == "Eckerle4") {
    for (double& b : parameters) b = std::abs(b);
  }
  return log_relative_error(parameters, p.parameters);
}

inline std::vector<double> numbers(const nt::Tensor& x) {
  const nt::Array dense = nt::core::contiguous(x.value());
  return {dense.data<double>(), dense.data<double>() + dense.size()};
}

inline Model model(const std::string& name) {
  using Xs = std::vector<nt::Tensor>;
  using T = nt::Tensor;
  constexpr double pi = 3.141592653589793238462643383279;
  const auto rational = [](std::int64_t above, std::int64_t below) -> Model {
    return [above, below](const T& b, const Xs& x) {
      T up = b[0];
      T down = nt::ones_like(b[0]);
      T power = nt::ones_like(x[0]);
      for (std::int64_t k = 1; k < std::max(above, below + 1); ++k) {
        power = power * x[0];
        if (k < above) up = up + b[k] * power;
        if (k <= below) down = down + b[above + k - 1] * power;
      }
      return up / down;
    };
  };
  const auto bell = [](const T& b, std::int64_t k, const T& x) {
    return b[k] * nt::exp(-nt::square((x - b[k + 1]) / b[k + 2]));
  };
  const auto decay = [](const T& b, std::int64_t k, const T& x) { return b[k] * nt::exp(-b[k + 1] * x); };

  if (name == "Misra1a" || name == "BoxBOD") {
    return [](const T& b, const Xs& x) { return b[0] * (1 - nt::exp(-b[1] * x[0])); };
  }
  if (name == "Misra1b") {
    return [](const T& b, const Xs& x) { return b[0] * (1 - nt::pow(1 + b[1] * x[0] / 2, -2)); };
  }
  if (name == "Misra1c") {
    return [](const T& b, const Xs& x) { return b[0] * (1 - nt::pow(1 + 2 * b[1] * x[0], -0.5)); };
  }
  if (name == "Misra1d") {
    return [](const T& b, const Xs& x) { return b[0] * b[1] * x[0] / (1 + b[1] * x[0]); };
  }
  if (name == "Chwirut1" || name == "Chwirut2") {
    return [](const T& b, const Xs& x) { return nt::exp(-b[0] * x[0]) / (b[1] + b[2] * x[0]); };
  }
  if (name == "DanWood") {
    return [](const T& b, const Xs& x) { return b[0] * nt::pow(x[0], b[1]); };
  }
  if (name == "ENSO") {
    return [](const T& b, const Xs& x) {
      const auto wave = [&](std::int64_t k, const T& period) {
        const T angle = 2 * pi * x[0] / period;
        return b[k] * nt::cos(angle) + b[k + 1] * nt::sin(angle);
      };
      return b[0] + wave(1, nt::tensor(12, nt::f64)) + wave(4, b[3]) + wave(7, b[6]);
    };
  }
  if (name == "Gauss1" || name == "Gauss2" || name == "Gauss3") {
    return [=](const T& b, const Xs& x) { return decay(b, 0, x[0]) + bell(b, 2, x[0]) + bell(b, 5, x[0]); };
  }
  if (name == "Lanczos1" || name == "Lanczos2" || name == "Lanczos3") {
    return [=](const T& b, const Xs& x) { return decay(b, 0, x[0]) + decay(b, 2, x[0]) + decay(b, 4, x[0]); };
  }
  if (name == "Hahn1" || name == "Thurber") return rational(4, 3);
  if (name == "Kirby2") return rational(3, 2);
  if (name == "MGH17") {
    return [](const T& b, const Xs& x) { return b[0] + b[1] * nt::exp(-x[0] * b[3]) + b[2] * nt::exp(-x[0] * b[4]); };
  }
  if (name == "Nelson") {
    return [](const T& b, const Xs& x) { return b[0] - b[1] * x[0] * nt::exp(-b[2] * x[1]); };
  }
  if (name == "Roszman1") {
    return [](const T& b, const Xs& x) { return b[0] - b[1] * x[0] - nt::atan(b[2] / (x[0] - b[3])) / pi; };
  }
  if (name == "Bennett5") {
    return [](const T& b, const Xs& x) { return b[0] * nt::pow(b[1] + x[0], -1 / b[2]); };
  }
  if (name == "Eckerle4") {
    return [](const T& b, const Xs& x) { return b[0] / b[1] * nt::exp(-0.5 * nt::square((x[0] - b[2]) / b[1])); };
  }
  if (name == "MGH09") {
    return [](const T& b, const Xs& x) {
      return b[0] * (nt::square(x[0]) + x[0] * b[1]) / (nt::square(x[0]) + x[0] * b[2] + b[3]);
    };
  }
  if (name == "MGH10") {
    return [](const T& b, const Xs& x) { return b[0] * nt::exp(b[1] / (x[0] + b[2])); };
  }
  if (name == "Rat42") {
    return [](const T& b, const Xs& x) { return b[0] / (1 + nt::exp(b[1] - b[2] * x[0])); };
  }
  if (name == "Rat43") {
    return [](const T& b, const Xs& x) { return b[0] / nt::pow(1 + nt::exp(b[1] - b[2] * x[0]), 1 / b[3]); };
  }
  throw std::runtime_error("no model for " + name);
}

/// Reads <folder>/<name>.dat, laid out as NIST publishes these files.
inline Problem read(const std::string& folder, const std::string& name) {
  std::ifstream in(folder + "/" + name + ".dat");
  if (!in) throw std::runtime_error("cannot read " + folder + "/" + name + ".dat");
  Problem p;
  p.name = name;
  p.model = model(name);
  p.starts.resize(2);
  std::vector<std::vector<double>> columns;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    std::istringstream words(line);
    if (number <= 60) {
      const auto after = [&](const std::string& label) {
        return line.compare(0, label.size(), label) == 0 ? std::stod(line.substr(label.size())) : -1;
      };
      if (const auto at = line.find(" Level of Difficulty"); at != std::string::npos) {
        std::istringstream(line.substr(0, at)) >> p.difficulty;
      }
      if (const double v = after("Residual Sum of Squares:"); v >= 0) p.residual_sum = v;
      if (const double v = after("Residual Standard Deviation:"); v >= 0) p.residual_deviation = v;
      if (const double v = after("Degrees of Freedom:"); v >= 0) p.degrees_of_freedom = static_cast<std::int64_t>(v);
      // "b1 = start start parameter deviation"
      std::string b, equals;
      double first = 0, second = 0, parameter = 0, deviation = 0;
      if (words >> b >> equals && b[0] == 'b' && equals == "=" && words >> first >> second >> parameter >> deviation) {
        p.starts[0].push_back(first);
        p.starts[1].push_back(second);
        p.parameters.push_back(parameter);
        p.deviations.push_back(deviation);
      }
      continue;
    }
    std::vector<double> row;
    for (double v = 0; words >> v;) row.push_back(v);
    columns.resize(std::max(columns.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) columns[i].push_back(row[i]);
  }
  if (columns.size() < 2 || p.parameters.empty()) throw std::runtime_error(name + ".dat: no data");
  p.y = Problem::vector(columns[0]);
  if (name == "Nelson") p.y = nt::log(p.y);
  for (std::size_t i = 1; i < columns.size(); ++i) p.x.push_back(Problem::vector(columns[i]));
  return p;
}

/// In NIST's order.
inline const std::vector<std::string> names = {
    "Misra1a", "Chwirut2", "Chwirut1", "Lanczos3", "Gauss1",   "Gauss2", "DanWood",  "Misra1b", "Kirby2",
    "Hahn1",   "Nelson",   "MGH17",    "Lanczos1", "Lanczos2", "Gauss3", "Misra1c",  "Misra1d", "Roszman1",
    "ENSO",    "MGH09",    "Thurber",  "BoxBOD",   "Rat42",    "MGH10",  "Eckerle4", "Rat43",   "Bennett5"};

}  // namespace nist
