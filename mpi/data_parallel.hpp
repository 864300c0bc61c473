// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/source_location.hpp>
#include <newtape/data/loading/batch.hpp>
#include <newtape/mpi/group.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/optim/optimizer.hpp>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace newtape::mpi {

struct DataParallelOptions {
  int shards = 12;  ///< parts of a global batch, with one sweep each, whose gradients are added in the order of one
                    ///< tree: the same bits on 1 to `shards` ranks. 0: one a rank, which is faster
  bool local_batches = false;    ///< a batch holds this rank's rows only (see `sampler`), not those of all ranks
  double bucket_mb = 25;         ///< gradients that are sent together, in units of 2^20 bytes; at most half of what is
                                 ///< left, so that little is sent after the sweep
  double first_bucket_mb = 1;    ///< of those that are ready first
  bool shard_optimizer = false;  ///< each rank has the optimizer's state of its part of the parameters, updates these,
                                 ///< and sends them to all (ZeRO 1, Rajbhandari et al. 2020): the same bits
  bool overlap_step = true;  ///< `step` updates parameters whose gradients are there while others travel; for SGD and
                             ///< the common optimizers of its kind, without max_norm, shard_optimizer and step hooks
  bool bf16 = false;         ///< f32 gradients travel as bf16: half the traffic; bits then depend on the ranks
  double max_norm = 0;       ///< above 0: `step` clips the gradients' norm to it
  bool error_if_nonfinite = true;  ///< NumericalError that names the rank and parameter, instead of NaN on all ranks
  std::int64_t check_every =
      100;  ///< steps after which parameters, buffers, optimizer and random state are compared; 0: never
  bool shared_memory = true;  ///< ranks of one machine add in memory that they share, instead of sending; not with bf16
  bool progress_thread = true;  ///< a thread goes on with transfers between machines while this one computes
};

/// Trains a model on the ranks of a group: each computes the gradients of its part of every batch, and all get the mean.
///
///     mpi::DataParallel parallel(model);
///     for (auto& batch : loader) {
///       const Tensor loss = parallel.step(optimizer, batch, [&](auto& x, auto& y) { return mse_loss(model(x), y); });
///     }
///
/// All ranks run the same program. The batch is that of one process, of which each rank takes its rows; the loss is a
/// mean over the rows that it is given. Parameters and buffers are those of rank 0 at first. Gradients are sent in
/// buckets, while the sweep goes on, in the order in which the first sweep produced them.
///
/// Batch statistics are those of a shard, and running averages are the mean over shards. Random numbers of the default
/// generator, of Dropout for instance, depend on the shard and not on the rank. An exception in the loss on one rank is
/// an Error with its message on all others; one that is met while gradients travel leaves some parameters updated. A group
/// of one rank with `shards = 0` just calls backward. Errors name the line of the call; ValueError for an object that was
/// moved from.
///
/// With `shard_optimizer`, `step` works for optimizers whose state is that of single parameters, as of all first-order ones
/// but AdamWScheduleFree (ValueError); Shampoo's and SOAP's factorisations are so divided among the ranks. Its hooks see the
/// gradients of this rank's part. States go by `state_dict` and `load_state_dict`, or to save_checkpoint by
/// `local_state_dict`.
class DataParallel {
 public:
  explicit DataParallel(const nn::ModuleBase& model, const DataParallelOptions& options = {},
                        SourceLocation at = SourceLocation::current());
  DataParallel(const nn::ModuleBase& model, const Group& group, const DataParallelOptions& options = {},
               SourceLocation at = SourceLocation::current());
  DataParallel(DataParallel&&) noexcept;
  DataParallel& operator=(DataParallel&&) noexcept;
  ~DataParallel();

  const Group& group() const;
  int rank() const { return group().rank(); }

  /// Adds the gradient of the mean loss over the rows of all ranks to the parameters' gradients, and returns that loss,
  /// a constant. `loss` takes a Batch, or two tensors. Parameters that no rank used have no gradient.
  template <class Loss>
  Tensor backward(const data::Batch& batch, const Loss& loss, SourceLocation at = SourceLocation::current()) {
    return run(batch, as_function(loss), at);
  }
  /// Clears the gradients, calls backward, clips and updates. With `accumulate(k)`, every k-th call updates.
  template <class Loss>
  Tensor step(optim::Optimizer& optimizer, const data::Batch& batch, const Loss& loss,
              SourceLocation at = SourceLocation::current()) {
    return run_step(optimizer, batch, as_function(loss), at);
  }

  /// From the next batch on, k batches are one: gradients are means over the rows of k calls, and only the last of them
  /// sends and sets them. ValueError unless k >= 1 and the batches begun are complete.
  void accumulate(int k, SourceLocation at = SourceLocation::current());

  /// Error that names the first difference between ranks, of parameters, buffers, random state, and the optimizer's.
  void check(const optim::Optimizer* optimizer = nullptr, SourceLocation at = SourceLocation::current()) const;

  /// The optimizer's state on all ranks, as one process has it; all ranks call it. Without `shard_optimizer`, its own.
  optim::StateDict state_dict(const optim::Optimizer& optimizer, SourceLocation at = SourceLocation::current()) const;
  /// This rank's part of it, for save_checkpoint.
  optim::StateDict local_state_dict(const optim::Optimizer& optimizer) const;
  /// Sets this rank's part from the state of all, of any number of ranks. ValueError as Optimizer::load_state_dict.
  void load_state_dict(optim::Optimizer& optimizer, const optim::StateDict& state) const;

  /// Of the last reduction.
  struct Statistics {
    double seconds = 0;          ///< from the first transfer to the end of the last
    double exposed_seconds = 0;  ///< of these, after the sweep
    std::int64_t bytes = 0;      ///< sent by this rank; 0 in shared memory
    std::size_t buckets = 0;
  };
  Statistics statistics() const;

 private:
  using LossFunction = std::function<Tensor(const data::Batch&)>;
  template <class Loss>
  static LossFunction as_function(const Loss& loss) {
    if constexpr (std::is_invocable_v<const Loss&, const data::Batch&>) {
      return [&loss](const data::Batch& batch) -> Tensor { return loss(batch); };
    } else {
      return [&loss](const data::Batch& batch) -> Tensor {
        const Tensor x(batch.get<0>());
        const Tensor y(batch.get<1>());
        return loss(x, y);
      };
    }
  }
  Tensor run(const data::Batch& batch, const LossFunction& loss, SourceLocation at);
  Tensor run_step(optim::Optimizer& optimizer, const data::Batch& batch, const LossFunction& loss, SourceLocation at);

  class Engine;
  Engine& engine() const;
  std::unique_ptr<Engine> engine_;
};

}  // namespace newtape::mpi
