// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/repeat.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/onnx/format/tensor.hpp>
#include <newtape/onnx/import/rows/cast.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

/// Shapes: what moves elements without computing.
namespace newtape::onnx::detail {
namespace {

/// Axes in an attribute, or from version 13 on in input 1; counted from 0 among `ndim`, sorted.
Dims axes_of(Call& c, std::size_t ndim) {
  Dims axes = c.since() < 13 ? c.integers("axes") : c.given(1) ? c.integers(1) : Dims();
  for (auto& a : axes) a = from_front(a, ndim);
  std::sort(axes.begin(), axes.end());
  return axes;
}

Results reshape_row(Call& c) {
  Dims shape = c.since() < 5 ? c.integers("shape") : c.integers(1);
  const bool allow_zero = c.integer("allowzero", 0) != 0;
  if (c.value(0).kind() == Value::Kind::strings) {
    Strings s = c.value(0).strings();
    const Array layout = core::reshape(core::zeros(s.shape, boolean), shape);
    s.shape = layout.shape();
    return {Value(std::move(s))};
  }
  Tensor x = c.tensor(0);
  std::int64_t known = 1, open = -1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !allow_zero) {
      if (i >= x.ndim())
        c.fail("a length of 0 stands for one that the input has", to_string(x.shape()), to_string(shape));
      shape[i] = x.shape()[i];
    }
    if (shape[i] == -1)
      open = static_cast<std::int64_t>(i);
    else
      known *= shape[i];
  }
  if (open >= 0 && known == 0) shape[static_cast<std::size_t>(open)] = 0;
  return c.out(reshape(std::move(x), shape));
}

Results transpose_row(Call& c) {
  Dims order = c.integers("perm");
  Tensor x = c.tensor(0);
  if (order.empty()) {
    for (std::size_t i = x.ndim(); i > 0; --i) order.push_back(static_cast<std::int64_t>(i - 1));
  }
  return c.out(permute(std::move(x), order));
}

Results flatten_row(Call& c) {
  Tensor x = c.tensor(0);
  const Shape shape = x.shape();
  auto axis = c.integer("axis", 1);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  if (axis < 0 || axis > static_cast<std::int64_t>(shape.size())) c.fail("axis is out of range");
  const auto at = static_cast<std::size_t>(axis);
  return c.out(
      reshape(std::move(x), {element_count(lengths(shape, 0, at)), element_count(lengths(shape, at, shape.size()))}));
}

Results squeeze_row(Call& c) {
  const Dims axes = axes_of(c, c.value(0).shape().size());
  const bool all = c.since() < 13 ? !c.has("axes") : !c.given(1);
  return c.out(squeeze(c.tensor(0), all ? Axes() : Axes(axes)));
}

Results unsqueeze_row(Call& c) {
  const std::size_t count = c.since() < 13 ? c.integers("axes").size() : c.integers(1).size();
  const Dims axes = axes_of(c, c.value(0).shape().size() + count);
  Tensor x = c.tensor(0);
  for (const auto a : axes) x = unsqueeze(std::move(x), a);
  return c.out(std::move(x));
}

Results concat(Call& c) {
  const auto axis = c.since() < 4 ? c.integer("axis", 1) : c.integer("axis");
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < c.size(); ++i) parts.push_back(c.tensor(i));
  return c.out(concatenate(parts, axis));
}

Results split_row(Call& c) {
  Tensor x = c.tensor(0);
  const auto axis = c.integer("axis", 0);
  Dims sizes = c.since() < 13 ? c.integers("split") : c.given(1) ? c.integers(1) : Dims();
  if (sizes.empty()) {
    const auto n = c.since() >= 18 ? c.integer("num_outputs", static_cast<std::int64_t>(c.outputs()))
                                   : static_cast<std::int64_t>(c.outputs());
    if (n < 1) c.fail("there are no outputs");
    const auto length = x.shape(axis), size = (length + n - 1) / n;
    if (c.since() < 18 && length % n != 0) {
      c.fail("the length is not a multiple of the outputs", std::to_string(n), std::to_string(length));
    }
    for (std::int64_t i = 0, left = length; i < n; ++i, left -= sizes.back()) sizes.push_back(std::min(size, left));
  }
  Results parts;
  const ElementType type = c.type(0);
  for (auto& part : split(std::move(x), sizes, axis)) parts.push_back(c.as(std::move(part), type));
  return parts;
}

/// start:end:step along an axis with ONNX's rules for ends out of range.
Tensor slice_axis(Tensor x, std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step) {
  const auto n = x.shape(axis);
  const auto clipped = [n](std::int64_t i, std::int64_t low, std::int64_t high) {
    if (i < 0) i = i < -n ? low - 1 : i + n;
    return std::clamp(i, low, high);
  };
  if (step > 0) return slice(std::move(x), axis, clipped(start, 0, n), clipped(end, 0, n), step);
  const auto from = clipped(start, 0, n - 1), to = clipped(end, -1, n - 1);
  const Dims dims = x.shape();
  core::Window window(dims, dims.size());
  const auto at = static_cast<std::size_t>(from_front(axis, dims.size()));
  window.narrow("Slice", at, to < 0 ? Slice(from, none, step) : Slice(from, to, step));
  return slice(std::move(x), window);
}

Results slice_row(Call& c) {
  const bool attributes = c.since() < 10;
  const Dims starts = attributes ? c.integers("starts") : c.integers(1);
  const Dims ends = attributes ? c.integers("ends") : c.integers(2);
  Dims axes = attributes ? c.integers("axes") : c.given(3) ? c.integers(3) : Dims();
  const Dims steps = !attributes && c.given(4) ? c.integers(4) : Dims(starts.size(), 1);
  if (axes.empty()) {
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
    c.fail("starts, ends, axes and steps differ in length");
  }
  Tensor x = c.tensor(0);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    if (steps[i] == 0) c.fail("a step is 0");
    if (x.shape(axes[i]) == 0) continue;
    x = slice_axis(std::move(x), axes[i], starts[i], ends[i], steps[i]);
  }
  return c.out(std::move(x));
}

Results shape_of(Call& c) {
  const Shape& shape = c.value(0).shape();
  const auto n = static_cast<std::int64_t>(shape.size());
  auto start = c.integer("start", 0), end = c.integer("end", n);
  start = std::clamp<std::int64_t>(start < 0 ? start + n : start, 0, n);
  end = std::clamp<std::int64_t>(end < 0 ? end + n : end, start, n);
  return c.out(from_integers(lengths(shape, static_cast<std::size_t>(start), static_cast<std::size_t>(end))),
               ElementType::int64);
}

Results expand_row(Call& c) {
  const Dims shape = c.integers(1);
  Tensor x = c.tensor(0);
  return c.out(expand(x, broadcast_shapes("Expand", x.shape(), shape)));
}

Results tile_row(Call& c) {
  if (c.since() < 6) {
    Dims repeats(c.value(0).shape().size(), 1);
    repeats[static_cast<std::size_t>(from_front(c.integer(2), repeats.size()))] = c.integer(1);
    return c.out(tile(c.tensor(0), repeats));
  }
  const Dims repeats = c.integers(1);
  return c.out(tile(c.tensor(0), repeats));
}

/// [n, c, h, w] <-> blocks.
Results depth_to_space(Call& c) {
  const auto b = c.integer("blocksize");
  const bool crd = c.text("mode", "DCR") == "CRD";
  Tensor x = c.tensor(0);
  if (x.ndim() != 4 || b < 1) c.fail("the input must be [n, c, h, w]", "4 axes, blocksize >= 1", to_string(x.shape()));
  const Shape s = x.shape();
  const auto depth = s[1] / (b * b);
  x = crd ? permute(reshape(std::move(x), {s[0], depth, b, b, s[2], s[3]}), {0, 1, 4, 2, 5, 3})
          : permute(reshape(std::move(x), {s[0], b, b, depth, s[2], s[3]}), {0, 3, 4, 1, 5, 2});
  return c.out(reshape(std::move(x), {s[0], depth, s[2] * b, s[3] * b}));
}

Results space_to_depth(Call& c) {
  const auto b = c.integer("blocksize");
  Tensor x = c.tensor(0);
  if (x.ndim() != 4 || b < 1) c.fail("the input must be [n, c, h, w]", "4 axes, blocksize >= 1", to_string(x.shape()));
  const Shape s = x.shape();
  x = permute(reshape(std::move(x), {s[0], s[1], s[2] / b, b, s[3] / b, b}), {0, 3, 5, 1, 2, 4});
  return c.out(reshape(std::move(x), {s[0], s[1] * b * b, s[2] / b, s[3] / b}));
}

Results pad_row(Call& c) {
  const bool attributes = c.since() < 11;
  const Dims pads = attributes ? c.integers(c.since() < 2 ? "paddings" : "pads") : c.integers(1);
  const auto mode = c.text("mode", "constant");
  const double value = attributes ? c.real("value", 0) : c.given(2) ? c.real(2) : 0;
  Tensor x = c.tensor(0);
  Dims axes = !attributes && c.given(3) ? c.integers(3) : Dims();
  if (axes.empty()) {
    for (std::size_t i = 0; i < x.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (pads.size() != 2 * axes.size()) {
    c.fail("two widths are needed for each axis", std::to_string(2 * axes.size()), std::to_string(pads.size()));
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> widths(x.ndim());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    auto& [before, after] = widths[static_cast<std::size_t>(from_front(axes[i], x.ndim()))];
    before = pads[i];
    after = pads[i + axes.size()];
    // Negative widths remove elements.
    if (before < 0 || after < 0) {
      x = slice(std::move(x), axes[i], std::max<std::int64_t>(0, -before),
                x.shape(axes[i]) - std::max<std::int64_t>(0, -after));
      before = std::max<std::int64_t>(before, 0);
      after = std::max<std::int64_t>(after, 0);
    }
  }
  const PaddingMode how =
      mode == "constant"  ? PaddingMode::constant
      : mode == "reflect" ? PaddingMode::reflect
      : mode == "edge"    ? PaddingMode::replicate
      : mode == "wrap"    ? PaddingMode::circular
                          : (c.fail("unknown mode", "constant, reflect, edge or wrap", mode), PaddingMode::constant);
  return c.out(pad(std::move(x), widths, how, value));
}

Results trilu(Call& c) {
  const auto k = c.given(1) ? c.integer(1) : 0;
  const bool upper = c.integer("upper", 1) != 0;
  Tensor x = c.tensor(0);
  const DType dtype = x.dtype();
  Tensor y = upper ? triu(std::move(x), k) : tril(std::move(x), k);
  return c.out(dtype == boolean ? y.to(boolean) : std::move(y));
}

Results eye_like(Call& c) {
  const Shape& shape = c.value(0).shape();
  if (shape.size() != 2) c.fail("the input must be a matrix", "[n, m]", to_string(shape));
  const ElementType type = c.has("dtype") ? element_type(c, c.integer("dtype")) : c.type(0);
  const auto k = c.integer("k", 0);
  Array y = core::zeros(shape, f64);
  for (std::int64_t i = std::max<std::int64_t>(0, -k); i < shape[0] && i + k < shape[1]; ++i) {
    y.data<double>()[i * shape[1] + i + k] = 1;
  }
  return {cast(c, Value(Tensor(std::move(y))), type)};
}

Results constant_of_shape(Call& c) {
  const Dims shape = c.integers(0);
  const auto* a = c.find("value");
  Value value(zeros({1}));
  if (a != nullptr) {
    format::TensorReader reader(c.context().plan->origin, c.context().plan->file, "");
    value = reader.value(a->tensors.at(0));
  }
  if (value.tensor().size() != 1) c.fail("the value must be one element", "1", describe(value));
  const Tensor one = reshape(value.tensor(), {});
  return c.out(Tensor(core::contiguous(core::expand(one.value(), shape))), value.type());
}

Results range(Call& c) {
  const ElementType type = c.type(0);
  if (c.peek(0).dtype() == i64) {
    const auto start = c.integer(0), limit = c.integer(1), step = c.integer(2);
    if (step == 0) c.fail("the step is 0");
    return c.out(arange(start, limit, step, i64), type);
  }
  const double start = c.real(0), limit = c.real(1), step = c.real(2);
  if (step == 0) c.fail("the step is 0");
  const auto n = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil((limit - start) / step)));
  return c.out(arange(n, c.dtype_of(type)) * step + start, type);
}

constexpr Row shape_table[] = {
    {"Concat", {1, 4, 11, 13}, concat},
    {"ConstantOfShape", {9, 20, 21}, constant_of_shape},
    {"DepthToSpace", {1, 11, 13}, depth_to_space},
    {"Expand", {8, 13}, expand_row},
    {"EyeLike", {9, 22}, eye_like},
    {"Flatten", {1, 9, 11, 13, 21}, flatten_row},
    {"Identity", {1, 13, 14, 16, 19, 21}, [](Call& c) { return Results{std::move(c.inputs().at(0))}; }},
    {"Pad", {1, 2, 11, 13, 18, 19, 21}, pad_row, {.settings = input_bits({2})}},
    {"Range", {11}, range, {.settings = input_bits({0, 1, 2})}},
    {"Reshape", {1, 5, 13, 14, 19, 21}, reshape_row},
    {"Shape", {1, 13, 15, 19, 21}, shape_of},
    {"Size",
     {1, 13, 19, 21},
     [](Call& c) { return c.out(tensor(element_count(c.value(0).shape()), i64), ElementType::int64); }},
    {"Slice", {1, 10, 11, 13}, slice_row},
    {"SpaceToDepth", {1, 13}, space_to_depth},
    {"Split", {1, 2, 11, 13, 18}, split_row},
    {"Squeeze", {1, 11, 13, 21}, squeeze_row},
    {"Tile", {1, 6, 13}, tile_row},
    {"Transpose", {1, 13, 21}, transpose_row},
    {"Trilu", {14}, trilu},
    {"Unsqueeze", {1, 11, 13, 21}, unsqueeze_row},
};

}  // namespace

Rows shape_rows() { return shape_table; }

}  // namespace newtape::onnx::detail
