// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/onnx/import/rows/rows.hpp>
#include <newtape/onnx/import/rows/windows.hpp>

#include <algorithm>
#include <limits>

namespace newtape::onnx::detail {
namespace {

void check_axes(Call& c, std::size_t axes) {
  if (axes < 1 || axes > 3) c.fail("pooling has one to three spatial axes", "1 to 3", std::to_string(axes));
}

/// Whether PyTorch's pooling has these windows: equal padding at both ends, at most half of the kernel.
bool poolable(const Windows& w) {
  bool fits = w.symmetric();
  for (std::size_t i = 0; i < w.axes(); ++i) fits = fits && 2 * w.before[i] <= w.kernel[i];
  return fits;
}

// --- maxima ---

std::pair<Tensor, Tensor> max_pool_with_indices(Tensor x, const Windows& w, const MaxPoolOptions& options) {
  const PerAxis kernel(w.kernel);
  return w.axes() == 1   ? max_pool1d_with_indices(std::move(x), kernel, options)
         : w.axes() == 2 ? max_pool2d_with_indices(std::move(x), kernel, options)
                         : max_pool3d_with_indices(std::move(x), kernel, options);
}
Tensor max_pool(Tensor x, const Windows& w, const MaxPoolOptions& options) {
  const PerAxis kernel(w.kernel);
  return w.axes() == 1   ? max_pool1d(std::move(x), kernel, options)
         : w.axes() == 2 ? max_pool2d(std::move(x), kernel, options)
                         : max_pool3d(std::move(x), kernel, options);
}

/// Indices into the spatial axes, padded by w, as indices into the whole tensor [n, c, spatial..].
Tensor whole_indices(const Tensor& indices, const Windows& w, const Dims& spatial, bool padded, bool column_major) {
  const Dims flat = integers_of(indices.value());
  const auto image = element_count(spatial), per_image = element_count(spatial_of(indices.shape()));
  std::vector<std::int64_t> whole(flat.size());
  for (std::size_t i = 0; i < flat.size(); ++i) {
    std::int64_t rest = flat[i], at = 0, every = 1;
    Dims position(spatial.size());
    for (std::size_t d = spatial.size(); d-- > 0;) {
      const auto length = padded ? spatial[d] + w.before[d] + w.after[d] : spatial[d];
      position[d] = rest % length - (padded ? w.before[d] : 0);
      rest /= length;
    }
    for (std::size_t k = 0; k < spatial.size(); ++k) {
      const std::size_t d = column_major ? k : spatial.size() - 1 - k;
      at += position[d] * every;
      every *= spatial[d];
    }
    whole[i] = static_cast<std::int64_t>(i) / per_image * image + at;
  }
  return tensor(whole, indices.shape(), i64);
}

Results max_pool_row(Call& c) {
  const ElementType type = c.type(0);
  Tensor x = c.tensor(0);
  const bool integers = x.dtype() == i64;
  if (integers) x = x.to(f64);
  const Dims spatial = spatial_of(x.shape());
  check_axes(c, spatial.size());
  Windows w(c, {}, spatial);
  MaxPoolOptions options{.stride = PerAxis(w.stride), .dilation = PerAxis(w.dilation)};
  const bool direct = poolable(w);
  if (direct) {
    options.padding = PerAxis(w.before);
    options.ceil_mode = c.integer("ceil_mode", 0) != 0;
  } else {
    if (c.integer("ceil_mode", 0) != 0) w.round_up(spatial);
    x = pad(std::move(x), w.widths(), PaddingMode::constant, -std::numeric_limits<double>::infinity());
  }
  if (!c.wants(1)) {
    Tensor y = max_pool(std::move(x), w, options);
    return c.out(integers ? y.to(i64) : std::move(y), type);
  }
  auto [y, indices] = max_pool_with_indices(std::move(x), w, options);
  return {c.as(integers ? y.to(i64) : std::move(y), type),
          Value(whole_indices(indices, w, spatial, !direct, c.integer("storage_order", 0) != 0))};
}

Results max_unpool(Call& c) {
  Tensor x = c.tensor(0);
  const Tensor indices = c.tensor(1);
  const Dims spatial = spatial_of(x.shape());
  const Windows w(c, {}, spatial);
  Shape shape = x.shape();
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    shape[i + 2] = (spatial[i] - 1) * w.stride[i] + w.kernel[i] - w.before[i] - w.after[i];
  }
  const Shape wanted = c.given(2) ? Shape(c.integers(2)) : shape;
  if (wanted.size() != shape.size()) c.fail("output_shape must have a length for each axis");
  const Tensor flat = zeros({element_count(shape)}, x.dtype());
  Tensor y = reshape(scatter(flat, 0, ravel(indices), ravel(std::move(x))), shape);
  // The indices count in the shape that the attributes give; a larger one only adds zeros at the ends.
  std::vector<std::pair<std::int64_t, std::int64_t>> widths(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (wanted[i] < shape[i]) c.fail("output_shape is too small", to_string(shape), to_string(wanted));
    widths[i].second = wanted[i] - shape[i];
  }
  return c.out(wanted == shape ? std::move(y) : pad(std::move(y), widths));
}

// --- means ---

Tensor avg_pool(Tensor x, const Windows& w, const AvgPoolOptions& options) {
  const PerAxis kernel(w.kernel);
  return w.axes() == 1   ? avg_pool1d(std::move(x), kernel, options)
         : w.axes() == 2 ? avg_pool2d(std::move(x), kernel, options)
                         : avg_pool3d(std::move(x), kernel, options);
}

/// The mean over each window of x, which is padded already.
Tensor window_means(const Tensor& x, const Windows& w) {
  if (std::all_of(w.dilation.begin(), w.dilation.end(), [](auto d) { return d == 1; })) {
    return avg_pool(x, w, {.stride = PerAxis(w.stride)});
  }
  // One strided view for each place in the kernel.
  Tensor total;
  const auto count = element_count(w.kernel);
  for (std::int64_t k = 0; k < count; ++k) {
    Tensor part = x;
    std::int64_t rest = k;
    for (std::size_t d = w.axes(); d-- > 0;) {
      const auto axis = static_cast<std::int64_t>(d + 2), start = rest % w.kernel[d] * w.dilation[d];
      rest /= w.kernel[d];
      const auto n = (x.shape(axis) - w.reach(d)) / w.stride[d];
      part = slice(std::move(part), axis, start, start + n * w.stride[d] + 1, w.stride[d]);
    }
    total = total.defined() ? std::move(total) + part : std::move(part);
  }
  return std::move(total) / static_cast<double>(count);
}

/// Means over windows; what lies outside of x counts unless `count_padding` is false, what ceil_mode adds never does.
Tensor pooled_means(Call& c, Tensor x, bool count_padding) {
  const Dims spatial = spatial_of(x.shape());
  check_axes(c, spatial.size());
  Windows w(c, {}, spatial);
  const bool ceil_mode = c.integer("ceil_mode", 0) != 0;
  const bool dense = std::all_of(w.dilation.begin(), w.dilation.end(), [](auto d) { return d == 1; });
  if (dense && poolable(w)) {
    return avg_pool(std::move(x), w,
                    {.stride = PerAxis(w.stride),
                     .padding = PerAxis(w.before),
                     .ceil_mode = ceil_mode,
                     .count_include_pad = count_padding});
  }
  Shape counted{1, 1};
  std::vector<std::pair<std::int64_t, std::int64_t>> around(2);
  const Windows given = w;
  if (ceil_mode) w.round_up(spatial);
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    counted.push_back(spatial[i] + (count_padding ? given.before[i] + given.after[i] : 0));
    around.emplace_back(count_padding ? 0 : w.before[i], w.after[i] - (count_padding ? given.after[i] : 0));
  }
  const Tensor weights = pad(ones(counted, x.dtype()), around);
  return window_means(pad(std::move(x), w.widths()), w) / window_means(weights, w);
}

Results average_pool(Call& c) {
  const bool count_padding = c.integer("count_include_pad", 0) != 0;
  return c.out(pooled_means(c, c.tensor(0), count_padding));
}

Results lp_pool(Call& c) {
  const double p = c.since() < 2 ? c.real("p", 2) : static_cast<double>(c.integer("p", 2));
  const auto count = static_cast<double>(element_count(c.integers("kernel_shape")));
  const Tensor sums = pooled_means(c, pow(abs(c.tensor(0)), p), true) * count;
  return c.out(pow(sums, 1 / p));
}

// --- whole images ---

Axes spatial_axes(const Tensor& x) {
  Dims axes;
  for (std::size_t i = 2; i < x.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  return axes;
}

Results global_average(Call& c) {
  Tensor x = c.tensor(0);
  const Axes axes = spatial_axes(x);
  return c.out(mean(std::move(x), axes, true));
}
Results global_max(Call& c) {
  Tensor x = c.tensor(0);
  const Axes axes = spatial_axes(x);
  return c.out(amax(std::move(x), axes, true));
}
Results global_lp(Call& c) {
  const double p = c.since() < 2 ? c.real("p", 2) : static_cast<double>(c.integer("p", 2));
  Tensor x = c.tensor(0);
  const Axes axes = spatial_axes(x);
  return c.out(norm(std::move(x), p, axes, true));
}

constexpr Row pool_table[] = {
    {"AveragePool", {1, 7, 10, 11, 19, 22}, average_pool},
    {"GlobalAveragePool", {1, 22}, global_average},
    {"GlobalLpPool", {1, 2, 22}, global_lp},
    {"GlobalMaxPool", {1, 22}, global_max},
    {"LpPool", {1, 2, 11, 18, 22}, lp_pool},
    {"MaxPool", {1, 8, 10, 11, 12, 22}, max_pool_row},
    {"MaxUnpool", {9, 11, 22}, max_unpool},
};

}  // namespace

Rows pool_rows() { return pool_table; }

}  // namespace newtape::onnx::detail
