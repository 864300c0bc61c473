// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/located.hpp>
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detail/expect_complex.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/fft.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/repeat.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/fft.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace newtape::fft {

static const Op fft_op{"fft"};
static const Op rfft_op{"rfft"};
static const Op irfft_op{"irfft"};

void expect_complex(std::string_view op, const Tensor& z) {
  expect_floating(op, z.value());
  if (z.ndim() >= 1 && z.shape(-1) == 2) return;
  raise<ShapeError>(std::string(op) + ": a complex array has real and imaginary parts along its last axis", "[.., 2]",
                    to_string(z.shape()));
}

namespace {

/// The transform is symmetric, so its adjoint on pairs of real numbers is the one of the other sign.
Tensor complex_transform(In z, bool inverse, double scale) {
  if (newtape::detail::is_traced()) {
    return newtape::detail::trace_call(
        "fft", {z}, {{"inverse", inverse}, {"scale", scale}}, [&] { return complex_transform(z, inverse, scale); },
        z.location());
  }
  return fft_op(core::fft(z.value(), inverse, scale),
                wrt(z, [inverse, scale](const Tensor& g) { return complex_transform(g, !inverse, scale); }));
}

/// [n / 2 + 1, 1]: `ends` for coefficients that stand for themselves, `inner` for those with a conjugate.
Tensor symmetry(std::int64_t n, double ends, double inner, DType dtype) {
  const auto count = n / 2 + 1;
  Array w = Array::empty({count, 1}, f64);
  std::fill_n(w.data<double>(), count, inner);
  w.data<double>()[0] = ends;
  if (n % 2 == 0) w.data<double>()[count - 1] = ends;
  return core::cast(w, dtype);
}

Tensor real_inverse(In z, std::int64_t n, double scale, double ends = 1);

/// The adjoint of both counts coefficients with a conjugate half or twice: all of them do, and the others the reverse.
Tensor real_transform(In x, double scale, double ends = 1) {
  const auto n = x.tensor().shape(-1);
  if (newtape::detail::is_traced()) {
    const Tensor plain = newtape::detail::trace_call(
        "rfft", {x}, {{"scale", scale}}, [&] { return real_transform(x, scale); }, x.location());
    return ends == 1 ? plain : plain * symmetry(n, ends, 1, plain.dtype());
  }
  return rfft_op(core::rfft(x.value(), scale, ends),
                 wrt(x, [=](const Tensor& g) { return real_inverse(g, n, scale / 2, 2 * ends); }));
}

Tensor real_inverse(In z, std::int64_t n, double scale, double ends) {
  if (newtape::detail::is_traced()) {
    const Tensor scaled = ends == 1 ? z.tensor() : z.tensor() * symmetry(n, ends, 1, z.tensor().dtype());
    return newtape::detail::trace_call(
        "irfft", {scaled}, {{"n", n}, {"scale", scale}}, [&] { return real_inverse(scaled, n, scale); }, z.location());
  }
  return irfft_op(core::irfft(z.value(), n, scale, ends),
                  wrt(z, [=](const Tensor& g) { return real_transform(g, 2 * scale, ends / 2); }));
}

double factor(Norm norm, bool inverse, std::int64_t n) {
  if (norm == Norm::ortho) return 1 / std::sqrt(static_cast<double>(n));
  return (norm == Norm::backward) == inverse ? 1 / static_cast<double>(n) : 1;
}

/// x with `n` elements along an axis, cut or padded with zeros.
Tensor resized(const Tensor& x, std::int64_t n, std::int64_t axis) {
  const auto length = x.shape(axis);
  if (n <= length) return n == length ? x : slice(x, axis, 0, n);
  Shape rest = x.shape();
  rest[rest.size() - static_cast<std::size_t>(-axis)] = n - length;
  return concatenate({x, zeros(rest, x.dtype())}, axis);
}

/// The length of a transform, from the options or the axis. ShapeError, ValueError.
std::int64_t length_of(std::string_view op, std::int64_t given, std::int64_t own, const Tensor& x) {
  if (given < 0) raise<ValueError>(std::string(op) + ": n must not be negative", "n >= 0", std::to_string(given));
  const auto n = given > 0 ? given : own;
  if (n >= 1) return n;
  raise<ShapeError>(std::string(op) + ": the transformed axis must not be empty", "length >= 1", to_string(x.shape()));
}

Tensor transformed(std::string_view op, const In& z, const FftOptions& o, bool inverse) {
  expect_complex(op, z);
  const auto axis = axis_from_last(op, o.axis, z.ndim() - 1) - 1;
  const auto n = length_of(op, o.n, z.tensor().shape(axis), z);
  const Tensor x = moveaxis(resized(z, n, axis), axis, -2);
  return moveaxis(complex_transform(In(x, z.location()), inverse, factor(o.norm, inverse, n)), -2, axis);
}

Tensor real_transformed(std::string_view op, const In& x, const FftOptions& o) {
  expect_floating(op, x.value());
  const auto axis = axis_from_last(op, o.axis, x.ndim());
  const auto n = length_of(op, o.n, x.tensor().shape(axis), x);
  const Tensor last = moveaxis(resized(x, n, axis), axis, -1);
  return moveaxis(real_transform(In(last, x.location()), factor(o.norm, false, n)), -2, axis - 1);
}

Tensor real_inverted(std::string_view op, const In& z, const FftOptions& o) {
  expect_complex(op, z);
  const auto axis = axis_from_last(op, o.axis, z.ndim() - 1) - 1;
  const auto n = length_of(op, o.n, 2 * (z.tensor().shape(axis) - 1), z);
  const Tensor last = moveaxis(resized(z, n / 2 + 1, axis), axis, -2);
  return moveaxis(real_inverse(In(last, z.location()), n, factor(o.norm, true, n)), -1, axis + 1);
}

Tensor transformed2(std::string_view op, const In& z, const Fft2Options& o, bool inverse) {
  const Tensor inner = transformed(op, z, {.axis = o.axes[1], .norm = o.norm}, inverse);
  return transformed(op, In(inner, z.location()), {.axis = o.axes[0], .norm = o.norm}, inverse);
}

}  // namespace

Tensor fft(In z, const FftOptions& options) { return transformed("fft", z, options, false); }
Tensor ifft(In z, const FftOptions& options) { return transformed("ifft", z, options, true); }
Tensor rfft(In x, const FftOptions& options) { return real_transformed("rfft", x, options); }
Tensor irfft(In z, const FftOptions& options) { return real_inverted("irfft", z, options); }

Tensor fft2(In z, const Fft2Options& options) { return transformed2("fft2", z, options, false); }
Tensor ifft2(In z, const Fft2Options& options) { return transformed2("ifft2", z, options, true); }
Tensor rfft2(In x, const Fft2Options& o) {
  const Tensor inner = real_transformed("rfft2", x, {.axis = o.axes[1], .norm = o.norm});
  return transformed("rfft2", In(inner, x.location()), {.axis = o.axes[0], .norm = o.norm}, false);
}
Tensor irfft2(In z, const Fft2Options& o) {
  const Tensor inner = transformed("irfft2", z, {.axis = o.axes[0], .norm = o.norm}, true);
  return real_inverted("irfft2", In(inner, z.location()), {.n = o.n, .axis = o.axes[1], .norm = o.norm});
}

// --- frequencies ---

namespace {

Tensor frequencies(const char* op, std::int64_t n, double d, std::int64_t first, std::int64_t count, DType dtype) {
  if (n < 1) raise<ValueError>(std::string(op) + ": n must be positive", "n >= 1", std::to_string(n));
  if (d == 0) raise<ValueError>(std::string(op) + ": d must not be 0");
  Array f = Array::empty({count}, f64);
  for (std::int64_t k = 0; k < count; ++k) {
    f.data<double>()[k] = static_cast<double>(k < first ? k : k - n) / (static_cast<double>(n) * d);
  }
  return core::cast(f, dtype);
}

Tensor shifted(In x, const Axes& axes, bool back) {
  Tensor y = x;
  for (const auto axis : axes.normalized("fftshift", x.ndim())) {
    const auto n = y.shape()[static_cast<std::size_t>(axis)];
    y = roll(y, back ? n - n / 2 : n / 2, static_cast<std::int64_t>(axis));
  }
  return y;
}

}  // namespace

Tensor fftfreq(std::int64_t n, double d, DType dtype, SourceLocation location) {
  const ErrorSite here(location);
  return frequencies("fftfreq", n, d, (n + 1) / 2, n, dtype);
}
Tensor rfftfreq(std::int64_t n, double d, DType dtype, SourceLocation location) {
  const ErrorSite here(location);
  return frequencies("rfftfreq", n, d, n, n / 2 + 1, dtype);
}
Tensor fftshift(In x, const Axes& axes) { return shifted(std::move(x), axes, false); }
Tensor ifftshift(In x, const Axes& axes) { return shifted(std::move(x), axes, true); }

std::int64_t next_fast_len(std::int64_t n, SourceLocation location) {
  const ErrorSite here(location);
  const std::int64_t least = std::max<std::int64_t>(n, 1);
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::int64_t best = 0;
  for (std::int64_t fives = 1;; fives *= 5) {
    for (std::int64_t odd = fives;; odd *= 3) {
      std::int64_t length = odd;
      while (length < least && length <= most / 2) length *= 2;
      if (length >= least && (best == 0 || length < best)) best = length;
      if (odd >= least || odd > most / 3) break;
    }
    if (fives >= least || fives > most / 5) break;
  }
  if (best == 0) raise<ValueError>("next_fast_len: no such length fits an i64", "n <= 2^62", std::to_string(n));
  return best;
}

// --- complex numbers ---

Tensor complex(In real, In imag) {
  match(fft_op, real, imag);
  const auto both = broadcast_tensors({real, imag});
  return stack(both, -1);
}
Tensor polar(In abs, In angle) { return complex(abs * cos(angle), abs * sin(angle)); }
namespace {
/// Part 0 or 1, real or imaginary.
Tensor part(std::string_view op, const In& z, std::int64_t which) {
  expect_complex(op, z);
  return select(z, -1, which);
}
Tensor product(std::string_view op, const In& a, const In& b) {
  const Tensor re_a = part(op, a, 0), im_a = part(op, a, 1), re_b = part(op, b, 0), im_b = part(op, b, 1);
  return complex(re_a * re_b - im_a * im_b, re_a * im_b + im_a * re_b);
}
}  // namespace

Tensor real(In z) { return part("real", z, 0); }
Tensor imag(In z) { return part("imag", z, 1); }
Tensor abs(In z) { return hypot(part("abs", z, 0), part("abs", z, 1)); }
Tensor angle(In z) { return atan2(part("angle", z, 1), part("angle", z, 0)); }
Tensor conj(In z) {
  expect_complex("conj", z);
  return z * tensor({1, -1}, z.dtype());
}
Tensor multiply(In a, In b) { return product("multiply", a, b); }

Tensor fftconvolve(In a, In b, const FftconvolveOptions& o) {
  match(rfft_op, a, b);
  const auto axis_a = axis_from_last("fftconvolve", o.axis, a.ndim());
  const auto axis_b = axis_from_last("fftconvolve", o.axis, b.ndim());
  expect_floating("fftconvolve", a.value());
  const auto n = a.tensor().shape(axis_a), m = b.tensor().shape(axis_b);
  if (n == 0 || m == 0) {
    raise<ShapeError>("fftconvolve: the axis must not be empty", "length >= 1",
                      to_string(a.shape()) + ", " + to_string(b.shape()));
  }
  const auto full = n + m - 1, length = next_fast_len(full);
  const Tensor x = moveaxis(a, axis_a, -1), y = moveaxis(b, axis_b, -1);
  const Tensor z = irfft(multiply(rfft(In(x, a.location()), {.n = length}), rfft(In(y, b.location()), {.n = length})),
                         {.n = length});
  const auto count = o.mode == ConvolveMode::full ? full : o.mode == ConvolveMode::same ? n : std::abs(n - m) + 1;
  const auto first = (full - count) / 2;
  return moveaxis(slice(z, -1, first, first + count), -1, axis_a);
}

}  // namespace newtape::fft
