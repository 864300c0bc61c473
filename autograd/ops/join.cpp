// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/join.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <string>

namespace newtape {

static const Op concatenate_op{"concatenate"};
static const Op stack_op{"stack"};
static const Op split_op{"split"};
static const Op unstack_op{"unstack"};

namespace {

std::vector<Array> values(std::span<const Tensor> parts) {
  std::vector<Array> arrays;
  arrays.reserve(parts.size());
  for (const auto& p : parts) arrays.push_back(p.value());
  return arrays;
}

std::vector<Tensor> at_least(std::size_t ndim, const std::vector<Tensor>& parts) {
  std::vector<Tensor> result;
  result.reserve(parts.size());
  for (const auto& p : parts) result.push_back(ndim == 1 ? atleast_1d(p) : atleast_2d(p));
  return result;
}

/// Replaces undefined cotangents of parts by zeros of shape `shape(shape of a defined part, k)`. At least one part must
/// be defined.
template <class F>
std::vector<Tensor> filled(Tensors parts, F shape) {
  const auto& one = *std::find_if(parts.begin(), parts.end(), [](const Tensor& g) { return g.defined(); });
  std::vector<Tensor> all(parts.begin(), parts.end());
  for (std::size_t k = 0; k < all.size(); ++k) {
    // An expanded scalar, without memory for the zeros.
    if (!all[k].defined()) all[k] = expand(zeros({}, one.dtype()), shape(one.shape(), k));
  }
  return all;
}

std::vector<Tensor> split_at(In& x, const Dims& sizes, std::int64_t axis) {
  std::vector<Array> parts;
  parts.reserve(sizes.size());
  std::int64_t start = 0;
  for (const auto size : sizes) {
    parts.push_back(core::slice(x.value(), axis, start, start + size));
    start += size;
  }
  return split_op(parts, wrt(x, [sizes, axis](Tensors g) {
                    return concatenate(filled(g,
                                              [&](Shape shape, std::size_t k) {
                                                shape[shape.size() - static_cast<std::size_t>(-axis)] = sizes[k];
                                                return shape;
                                              }),
                                       axis);
                  }));
}

void expect_count(const char* op, std::int64_t count) {
  if (count < 1)
    raise<ValueError>(std::string(op) + ": the number must be positive", "at least 1", std::to_string(count));
}

}  // namespace

Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis, SourceLocation location) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "concatenate", {parts.begin(), parts.end()}, {{"axis", axis}},
        [&] { return concatenate(parts, axis, location); }, location);
  }
  const CallSite here(location);
  Array value = core::concatenate(values(parts), axis);
  axis = axis_from_last(concatenate_op, axis, value.ndim());
  std::vector<std::int64_t> ends;
  std::int64_t end = 0;
  for (const auto& p : parts) ends.push_back(end += p.shape(axis));
  return concatenate_op(std::move(value), wrt_all(
                                              parts,
                                              [ends, axis](std::size_t i, const Tensor& g) {
                                                return slice(g, axis, i == 0 ? 0 : ends[i - 1], ends[i]);
                                              },
                                              location));
}

Tensor stack(std::span<const Tensor> parts, std::int64_t axis, SourceLocation location) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "stack", {parts.begin(), parts.end()}, {{"axis", axis}}, [&] { return stack(parts, axis, location); },
        location);
  }
  const CallSite here(location);
  Array value = core::stack(values(parts), axis);
  axis = axis_from_last(stack_op, axis, value.ndim());
  return stack_op(
      std::move(value),
      wrt_all(
          parts, [axis](std::size_t i, const Tensor& g) { return select(g, axis, static_cast<std::int64_t>(i)); },
          location));
}

Tensor hstack(const std::vector<Tensor>& parts, SourceLocation location) {
  const CallSite here(location);
  const auto raised = at_least(1, parts);
  return concatenate(raised, raised.empty() || raised[0].ndim() == 1 ? 0 : 1, location);
}
Tensor vstack(const std::vector<Tensor>& parts, SourceLocation location) {
  const CallSite here(location);
  return concatenate(at_least(2, parts), 0, location);
}

std::vector<Tensor> split(In x, std::int64_t size, std::int64_t axis) {
  axis = axis_from_last(split_op, axis, x.ndim());
  expect_count("split", size);
  const auto length = x.tensor().shape(axis);
  Dims sizes;
  for (std::int64_t left = length; left > 0; left -= size) {
    sizes.push_back(std::min(size, left));
    if (left <= size) break;  // before left - size, which may not be an i64
  }
  if (sizes.empty()) sizes.push_back(0);
  return split_at(x, sizes, axis);
}

std::vector<Tensor> split(In x, const Dims& sizes, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "split", {x}, {{"sizes", sizes}, {"axis", axis}}, [&] { return split(x, sizes, axis); }, x.location());
  }
  axis = axis_from_last(split_op, axis, x.ndim());
  const auto length = x.tensor().shape(axis);
  std::int64_t left = length;
  for (const auto size : sizes) left = size < 0 || size > left ? -1 : left - size;
  if (left != 0) {
    raise<ValueError>("split: the sizes must add up to the axis's length",
                      "sizes of at least 0 that add up to " + std::to_string(length), to_string(sizes));
  }
  return split_at(x, sizes, axis);
}

std::vector<Tensor> chunk(In x, std::int64_t count, std::int64_t axis) {
  const auto length = x.tensor().shape(axis_from_last("chunk", axis, x.ndim()));
  expect_count("chunk", count);
  return split(x, std::max<std::int64_t>(1, length / count + (length % count != 0 ? 1 : 0)), axis);
}

std::vector<Tensor> tensor_split(In x, std::int64_t count, std::int64_t axis) {
  axis = axis_from_last("tensor_split", axis, x.ndim());
  const auto length = x.tensor().shape(axis);
  expect_count("tensor_split", count);
  Dims sizes;
  for (std::int64_t k = 0; k < count; ++k) sizes.push_back(length / count + (k < length % count ? 1 : 0));
  return split_at(x, sizes, axis);
}

std::vector<Tensor> tensor_split(In x, const Dims& indices, std::int64_t axis) {
  axis = axis_from_last("tensor_split", axis, x.ndim());
  const auto length = x.tensor().shape(axis);
  Dims sizes;
  std::int64_t start = 0;
  for (const auto i : indices) {
    const auto end = std::clamp<std::int64_t>(i < 0 ? i + length : i, 0, length);
    if (end < start) {
      raise<ValueError>("tensor_split: the indices must not decrease", "ascending indices", to_string(indices));
    }
    sizes.push_back(end - start);
    start = end;
  }
  sizes.push_back(length - start);
  return split_at(x, sizes, axis);
}

std::vector<Tensor> unstack(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "unstack", {x}, {{"axis", axis}}, [&] { return unstack(x, axis); }, x.location());
  }
  axis = axis_from_last(unstack_op, axis, x.ndim());
  const auto length = x.tensor().shape(axis);
  std::vector<Array> parts;
  parts.reserve(static_cast<std::size_t>(length));
  for (std::int64_t i = 0; i < length; ++i) parts.push_back(core::select(x.value(), axis, i));
  return unstack_op(parts, wrt(x, [axis](Tensors g) {
                      return stack(filled(g, [](const Shape& shape, std::size_t) { return shape; }), axis);
                    }));
}

}  // namespace newtape
