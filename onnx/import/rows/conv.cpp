// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/onnx/import/rows/conv.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <algorithm>
#include <array>

namespace newtape::onnx::detail {
namespace {

template <class Options>
using Plain = Tensor (*)(In, In, const Options&);
template <class Options>
using Biased = Tensor (*)(In, In, In, const Options&);

/// The function with a bias or without.
template <class Options, Plain<Options> plain, Biased<Options> biased>
Tensor maybe_biased(Tensor x, const Tensor& w, const Tensor& b, const Options& options) {
  return b.defined() ? biased(std::move(x), w, b, options) : plain(std::move(x), w, options);
}

/// Calls the function for one, two or three spatial axes.
template <class Options>
Tensor by_axes(Call& c, Tensor x, const Tensor& w, const Tensor& b, const Options& options,
               std::array<Tensor (*)(Tensor, const Tensor&, const Tensor&, const Options&), 3> functions) {
  const std::size_t axes = x.ndim() - 2;
  if (axes < 1 || axes > 3) c.fail("convolutions have one to three spatial axes", "x [n, c, ..]", to_string(x.shape()));
  return functions[axes - 1](std::move(x), w, b, options);
}

Results conv_row(Call& c) {
  const Tensor w = c.tensor(1), b = c.given(2) ? c.tensor(2) : Tensor();
  return c.out(convolve(c, c.tensor(0), w, b));
}

/// What is cut off at both ends, and added, of a transposed convolution without padding.
struct Cut {
  Dims before, after, extra;
};

Cut cut_of(const Call& c, const Windows& windows, const Dims& spatial) {
  const std::size_t n = spatial.size();
  Cut cut{windows.before, windows.after, c.integers("output_padding")};
  if (cut.extra.empty()) cut.extra = Dims(n);
  Dims wanted = c.integers("output_shape");
  if (wanted.size() > n) wanted = Dims(wanted.end() - n, wanted.end());
  const auto mode = c.text("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  for (std::size_t i = 0; i < n && (same || !wanted.empty()); ++i) {
    const auto whole = (spatial[i] - 1) * windows.stride[i] + windows.reach(i) + cut.extra[i];
    const auto total = whole - (wanted.empty() ? spatial[i] * windows.stride[i] : wanted[i]);
    const auto half = std::max<std::int64_t>(total, 0) / 2;
    cut.before[i] = mode == "SAME_UPPER" ? half : std::max<std::int64_t>(total, 0) - half;
    cut.after[i] = total - cut.before[i];
  }
  return cut;
}

Results conv_transpose_row(Call& c) {
  const Tensor w = c.tensor(1), b = c.given(2) ? c.tensor(2) : Tensor();
  Tensor x = c.tensor(0);
  const Dims spatial = spatial_of(x.shape());
  const Windows windows(c, spatial_of(w.shape()), spatial);
  const Cut cut = cut_of(c, windows, spatial);
  const std::size_t n = spatial.size();
  ConvTransposeFuncOptions options{
      .stride = PerAxis(windows.stride), .dilation = PerAxis(windows.dilation), .groups = c.integer("group", 1)};
  bool direct = cut.before == cut.after;
  for (std::size_t i = 0; i < n; ++i) {
    direct = direct && cut.before[i] >= 0 && cut.extra[i] < std::max(windows.stride[i], windows.dilation[i]);
  }
  if (direct) {
    options.padding = PerAxis(cut.before);
    options.output_padding = PerAxis(cut.extra);
  }
  using O = ConvTransposeFuncOptions;
  Tensor y = by_axes<O>(
      c, std::move(x), w, direct ? b : Tensor(), options,
      {maybe_biased<O, conv_transpose1d, conv_transpose1d>, maybe_biased<O, conv_transpose2d, conv_transpose2d>,
       maybe_biased<O, conv_transpose3d, conv_transpose3d>});
  if (direct) return c.out(std::move(y));
  for (std::size_t i = 0; i < n; ++i) {
    const auto axis = static_cast<std::int64_t>(i + 2);
    const auto end = y.shape(axis) + cut.extra[i] - cut.after[i];
    if (end > y.shape(axis)) {
      std::vector<std::pair<std::int64_t, std::int64_t>> widths(y.ndim());
      widths[i + 2].second = end - y.shape(axis);
      y = pad(std::move(y), widths);
    }
    y = slice(std::move(y), axis, cut.before[i], end);
  }
  if (b.defined()) {
    Shape channels(y.ndim(), 1);
    channels[1] = b.size();
    y = std::move(y) + reshape(b, channels);
  }
  return c.out(std::move(y));
}

constexpr Row conv_table[] = {
    {"Conv", {1, 11, 22}, conv_row},
    {"ConvTranspose", {1, 11, 22}, conv_transpose_row},
};

}  // namespace

Tensor convolve(Call& c, Tensor x, const Tensor& w, const Tensor& b, double fill) {
  const Dims spatial = spatial_of(x.shape());
  const Windows windows(c, spatial_of(w.shape()), spatial);
  ConvFuncOptions options{
      .stride = PerAxis(windows.stride), .dilation = PerAxis(windows.dilation), .groups = c.integer("group", 1)};
  if (windows.symmetric() && fill == 0) {
    options.padding = Padding(windows.before);
  } else if (windows.padded()) {
    x = pad(std::move(x), windows.widths(), PaddingMode::constant, fill);
  }
  using O = ConvFuncOptions;
  return by_axes<O>(
      c, std::move(x), w, b, options,
      {maybe_biased<O, conv1d, conv1d>, maybe_biased<O, conv2d, conv2d>, maybe_biased<O, conv3d, conv3d>});
}

Rows conv_rows() { return conv_table; }

}  // namespace newtape::onnx::detail
