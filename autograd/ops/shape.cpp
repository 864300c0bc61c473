// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/shape.hpp>

#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/as_vector.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace newtape {

static const Op reshape_op{"reshape"};
static const Op permute_op{"permute"};
static const Op expand_op{"expand"};

bool detail::transposes(const Op& op) noexcept { return &op == &permute_op; }
bool detail::reshapes(const Op& op) noexcept { return &op == &reshape_op; }

namespace {

/// Records a reshape of x to `value`; shared by squeeze, unsqueeze and reshape.
Tensor reshaped(In& x, Array value) {
  const std::size_t ndim = value.ndim();
  return reshape_op(std::move(value), wrt(x, [shape = x.shape(), ndim](const Tensor& g) {
                      return reshape(g, with_leading(g, ndim, shape));
                    }));
}

}  // namespace

Tensor reshape(In x, const Shape& shape) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "reshape", {x}, {{"shape", shape}}, [&] { return reshape(x, shape); }, x.location());
  }
  return reshaped(x, core::reshape(x.value(), shape));
}
Tensor squeeze(In x, const Axes& axes) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "reshape", {x}, {{"shape", core::squeeze(x.value(), axes).shape()}}, [&] { return squeeze(x, axes); },
        x.location());
  }
  return reshaped(x, core::squeeze(x.value(), axes));
}
Tensor unsqueeze(In x, std::int64_t axis) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "reshape", {x}, {{"shape", core::unsqueeze(x.value(), axis).shape()}}, [&] { return unsqueeze(x, axis); },
        x.location());
  }
  return reshaped(x, core::unsqueeze(x.value(), axis));
}

Tensor ravel(In x) { return reshape(x, {x.size()}); }

Tensor flatten(In x, std::int64_t first, std::int64_t last) {
  if (x.ndim() == 0) return reshape(x, {1});
  const auto begin = normalize_axis("flatten", first, x.ndim());
  const auto end = normalize_axis("flatten", last, x.ndim());
  if (begin > end) {
    raise<ShapeError>("flatten: the axes must be in ascending order", "first <= last",
                      std::to_string(first) + " and " + std::to_string(last) + " of " + to_string(x.shape()));
  }
  Shape shape(x.shape().begin(), x.shape().begin() + begin + 1);
  for (std::size_t i = begin + 1; i < x.ndim(); ++i) {
    if (i <= end) {
      shape[begin] *= x.shape()[i];
    } else {
      shape.push_back(x.shape()[i]);
    }
  }
  return reshape(x, shape);
}

Tensor unflatten(In x, std::int64_t axis, const Shape& lengths) {
  if (x.ndim() == 0) return unflatten(unsqueeze(x, 0), axis, lengths);
  const auto a = normalize_axis("unflatten", axis, x.ndim());
  const auto length = x.shape()[a];
  std::int64_t known = 1;
  std::size_t open = lengths.size();
  bool fits = !lengths.empty();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] == -1 && open == lengths.size()) {
      open = i;
    } else {
      fits = fits && lengths[i] >= 0 && !__builtin_mul_overflow(known, lengths[i], &known);
    }
  }
  fits = fits && (open == lengths.size() ? known == length : known != 0 && length % known == 0);
  if (!fits) {
    raise<ShapeError>("unflatten: the product of the lengths must be that of the axis",
                      "lengths whose product is " + std::to_string(length) + ", at most one of them -1",
                      to_string(lengths) + " for axis " + std::to_string(a) + " of " + to_string(x.shape()));
  }
  Shape shape(x.shape().begin(), x.shape().begin() + a);
  for (std::size_t i = 0; i < lengths.size(); ++i) shape.push_back(i == open ? length / known : lengths[i]);
  for (std::size_t i = a + 1; i < x.ndim(); ++i) shape.push_back(x.shape()[i]);
  return reshape(x, shape);
}

Tensor atleast_1d(In x) { return x.ndim() >= 1 ? x.tensor() : reshape(x, {1}); }
Tensor atleast_2d(In x) { return x.ndim() >= 2 ? x.tensor() : reshape(x, {1, x.size()}); }
Tensor atleast_3d(In x) {
  if (x.ndim() >= 3) return x;
  return x.ndim() == 2 ? unsqueeze(x, 2) : reshape(x, {1, x.size(), 1});
}

Tensor permute(In x, const Dims& order) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "permute", {x}, {{"order", order}}, [&] { return permute(x, order); }, x.location());
  }
  Array value = core::permute(x.value(), order);
  const std::size_t n = x.ndim();
  Dims inverse(n);
  for (std::size_t i = 0; i < n; ++i) inverse[normalize_axis("permute", order[i], n)] = static_cast<std::int64_t>(i);
  // The identity is recorded as a reshape, so a recorded permutation of a matrix is its transpose.
  if (std::is_sorted(inverse.begin(), inverse.end())) return reshaped(x, std::move(value));
  return permute_op(
      std::move(value), wrt(x, [inverse](const Tensor& g) {
        const std::size_t lead = g.ndim() - inverse.size();
        Dims back(g.ndim());
        for (std::size_t i = 0; i < g.ndim(); ++i) {
          back[i] = static_cast<std::int64_t>(i < lead ? i : static_cast<std::size_t>(inverse[i - lead]) + lead);
        }
        return permute(g, back);
      }));
}

Tensor transpose(In x, std::int64_t axis0, std::int64_t axis1) {
  if (x.ndim() == 0) return detail::as_vector(x, [=](In v) { return transpose(std::move(v), axis0, axis1); });
  Dims order;
  for (std::size_t i = 0; i < x.ndim(); ++i) order.push_back(static_cast<std::int64_t>(i));
  std::swap(order[normalize_axis("transpose", axis0, x.ndim())], order[normalize_axis("transpose", axis1, x.ndim())]);
  return permute(x, order);
}

Tensor t(In x) {
  if (x.ndim() > 2) {
    raise<ShapeError>("t: at most two axes can be transposed; see transpose and permute", "[], [n] or [n, m]",
                      to_string(x.shape()));
  }
  return x.ndim() < 2 ? x.tensor() : transpose(x);
}

Tensor moveaxis(In x, std::int64_t from, std::int64_t to) { return moveaxis(x, Dims{from}, Dims{to}); }

Tensor moveaxis(In x, const Dims& from, const Dims& to) {
  if (from.size() != to.size()) {
    raise<ValueError>("moveaxis: each axis needs one position", std::to_string(from.size()) + " positions",
                      std::to_string(to.size()));
  }
  if (x.ndim() == 0) return detail::as_vector(x, [&](In v) { return moveaxis(std::move(v), from, to); });
  const std::size_t n = x.ndim();
  Dims order(n, -1);
  Dims moved(n);
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto a = normalize_axis("moveaxis", from[i], n);
    auto& source = order[normalize_axis("moveaxis", to[i], n)];
    if (moved[a]++ != 0 || source != -1) {
      raise<ValueError>("moveaxis: an axis or a position is given twice", "distinct axes and positions",
                        to_string(from) + " to " + to_string(to));
    }
    source = static_cast<std::int64_t>(a);
  }
  std::size_t next = 0;
  for (auto& source : order) {
    if (source != -1) continue;
    while (moved[next] != 0) ++next;
    source = static_cast<std::int64_t>(next++);
  }
  return permute(x, order);
}

Tensor expand(In x, const Shape& shape) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "expand", {x}, {{"shape", shape}}, [&] { return expand(x, shape); }, x.location());
  }
  // The sweep could sum the broadcast axes, but only here the boundary between batch axes and new axes is known.
  return expand_op(core::expand(x.value(), shape), wrt(x, [before = x.shape(), ndim = shape.size()](const Tensor& g) {
                     return sum_to(g, before, g.ndim() - ndim);
                   }));
}

std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& xs, SourceLocation location) {
  const CallSite here(location);
  Shape common;
  for (const auto& x : xs) common = broadcast_shapes("broadcast_tensors", common, x.shape());
  std::vector<Tensor> result;
  result.reserve(xs.size());
  for (const auto& x : xs) result.push_back(expand(x, common));
  return result;
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& xs, const char* indexing, SourceLocation location) {
  const CallSite here(location);
  const std::string_view order = indexing;
  if (order != "ij" && order != "xy") raise<ValueError>("meshgrid: invalid indexing", "ij or xy", order);
  const bool swapped = order == "xy" && xs.size() > 1;
  std::vector<Tensor> columns;
  columns.reserve(xs.size());
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (xs[i].ndim() > 1)
      raise<ShapeError>("meshgrid: the coordinates must be vectors", "[n]", to_string(xs[i].shape()));
    Shape shape(xs.size(), 1);
    shape[swapped && i < 2 ? 1 - i : i] = xs[i].size();
    columns.push_back(reshape(xs[i], shape));
  }
  return broadcast_tensors(columns);
}

}  // namespace newtape
