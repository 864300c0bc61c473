// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/evidence.hpp>
#include <newtape/inspect/diagnosis/treatment.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Measures and remedies that several rules share.
namespace newtape::inspect {

/// The first four names, and how many more there are.
std::string listed(const std::vector<std::string>& names);

/// The change of a weight in a step over its norm, of the weight with the largest: the median over the run and the
/// largest of all.
struct UpdateRatio {
  double median = 0, largest = 0;
  std::string where;
};
std::optional<UpdateRatio> update_ratio(const Evidence& e);

/// Calls `f` with the first record of each parameter that multiplies activations.
void each_weight(const Evidence& e,
                 const std::function<void(const ProbedParameter& p, const core::ArraySummary& value)>& f);

/// Both remedies; where both replace the step, that of `b`.
Treatment combined(const Treatment& a, const Treatment& b);
/// All rates times a factor, with the first group's in code.
Treatment rate_times(const Evidence& e, double factor);
/// An option of all groups set to a value.
Treatment with_option(const char* option, double value);
/// Rates for which a step changes weights by 1e-3, 1e-2 and 1e-1 of their norm, if steps are proportional to them.
std::vector<Treatment> rates_by_ratio(const Evidence& e, double ratio, bool lower);
/// Those below the present rate, and less momentum where there is much.
std::vector<Treatment> lower_rates(const Evidence& e);
/// Weights with He's deviation and PyTorch's default, 1 / sqrt(3 fan-in). Other parameters than those that multiply
/// stay.
std::vector<Treatment> initialise_again(const Evidence& e);
/// Weights with He's deviation, biases 0.
std::vector<Treatment> initialise_weights(const Evidence& e);
/// Inputs of mean 0 and deviation 1 in each column; statistics of `x`.
Treatment standardize_inputs(const Array& x);
std::vector<Treatment> standardize_inputs(const Evidence& e);
/// The plain step takes the place of the program's own: training mode, zero_grad, loss of the batch, backward, step.
std::vector<Treatment> plain_step(const Evidence& e);
/// Cross-entropy for integer labels, the squared error for numbers.
std::vector<Treatment> usual_loss(const Evidence& e);
/// Adam at this rate takes the steps of the optimizer, whose rate becomes 0.
Treatment adam_instead(double lr);

/// Of the examples, for statistics of columns.
inline constexpr std::int64_t examined_rows = 1000;

}  // namespace newtape::inspect
