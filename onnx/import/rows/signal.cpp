// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/fold.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/onnx/import/rows/cast.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

/// Windows and Fourier transforms, as products with the matrices of cosines and sines: lengths are those of audio frames.
namespace newtape::onnx::detail {
namespace {

/// a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n)
template <int which>
Results window(Call& c) {
  constexpr double coefficients[3][3] = {{0.5, 0.5, 0}, {25.0 / 46, 1 - 25.0 / 46, 0}, {0.42, 0.5, 0.08}};
  const auto& [a0, a1, a2] = coefficients[which];
  const auto size = c.integer(0);
  if (size < 0) c.fail("the size is negative");
  const double n = static_cast<double>(c.integer("periodic", 1) != 0 ? size : size - 1);
  std::vector<double> values;
  for (std::int64_t i = 0; i < size; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / n;
    values.push_back(a0 - a1 * std::cos(angle) + a2 * std::cos(2 * angle));
  }
  return {cast(c, Value(tensor(values, f64)), element_type(c, c.integer("output_datatype", 1)))};
}

/// Matrices [rows, n] of cos and sin(2 pi i j / n).
struct Waves {
  Tensor cosines, sines;
  Waves(std::int64_t rows, std::int64_t n, DType dtype) {
    std::vector<double> a, b;
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        const double angle = 2 * std::numbers::pi * static_cast<double>(i * j % n) / static_cast<double>(n);
        a.push_back(std::cos(angle));
        b.push_back(std::sin(angle));
      }
    }
    cosines = tensor(a, Shape{rows, n}, dtype);
    sines = tensor(b, Shape{rows, n}, dtype);
  }
};

/// The transform of the last axis of re + i im; im may be undefined. Real and imaginary parts.
std::pair<Tensor, Tensor> fourier(const Tensor& re, const Tensor& im, std::int64_t rows, bool inverse) {
  const auto n = re.shape(-1);
  const Waves w(rows, n, re.dtype());
  const double sign = inverse ? 1 : -1;
  Tensor real = linear(re, w.cosines), imaginary = linear(re, w.sines) * sign;
  if (im.defined()) {
    real = real - linear(im, w.sines) * sign;
    imaginary = imaginary + linear(im, w.cosines);
  }
  if (inverse) return {real / static_cast<double>(n), imaginary / static_cast<double>(n)};
  return {real, imaginary};
}

/// The last axis holds one number or a complex one.
Results dft(Call& c) {
  const bool inverse = c.integer("inverse", 0) != 0, onesided = c.integer("onesided", 0) != 0;
  Tensor x = c.tensor(0);
  const auto default_axis = c.since() < 20 ? 1 : -2;
  const auto axis = from_front(c.since() < 20 ? c.integer("axis", default_axis)
                               : c.given(2)   ? c.integer(2)
                                              : default_axis,
                               x.ndim());
  const auto n = c.given(1) ? c.integer(1) : x.shape(axis);
  if (x.shape(axis) > n) x = slice(std::move(x), axis, 0, n);
  if (x.shape(axis) < n) {
    std::vector<std::pair<std::int64_t, std::int64_t>> widths(x.ndim());
    widths[static_cast<std::size_t>(axis)].second = n - x.shape(axis);
    x = pad(std::move(x), widths);
  }
  const auto part = [&](std::int64_t k) { return moveaxis(select(x, -1, k), axis, -1); };
  const Tensor re = part(0), im = x.shape(-1) == 2 ? part(1) : Tensor();
  const auto [real, imaginary] = fourier(re, im, onesided ? n / 2 + 1 : n, inverse);
  return c.out(stack({moveaxis(real, -1, axis), moveaxis(imaginary, -1, axis)}, -1));
}

/// [batch, length, 1 or 2] -> [batch, frames, frequencies, 2]
Results stft(Call& c) {
  const Tensor x = c.tensor(0);
  const auto step = c.integer(1);
  const Tensor window = c.given(2) ? c.tensor(2) : Tensor();
  const auto n = c.given(3) ? c.integer(3) : window.defined() ? window.size() : x.shape(1);
  if (step < 1 || n < 1 || x.ndim() < 2 || n > x.shape(1)) c.fail("frame_step or frame_length is out of range");
  const bool onesided = c.integer("onesided", 1) != 0, complex = x.ndim() == 3 && x.shape(2) == 2;
  const auto frames = [&](std::int64_t k) {
    Tensor all = sliding_window_view(x.ndim() == 3 ? select(x, 2, k) : x, n, 1, step);
    return window.defined() ? all * window : all;
  };
  const auto rows = onesided ? n / 2 + 1 : n;
  const auto [real, imaginary] = fourier(frames(0), complex ? frames(1) : Tensor(), rows, false);
  return c.out(stack({real, imaginary}, -1));
}

/// Weights [frequencies, bands] of triangles that are equally wide on the mel scale.
Results mel_weights(Call& c) {
  const auto bands = c.integer(0), length = c.integer(1), rate = c.integer(2);
  const double low = c.real(3), high = c.real(4);
  if (bands < 1 || length < 1 || bands > (1 << 20) || length > (1 << 24))
    c.fail("num_mel_bins or dft_length is out of range");
  const auto rows = length / 2 + 1;
  const auto mel = [](double hz) { return 2595 * std::log10(1 + hz / 700); };
  std::vector<std::int64_t> bins;
  for (std::int64_t i = 0; i < bands + 2; ++i) {
    const double m = mel(low) + static_cast<double>(i) * (mel(high) - mel(low)) / static_cast<double>(bands + 2);
    const double hz = 700 * (std::pow(10.0, m / 2595) - 1);
    bins.push_back(
        static_cast<std::int64_t>(std::floor(static_cast<double>(length + 1) * hz / static_cast<double>(rate))));
  }
  std::vector<double> weights(static_cast<std::size_t>(rows * bands), 0);
  for (std::int64_t band = 0; band < bands; ++band) {
    const auto at = static_cast<std::size_t>(band);
    const auto first = bins[at], centre = bins[at + 1], last = bins[at + 2];
    const auto put = [&](std::int64_t row, double value) {
      if (row >= 0 && row < rows) weights[static_cast<std::size_t>(row * bands + band)] = value;
    };
    if (first == centre) put(centre, 1);
    for (auto i = first; i <= centre && centre > first; ++i) {
      put(i, static_cast<double>(i - first) / static_cast<double>(centre - first));
    }
    for (auto i = centre; i < last; ++i) put(i, static_cast<double>(last - i) / static_cast<double>(last - centre));
  }
  return {cast(c, Value(tensor(weights, Shape{rows, bands}, f64)), element_type(c, c.integer("output_datatype", 1)))};
}

constexpr Row signal_table[] = {
    {"BlackmanWindow", {17}, window<2>},    {"DFT", {17, 20}, dft},
    {"HammingWindow", {17}, window<1>},     {"HannWindow", {17}, window<0>},
    {"MelWeightMatrix", {17}, mel_weights}, {"STFT", {17}, stft},
};

}  // namespace

Rows signal_rows() { return signal_table; }

}  // namespace newtape::onnx::detail
