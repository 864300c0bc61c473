// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/optim/schedule.hpp>

#include <concepts>
#include <functional>
#include <vector>

/// Averages of parameters over the steps of a training, which often generalise better than the last values:
///
///     optim::ExponentialMovingAverage ema(model.parameters(), {.decay = 0.99});
///     for (...) { ...; optimizer.step(); ema.update(); }
///     { const auto scope = ema.average_parameters(); evaluate(model); }  // the averages are in the model meanwhile
///
/// The running statistics of batch normalisation belong to the values that were there when they were taken: `add` the
/// model's buffers, so that they are averaged too; or, in the scope, run the training data through the model once more.
namespace newtape::optim {

/// Parameters, Buffers and whatever else holds an array that can be replaced.
template <class C> concept ArrayCell = requires(const C& cell, const Array& value) {
  { cell.value() } -> std::convertible_to<Array>;
  cell.set_value(value);
};

/// The base of the averages. It keeps the cells that it is given, and does not change them but where it says so.
class WeightAverage {
 public:
  class Scope;

  virtual ~WeightAverage() = default;
  WeightAverage(const WeightAverage&) = delete;
  WeightAverage& operator=(const WeightAverage&) = delete;

  /// More to be averaged, such as a model's buffers; before the first update (ValueError). What is no float is copied.
  template <ArrayCell C>
  void add(const std::vector<C>& cells) {
    for (const auto& c : cells) add_cell({[c] { return Array(c.value()); }, [c](const Array& x) { c.set_value(x); }});
  }

  /// Takes the values of now into the averages; the first ones are the averages. ValueError while these are swapped in.
  void update();
  std::int64_t updates() const noexcept { return updates_; }
  /// In the order in which cells were given; before the first update, the values at that time.
  const std::vector<Array>& averages() const noexcept { return averages_; }

  /// Puts the averages into the cells for as long as the scope lives. ValueError when they are there already.
  [[nodiscard]] Scope average_parameters();
  /// Puts the averages into the cells for good.
  void copy_to();

  /// The averages, and how many updates they are of.
  NamedArrays state_dict() const;
  /// ValueError naming what does not fit; nothing is changed then.
  void load_state_dict(const NamedArrays& state);

 protected:
  explicit WeightAverage(const char* name) : name_(name) {}
  WeightAverage(WeightAverage&&) = default;

  /// The share of the new values in the average, in update number `n`, counted from 1.
  virtual double share(std::int64_t n) const = 0;

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

/// The averages are in the cells; it puts back what was there. The average must outlive it.
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

struct EmaOptions {
  double decay = 0.999;  ///< average = decay average + (1 - decay) value
  bool warm_up = false;  ///< a smaller decay at first: min(decay, (1 + n) / (10 + n)) in update n
};

/// An average whose weights fall exponentially with age (Polyak & Juditsky's, as deep learning uses it).
class ExponentialMovingAverage final : public WeightAverage {
 public:
  /// ValueError unless decay is in [0, 1).
  template <ArrayCell C>
  explicit ExponentialMovingAverage(const std::vector<C>& cells, const EmaOptions& options = {})
      : ExponentialMovingAverage(options) {
    add(cells);
  }

 protected:
  double share(std::int64_t n) const override;

 private:
  explicit ExponentialMovingAverage(const EmaOptions& options);
  EmaOptions options_;
};

/// The mean of all values that were given to update(), often once an epoch and with the learning rate of `swa_lr`
/// (Izmailov et al. 2018).
class StochasticWeightAverage final : public WeightAverage {
 public:
  template <ArrayCell C>
  explicit StochasticWeightAverage(const std::vector<C>& cells) : WeightAverage("StochasticWeightAverage") {
    add(cells);
  }

 protected:
  double share(std::int64_t n) const override { return 1 / static_cast<double>(n); }
};

struct SwaLrOptions {
  double swa_lr = 0.5;             ///< the constant rate, as a factor of the initial one
  std::int64_t anneal_steps = 10;  ///< on the way to it
  bool cosine = true;              ///< else linear
};
/// From the initial rate to a constant one, with which weights are averaged. `sequential_lr` puts it behind another
/// schedule.
Schedule swa_lr(const SwaLrOptions& options = {});

}  // namespace newtape::optim
