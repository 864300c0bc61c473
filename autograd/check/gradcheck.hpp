// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <cstdint>
#include <string>

namespace newtape {

struct GradcheckOptions {
  int order = 2;            ///< highest order of derivative: 1: gradients, 2: gradients of gradients, ...
  double step = 0;          ///< of central differences, for inputs of size one; 0: 1/32, then smaller on disagreement
  double tolerance = 1e-6;  ///< relative error allowed at order one; each further order allows 30 times more
  int directions = 2;       ///< random directions for each order
  std::uint64_t seed = 1;   ///< of the directions
  bool full = false;        ///< every entry of the Jacobian instead of directions: slow and complete
  bool batched = true;      ///< a batch of cotangents must give the same gradients as single cotangents
  bool forward = true;      ///< from order two on: forward mode must be the transpose of reverse mode
};

/// The result of a gradient check. Converts to true when all derivatives agree.
struct GradcheckResult {
  bool ok = true;
  /// The function is not smooth at the point of disagreement (a corner, a jump, a pole); the derivative may be correct
  /// elsewhere.
  bool kink = false;
  double worst = 0;     ///< largest relative error seen
  std::string message;  ///< the first disagreement: order, input, entry, both numbers, seed; the worst entries; a hint
  explicit operator bool() const noexcept { return ok; }
};

/// Compares the derivatives of `f` at `xs` (f64) with central differences along random directions, with Richardson
/// extrapolation; then the same for the gradient as a function of `xs` and the cotangent, up to `order`. Inputs that
/// are not floats are held fixed. DTypeError for f32 inputs, whose precision is too low for differences.
GradcheckResult gradcheck(const Located<Function>& f, std::span<const Tensor> xs, const GradcheckOptions& options = {});
GradcheckResult gradcheck(const Located<UnaryFunction>& f, const Tensor& x, const GradcheckOptions& options = {});
/// The same for a function with several results.
GradcheckResult gradcheck(const Located<MultiFunction>& f, std::span<const Tensor> xs,
                          const GradcheckOptions& options = {});

/// gradcheck to order two at least.
template <class F, class X>
GradcheckResult gradgradcheck(const F& f, const X& x, GradcheckOptions options = {}) {
  if (options.order < 2) options.order = 2;
  return gradcheck(f, x, options);
}

}  // namespace newtape
