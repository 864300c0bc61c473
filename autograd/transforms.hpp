// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tape.hpp>

#include <functional>
#include <span>
#include <utility>
#include <vector>

/// Derivatives of functions, as functions.
namespace newtape {

/// A function of several tensors.
using Function = std::function<Tensor(std::span<const Tensor>)>;

/// f(xs), and its Jacobian's product with tangents `vs` (of the shapes of `xs`). Exact: the pullback is linear in its
/// cotangent, so its own derivative in the cotangent is the forward derivative (Townsend 2017).
std::pair<Tensor, Tensor> jvp(const Function& f, std::span<const Tensor> xs, std::span<const Tensor> vs);
/// f(xs), and a cotangent's product with the Jacobian in each of `xs`.
std::pair<Tensor, std::vector<Tensor>> vjp(const Function& f, std::span<const Tensor> xs, const Tensor& cotangent);

}  // namespace newtape
