// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cstdint>

/// Shared by the transforms of images.
namespace newtape::data::detail {

/// A batch of images: n examples of `planes` (channels etc.), each of h rows of w pixels.
struct PlanesLayout {
  std::int64_t n, planes, h, w;

  std::int64_t plane() const { return h * w; }
};

/// Of a batch [n, .., h, w]; ShapeError naming `op`.
PlanesLayout batch_layout(const char* op, const Array& x);
/// Of an image [.., h, w], as one example.
PlanesLayout image_layout(const char* op, const Array& x);
/// The shape with other numbers of rows and columns.
Shape with_size(const Shape& shape, std::int64_t height, std::int64_t width);
/// ValueError unless both are positive.
void check_size(const char* op, std::int64_t height, std::int64_t width);
void check_probability(const char* op, double p);

/// Uniform in [0, 1), from the next 64 bits of the generator.
double uniform(Generator& generator);
/// Uniform in [low, high).
double uniform(Generator& generator, double low, double high);
/// Uniform in [0, max].
std::int64_t uniform_integer(Generator& generator, std::int64_t max);

/// Calls `f` with a value of the element type: of the dtypes that are computed with, and of bytes.
template <class F>
void with_type(DType dtype, F&& f) {
  if (dtype == u8) return f(std::uint8_t());
  visit_dtype(dtype, [&]<class T>() { f(T()); });
}

/// Bytes as f32 from 0 to `max`.
Array bytes_to_floats(const Array& x, float max);
/// f32 from 0 to `max`, to which others are cut off (NaN is 0), as rounded bytes.
Array floats_to_bytes(const Array& x, float max);

/// f(x) of floating images; bytes become floats from 0 to `max` for it, and its result bytes.
template <class F>
Array through_floats(const Array& x, float max, F&& f) {
  if (x.dtype() != u8) return f(x);
  return floats_to_bytes(f(bytes_to_floats(x, max)), max);
}

/// The array itself if reusable, else a copy.
Array writable(Array x);

}  // namespace newtape::data::detail
