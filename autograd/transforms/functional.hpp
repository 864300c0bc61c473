// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/transforms/grad.hpp>

/// Turns code that reads parameters into functions of their values, for the transforms and minimisers:
///
///     const auto loss = function_of(parameters, [&] { return mse_loss(model(x), y); });
///     const Tensor h = hessian_matrix(loss, values_of(parameters));
namespace newtape {

/// `f()` as a function of the values of `parameters`, in their order. The values replace those of the parameters during
/// a call: not thread-safe. ValueError for another number of values, ShapeError for other shapes; the dtype may differ.
Function function_of(std::vector<Parameter> parameters, std::function<Tensor()> f);
/// The current values, as constants.
std::vector<Tensor> values_of(std::span<const Parameter> parameters);

}  // namespace newtape
