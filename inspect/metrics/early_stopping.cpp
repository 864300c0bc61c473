// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/inspect/metrics/early_stopping.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

namespace newtape::inspect {
namespace {

double worst_metric(bool maximize) {
  return maximize ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

/// Whether the metric is better than the best by more than `by`.
bool better_metric(double metric, double best, double by, bool maximize) {
  return maximize ? metric > best + by : metric < best - by;
}

}  // namespace

EarlyStopping::EarlyStopping(const EarlyStoppingOptions& options)
    : options_(options), best_(worst_metric(options.maximize)) {
  if (options.patience < 0 || !(options.min_delta >= 0)) {
    raise<ValueError>("EarlyStopping: invalid options", "patience >= 0, min_delta >= 0",
                      fmt::format("patience {}, min_delta {}", options.patience, options.min_delta));
  }
}

bool EarlyStopping::step(double metric) {
  if (better_metric(metric, best_, options_.min_delta, options_.maximize)) {
    best_ = metric;
    best_step_ = steps_;
    bad_ = 0;
  } else {
    ++bad_;
  }
  ++steps_;
  return bad_ > options_.patience;
}

NamedArrays EarlyStopping::state_dict() const {
  return {{"best", core::number(best_, f64)},
          {"best_step", core::number(static_cast<double>(best_step_), i64)},
          {"bad", core::number(static_cast<double>(bad_), i64)},
          {"steps", core::number(static_cast<double>(steps_), i64)}};
}

void EarlyStopping::load_state_dict(const NamedArrays& state) {
  newtape::detail::StateReader reader(state, "");
  const Array best = reader.take("best", f64, {});
  const Array best_step = reader.take("best_step", i64, {});
  const Array bad = reader.take("bad", i64, {});
  const Array steps = reader.take("steps", i64, {});
  reader.finish("EarlyStopping::load_state_dict", true);
  best_ = best.item();
  best_step_ = best_step.item<std::int64_t>();
  bad_ = bad.item<std::int64_t>();
  steps_ = steps.item<std::int64_t>();
}

BestCheckpoint::BestCheckpoint(std::string path, const BestCheckpointOptions& options)
    : path_(std::move(path)), options_(options), best_(worst_metric(options.maximize)) {
  if (!options.resume || !std::filesystem::exists(path_)) return;
  const auto metadata = data::load_checkpoint(path_).metadata;
  const auto metric = metadata.find("metric");
  const auto step = metadata.find("step");
  if (metric == metadata.end() || step == metadata.end()) {
    raise<IoError>("BestCheckpoint: '" + path_ + "' does not say how good it is", "metric and step in the metadata",
                   "none");
  }
  best_ = std::strtod(metric->second.c_str(), nullptr);
  updates_ = std::strtoll(step->second.c_str(), nullptr, 10) + 1;
}

bool BestCheckpoint::update(double metric, const std::function<data::Checkpoint()>& make) {
  const auto number = updates_++;
  if (!better_metric(metric, best_, 0, options_.maximize)) return false;
  data::Checkpoint checkpoint = make();
  checkpoint.metadata["metric"] = fmt::format("{:.17g}", metric);
  checkpoint.metadata["step"] = std::to_string(number);
  data::save_checkpoint(path_, checkpoint);
  best_ = metric;
  return true;
}

}  // namespace newtape::inspect
