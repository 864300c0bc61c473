// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace newtape::optim {

/// Processes that take the same steps of an optimizer together, each on rows of its own. Optimizers that know of them
/// (KFAC) average what they compute from rows, and divide the work that follows from the averages.
class Peers {
 public:
  Peers() = default;
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;
  virtual ~Peers();

  /// The number of this process, from 0.
  virtual int rank() const = 0;
  /// Replaces each array by its mean over the processes, which weigh theirs by `weight`; the same bits on all.
  virtual void average(std::span<Array* const> arrays, double weight) = 0;
  /// Items 0, .., costs.size() - 1, each of which one process computes by `compute`; all then have the arrays `results`
  /// of every item. An exception on one is one on all.
  virtual void divide(std::span<const double> costs, const std::function<void(std::size_t)>& compute,
                      const std::function<std::vector<Array*>(std::size_t)>& results) = 0;
};

/// Those of the steps of this thread; null: none.
Peers* peers() noexcept;

/// Sets them for a scope.
class PeersScope {
 public:
  explicit PeersScope(Peers* peers) noexcept;
  PeersScope(const PeersScope&) = delete;
  PeersScope& operator=(const PeersScope&) = delete;
  ~PeersScope();

 private:
  Peers* before_;
};

}  // namespace newtape::optim
