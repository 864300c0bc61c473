// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>
#include <string>

namespace newtape::data {

/// A bundle adjustment problem in the form of "Bundle Adjustment in the Large" (Agarwal, Snavely, Seitz and Szeliski
/// 2010): a point X is seen at f (1 + k1 |p|^2 + k2 |p|^4) p, where p = -(P_x, P_y) / P_z and P = R X + t.
struct BundleAdjustment {
  Array cameras;       ///< f64 [c, 9]: a rotation vector, t, f, k1, k2
  Array points;        ///< f64 [p, 3]
  Array pixels;        ///< f64 [n, 2]: where a point was seen, from the centre of the picture
  Array camera_index;  ///< i64 [n]: by which camera
  Array point_index;   ///< i64 [n]: which point
};

/// Reads a file of grail.cs.washington.edu/projects/bal, plain or gzipped; those in .bz2 are unpacked by bunzip2 first.
/// IoError with the line for a number that is missing or malformed, an index out of range, and for counts that the file
/// is too short for, before memory is taken for them.
BundleAdjustment read_bal(const std::string& path);
/// Writes such a file so that reading it gives the same numbers; gzipped if `path` ends in .gz. ShapeError, DTypeError,
/// ValueError for arrays that do not belong together.
void write_bal(const std::string& path, const BundleAdjustment& problem);

/// What bundle_adjustment_like makes.
struct BundleAdjustmentLikeOptions {
  std::int64_t cameras = 10, points = 200;
  std::int64_t seen = 5;      ///< by how many neighbouring cameras each point is, at most all
  double noise = 0.5;         ///< standard deviation of a coordinate, pixels
  double false_matches = 0;   ///< the part of the observations that are up to 100 pixels away
  double start_error = 0.05;  ///< of points and translations, relative to the scene's radius; a tenth of it of angles
  std::uint64_t seed = 1;
};
/// A made-up problem: cameras on a circle look at points in a ball of radius 1, each of which `seen` cameras in a row see.
/// The cameras and points are the truth with errors, to start from. ValueError for counts below 1.
BundleAdjustment bundle_adjustment_like(const BundleAdjustmentLikeOptions& options = {});

}  // namespace newtape::data
