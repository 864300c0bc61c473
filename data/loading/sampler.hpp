// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/core/runtime/random.hpp>

#include <functional>

namespace newtape::data {

/// Selects and orders the examples of an epoch: `Loader(set, {.sampler = weighted_sampler(w, n)})`. Custom: `Sampler{n,
/// [](Generator& g) { return ...; }}`.
struct Sampler {
  std::int64_t size = 0;                            ///< examples per epoch
  std::function<Array(Generator&)> draw = nullptr;  ///< returns indices, i64 [size], determined by the generator alone
};

/// `count` of the examples 0, ..., n - 1, with replacement. ValueError if n < 1 or count < 0.
Sampler random_sampler(std::int64_t n, std::int64_t count);

/// The examples `indices` (i64 [m]), in a new random order each epoch.
Sampler subset_sampler(const ArrayLike& indices);

struct WeightedSamplerOptions {
  bool replacement = true;  ///< false: no example is drawn twice per epoch
};
/// `count` examples with probabilities proportional to `weights` (floats [n]); without replacement, as if drawn one by
/// one from the remaining ones (Efraimidis & Spirakis 2006). ValueError for negative or non-finite weights, or too few
/// positive ones.
Sampler weighted_sampler(const ArrayLike& weights, std::int64_t count, const WeightedSamplerOptions& options = {});

/// All examples in a random order with every class (labels i64 [n]) evenly spread: batches of any size contain each
/// class in about its overall proportion.
Sampler stratified_sampler(const ArrayLike& labels);

/// f64 [n]: reciprocal class frequency of each example. As weights, they make all classes equally frequent.
Array balanced_weights(const ArrayLike& labels);

}  // namespace newtape::data
