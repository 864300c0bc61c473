// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/loading/image_layout.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::data::detail {
namespace {

PlanesLayout layout_from(const char* op, const Array& x, std::size_t first_plane, const char* expected) {
  if (!x.defined()) raise<ValueError>(fmt::format("{}: the images are undefined", op), "an array", "none");
  if (x.ndim() < 2 + first_plane) {
    raise<ShapeError>(fmt::format("{}: the array must hold images", op), expected, to_string(x.shape()));
  }
  PlanesLayout l{first_plane == 0 ? 1 : x.shape(0), 1, x.shape(-2), x.shape(-1)};
  for (std::size_t axis = first_plane; axis + 2 < x.ndim(); ++axis) l.planes *= x.shape()[axis];
  return l;
}

}  // namespace

PlanesLayout batch_layout(const char* op, const Array& x) { return layout_from(op, x, 1, "[n, .., h, w]"); }
PlanesLayout image_layout(const char* op, const Array& x) { return layout_from(op, x, 0, "[.., h, w]"); }

Shape with_size(const Shape& shape, std::int64_t height, std::int64_t width) {
  Shape result = shape;
  result[shape.size() - 2] = height;
  result[shape.size() - 1] = width;
  return result;
}

void check_size(const char* op, std::int64_t height, std::int64_t width) {
  if (height < 1 || width < 1) {
    raise<ValueError>(fmt::format("{}: invalid size", op), "height >= 1, width >= 1",
                      fmt::format("{} x {}", height, width));
  }
}

void check_probability(const char* op, double p) {
  if (!(p >= 0 && p <= 1)) {
    raise<ValueError>(fmt::format("{}: probability out of range", op), "p from 0 to 1", fmt::format("{}", p));
  }
}

double uniform(Generator& generator) { return std::ldexp(static_cast<double>(generator.next() >> 11), -53); }
double uniform(Generator& generator, double low, double high) { return low + (high - low) * uniform(generator); }
std::int64_t uniform_integer(Generator& generator, std::int64_t max) {
  return std::min(max, static_cast<std::int64_t>(uniform(generator) * static_cast<double>(max + 1)));
}

Array bytes_to_floats(const Array& x, float max) {
  const Array dense = core::contiguous(x);
  Array y = Array::empty(x.shape(), f32);
  std::transform(dense.data<std::uint8_t>(), dense.data<std::uint8_t>() + dense.size(), y.data<float>(),
                 [max](std::uint8_t v) { return static_cast<float>(v) * max / 255.0F; });
  return y;
}

Array floats_to_bytes(const Array& x, float max) {
  const float scale = 255 / max;
  const Array dense = core::contiguous(x);
  Array y = Array::empty(x.shape(), u8);
  std::transform(dense.data<float>(), dense.data<float>() + dense.size(), y.data<std::uint8_t>(), [scale](float v) {
    return static_cast<std::uint8_t>(std::lround(v > 0 ? std::min(scale * v, 255.0F) : 0.0F));
  });
  return y;
}

Array writable(Array x) {
  if (x.reusable()) return x;
  Array y = Array::empty(x.shape(), x.dtype());
  const Array dense = core::contiguous(std::move(x));
  with_type(y.dtype(), [&]<class T>(T) { std::copy_n(dense.data<T>(), dense.size(), y.data<T>()); });
  return y;
}

}  // namespace newtape::data::detail
