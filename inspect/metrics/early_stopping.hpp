// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/data/formats/checkpoint.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace newtape::inspect {

struct EarlyStoppingOptions {
  std::int64_t patience = 10;  ///< allowed metrics in a row without improvement
  double min_delta = 0;        ///< an improvement must be larger
  bool maximize = false;       ///< larger metrics are better
};

/// Says when a metric has stopped improving: `if (stopping.step(validation_loss)) break;`. NaN is no improvement.
class EarlyStopping {
 public:
  /// ValueError unless patience >= 0 and min_delta >= 0.
  explicit EarlyStopping(const EarlyStoppingOptions& options = {});

  /// Takes the next metric; true when more than `patience` in a row were no improvement.
  bool step(double metric);
  /// Whether the last metric was an improvement.
  bool improved() const noexcept { return steps_ > 0 && bad_ == 0; }
  double best() const noexcept { return best_; }
  /// The number of the best metric, from 0; -1 before the first.
  std::int64_t best_step() const noexcept { return best_step_; }

  /// The best metric and the counts, for resuming a run.
  NamedArrays state_dict() const;
  /// ValueError naming what does not fit; nothing is changed then.
  void load_state_dict(const NamedArrays& state);

 private:
  EarlyStoppingOptions options_;
  double best_;
  std::int64_t best_step_ = -1;
  std::int64_t bad_ = 0;
  std::int64_t steps_ = 0;
};

struct BestCheckpointOptions {
  bool maximize = false;  ///< larger metrics are better
  bool resume = false;    ///< an existing file's metric is the one to beat
};

/// Keeps the checkpoint with the best metric in one file, which is replaced atomically:
///
///     best.update(loss, [&] { return data::Checkpoint{{{"model", model.state_dict()}}}; });
///
/// The metric stands in the file's metadata as "metric", the number of the update as "step".
class BestCheckpoint {
 public:
  /// With `resume`, IoError for an existing file that is no checkpoint with a metric.
  explicit BestCheckpoint(std::string path, const BestCheckpointOptions& options = {});

  /// Saves make() when the metric is the best so far, and then returns true. NaN is never the best. IoError; the best
  /// metric and the file are then unchanged.
  bool update(double metric, const std::function<data::Checkpoint()>& make);
  double best() const noexcept { return best_; }
  const std::string& path() const noexcept { return path_; }
  /// The best checkpoint. IoError when none was saved.
  data::Checkpoint load() const { return data::load_checkpoint(path_); }

 private:
  std::string path_;
  BestCheckpointOptions options_;
  double best_;
  std::int64_t updates_ = 0;
};

}  // namespace newtape::inspect
