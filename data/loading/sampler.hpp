// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>

#include <functional>

namespace newtape::data {

/// Which examples make up an epoch of a loader, and in which order: `Loader(set, {.sampler = weighted_sampler(w, n)})`.
/// One of your own is `Sampler{n, [](Generator& g) { return ...; }}`.
struct Sampler {
  std::int64_t size = 0;                            ///< examples in an epoch
  std::function<Array(Generator&)> draw = nullptr;  ///< their numbers, i64 [size], decided by the generator alone
};

/// `count` of the examples 0, ..., n - 1, with replacement. ValueError for n < 1, count < 0.
Sampler random_sampler(std::int64_t n, std::int64_t count);

/// Those of `indices` (i64 [m]), in a new random order each epoch.
Sampler subset_sampler(const Array& indices);

struct WeightedSamplerOptions {
  bool replacement = true;  ///< else no example comes twice in an epoch
};
/// `count` examples, i with a chance in proportion to weights[i] (a float array [n]); without replacement, as if drawn
/// one after the other from those left (Efraimidis & Spirakis 2006). ValueError for weights that are negative or not
/// finite, or when too few are above 0.
Sampler weighted_sampler(const Array& weights, std::int64_t count, const WeightedSamplerOptions& options = {});

/// All examples in a random order that spreads each class (labels i64 [n]) evenly: every batch, of whatever size, holds
/// each class about as often as its share is.
Sampler stratified_sampler(const Array& labels);

/// f64 [n]: one over the number of examples of the same class. As weights, they make all classes equally frequent.
Array balanced_weights(const Array& labels);

}  // namespace newtape::data
