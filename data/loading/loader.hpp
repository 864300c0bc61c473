// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/core/runtime/owner.hpp>
#include <newtape/data/loading/dataset.hpp>
#include <newtape/data/loading/sampler.hpp>

#include <iterator>
#include <optional>

namespace newtape::data {

struct LoaderOptions {
  std::int64_t batch_size = 32;
  bool shuffle = false;  ///< a new permutation each epoch, determined by seed and epoch number
  std::uint64_t seed = 0;
  std::optional<std::uint64_t> transform_seed = {};  ///< of transforms' random numbers; none: `seed`
  bool drop_last = false;                            ///< omits a last batch of fewer than `batch_size` examples
  int prefetch = 2;      ///< batches prepared ahead; 0: each is made on request, by the requesting thread
  int workers = 1;       ///< threads that prepare batches; neither number affects the results
  Sampler sampler = {};  ///< selects the examples of each epoch instead of `shuffle`
};

/// Batches of a data set, prepared in the background: `for (auto& [x, y] : loader) ...` iterates over one epoch. The
/// loop may be left early. Exceptions of workers are rethrown in the loop at the batch concerned.
class Loader {
 public:
  class iterator;

  /// ValueError for invalid options.
  explicit Loader(Dataset dataset, const LoaderOptions& options = {});
  Loader(const Loader& other);
  Loader(Loader&&) noexcept = default;
  Loader& operator=(Loader other) noexcept;
  ~Loader() = default;

  /// Starts the next epoch; after load_state_dict, the remainder of the interrupted one.
  iterator begin();
  std::default_sentinel_t end() const noexcept { return {}; }

  /// Examples per epoch, before `drop_last`: the size of the data set or of the sampler.
  std::int64_t examples() const noexcept;
  /// Batches per epoch.
  std::int64_t size() const noexcept;
  const Dataset& dataset() const noexcept { return dataset_; }
  const LoaderOptions& options() const noexcept { return options_; }

  /// Number of the epoch that `begin` starts next, from 0. Set it to resume a run.
  std::int64_t epoch() const noexcept { return epoch_; }
  void set_epoch(std::int64_t epoch) noexcept;

  /// Position of the most recent loop, from which to resume after its current batch.
  NamedArrays state_dict() const;
  /// ValueError listing missing entries and mismatches with this loader's data set, batch size, seed or shuffling; the
  /// loader is then unchanged.
  void load_state_dict(const NamedArrays& state);

 private:
  /// Position of the most recent loop, which updates it.
  struct Progress {
    std::int64_t epoch = 0;
    std::int64_t batch = 0;  ///< the one after the current batch
  };
  Dataset dataset_;
  LoaderOptions options_;
  std::int64_t epoch_ = 0;
  std::int64_t first_batch_ = 0;  ///< where `begin` starts
  std::shared_ptr<Progress> progress_;
};

/// A single-pass iterator; it owns its epoch, threads included, so several may run at once.
class Loader::iterator {
 public:
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;

  iterator(iterator&&) noexcept;
  iterator& operator=(iterator&&) noexcept;
  ~iterator();

  /// The batch is valid until the next increment.
  Batch& operator*() const noexcept;
  Batch* operator->() const noexcept { return &**this; }
  iterator& operator++();
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.done(); }

 private:
  friend class Loader;
  class Epoch;
  explicit iterator(newtape::detail::Owner<Epoch> epoch);
  bool done() const noexcept;

  newtape::detail::Owner<Epoch> epoch_;
};

}  // namespace newtape::data
