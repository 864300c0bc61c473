// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <vector>

/// Linear maps along one axis whose outputs each see a short run of inputs: what average pooling and interpolation in
/// any number of axes are made of.
namespace newtape::core {

/// A matrix [output, input] of which each row has one run of elements that may differ from zero.
struct BandMatrix {
  std::int64_t input = 0;
  std::vector<std::int64_t> first{};   ///< column of each row's run
  std::vector<std::int64_t> begin{0};  ///< where each row's run begins in `elements`, and at last their number
  std::vector<double> elements{};

  std::int64_t output() const noexcept { return static_cast<std::int64_t>(first.size()); }
  /// Adds a row with `run` from column `column` on.
  void add_row(std::int64_t column, const std::vector<double>& run);
  BandMatrix transposed() const;
};

/// Replaces the axis, of length `m.input`, by the products of `m` with it. Floats only.
Array resample(const Array& x, const BandMatrix& m, std::int64_t axis);

}  // namespace newtape::core
