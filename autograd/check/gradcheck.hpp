// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace newtape {

struct GradcheckOptions {
  int order = 2;            ///< 1: gradients; 2: gradients of gradients; and so on
  double step = 0;          ///< of the central differences, for inputs of size one; 0: 1/32 and, failing that, less
  double tolerance = 1e-6;  ///< relative error allowed at order one; each further order allows 30 times more
  int directions = 2;       ///< random directions tried for every order
  std::uint64_t seed = 1;   ///< of the directions
  bool full = false;        ///< every entry of the Jacobian by itself, instead of directions: slow, and misses nothing
  bool batched = true;      ///< a batch of cotangents must give what they give one by one
  bool forward = true;      ///< from order two on: forward mode must be the transpose of reverse mode
};

/// What a check found. Converts to true when everything agreed.
struct GradcheckResult {
  bool ok = true;
  /// The disagreement is at a point where the function is not smooth (a corner, a jump, a pole): the derivative may
  /// well be right elsewhere.
  bool kink = false;
  double worst = 0;     ///< largest relative error seen
  std::string message;  ///< the first disagreement: order, input, entry, both numbers, seed; the worst entries; a hint
  explicit operator bool() const noexcept { return ok; }
};

/// Compares the derivatives of `f` at `xs` (f64) with central differences along random directions, extrapolated by
/// Richardson's method; then does the same with the gradient itself, as a function of `xs` and of the cotangent, up to
/// `order`. Inputs that are no floats are held fixed. DTypeError for f32 inputs: differences have no digits there.
GradcheckResult gradcheck(const Function& f, std::span<const Tensor> xs, const GradcheckOptions& options = {});
GradcheckResult gradcheck(const UnaryFunction& f, const Tensor& x, const GradcheckOptions& options = {});
/// The same for a function with several results.
GradcheckResult gradcheck(const MultiFunction& f, std::span<const Tensor> xs, const GradcheckOptions& options = {});

/// gradcheck to order two at least.
template <class F, class X>
GradcheckResult gradgradcheck(const F& f, const X& x, GradcheckOptions options = {}) {
  options.order = std::max(options.order, 2);
  return gradcheck(f, x, options);
}

}  // namespace newtape
