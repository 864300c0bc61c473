// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/located.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/fft.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/windows.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <string>
#include <utility>

namespace newtape::fft {

namespace {

/// Options with defaults filled in; the window has n_fft elements.
StftOptions checked(const char* op, StftOptions o, DType dtype) {
  const auto refuse = [op](const char* what, const std::string& expected, const std::string& got) {
    raise<ValueError>(std::string(op) + ": " + what, expected, got);
  };
  if (o.n_fft < 1) refuse("n_fft must be positive", "n_fft >= 1", std::to_string(o.n_fft));
  if (o.hop_length == 0) o.hop_length = std::max<std::int64_t>(o.n_fft / 4, 1);
  if (o.hop_length < 0) refuse("hop_length must be positive", "hop_length >= 1", std::to_string(o.hop_length));
  if (o.length < 0) refuse("length must not be negative", "length >= 0", std::to_string(o.length));
  if (!o.window.defined()) o.window = ones({o.n_fft}, dtype);
  if (o.window.ndim() != 1 || o.window.size() > o.n_fft || o.window.size() == 0) {
    raise<ShapeError>(std::string(op) + ": the window", "[n], 1 <= n <= " + std::to_string(o.n_fft),
                      to_string(o.window.shape()));
  }
  if (o.window.dtype() != dtype) {
    raise<DTypeError>(std::string(op) + ": the window must have the dtype of the signal", std::string(name(dtype)),
                      std::string(name(o.window.dtype())));
  }
  const auto missing = o.n_fft - o.window.size();
  if (missing > 0) o.window = pad(o.window, {{missing / 2, missing - missing / 2}});
  return o;
}

/// The samples of all frames, [frames n_fft].
Tensor positions(std::int64_t frames, const StftOptions& o) {
  Array at = Array::empty({frames * o.n_fft}, i64);
  for (std::int64_t f = 0; f < frames; ++f) {
    for (std::int64_t i = 0; i < o.n_fft; ++i) at.data<std::int64_t>()[f * o.n_fft + i] = f * o.hop_length + i;
  }
  return at;
}

Shape with_last(const Tensor& x, std::size_t dropped, std::initializer_list<std::int64_t> lengths) {
  Shape shape(x.shape().begin(), x.shape().end() - static_cast<std::ptrdiff_t>(dropped));
  for (const auto length : lengths) shape.push_back(length);
  return shape;
}

}  // namespace

Tensor stft(In x, const StftOptions& options) {
  const StftOptions o = checked("stft", options, x.dtype());
  const auto needed = o.center ? o.n_fft / 2 + 1 : o.n_fft;
  if (x.ndim() == 0 || x.tensor().shape(-1) < needed) {
    raise<ShapeError>("stft: the signal is too short", "[.., t], t >= " + std::to_string(needed), to_string(x.shape()));
  }
  const auto half = o.n_fft / 2;
  const Tensor signal = o.center ? pad(x, {{half, half}}, PaddingMode::reflect) : x.tensor();
  const auto frames = (signal.shape(-1) - o.n_fft) / o.hop_length + 1;
  const Tensor cut = reshape(take(signal, positions(frames, o), -1), with_last(signal, 1, {frames, o.n_fft}));
  const Tensor z = rfft(cut * o.window, {.norm = o.normalized ? Norm::ortho : Norm::backward});
  return transpose(z, -3, -2);
}

Tensor istft(In z, const StftOptions& options) {
  const StftOptions o = checked("istft", options, z.dtype());
  if (z.ndim() < 3 || z.tensor().shape(-1) != 2 || z.tensor().shape(-3) != o.n_fft / 2 + 1 ||
      z.tensor().shape(-2) < 1) {
    raise<ShapeError>("istft: the shape of z", "[.., " + std::to_string(o.n_fft / 2 + 1) + ", frames, 2]",
                      to_string(z.shape()));
  }
  const auto frames = z.tensor().shape(-2);
  const auto whole = (frames - 1) * o.hop_length + o.n_fft;
  const Norm norm = o.normalized ? Norm::ortho : Norm::backward;
  const Tensor cut = irfft(transpose(z, -3, -2), {.n = o.n_fft, .norm = norm}) * o.window;
  const Tensor at = positions(frames, o);
  const Tensor parts = reshape(cut, with_last(cut, 2, {frames * o.n_fft}));
  const Tensor sum = index_add(zeros(with_last(parts, 1, {whole}), z.dtype()), -1, at, parts);
  const Tensor squares = reshape(expand(o.window * o.window, {frames, o.n_fft}), {frames * o.n_fft});
  const Tensor weight = index_add(zeros({whole}, z.dtype()), 0, at, squares);
  const auto first = o.center ? o.n_fft / 2 : 0;
  const auto last = o.length > 0 ? first + o.length : o.center ? whole - o.n_fft / 2 : whole;
  const auto reached = std::min(last, whole);
  const Tensor kept = slice(weight, -1, first, reached);
  if (kept.size() > 0 && core::min(kept.value()).item() < 1e-11) {
    raise<ValueError>("istft: the windows leave out a sample", "windows whose squares sum to more than 0 everywhere",
                      "a sum of " + std::to_string(core::min(kept.value()).item()));
  }
  const Tensor signal = slice(sum, -1, first, reached) / kept;
  return last == reached ? signal : pad(signal, {{0, last - reached}});
}

Tensor hann_window(std::int64_t n, DType dtype, SourceLocation location) {
  return hann_window(n, {.periodic = true, .dtype = dtype}, location);
}

}  // namespace newtape::fft
