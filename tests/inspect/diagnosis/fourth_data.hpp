// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "second_data.hpp"

/// Problems of the fourth programs, drawn by a seed.
namespace zoo::fourth {

using second::TrainingData;

TrainingData profiles(std::uint64_t seed);   ///< smooth curves of three parameters in [24], targets the same
TrainingData people(std::uint64_t seed);     ///< two vectors of persons: [2, 10] -> [1], 1: the same person
TrainingData phrases(std::uint64_t seed);    ///< 14 tokens, 0 for none at the start -> the kind of the last keyword
TrainingData arm(std::uint64_t seed);        ///< [8] -> [1], a robot arm's reach and friction
TrainingData bandit(std::uint64_t seed);     ///< context [8] -> rewards 0 or 1 of four arms
TrainingData clicks(std::uint64_t seed);     ///< user and item -> [1], 0 or 1
TrainingData quadrants(std::uint64_t seed);  ///< where a bright spot is: [1, 12, 12] -> one of four quarters
TrainingData stains(std::uint64_t seed);     ///< [1, 12, 12] -> class of each pixel, a tenth of them 1
TrainingData series(std::uint64_t seed);     ///< 24 values of a signal: [24, 1] -> [1], the value three steps later
TrainingData beats(std::uint64_t seed);      ///< [1, 48] -> one of three rhythms
TrainingData houses(std::uint64_t seed);     ///< [9] -> [1], nearly linear
TrainingData sensors(std::uint64_t seed);    ///< [6] -> [3] different functions
TrainingData badges(std::uint64_t seed);     ///< coloured figures: [3, 10, 10] -> class

}  // namespace zoo::fourth
