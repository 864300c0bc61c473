// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/fold.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <string>

namespace newtape::core {

namespace {

/// One axis of the geometry.
struct FoldAxis {
  std::int64_t input = 1, output = 1, kernel = 1, stride = 1, padding = 0, dilation = 1;

  /// The outputs [begin, end) for which tap k is inside the input, and the input index of output 0.
  struct Range {
    std::int64_t begin, end, shift;
  };
  Range range(std::int64_t k) const {
    const std::int64_t shift = k * dilation - padding;
    const auto up = [this](std::int64_t v) { return v <= 0 ? 0 : (v + stride - 1) / stride; };
    const std::int64_t begin = std::min(up(-shift), output);
    return {begin, std::clamp(up(input - shift), begin, output), shift};
  }
};

/// Calls row(x, columns, n, step) for every row segment shared by the patches and one channel: n elements, `step` apart
/// in x, contiguous in the columns.
template <class T, class F>
void each_row(const FoldAxis (&axes)[3], T* x, T* columns, const F& row) {
  const auto& [a, b, c] = axes;
  for (std::int64_t i = 0; i < a.kernel; ++i) {
    const auto r0 = a.range(i);
    for (std::int64_t j = 0; j < b.kernel; ++j) {
      const auto r1 = b.range(j);
      for (std::int64_t k = 0; k < c.kernel; ++k, columns += a.output * b.output * c.output) {
        const auto r2 = c.range(k);
        for (std::int64_t o0 = r0.begin; o0 < r0.end; ++o0) {
          for (std::int64_t o1 = r1.begin; o1 < r1.end; ++o1) {
            const std::int64_t line = (o0 * a.stride + r0.shift) * b.input + o1 * b.stride + r1.shift;
            row(x + line * c.input + r2.begin * c.stride + r2.shift,
                columns + (o0 * b.output + o1) * c.output + r2.begin, r2.end - r2.begin, c.stride);
          }
        }
      }
    }
  }
}

/// Applies `row` to all channels, for unfold and fold; the target must be zero-initialized.
template <class F>
void each_channel(const ConvGeometry& g, Array& x, Array& columns, const F& row) {
  FoldAxis axes[3];
  const std::size_t n = g.input.size();
  for (std::size_t i = 0; i < n; ++i) {
    axes[3 - n + i] = {g.input[i], g.output[i], g.kernel[i], g.stride[i], g.padding[i], g.dilation[i]};
  }
  const std::int64_t size = element_count(g.input);
  const std::int64_t patch = element_count(g.kernel) * element_count(g.output);
  const std::int64_t channels = x.shape()[0] * x.shape()[1];
  const auto run = [&]<class T>() {
    T* at_x = x.data<T>();
    T* at_columns = columns.data<T>();
    newtape::detail::parallel_for(channels, std::max<std::int64_t>(1, (1 << 15) / (patch + 1)),
                                  [&](std::int64_t begin, std::int64_t end) {
                                    for (std::int64_t c = begin; c < end; ++c) {
                                      each_row(axes, at_x + c * size, at_columns + c * patch, row);
                                    }
                                  });
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
}

void check(const char* op, const Array& a, const Shape& expected) {
  expect_floating(op, a);
  if (a.shape() != expected) {
    raise<ShapeError>(std::string(op) + ": the shape does not match the geometry", to_string(expected),
                      to_string(a.shape()));
  }
}

Shape image_shape(std::int64_t images, std::int64_t channels, const ConvGeometry& g) {
  Shape s{images, channels};
  for (const auto d : g.input) s.push_back(d);
  return s;
}

}  // namespace

Array unfold(const Array& x, const ConvGeometry& g) {
  if (recorder() != nullptr)
    return record_call(
        "unfold", [geometry = g](const Array& a) { return unfold(a, geometry); }, x);
  const auto at = [&](std::size_t i) { return i < x.ndim() ? x.shape()[i] : 0; };
  check("unfold", x, image_shape(at(0), at(1), g));
  Array columns = zeros({at(0), at(1) * element_count(g.kernel), element_count(g.output)}, x.dtype());
  Array source = contiguous(x);
  each_channel(g, source, columns, [](auto* from, auto* to, std::int64_t n, std::int64_t step) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = from[i * step];
  });
  return columns;
}

Array fold(const Array& columns, const ConvGeometry& g) {
  if (recorder() != nullptr)
    return record_call(
        "fold", [geometry = g](const Array& a) { return fold(a, geometry); }, columns);
  const auto at = [&](std::size_t i) { return i < columns.ndim() ? columns.shape()[i] : 0; };
  const std::int64_t places = element_count(g.kernel);
  const std::int64_t channels = at(1) / std::max<std::int64_t>(1, places);
  check("fold", columns, {at(0), channels * places, element_count(g.output)});
  Array x = zeros(image_shape(at(0), channels, g), columns.dtype());
  Array source = contiguous(columns);
  each_channel(g, x, source, [](auto* to, const auto* from, std::int64_t n, std::int64_t step) {
    for (std::int64_t i = 0; i < n; ++i) to[i * step] += from[i];
  });
  return x;
}

}  // namespace newtape::core
