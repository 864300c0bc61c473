// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/index.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/as_vector.hpp>
#include <newtape/autograd/ops/detail/scatter_source.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/array/integers.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace newtape {

static const Op take_op{"take"};
static const Op take_adjoint_op{"take_adjoint"};
static const Op index_add_op{"index_add"};
static const Op index_copy_op{"index_copy"};
static const Op gather_op{"gather"};
static const Op gather_adjoint_op{"gather_adjoint"};
static const Op scatter_add_op{"scatter_add"};

namespace {

/// The adjoint of take: see core::take_adjoint.
Tensor take_adjoint(In x, const Array& indices, std::int64_t axis, std::int64_t length) {
  return take_adjoint_op(core::take_adjoint(x.value(), indices, axis, length),
                         wrt(x, [indices, axis](const Tensor& g) { return take(g, indices, axis); }));
}

struct TakePullback {
  Array indices;
  std::int64_t axis, length;

  Tensor operator()(const Tensor& g) const { return take_adjoint(g, indices, axis, length); }
  void accumulate_into(Array& sum, const Array& g) const { sum = core::index_add(std::move(sum), axis, indices, g); }
};

/// `src` broadcast to the shape of `take(x, indices, axis)`.
Tensor spread(const In& x, const Tensor& indices, std::int64_t axis, const In& src) {
  const std::size_t a = x.ndim() - static_cast<std::size_t>(-axis);
  Shape shape(x.shape().begin(), x.shape().begin() + a);
  for (const auto d : indices.shape()) shape.push_back(d);
  for (std::size_t i = a + 1; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
  return src.shape() == shape ? src.tensor() : expand(src, shape);
}

}  // namespace

Tensor detail::scatter_source(const char* op, const Tensor& indices, const In& src) {
  if (src.ndim() == 0) return expand(src, indices.shape());
  core::Window window(src.shape(), src.ndim());
  bool fits = src.ndim() == indices.ndim();
  for (std::size_t i = 0; fits && i < src.ndim(); ++i) {
    fits = indices.shape()[i] <= src.shape()[i];
    if (fits) window.narrow(op, i, {0, indices.shape()[i]});
  }
  if (!fits) {
    raise<ShapeError>(std::string(op) + ": the source must be at least as long as the indices along every axis",
                      to_string(indices.shape()) + " or longer", to_string(src.shape()));
  }
  return window.whole() ? src.tensor() : slice(src, window);
}

Tensor take(In x, const Tensor& indices, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "take", {x, indices}, {{"axis", axis}}, [&] { return take(x, indices, axis); }, x.location());
  }
  if (x.ndim() == 0) return take(In(unsqueeze(x, 0), x.location()), indices, axis);
  axis = axis_from_last(take_op, axis, x.ndim());
  const auto length = x.tensor().shape(axis);
  return take_op(core::take(x.value(), indices.value(), axis), wrt(x, TakePullback{indices.value(), axis, length}));
}

Tensor index_add(In x, std::int64_t axis, const Tensor& indices, In src, const IndexAddOptions& options) {
  if (const double alpha = options.alpha; alpha != 1) {
    if (src.is_number()) return index_add(std::move(x), axis, indices, In(src.number() * alpha, src.location()));
    const bool whole = src.literal() == i64 && alpha == std::floor(alpha) && detail::fits_i64(alpha);
    In scaled(whole ? src * static_cast<std::int64_t>(alpha) : src * alpha, src.location());
    return index_add(std::move(x), axis, indices, std::move(scaled));
  }
  if (x.ndim() == 0) return detail::as_vector(x, [&](In v) { return index_add(std::move(v), axis, indices, src); });
  match(index_add_op, x, src);
  axis = axis_from_last(index_add_op, axis, x.ndim());
  const In from(spread(x, indices, axis, src), x.location());
  return index_add_op(core::index_add(x.take(), axis, indices.value(), from.value()),
                      wrt(x, [](const Tensor& g) { return g; }),
                      wrt(from, [indices = indices.value(), axis](const Tensor& g) { return take(g, indices, axis); }));
}

Tensor index_copy(In x, std::int64_t axis, const Tensor& indices, In src) {
  if (x.ndim() == 0) return detail::as_vector(x, [&](In v) { return index_copy(std::move(v), axis, indices, src); });
  match(index_copy_op, x, src);
  axis = axis_from_last(index_copy_op, axis, x.ndim());
  const auto length = x.tensor().shape(axis);
  const In from(spread(x, indices, axis, src), x.location());
  return index_copy_op(
      core::index_copy(x.take(), axis, indices.value(), from.value()),
      wrt(x, [indices = indices.detach(), axis](Tensor g) { return index_copy(std::move(g), axis, indices, 0); }),
      wrt(from, [indices = indices.value(), axis, length](const Tensor& g) {
        Tensor back = take(g, indices, axis);
        const Array last = core::last_of_equals(indices, length);
        if (!last.defined()) return back;
        Shape shape = last.shape();
        for (std::int64_t i = axis + 1; i < 0; ++i) shape.push_back(1);
        return where(core::reshape(last, shape), std::move(back), 0);
      }));
}

Tensor gather(In x, std::int64_t axis, const Tensor& indices) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "gather", {x, indices}, {{"axis", axis}}, [&] { return gather(x, axis, indices); }, x.location());
  }
  if (x.ndim() == 0 && indices.ndim() == 0) {
    return detail::as_vector(x, [&](In v) { return gather(std::move(v), axis, unsqueeze(indices, 0)); });
  }
  axis = axis_from_last(gather_op, axis, x.ndim());
  if (indices.ndim() == x.ndim()) {
    core::Window window(x.shape(), x.ndim());
    for (std::size_t i = 0; i < x.ndim(); ++i) {
      const bool along = i == x.ndim() - static_cast<std::size_t>(-axis);
      if (!along && indices.shape()[i] < x.shape()[i]) window.narrow("gather", i, {0, indices.shape()[i]});
    }
    if (!window.whole()) return gather(slice(x, window), axis, indices);
  }
  const auto length = x.tensor().shape(axis);
  return gather_op(core::gather(x.value(), axis, indices.value()),
                   wrt(x, [indices = indices.detach(), axis, length](const Tensor& g) {
                     return gather_adjoint(g, axis, indices, length);
                   }));
}

Tensor take_along_axis(In x, const Tensor& indices, std::int64_t axis) {
  if (x.ndim() == 0 && indices.ndim() == 0) return gather(std::move(x), axis, indices);
  if (indices.ndim() != x.ndim()) {
    raise<ShapeError>("take_along_axis: the indices must have as many axes as the operand", to_string(x.shape()),
                      to_string(indices.shape()));
  }
  const auto a = normalize_axis("take_along_axis", axis, x.ndim());
  Shape from = x.shape();
  Shape to = indices.shape();
  from[a] = to[a] = 1;
  const Shape common = broadcast_shapes("take_along_axis", from, to);
  from = to = common;
  from[a] = x.shape()[a];
  to[a] = indices.shape()[a];
  return gather(from == x.shape() ? x.tensor() : expand(x, from), axis, expand(indices, to));
}

Tensor scatter(In x, std::int64_t axis, const Tensor& indices, In src) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "scatter", {x, indices, src}, {{"axis", axis}}, [&] { return scatter(x, axis, indices, src); }, x.location());
  }
  if (x.ndim() == 0 && indices.ndim() == 0) {
    return detail::as_vector(x, [&](In v) { return scatter(std::move(v), axis, unsqueeze(indices, 0), src); });
  }
  if (src.is_number()) src.resolve("scatter", x.dtype());
  const Tensor positions = core::flat_positions("scatter", x.shape(), indices.value(), axis);
  return reshape(index_copy(ravel(x), 0, positions, detail::scatter_source("scatter", indices, src)), x.shape());
}

Tensor scatter_add(In x, std::int64_t axis, const Tensor& indices, In src) {
  if (detail::is_traced() && !src.is_number()) {
    return detail::trace_call(
        "scatter_add", {x, indices, src}, {{"axis", axis}}, [&] { return scatter_add(x, axis, indices, src); },
        x.location());
  }
  if (x.ndim() == 0 && indices.ndim() == 0) {
    return detail::as_vector(x, [&](In v) { return scatter_add(std::move(v), axis, unsqueeze(indices, 0), src); });
  }
  match(scatter_add_op, x, src);
  const Tensor positions = core::flat_positions("scatter_add", x.shape(), indices.value(), axis);
  return reshape(index_add(ravel(x), 0, positions, detail::scatter_source("scatter_add", indices, src)), x.shape());
}

Tensor gather_adjoint(In x, std::int64_t axis, const Tensor& indices, std::int64_t length) {
  axis = axis_from_last(gather_adjoint_op, axis, x.ndim());
  return gather_adjoint_op(
      core::gather_adjoint(x.value(), axis, indices.value(), length),
      wrt(x, [indices = indices.detach(), axis](const Tensor& g) { return gather(g, axis, indices); }));
}

Tensor masked_fill(In x, const Tensor& mask, In value) {
  const Shape with = broadcast_shapes("masked_fill", x.shape(), mask.shape());
  if (with != x.shape() || (!value.is_number() && broadcast_shapes("masked_fill", with, value.shape()) != with)) {
    raise<ShapeError>(
        "masked_fill: mask and value must broadcast to the operand", to_string(x.shape()),
        to_string(mask.shape()) + (value.is_number() ? std::string() : " and " + to_string(value.shape())));
  }
  return where(mask, value, x);
}

Tensor masked_select(In x, const Tensor& mask) {
  if (mask.dtype() != boolean) {
    raise<DTypeError>("masked_select: the mask must be boolean", "boolean", name(mask.dtype()));
  }
  const Shape common = broadcast_shapes("masked_select", x.shape(), mask.shape());
  return take(ravel(expand(x, common)), core::flatnonzero(core::expand(mask.value(), common)), 0);
}

Tensor argwhere(In x) { return core::argwhere(x.value()); }

std::vector<Tensor> where(In condition) { return unstack(argwhere(std::move(condition)), 1); }

Tensor one_hot(In indices, std::int64_t classes, DType dtype) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "one_hot", {indices}, {{"classes", classes}, {"dtype", std::string(name(dtype))}},
        [&] { return one_hot(indices, classes, dtype); }, indices.location());
  }
  if (indices.dtype() != i64)
    return one_hot(In(core::as_indices("one_hot", indices.value()), indices.location()), classes, dtype);
  if (classes < -1 || (classes == -1 && indices.size() == 0)) {
    raise<ValueError>("one_hot: invalid number of classes", "at least 0; -1 needs at least one index",
                      classes == -1 ? "-1 and no index" : std::to_string(classes));
  }
  if (classes == -1) {
    const auto largest = max(indices).item<std::int64_t>();
    if (largest == std::numeric_limits<std::int64_t>::max()) {
      raise<ValueError>("one_hot: the index is too large", "indices below 2^63 - 1", std::to_string(largest));
    }
    classes = largest + 1;
  }
  const Array at = core::unsqueeze(indices.value(), -1);
  try {
    return core::gather_adjoint(core::ones(at.shape(), dtype), -1, at, classes);
  } catch (const ValueError&) {  // an index out of range, found while they are read
    const auto smallest = min(indices).item<std::int64_t>();
    const auto largest = max(indices).item<std::int64_t>();
    raise<ValueError>("one_hot: index out of range",
                      "indices from " + std::to_string(-classes) + " to " + std::to_string(classes - 1),
                      std::to_string(largest >= classes ? largest : smallest));
  }
}

}  // namespace newtape
