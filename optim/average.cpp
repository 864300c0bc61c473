// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/average.hpp>
#include <newtape/optim/check_option.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

namespace newtape::optim {

void WeightAverage::add_cell(Cell cell) {
  if (updates_ != 0) {
    raise<ValueError>(std::string(name_) + ": add() must precede the first update", "no updates",
                      std::to_string(updates_));
  }
  averages_.push_back(core::copy(cell.value()));
  cells_.push_back(std::move(cell));
}

void WeightAverage::update() {
  if (newtape::detail::state_observer != nullptr) {
    return newtape::detail::state_observer->on_host_call("WeightAverage::update", this, [this] { update(); });
  }
  if (swapped_)
    raise<ValueError>(std::string(name_) + ": update() is not allowed while the parameters hold the averages",
                      "update() outside the scope", "within it");
  std::vector<Array> values;
  values.reserve(cells_.size());
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    values.push_back(cells_[i].value());
    const Array& a = averages_[i];
    if (values[i].dtype() == a.dtype() && values[i].shape() == a.shape()) continue;
    raise<ValueError>(std::string(name_) + ": averaged arrays must keep dtype and shape", describe(a),
                      describe(values[i]));
  }
  ++updates_;
  const double part = updates_ == 1 ? 1 : weight(updates_);
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    Array& average = averages_[i];
    if (part == 1 || !is_floating(average.dtype())) {
      average = core::copy(values[i]);
    } else {
      if (!average.reusable()) average = core::copy(average);
      core::lerp_(average, core::contiguous(values[i]), part);
    }
  }
}

WeightAverage::Scope WeightAverage::average_parameters() { return Scope(*this); }

WeightAverage::Scope::Scope(WeightAverage& average) : average_(average) {
  newtape::detail::refuse_in_capture("average_parameters()");
  if (average.swapped_) {
    raise<ValueError>(std::string(average.name_) + ": the parameters already hold the averages",
                      "one scope of average_parameters()", "two");
  }
  for (const auto& c : average.cells_) before_.push_back(core::copy(c.value()));
  for (std::size_t i = 0; i < before_.size(); ++i) average.cells_[i].set(average.averages_[i]);
  average.swapped_ = true;
}

WeightAverage::Scope::~Scope() {
  for (std::size_t i = 0; i < before_.size(); ++i) average_.cells_[i].set(before_[i]);
  average_.swapped_ = false;
}

void WeightAverage::copy_to() {
  newtape::detail::refuse_in_capture("copy_to() of averages");
  for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i].set(averages_[i]);
}

NamedArrays WeightAverage::state_dict() const {
  Array updates = Array::empty({}, i64);
  *updates.data<std::int64_t>() = updates_;
  NamedArrays state{{"updates", updates}};
  for (std::size_t i = 0; i < averages_.size(); ++i) state.emplace_back("average." + std::to_string(i), averages_[i]);
  return state;
}

void WeightAverage::load_state_dict(const NamedArrays& state) {
  newtape::detail::StateReader reader(state, "");
  const Array updates = reader.take("updates", i64, {});
  if (updates.defined() && updates.item<std::int64_t>() < 0) reader.reject("updates", "negative");
  std::vector<Array> loaded;
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    const Array x = reader.take("average." + std::to_string(i), averages_[i].dtype(), averages_[i].shape());
    loaded.push_back(x.defined() ? core::copy(x) : Array());
  }
  reader.finish(std::string(name_) + ".load_state_dict", true);
  averages_ = std::move(loaded);
  updates_ = updates.item<std::int64_t>();
}

ExponentialMovingAverage::ExponentialMovingAverage(const ExponentialMovingAverageOptions& options)
    : WeightAverage("ExponentialMovingAverage"), options_(options) {
  check_option("ExponentialMovingAverage", "decay", options.decay, below_one);
}

double ExponentialMovingAverage::weight(std::int64_t n) const {
  const auto count = static_cast<double>(n);
  return 1 - (options_.warm_up ? std::min(options_.decay, (1 + count) / (10 + count)) : options_.decay);
}

Schedule swa_lr(const SWALROptions& o) {
  check_option("swa_lr", "swa_lr", o.swa_lr);
  check_option("swa_lr", "anneal_steps", static_cast<double>(o.anneal_steps));
  return [o](std::int64_t step, double lr) {
    if (step >= o.anneal_steps) return o.swa_lr;
    const double t = static_cast<double>(step) / static_cast<double>(o.anneal_steps);
    const double part = o.cosine ? (1 - std::cos(std::numbers::pi * t)) / 2 : t;
    return lr + part * (o.swa_lr - lr);
  };
}

}  // namespace newtape::optim
