// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms.hpp>

#include <cstdint>
#include <string>

namespace newtape {

struct GradcheckOptions {
  int order = 2;            ///< 1: gradients; 2: gradients of gradients; and so on
  double step = 0;          ///< of the central differences, for inputs of size one; 0: 1/32 and, failing that, less
  double tolerance = 1e-6;  ///< relative error allowed at order one; each further order allows 30 times more
  int directions = 2;       ///< random directions tried for every order
  std::uint64_t seed = 1;   ///< of the directions
};

/// What a check found. Converts to true when everything agreed.
struct GradcheckResult {
  bool ok = true;
  double worst = 0;     ///< largest relative error seen
  std::string message;  ///< the first disagreement: order, input, entry, both numbers, seed
  explicit operator bool() const noexcept { return ok; }
};

/// Compares the derivatives of `f` at `xs` (f64) with central differences along random directions, extrapolated by
/// Richardson's method; then does the same with the gradient itself, as a function of `xs` and of the cotangent, up to
/// `order`. Inputs that are no floats are held fixed. DTypeError for f32 inputs: differences have no digits there.
GradcheckResult gradcheck(const Function& f, std::span<const Tensor> xs, const GradcheckOptions& options = {});
GradcheckResult gradcheck(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                          const GradcheckOptions& options = {});

}  // namespace newtape
