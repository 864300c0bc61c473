// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

/// A classifier to be trained on its full batch, as a file that carries it from one program to another: both start from
/// the same numbers. Neither library is included here.
namespace bench {

struct LbfgsProblem {
  std::int64_t samples = 0, features = 0, classes = 0;
  std::int64_t hidden = 0;     ///< units of a tanh layer; 0: none
  double penalty = 0;          ///< times the sum of squares of all weights, but not of biases
  std::vector<double> x = {};  ///< [samples, features]
  std::vector<double> labels = {};
  std::vector<std::vector<double>> parameters = {};  ///< weight [out, in] and bias [out] of each layer

  std::vector<std::vector<std::int64_t>> shapes() const {
    if (hidden == 0) return {{classes, features}, {classes}};
    return {{hidden, features}, {hidden}, {classes, hidden}, {classes}};
  }
};

inline void write(const LbfgsProblem& p, const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  const auto put = [&](const std::vector<double>& values) {
    out.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(double)));
  };
  put({static_cast<double>(p.samples), static_cast<double>(p.features), static_cast<double>(p.classes),
       static_cast<double>(p.hidden), p.penalty});
  put(p.x);
  put(p.labels);
  for (const auto& values : p.parameters) put(values);
  if (!out) throw std::runtime_error("cannot write " + path);
}

inline LbfgsProblem read_problem(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const auto take = [&](std::int64_t n) {
    std::vector<double> values(static_cast<std::size_t>(n));
    in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(double)));
    if (!in) throw std::runtime_error("cannot read " + path);
    return values;
  };
  const auto head = take(5);
  LbfgsProblem p;
  p.samples = static_cast<std::int64_t>(head[0]);
  p.features = static_cast<std::int64_t>(head[1]);
  p.classes = static_cast<std::int64_t>(head[2]);
  p.hidden = static_cast<std::int64_t>(head[3]);
  p.penalty = head[4];
  p.x = take(p.samples * p.features);
  p.labels = take(p.samples);
  for (const auto& shape : p.shapes()) {
    std::int64_t n = 1;
    for (const auto length : shape) n *= length;
    p.parameters.push_back(take(n));
  }
  return p;
}

}  // namespace bench
