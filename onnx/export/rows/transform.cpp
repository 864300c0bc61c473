// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/onnx/export/export_call.hpp>

#include <string>

/// Fourier transforms, samples between pixels, determinants.
namespace newtape::onnx::detail {
namespace {
namespace transform_writers {

/// ONNX transforms an axis behind the batch's; `write(x, axis)` gives the transform of [1, ..] where there is none.
template <class F>
std::string with_batch(ExportCall& c, const std::string& x, std::int64_t axis, const F& write) {
  if (axis > 0) return write(x, axis);
  const auto zero = c.g.integers({0});
  return c.g.node("Squeeze", {write(c.g.node("Unsqueeze", {x, zero}), axis + 1), zero});
}

/// Along the axis before that of the complex numbers. Newtape's are multiplied by `scale`, ONNX's by 1 or 1 / n.
std::string transform(ExportCall& c, const std::string& z, std::int64_t axis, std::int64_t n, bool inverse,
                      bool onesided, double scale) {
  const auto y = with_batch(c, z, axis, [&](const std::string& x, std::int64_t at) {
    return c.g.node("DFT", {x}, {{"axis", at}, {"inverse", inverse ? 1L : 0L}, {"onesided", onesided ? 1L : 0L}});
  });
  const double factor = inverse ? scale * static_cast<double>(n) : scale;
  return factor == 1 ? y : c.g.node("Mul", {y, c.number(factor)});
}

void fft_row(ExportCall& c) {
  const auto axis = c.ndim() - 2;
  c.emit("Identity", {transform(c, c.in[0], axis, c.shape()[static_cast<std::size_t>(axis)], c.integer("inverse") != 0,
                                false, c.real("scale"))});
}

void rfft_row(ExportCall& c) {
  const auto z = c.g.node("Unsqueeze", {c.in[0], c.g.integers({-1})});
  c.emit("Identity", {transform(c, z, c.ndim() - 1, c.shape().back(), false, true, c.real("scale"))});
}

/// The other half are the conjugates, backwards.
void irfft_row(ExportCall& c) {
  const auto axis = c.ndim() - 2, n = c.integer("n"), known = n / 2 + 1;
  const auto axes = c.g.integers({axis});
  const auto part = [&](std::int64_t from, std::int64_t to, std::int64_t step) {
    return c.g.node("Slice", {c.in[0], c.g.integers({from}), c.g.integers({to}), axes, c.g.integers({step})});
  };
  auto z = part(0, known, 1);
  if (n > known) {
    Array signs = Array::empty({2}, f64);
    signs.data<double>()[0] = 1;
    signs.data<double>()[1] = -1;
    const auto conjugates = c.g.node("Mul", {part(n - known, 0, -1), c.g.constant(core::cast(signs, c.dtype()))});
    z = c.g.node("Concat", {z, conjugates}, {{"axis", axis}});
  }
  const auto y = transform(c, z, axis, n, true, false, c.real("scale"));
  c.emit("Gather", {y, c.g.integer(0)}, {{"axis", axis + 1}});
}

void grid_sample_row(ExportCall& c) {
  c.emit_same(
      "GridSample",
      {{"mode", c.text("mode")}, {"padding_mode", c.text("padding")}, {"align_corners", c.integer("align_corners")}});
}

constexpr ExportRow table[] = {
    {"det", nullptr, "Det"}, {"fft", fft_row},   {"grid_sample", grid_sample_row},
    {"irfft", irfft_row},    {"rfft", rfft_row},
};

}  // namespace transform_writers
}  // namespace

ExportRows transform_export_rows() { return transform_writers::table; }

}  // namespace newtape::onnx::detail
