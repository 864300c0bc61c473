// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>
#include <vector>

/// Executes a recorded fuse program (recorder.hpp) block by block, so that intermediate values stay in cache.
namespace newtape::core {

struct Value;

/// True if all elements are one stored element, broadcast; false for an empty array.
bool is_uniform(const Array& x) noexcept;

/// The values with ids `wanted`, each of shape `shape`, to which the inputs broadcast. Computes only what they depend
/// on, and uniform values only once. Bitwise equal to the kernels on whole arrays.
std::vector<Array> run(const std::vector<Value>& values, std::span<const int> wanted, std::span<const Array> inputs,
                       const Shape& shape);

/// Cost per element of the steps needed by both `a` and `b`, in units of an addition.
double shared_cost(const std::vector<Value>& values, std::span<const int> a, std::span<const int> b);

}  // namespace newtape::core
