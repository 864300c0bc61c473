// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second_data.hpp"

/// Problems of the third programs, drawn by a seed.
namespace zoo::third {

using second::TrainingData;

TrainingData board(std::uint64_t seed);      ///< fields of a 3 x 3 board: [2] -> [1], 0 or 1
TrainingData molecules(std::uint64_t seed);  ///< 8 nodes with 3 features and their edges: [8, 11] -> class
TrainingData delays(std::uint64_t seed);     ///< [7] -> [1] with a skewed noise, of which a quantile is wanted
TrainingData pairs(std::uint64_t seed);      ///< two vectors: [2, 8] -> [1], whether they belong together
TrainingData blobs(std::uint64_t seed);      ///< five normal clusters in 12 dimensions -> class
TrainingData pieces(std::uint64_t seed);     ///< another function on each of four quarters: [4] -> [1]
TrainingData bits(std::uint64_t seed);       ///< ten bits: [10, 1] -> at each step whether it differs from the last
TrainingData patches(std::uint64_t seed);    ///< coloured textures: [3, 8, 8] -> class
TrainingData tiles(std::uint64_t seed);      ///< four tiles of [16]: which two are the same: [4, 16] -> class
TrainingData tune(std::uint64_t seed);       ///< a coordinate: [1] -> [1], a sum of sines
TrainingData topics(std::uint64_t seed);     ///< fifteen words -> one of five topics
TrainingData rings(std::uint64_t seed);      ///< noisy points of a closed curve in [6], targets the same

}  // namespace zoo::third
