// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// A bundle adjustment as plain numbers, for a library that does not share our arrays.
struct BundleData {
  std::vector<double> cameras, points, pixels;
  std::vector<std::int64_t> camera_index, point_index;
};

/// What a library made of it.
struct BundleFit {
  double value = 0;  ///< half the sum of squares
  std::int64_t iterations = 0;
  double seconds = 0;
  bool converged = false;
};

/// By Ceres' Levenberg-Marquardt on one thread; `solver` is dense_schur, sparse_schur or iterative_schur, `tolerance` that
/// of the relative change of the value.
BundleFit fit_by_ceres(const BundleData& data, const std::string& solver, double tolerance);

}  // namespace bench
