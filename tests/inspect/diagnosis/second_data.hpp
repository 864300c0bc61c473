// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/trainee.hpp>

#include <cstdint>
#include <functional>

/// Problems of the second programs, drawn by a seed, and faults of their data.
namespace zoo::second {

using newtape::Tensor;
using newtape::inspect::TrainingData;

TrainingData spirals(std::uint64_t seed);    ///< three arms: [2] -> class
TrainingData shapes(std::uint64_t seed);     ///< a square, cross, disk or stripes with noise: [1, 12, 12] -> class
TrainingData waves(std::uint64_t seed);      ///< sine, square, sawtooth or chirp: [1, 64] -> class
TrainingData counts(std::uint64_t seed);     ///< [6] -> Poisson numbers
TrainingData memory(std::uint64_t seed);     ///< eight tokens -> the first of them
TrainingData friedman(std::uint64_t seed);   ///< Friedman 1991, first function, standardised: [10] -> [1]
TrainingData ratings(std::uint64_t seed);    ///< user and item -> [1], of rank three
TrainingData pictures(std::uint64_t seed);   ///< shapes with noise -> without: [1, 12, 12]
TrainingData tags(std::uint64_t seed);       ///< [20] -> six labels of 0 and 1
TrainingData clouds(std::uint64_t seed);     ///< sixteen points of a ring, line, disk or pair: [16, 2] -> class
TrainingData backwards(std::uint64_t seed);  ///< six tokens -> the same in reverse
TrainingData spread(std::uint64_t seed);     ///< [1] -> normal number whose deviation depends on it

using Change = std::function<Tensor(const Tensor&)>;
TrainingData inputs(TrainingData data, const Change& f);        ///< f of all inputs
TrainingData train_inputs(TrainingData data, const Change& f);  ///< of those of the training set
TrainingData test_inputs(TrainingData data, const Change& f);
TrainingData targets(TrainingData data, const Change& f);
TrainingData train_targets(TrainingData data, const Change& f);
TrainingData test_targets(TrainingData data, const Change& f);
TrainingData some(TrainingData data, const std::function<bool(std::int64_t label, std::int64_t i)>& keep);
TrainingData sorted(TrainingData data);  ///< by label, and not shuffled
TrainingData first(TrainingData data, std::int64_t n);
/// This share of the training labels is drawn at random.
TrainingData mislabelled(TrainingData data, double share, std::int64_t classes, std::uint64_t seed);
/// The value in this share of the training inputs.
TrainingData gaps(TrainingData data, double share, double value, std::uint64_t seed);
Tensor noise(const Tensor& like, double deviation, std::uint64_t seed);
Tensor roll(const Tensor& x);  ///< by one example

}  // namespace zoo::second
