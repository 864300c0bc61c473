// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <vector>

/// Differences, derivatives and integrals of sampled functions, along one axis.
namespace newtape {

/// The n-th difference x[i + 1] - x[i] along `axis`, which gets n shorter; of booleans, whether neighbours differ.
/// `prepend` and `append` are joined to x first; 0-d ones count as one element along the axis. ValueError for n < 0.
Tensor diff(In x, std::int64_t n = 1, std::int64_t axis = -1, const Tensor& prepend = {}, const Tensor& append = {});

/// The derivative of samples f along `axis`, of f's shape: central differences of second order inside, one-sided ones of
/// order `edge_order` (1 or 2) at the ends (NumPy's gradient). `spacing` is the distance of the samples. ValueError unless
/// there are more than edge_order samples.
Tensor gradient(In f, std::int64_t axis, double spacing = 1, int edge_order = 1);
/// At the coordinates [n] of the samples, in which it is differentiable as well (Fornberg 1988).
Tensor gradient(In f, std::int64_t axis, In coordinates, int edge_order = 1);
/// Along every axis, with distance 1.
std::vector<Tensor> gradient(In f);

/// The integral of samples y along `axis` by the trapezoidal rule, at the distance `dx` or at the coordinates x [n] or of
/// y's shape. Of fewer than two samples it is 0.
Tensor trapezoid(In y, double dx = 1, std::int64_t axis = -1);
Tensor trapezoid(In y, In x, std::int64_t axis = -1);
/// The integrals from the first sample to the second, the third, and so on: one shorter than y along the axis.
Tensor cumulative_trapezoid(In y, double dx = 1, std::int64_t axis = -1);
Tensor cumulative_trapezoid(In y, In x, std::int64_t axis = -1);

}  // namespace newtape
