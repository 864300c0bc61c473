// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/index.hpp>

namespace newtape {

static const Op take_op{"take"};
static const Op take_add_op{"take_add"};
static const Op gather_op{"gather"};
static const Op scatter_add_op{"scatter_add"};
static const Op concatenate_op{"concatenate"};
static const Op stack_op{"stack"};

namespace {

/// The adjoint of take: see core::take_add.
Tensor take_add(In x, const Array& indices, std::int64_t axis, std::int64_t length) {
  return take_add_op(core::take_add(x.value(), indices, axis, length),
                     wrt(x, [indices, axis](const Tensor& g) { return take(g, indices, axis); }));
}

std::vector<Array> values(std::span<const Tensor> parts) {
  std::vector<Array> arrays;
  arrays.reserve(parts.size());
  for (const auto& p : parts) arrays.push_back(p.value());
  return arrays;
}

}  // namespace

Tensor take(In x, const Tensor& indices, std::int64_t axis) {
  axis = axis_from_last(take_op, axis, x.ndim());
  const auto length = x.shape()[x.ndim() - static_cast<std::size_t>(-axis)];
  return take_op(core::take(x.value(), indices.value(), axis),
                 wrt(x, [indices = indices.value(), axis, length](const Tensor& g) {
                   return take_add(g, indices, axis, length);
                 }));
}

Tensor gather(In x, const Tensor& indices, std::int64_t axis) {
  axis = axis_from_last(gather_op, axis, x.ndim());
  const auto length = x.shape()[x.ndim() - static_cast<std::size_t>(-axis)];
  return gather_op(core::gather(x.value(), indices.value(), axis),
                   wrt(x, [indices = indices.detach(), axis, length](const Tensor& g) {
                     return scatter_add(g, indices, axis, length);
                   }));
}

Tensor scatter_add(In x, const Tensor& indices, std::int64_t axis, std::int64_t length) {
  axis = axis_from_last(scatter_add_op, axis, x.ndim());
  return scatter_add_op(
      core::scatter_add(x.value(), indices.value(), axis, length),
      wrt(x, [indices = indices.detach(), axis](const Tensor& g) { return gather(g, indices, axis); }));
}

Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis) {
  Array value = core::concatenate(values(parts), axis);
  axis = axis_from_last(concatenate_op, axis, value.ndim());
  std::vector<std::int64_t> ends;
  std::int64_t end = 0;
  for (const auto& p : parts) ends.push_back(end += p.shape(axis));
  return concatenate_op(std::move(value), wrt_each(parts, [ends, axis](std::size_t i, const Tensor& g) {
                          return slice(g, axis, i == 0 ? 0 : ends[i - 1], ends[i]);
                        }));
}

Tensor stack(std::span<const Tensor> parts, std::int64_t axis) {
  Array value = core::stack(values(parts), axis);
  axis = axis_from_last(stack_op, axis, value.ndim());
  return stack_op(std::move(value), wrt_each(parts, [axis](std::size_t i, const Tensor& g) {
                    return select(g, axis, static_cast<std::int64_t>(i));
                  }));
}

}  // namespace newtape
