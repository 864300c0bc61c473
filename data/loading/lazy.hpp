// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/loading/dataset.hpp>

#include <string>
#include <vector>

/// Data sets whose examples are made on demand: read from files, computed, drawn.
namespace newtape::data {

/// Makes example `index`: its arrays, without an example axis. Called in the loader's workers, several at once; the
/// generator's numbers depend on the loader's seed, the epoch and the place in it, not on the number of workers.
using MakeExample = std::function<Batch(std::int64_t index, Generator& generator)>;
/// Joins the examples of a batch.
using Collate = std::function<Batch(std::vector<Batch> examples)>;

struct LazyOptions {
  Collate collate = {};                 ///< none: stacks arrays of equal shapes, ShapeError for others
  std::vector<std::string> names = {};  ///< of the arrays of a batch
};

/// A data set of n examples, each made when a batch asks for it: `Loader(lazy(n, f), {.workers = 4})`. Its only stored array
/// is "index", i64 [n], so that subsets, splits, samplers and `map` work as with other sets. An exception of `f` is
/// thrown where the batch is requested, by its type in newtape (std::runtime_error for others), with the example's index
/// in the message and the original nested. ValueError if n < 0.
Dataset lazy(std::int64_t n, MakeExample make, const LazyOptions& options = {});
Dataset lazy(std::int64_t n, std::function<Batch(std::int64_t index)> make, const LazyOptions& options = {});

struct PadExamplesOptions {
  std::vector<std::size_t> arrays = {0};  ///< those whose lengths differ; the others are stacked
  double value = 0;                       ///< fills the ends
  std::int64_t multiple_of = 1;           ///< the first axis is padded to a multiple of this
};
/// Joins arrays of different lengths, e.g. sequences [t, ..] or images: each axis is padded at its end to the longest of
/// the batch. Lengths of the first axis, i64 [n], follow the example's arrays, in the order of `arrays`:
/// `for (auto& batch : loader) { auto [x, y, lengths] = batch.unpack<3>(); .. }`. ValueError, ShapeError, DTypeError.
Collate pad_examples(const PadExamplesOptions& options = {});

namespace detail {
/// Makes the examples `indices` and joins them.
Batch make_batch(std::span<const std::int64_t> indices, const MakeExample& make, const LazyOptions& options,
                 Generator& generator);
}  // namespace detail

}  // namespace newtape::data
