// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace newtape {

namespace {

/// Lengths along the spatial axes.
struct FractionalSizes {
  Dims input, kernel, output;
};

FractionalSizes fractional_sizes(const std::string& op, const In& x, const PerAxis& kernel_size, std::size_t axes,
                                 const FractionalMaxPoolOptions& o) {
  FractionalSizes s{Dims(x.shape().end() - axes, x.shape().end()), kernel_size.over(op, "kernel_size", axes, 1), {}};
  if (o.output_size.empty() == o.output_ratio.empty()) {
    raise<ValueError>(op + ": either output_size or output_ratio must be given", "one of them",
                      o.output_size.empty() ? "none" : "both");
  }
  if (!o.output_size.empty()) {
    s.output = o.output_size.over(op, "output_size", axes, 1);
  } else {
    if (o.output_ratio.size() != 1 && o.output_ratio.size() != axes) {
      raise<ValueError>(op + ": output_ratio has one number, or one for each axis", std::to_string(axes),
                        std::to_string(o.output_ratio.size()));
    }
    for (std::size_t a = 0; a < axes; ++a) {
      const double ratio = o.output_ratio[o.output_ratio.size() == 1 ? 0 : a];
      if (!(ratio > 0 && ratio < 1)) raise<ValueError>(op + ": output_ratio", "in (0, 1)", std::to_string(ratio));
      s.output.push_back(static_cast<std::int64_t>(ratio * static_cast<double>(s.input[a])));
    }
  }
  for (std::size_t a = 0; a < axes; ++a) {
    if (s.output[a] < 1 || s.output[a] + s.kernel[a] - 1 > s.input[a]) {
      raise<ShapeError>(op + ": the windows must fit", "1 <= output size <= length - kernel_size + 1",
                        "lengths " + to_string(s.input) + ", kernel_size " + to_string(s.kernel) + ", output size " +
                            to_string(s.output));
    }
  }
  return s;
}

/// The first index of window i of an axis.
std::int64_t window_start(std::int64_t i, double u, std::int64_t input, std::int64_t kernel, std::int64_t output) {
  if (i == output - 1) return input - kernel;
  const double a = static_cast<double>(input - kernel) / static_cast<double>(output - 1);
  return static_cast<std::int64_t>((static_cast<double>(i) + u) * a) - static_cast<std::int64_t>(u * a);
}

/// Indices of the elements of all windows into the flattened spatial axes: [channels, windows, elements of a window].
Array window_elements(const FractionalSizes& s, const double* samples, std::int64_t channels) {
  const auto axes = s.input.size();
  const std::int64_t windows = element_count(s.output), inside = element_count(s.kernel);
  Array all = Array::empty({channels, windows, inside}, i64);
  auto* out = all.data<std::int64_t>();
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t w = 0; w < windows; ++w) {
      for (std::int64_t e = 0; e < inside; ++e) {
        std::int64_t at = 0, stride = 1, window = w, element = e;
        for (std::size_t a = axes; a-- > 0;) {
          // As PyTorch has them: of images the samples of columns come first.
          const auto sample = axes == 2 ? 1 - a : a;
          const double u = samples[static_cast<std::size_t>(c) * axes + sample];
          const auto start = window_start(window % s.output[a], u, s.input[a], s.kernel[a], s.output[a]);
          at += (start + element % s.kernel[a]) * stride;
          stride *= s.input[a], window /= s.output[a], element /= s.kernel[a];
        }
        *out++ = at;
      }
    }
  }
  return all;
}

std::pair<Tensor, Tensor> fractional_max_pool(const std::string& op, const In& x, std::size_t axes,
                                              const PerAxis& kernel_size, const FractionalMaxPoolOptions& options,
                                              Generator& generator) {
  const CallSite here(x.location());
  if (x.ndim() != axes + 1 && x.ndim() != axes + 2) {
    raise<ShapeError>(op + ": the number of spatial axes must be " + std::to_string(axes),
                      "x [n, c, spatial..] or [c, spatial..]", "x " + to_string(x.shape()));
  }
  expect_floating(op, x.value());
  const FractionalSizes sizes = fractional_sizes(op, x, kernel_size, axes, options);
  const Shape lead(x.shape().begin(), x.shape().end() - axes);
  const auto channels = element_count(lead);
  const Shape samples_shape{x.ndim() == axes + 2 ? lead[0] : 1, lead[lead.size() - 1], static_cast<std::int64_t>(axes)};
  const Array given = options.random_samples.defined() ? options.random_samples.value()
                                                       : random::uniform(samples_shape, 0, 1, f64, generator);
  if (given.shape() != samples_shape) {
    raise<ShapeError>(op + ": random_samples", to_string(samples_shape), to_string(given.shape()));
  }
  const Array samples = core::contiguous(core::cast(given, f64));
  const Array elements = window_elements(sizes, samples.data<double>(), channels);
  const std::int64_t windows = element_count(sizes.output), inside = element_count(sizes.kernel);
  const Tensor flat = reshape(x, {channels, element_count(sizes.input)});
  const Tensor candidates = gather(flat.detach(), -1, core::reshape(elements, {channels, windows * inside}));
  const Tensor largest = unsqueeze(argmax(reshape(candidates, {channels, windows, inside}), -1), -1);
  const Tensor indices = squeeze(gather(Tensor(elements), -1, largest), -1);
  Shape result = lead;
  for (const auto n : sizes.output) result.push_back(n);
  return {reshape(gather(flat, -1, indices), result), reshape(indices, result)};
}

}  // namespace

Tensor fractional_max_pool2d(In x, const PerAxis& kernel_size, const FractionalMaxPoolOptions& options,
                             Generator& generator) {
  return fractional_max_pool("fractional_max_pool2d", x, 2, kernel_size, options, generator).first;
}
Tensor fractional_max_pool3d(In x, const PerAxis& kernel_size, const FractionalMaxPoolOptions& options,
                             Generator& generator) {
  return fractional_max_pool("fractional_max_pool3d", x, 3, kernel_size, options, generator).first;
}
std::pair<Tensor, Tensor> fractional_max_pool2d_with_indices(In x, const PerAxis& kernel_size,
                                                             const FractionalMaxPoolOptions& options,
                                                             Generator& generator) {
  return fractional_max_pool("fractional_max_pool2d", x, 2, kernel_size, options, generator);
}
std::pair<Tensor, Tensor> fractional_max_pool3d_with_indices(In x, const PerAxis& kernel_size,
                                                             const FractionalMaxPoolOptions& options,
                                                             Generator& generator) {
  return fractional_max_pool("fractional_max_pool3d", x, 3, kernel_size, options, generator);
}

}  // namespace newtape
