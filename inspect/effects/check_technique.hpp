// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/core/array/print.hpp>
#include <newtape/inspect/effects/effect.hpp>
#include <newtape/nn/module/sequential.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// The examination of a technique of one's own: an activation, a normalisation, a layer.
///
///     fmt::print("{}", inspect::check_technique([](std::int64_t width) {
///       return nn::Sequential(nn::Linear(width, width), MyActivation());
///     }));
namespace newtape::inspect {

/// Makes a block that maps [n, width] to [n, width], with parameters of its own.
using MakeBlock = std::function<nn::Sequential(std::int64_t width)>;

struct CheckTechniqueOptions {
  MakeBlock baseline = nullptr;  ///< to compare with; none: Linear and ReLU
  int order = 2;                 ///< of the derivatives
  int depth = 50;                ///< blocks for the propagation of signals
  std::int64_t width = 64;       ///< of these blocks
  std::int64_t batch = 64;
  int runs = 10;   ///< of each task
  int epochs = 8;  ///< of each run
  std::uint64_t seed = 0;
};

/// Singular values of a Jacobian, in descending order. All are 1 under dynamical isometry (Saxe et al. 2014).
struct SingularSpectrum {
  std::vector<double> values;
  double largest() const { return values.empty() ? 0 : values.front(); }
  double smallest() const { return values.empty() ? 0 : values.back(); }
  double median() const { return values.empty() ? 0 : values[values.size() / 2]; }
  /// The mean square: the factor by which a block multiplies the squared length of a random gradient.
  double mean_square() const;
};

/// What check_technique found.
struct TechniqueReport {
  GradcheckResult derivatives;        ///< of a block in its inputs and parameters, in f64 and training mode
  std::vector<double> signal;         ///< [depth + 1]: rms after k blocks over that of the input
  std::vector<double> gradient;       ///< [depth + 1]: rms of the gradient after k blocks over that after all
  SingularSpectrum block, stack;      ///< of the Jacobian of one sample through one block, and through all
  std::vector<Effect> effects;        ///< on digits (accuracy) and on diabetes (error)
  std::vector<std::string> findings;  ///< what is wrong, in words; empty when nothing is
  bool ok() const noexcept { return findings.empty(); }
};

/// Checks the derivatives of a block to order two, the propagation of signals and gradients through `depth` of them (He
/// et al. 2015; Schoenholz et al. 2017), the singular values of its Jacobian, and measures its effect in a network on two
/// small tasks. Findings are wrong derivatives, values that are not finite, signals or gradients that change by more
/// than the precision of f32 over the depth, and effects that harm. ShapeError unless the block keeps the shape.
TechniqueReport check_technique(const MakeBlock& technique, const CheckTechniqueOptions& options = {});

/// A report as text, with one line for each part.
std::string to_string(const TechniqueReport& report);
/// As a JSON object; numbers that are not finite are null.
std::string to_json(const TechniqueReport& report);

}  // namespace newtape::inspect

template <>
struct fmt::formatter<newtape::inspect::TechniqueReport> : newtape::detail::StringFormatter {
  auto format(const newtape::inspect::TechniqueReport& x, fmt::format_context& ctx) const {
    return write(newtape::inspect::to_string(x), ctx);
  }
};
