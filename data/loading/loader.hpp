// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/data/loading/dataset.hpp>
#include <newtape/data/loading/sampler.hpp>

#include <iterator>

namespace newtape::data {

struct LoaderOptions {
  std::int64_t batch_size = 32;
  bool shuffle = false;  ///< a new permutation each epoch, which seed and number of the epoch decide
  std::uint64_t seed = 0;
  bool drop_last = false;  ///< leaves out a last batch of fewer than `batch_size` examples
  int prefetch = 2;        ///< batches made ahead; with 0, each is made when it is asked for, by the thread that asks
  int workers = 1;         ///< threads that make them; neither number changes what comes out
  Sampler sampler = {};    ///< chooses the examples of each epoch in the place of `shuffle`
};

/// Batches of a data set, made ahead in the background: `for (auto& [x, y] : loader) ...` runs over one epoch.
/// Leaving the loop early is fine. What a worker throws is thrown again in the loop, at the batch it befell.
class Loader {
 public:
  class iterator;

  /// ValueError for options that make no sense.
  explicit Loader(Dataset dataset, const LoaderOptions& options = {});
  Loader(const Loader& other);
  Loader(Loader&&) noexcept = default;
  Loader& operator=(Loader other) noexcept;
  ~Loader() = default;

  /// Starts the next epoch; after load_state_dict, the rest of the one that was under way.
  iterator begin();
  std::default_sentinel_t end() const noexcept { return {}; }

  /// Examples in an epoch, before `drop_last`: those of the data set, or as many as the sampler draws.
  std::int64_t examples() const noexcept;
  /// Batches in an epoch.
  std::int64_t size() const noexcept;
  const Dataset& dataset() const noexcept { return dataset_; }
  const LoaderOptions& options() const noexcept { return options_; }

  /// The number of the epoch that `begin` will start next, from 0. Setting it resumes a run.
  std::int64_t epoch() const noexcept { return epoch_; }
  void set_epoch(std::int64_t epoch) noexcept;

  /// How far the loop that was begun last has come, to go on after the batch that it has in hand.
  NamedArrays state_dict() const;
  /// ValueError naming what is missing or does not fit this loader's data set, batch size, seed or shuffling; nothing
  /// is changed then.
  void load_state_dict(const NamedArrays& state);

 private:
  /// Of the loop that was begun last, which writes it.
  struct Progress {
    std::int64_t epoch = 0;
    std::int64_t batch = 0;  ///< the one after that in hand
  };
  Dataset dataset_;
  LoaderOptions options_;
  std::int64_t epoch_ = 0;
  std::int64_t first_batch_ = 0;  ///< where `begin` will start in it
  std::shared_ptr<Progress> progress_;
};

/// A single-pass iterator; it owns the epoch it runs over, threads included, so several may run at once.
class Loader::iterator {
 public:
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;

  iterator(iterator&&) noexcept;
  iterator& operator=(iterator&&) noexcept;
  ~iterator();

  /// The batch is the loop's own until the next step.
  Batch& operator*() const noexcept;
  Batch* operator->() const noexcept { return &**this; }
  iterator& operator++();
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.done(); }

 private:
  friend class Loader;
  class Epoch;
  explicit iterator(std::unique_ptr<Epoch> epoch);
  bool done() const noexcept;

  std::unique_ptr<Epoch> epoch_;
};

}  // namespace newtape::data
