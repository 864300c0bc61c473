// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

/// Positional encodings, added to the features of each step, as attention is invariant to the order of steps.
namespace newtape::nn {

/// [length, features]: sin(t w_i) and cos(t w_i) in turn, w_i = 10000^(-2i / features) (Vaswani et al. 2017, 3.5).
Tensor sinusoidal_positions(std::int64_t length, std::int64_t features, DType dtype = f32);

/// Options of SinusoidalPositions and LearnedPositions.
struct PositionsOptions {
  std::int64_t max_len = 5000;
  bool batch_first = false;  ///< sequences are [n, l, e], not [l, n, e]
  DType dtype = f32;
};

/// x [l, n, features] or [l, features] plus sinusoidal_positions. ValueError for sizes below 1, ShapeError for
/// sequences longer than max_len.
struct SinusoidalPositions : Module<SinusoidalPositions> {
  explicit SinusoidalPositions(std::int64_t width, const PositionsOptions& options = {});
  Tensor forward(In x) const;

  std::int64_t features;
  bool batch_first;
  Buffer pe;  ///< [max_len, features]
};

/// Learned positional encodings: weight [max_len, features], initially normal with standard deviation 0.02
/// (Radford et al. 2019).
struct LearnedPositions : Module<LearnedPositions> {
  explicit LearnedPositions(std::int64_t width, const PositionsOptions& options = {});
  Tensor forward(In x) const;

  std::int64_t features;
  bool batch_first;
  Parameter weight;
};

}  // namespace newtape::nn
