// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/module.hpp>

#include <utility>

namespace newtape::nn {

/// Makes several axes of axis `dim`, the way back from Flatten: see newtape::unflatten. One length may be -1.
struct Unflatten : Module<Unflatten> {
  Unflatten(std::int64_t axis, Shape lengths) : dim(axis), unflattened_size(std::move(lengths)) {}
  Tensor forward(In x) const { return unflatten(std::move(x), dim, unflattened_size); }
  std::int64_t dim;
  Shape unflattened_size;
};

}  // namespace newtape::nn
