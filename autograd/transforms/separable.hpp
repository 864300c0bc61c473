// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <span>
#include <vector>

namespace newtape::detail {

/// The Jacobian of `y` in one sweep with one cotangent, where y is computed from smaller values by elementwise operations
/// and broadcasting, as the predictions of a model for many observations are from its parameters. Element i of a
/// cotangent of y's shape is then due to element i of y alone, until it is to be summed over broadcast axes: there it
/// becomes row i of a batch of cotangents. [y.size, x.shape..] for each of `xs`; empty where the graph is another one, or
/// where sweeps with unit vectors take less work. The graph is retained; nothing is recorded.
std::vector<Tensor> separable_rows(const Tensor& y, std::span<const Tensor> xs);

}  // namespace newtape::detail
