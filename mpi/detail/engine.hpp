// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/mpi/data_parallel.hpp>
#include <newtape/mpi/detail/optimizer_shards.hpp>
#include <newtape/mpi/detail/reducer.hpp>

#include <memory>
#include <vector>

namespace newtape::mpi {

/// What a DataParallel does: sweeps over the shards of a batch, whose gradients its Reducer adds.
class DataParallel::Engine {
 public:
  Engine(const nn::ModuleBase& model, const Group& group, const DataParallelOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  const Group& group() const noexcept { return group_; }
  const DataParallelOptions& options() const noexcept { return options_; }
  bool at_start() const noexcept { return call_ == 0; }
  bool divides_optimizer() const { return options_.shard_optimizer && group_.size() > 1; }
  detail::OptimizerShards& optimizer_shards() noexcept { return optimizer_shards_; }

  void accumulate(int k);
  /// With `late`, gradients may still be on their way afterwards: then `step_late` follows.
  Tensor backward(const data::Batch& batch, const LossFunction& loss, bool late = false);
  /// Whether this optimizer can step as gradients arrive.
  bool can_step_late(const optim::Optimizer& optimizer) const;
  bool gradients_are_late() const noexcept { return late_; }
  void step_late(optim::Optimizer& optimizer);
  /// Parameters and buffers.
  NamedArrays state() const;
  Statistics statistics() const;

  std::int64_t steps = 0;  ///< updates so far

 private:
  /// The rows of all ranks in this batch, and the first that `batch` holds.
  struct Span {
    std::int64_t rows, offset;
  };

  int shards() const { return options_.shards == 0 ? group_.size() : options_.shards; }
  bool plain() const { return shards() == 1 && k_ == 1; }
  void take_from_first_rank();
  bool watch();
  void build(const std::vector<std::size_t>& order);
  void arrived(std::size_t i, const Array& g);
  Span agree(const data::Batch& batch);
  double sweep(const data::Batch& part, const LossFunction& loss, double weight);
  void add_buffers(const std::vector<Tensor>& before);
  std::vector<double> sweep_shards(const data::Batch& batch, const LossFunction& loss, Span span);
  Tensor sharded(const data::Batch& batch, const LossFunction& loss);
  Tensor report(const std::vector<double>& losses, std::int64_t rows);
  void wait_for_all(detail::Exchange& exchange);
  [[noreturn]] void raise_not_finite();
  void deliver_if_reduced();
  void deliver_gradients();
  void deliver_buffers();
  void use_learnt_order();

  nn::ModuleBase model_;
  Group group_;
  DataParallelOptions options_;
  std::vector<Parameter> params_;   ///< those that are trained
  std::vector<const void*> nodes_;  ///< of these
  std::vector<Buffer> buffers_;
  std::vector<HookHandle> hooks_;
  std::vector<std::size_t> order_, arrivals_;
  std::size_t buckets_ = 0;
  std::unique_ptr<detail::Reducer> reducer_;
  detail::OptimizerShards optimizer_shards_;
  bool held_ = false;  ///< gradients of the last batch are still referred to, on some rank
  bool sweeping_ = false;
  bool late_ = false;       ///< gradients are on their way while the optimizer steps
  std::vector<char> used_;  ///< by entries of the reducer: whether any rank has added it
  bool learnt_ = false, ordered_ = false;
  int k_ = 1, call_ = 0;
  std::int64_t rows_ = 0;         ///< of the calls that are added up
  std::int64_t not_finite_ = -1;  ///< the first parameter whose gradient is not, on this rank
  int bad_rank_ = -1;             ///< the first rank that has one
  std::size_t bad_parameter_ = 0;
};

}  // namespace newtape::mpi
