// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/optim/schedule.hpp>

#include <concepts>
#include <functional>
#include <vector>

/// Averages of parameters over training steps, which often generalise better than the final values:
///
///     optim::ExponentialMovingAverage ema(model.parameters(), {.decay = 0.99});
///     for (...) { ...; optimizer.step(); ema.update(); }
///     { const auto scope = ema.average_parameters(); evaluate(model); }  // the model holds the averages
///
/// Running statistics of batch normalisation do not match averaged weights: `add` the model's buffers, so that they are
/// averaged too, or recompute them from the training data within the scope.
namespace newtape::optim {

/// Parameters, Buffers and other types that hold a replaceable array.
template <class C> concept ArrayCell = requires(const C& cell, const Array& value) {
  { cell.value() } -> std::convertible_to<Array>;
  cell.set_value(value);
};

/// Base class of the averages. Holds cells, and writes to them only in average_parameters() and copy_to().
class WeightAverage {
 public:
  class Scope;

  virtual ~WeightAverage() = default;
  WeightAverage(const WeightAverage&) = delete;
  WeightAverage& operator=(const WeightAverage&) = delete;

  /// Adds cells to average, such as a model's buffers; ValueError after the first update. Arrays that are not
  /// floating-point are copied, not averaged.
  template <ArrayCell C>
  void add(const std::vector<C>& cells) {
    for (const auto& c : cells) add_cell({[c] { return Array(c.value()); }, [c](const Array& x) { c.set_value(x); }});
  }

  /// Updates the averages with the current values; the first update copies them. ValueError while the cells hold the
  /// averages.
  void update();
  std::int64_t updates() const noexcept { return updates_; }
  /// In the order of the cells; before the first update, the values when the cells were added.
  const std::vector<Array>& averages() const noexcept { return averages_; }

  /// Puts the averages into the cells for the lifetime of the scope. ValueError within another such scope.
  [[nodiscard]] Scope average_parameters();
  /// Puts the averages into the cells permanently.
  void copy_to();

  /// The averages and the number of updates.
  NamedArrays state_dict() const;
  /// ValueError naming what does not fit; nothing is changed then.
  void load_state_dict(const NamedArrays& state);

 protected:
  explicit WeightAverage(const char* name) : name_(name) {}
  WeightAverage(WeightAverage&&) = default;

  /// Weight of the new values in update `n`, counted from 1.
  virtual double weight(std::int64_t n) const = 0;

 private:
  struct Cell {
    std::function<Array()> value;
    std::function<void(const Array&)> set;
  };
  void add_cell(Cell cell);

  const char* name_;
  std::vector<Cell> cells_ = {};
  std::vector<Array> averages_ = {};
  std::int64_t updates_ = 0;
  bool swapped_ = false;
};

/// While it lives, the cells hold the averages; its destructor restores their values. The WeightAverage must outlive
/// it.
class WeightAverage::Scope {
 public:
  explicit Scope(WeightAverage& average);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  WeightAverage& average_;
  std::vector<Array> before_;
};

struct ExponentialMovingAverageOptions {
  double decay = 0.999;  ///< average = decay average + (1 - decay) value
  bool warm_up = false;  ///< a smaller decay at first: min(decay, (1 + n) / (10 + n)) in update n
};

/// Exponential moving average, the variant of Polyak & Juditsky's averaging that deep learning uses.
class ExponentialMovingAverage final : public WeightAverage {
 public:
  /// ValueError unless decay is in [0, 1).
  template <ArrayCell C>
  explicit ExponentialMovingAverage(const std::vector<C>& cells, const ExponentialMovingAverageOptions& options = {})
      : ExponentialMovingAverage(options) {
    add(cells);
  }

 protected:
  double weight(std::int64_t n) const override;

 private:
  explicit ExponentialMovingAverage(const ExponentialMovingAverageOptions& options);
  ExponentialMovingAverageOptions options_;
};

/// The mean of the values at all updates, usually one per epoch at the learning rate of `swa_lr` (Izmailov et al.
/// 2018).
class StochasticWeightAverage final : public WeightAverage {
 public:
  template <ArrayCell C>
  explicit StochasticWeightAverage(const std::vector<C>& cells) : WeightAverage("StochasticWeightAverage") {
    add(cells);
  }

 protected:
  double weight(std::int64_t n) const override { return 1 / static_cast<double>(n); }
};

struct SWALROptions {
  double swa_lr = 0.05;            ///< the constant rate itself, not a factor, as in PyTorch
  std::int64_t anneal_steps = 10;  ///< steps from the initial rate to it
  bool cosine = true;              ///< else linear
};
/// Anneals from the initial rate to the constant rate of averaging; `sequential_lr` appends it to another schedule.
Schedule swa_lr(const SWALROptions& options = {});

}  // namespace newtape::optim
