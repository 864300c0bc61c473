// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/rule.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

LossSpike find_spike(const std::vector<LossRecord>& losses) {
  LossSpike spike;
  if (losses.size() < 20) return spike;
  std::vector<double> values;
  for (const auto& l : losses) values.push_back(l.value);
  const double middle = median(values);
  std::vector<double> off;
  for (const double v : values) off.push_back(std::abs(v - middle));
  const double spread = median(off);
  for (std::size_t i = losses.size() / 5; i < losses.size(); ++i) {
    const double d = spread > 0 ? (values[i] - middle) / spread : 0;
    if (d > spike.height) spike.height = d, spike.step = losses[i].step;
  }
  return spike;
}

double Evidence::early_loss() const {
  std::vector<double> values;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, losses.size() / 10) && i < losses.size(); ++i) {
    if (std::isfinite(losses[i].value)) values.push_back(losses[i].value);
  }
  return median(std::move(values));
}
double Evidence::late_loss() const {
  std::vector<double> values;
  const std::size_t n = std::max<std::size_t>(1, losses.size() / 10);
  for (std::size_t i = losses.size() - std::min(losses.size(), n); i < losses.size(); ++i)
    values.push_back(losses[i].value);
  if (std::any_of(values.begin(), values.end(), [](double v) { return !std::isfinite(v); })) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return median(std::move(values));
}

double Evidence::fall() const {
  const double early = early_loss();
  return early != 0 ? (early - late_loss()) / std::abs(early) : 0;
}

bool Evidence::blew_up() const {
  const double late = late_loss();
  if (died || !std::isfinite(late) || late > 1.5 * early_loss()) return true;
  // A single batch is less sure than a tenth of a run.
  return !losses.empty() && late > 3 * std::abs(losses.front().value);
}

bool Evidence::still_falls() const {
  if (died || losses.size() < 8) return false;
  const auto middle_of = [&](std::size_t from, std::size_t to) {
    std::vector<double> values;
    for (std::size_t i = from; i < to; ++i) values.push_back(losses[i].value);
    return median(std::move(values));
  };
  const std::size_t n = losses.size();
  const double before = middle_of(n / 2, 3 * n / 4);
  return middle_of(3 * n / 4, n) < before - 0.05 * std::abs(before);
}

bool Evidence::failed() const {
  if (died || !(fall() > 0.05)) return true;
  return !still_falls() && reference.known() && does_badly() && final_train > reference.wrong + 0.1;
}

bool Evidence::does_badly(double limit) const { return died || !std::isfinite(final_train) || final_train > limit; }

std::map<std::string, double> options_of(const optim::Optimizer& optimizer) {
  std::map<std::string, double> options;
  const std::string prefix = "param_groups.0.";
  for (const auto& [name, value] : optimizer.state_dict()) {
    if (name.starts_with(prefix) && value.size() == 1) options[name.substr(prefix.size())] = value.item();
  }
  return options;
}

std::vector<const Rule*> all_rules() {
  std::vector<const Rule*> all;
  for (const auto rows : {data_rules(), graph_rules(), program_rules(), step_rules(), curvature_rules(), run_rules(),
                          substitute_rules()}) {
    for (const auto& r : rows) all.push_back(&r);
  }
  return all;
}

}  // namespace newtape::inspect
