// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/trainee.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace newtape::inspect {

/// What a model does with its inputs, whatever its weights: on a new one in evaluation mode with random weights of He's
/// size and scaled inputs, so that neither initialisation nor training hides it. Parts that cannot be seen are empty.
struct StructureFacts {
  /// The largest change of an example's output when the other examples of the batch change, over the rms of the output.
  std::optional<double> mixing;
  std::optional<double> unused_share;     ///< of the input columns that vary: no output depends on them
  std::vector<std::int64_t> unused = {};  ///< those columns
  std::optional<bool> affine;             ///< in floating inputs
  /// Of pairs of examples that differ, those with equal outputs.
  std::optional<double> collapsed = {};
  std::optional<bool> ignores_order;  ///< the second axis of the inputs reversed reverses the output, or leaves it
};
/// Empty where the model does not run, or gives other results for the same inputs.
StructureFacts examine_structure(const TraineeFactory& make, const TrainingData& data, std::uint64_t seed);

/// The loss alone, minimised over outputs that no model has to make: what a perfect model would be led to.
struct FreeOutputs {
  /// Of the best outputs: the share of wrong classes; of numbers 1 less the square of a positive rank correlation with the
  /// targets, as a loss may be one of their logarithm.
  double error = 1;
  bool logarithms = false;  ///< the best outputs are logarithms of the targets
  /// Outputs that are not negative, and a loss that is least, and bounded, where they are the smaller the larger a target of
  /// two values is: distances.
  bool reversed = false;
  double first = 0, middle = 0, last = 0;  ///< losses of the first, the middle and the last step
  /// The loss became negative, and fell in the second half of the steps by a quarter of what it did in the first or more; their
  /// rates sum to two fifths.
  bool unbounded() const noexcept { return last < 0 && first - middle > 0 && middle - last > 0.25 * (first - middle); }
};
/// From `output`, by 60 steps of Adam. Nothing where the loss is not finite on the way, has no gradient, or output and
/// target do not fit.
std::optional<FreeOutputs> minimise_outputs(const LossFunction& loss, const Array& output, const Array& target);

}  // namespace newtape::inspect
