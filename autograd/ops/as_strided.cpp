// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/as_strided.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <string>

namespace newtape {

static const Op as_strided_op{"as_strided"};

namespace {

/// offset + sum_k index[k] strides[k] for all indices: i64 of `shape`.
Array strided_positions(const Shape& shape, const Shape& strides, std::int64_t offset) {
  Array at = Array::empty(shape, i64);
  auto* const to = at.data<std::int64_t>();
  Dims index(shape.size(), 0);
  for (std::int64_t i = 0; i < at.size(); ++i) {
    std::int64_t position = offset;
    for (std::size_t k = 0; k < shape.size(); ++k) position += index[k] * strides[k];
    to[i] = position;
    for (std::size_t k = shape.size(); k-- > 0 && ++index[k] == shape[k];) index[k] = 0;
  }
  return at;
}

/// Elements of x in C order, without checks.
Array strided_view(const Array& x, const Shape& shape, const Shape& strides, std::int64_t offset) {
  if (core::recorder() != nullptr) {
    return core::record_call(
        "as_strided", [=](const Array& a) { return strided_view(a, shape, strides, offset); }, x);
  }
  if (element_count(shape) == 0) return Array::empty(shape, x.dtype());
  return Array::view_of(core::contiguous(x), shape, Strides(strides.begin(), strides.end()), offset);
}

void check_strides(const In& x, const Shape& shape, const Shape& strides, std::int64_t offset) {
  if (shape.size() != strides.size()) {
    raise<ShapeError>("as_strided: there must be a stride for each length",
                      std::to_string(shape.size()) + " strides for " + to_string(shape), to_string(strides));
  }
  const auto negative = [](std::int64_t n) { return n < 0; };
  if (offset < 0 || std::any_of(shape.begin(), shape.end(), negative) ||
      std::any_of(strides.begin(), strides.end(), negative)) {
    raise<ValueError>("as_strided: lengths, strides and the offset must not be negative", ">= 0",
                      to_string(shape) + ", " + to_string(strides) + ", " + std::to_string(offset));
  }
  if (element_count(shape) == 0) return;
  std::int64_t last = offset;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    // Far beyond the elements already: a further product might overflow.
    if (last < x.size())
      last = std::min(x.size(), last + std::min(shape[k] - 1, x.size()) * std::min(strides[k], x.size()));
  }
  if (last >= x.size()) {
    raise<ValueError>("as_strided: the view reads beyond the elements of x",
                      "elements 0 to " + std::to_string(x.size() - 1),
                      to_string(shape) + " with strides " + to_string(strides) + " from " + std::to_string(offset));
  }
}

}  // namespace

Tensor as_strided(In x, const Shape& shape, const Shape& strides, std::int64_t offset) {
  const CallSite here(x.location());
  check_strides(x, shape, strides, offset);
  return as_strided_op(strided_view(x.value(), shape, strides, offset), wrt(x, [=, from = x.shape()](const Tensor& g) {
                         // The positions take as much memory as the view; they are made where they are needed.
                         const Array at = strided_positions(shape, strides, offset);
                         const auto n = element_count(from);
                         const Tensor sums =
                             index_add(zeros(with_leading(g, shape.size(), {n}), g.dtype()), -1, Tensor(at), g);
                         return reshape(sums, with_leading(g, shape.size(), from));
                       }));
}

}  // namespace newtape
