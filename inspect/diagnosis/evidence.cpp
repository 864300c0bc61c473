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

std::vector<const Rule*> all_rules() {
  std::vector<const Rule*> all;
  for (const auto rows : {data_rules(), graph_rules(), step_rules(), run_rules()}) {
    for (const auto& r : rows) all.push_back(&r);
  }
  return all;
}

}  // namespace newtape::inspect
