// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms/grad.hpp>

/// From code that reads parameters to functions of their values, as the transforms and minimisers take them:
///
///     const auto loss = function_of(parameters, [&] { return mse_loss(model(x), y); });
///     const Tensor h = hessian_matrix(loss, values_of(parameters));
namespace newtape {

/// `f()` as a function of the values of `parameters`, in their order, which stand in the cells while it runs: not to be
/// called from two threads at once. ValueError, ShapeError for values that do not fit; their dtype may be another.
Function function_of(std::vector<Parameter> parameters, std::function<Tensor()> f);
/// The current values, as constants.
std::vector<Tensor> values_of(std::span<const Parameter> parameters);

}  // namespace newtape
