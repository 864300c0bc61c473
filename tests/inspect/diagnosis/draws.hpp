// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second_data.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>

/// What problems are drawn with.
namespace zoo::second {

using namespace newtape;

inline constexpr double pi = std::numbers::pi;

/// Random numbers, one by one.
class Draws {
 public:
  Draws(std::uint64_t problem, std::uint64_t seed) : generator_(1000 * problem + seed) {}
  double uniform(double low = 0, double high = 1) {
    return random::uniform({1}, low, high, f64, generator_).data<double>()[0];
  }
  double normal(double deviation = 1) { return random::normal({1}, 0, deviation, f64, generator_).data<double>()[0]; }
  std::int64_t below(std::int64_t n) { return random::integers({1}, 0, n, generator_).data<std::int64_t>()[0]; }
  std::int64_t poisson(double rate) {
    std::int64_t n = 0;
    for (double p = uniform(); p > std::exp(-rate); p *= uniform()) ++n;
    return n;
  }

 private:
  Generator generator_;
};

inline float* floats(Array& a) { return a.data<float>(); }
inline std::int64_t* integers(Array& a) { return a.data<std::int64_t>(); }

inline TrainingData cut(const Array& x, const Array& y, std::int64_t n, inspect::LossFunction loss) {
  const auto parts = data::Dataset{x, y}.split({n, -1});
  return {.train = parts[0], .loss = std::move(loss), .test = parts[1]};
}

/// Columns of mean 0 and deviation 1.
inline Array standardised(const Array& a) {
  const Tensor x = a;
  const Tensor centred = x - mean(x, 0, true);
  return (centred / sqrt(mean(square(centred), 0, true))).value();
}

}  // namespace zoo::second
