// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <span>
#include <vector>

/// Carries out what was traced (trace.hpp), block by block: what lies between inputs and results stays in the cache.
namespace newtape::core {

struct Value;

/// Whether all elements are the same one, repeated; false when there is none.
bool is_uniform(const Array& x) noexcept;

/// The values numbered `wanted`, each of shape `shape`, to which the inputs broadcast. Only what they need is computed;
/// what is the same for all elements only once. The bits are those of the kernels on whole arrays.
std::vector<Array> run(const std::vector<Value>& values, std::span<const int> wanted, std::span<const Array> inputs,
                       const Shape& shape);

/// How long the steps that both `a` and `b` need take for each element, in units of an addition.
double shared_cost(const std::vector<Value>& values, std::span<const int> a, std::span<const int> b);

}  // namespace newtape::core
