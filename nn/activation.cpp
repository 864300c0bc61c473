// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/activation.hpp>

namespace newtape::nn {

Tensor Flatten::forward(In x) const {
  const auto first = normalize_axis("Flatten", start_dim, x.ndim());
  const auto last = normalize_axis("Flatten", end_dim, x.ndim());
  if (first > last) raise<ShapeError>("Flatten: start_dim must not come after end_dim");
  Shape shape(x.shape().begin(), x.shape().begin() + first + 1);
  for (auto i = first + 1; i <= last; ++i) shape[first] *= x.shape()[i];
  for (auto i = last + 1; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
  return reshape(std::move(x), shape);
}

}  // namespace newtape::nn
