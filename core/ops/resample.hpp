// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <vector>

/// Banded linear maps along one axis, of which average pooling and interpolation are composed.
namespace newtape::core {

/// A matrix [output, input] whose nonzeros form one contiguous run per row.
struct BandMatrix {
  std::int64_t input = 0;
  std::vector<std::int64_t> first{};   ///< first column of each row's run
  std::vector<std::int64_t> begin{0};  ///< start of each row's run in `elements`, then their total number
  std::vector<double> elements{};

  std::int64_t output() const noexcept { return static_cast<std::int64_t>(first.size()); }
  /// Appends a row with `run` starting at column `column`.
  void add_row(std::int64_t column, const std::vector<double>& run);
  BandMatrix transposed() const;
};

/// Multiplies `m` with x along `axis`, of length `m.input`. Floats only.
Array resample(const Array& x, const BandMatrix& m, std::int64_t axis);

}  // namespace newtape::core
