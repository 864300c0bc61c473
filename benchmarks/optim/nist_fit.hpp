// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// One of NIST's regressions as plain numbers, for a library that does not share our arrays.
struct NistData {
  std::string name;
  std::vector<double> y;
  std::vector<std::vector<double>> x;  ///< [predictor][observation]
  std::vector<double> start;
};

/// What a library made of it.
struct NistFit {
  std::vector<double> parameters;
  std::int64_t iterations = 0;
  double seconds = 0;
  bool converged = false;
};

/// By Ceres' Levenberg-Marquardt with dense QR and its automatic derivatives; `tight`: tolerances 1e-10 times the
/// defaults, as in its own example.
NistFit fit_by_ceres(const NistData& data, bool tight);

}  // namespace bench
