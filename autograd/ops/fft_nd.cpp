// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/expect_complex.hpp>
#include <newtape/autograd/ops/fft_nd.hpp>

#include <string>
#include <utility>
#include <vector>

namespace newtape::fft {

namespace {

/// The options of the transform along each axis. ShapeError, ValueError.
std::vector<FftOptions> by_axis(const char* op, std::size_t ndim, const FftnOptions& options) {
  Dims axes = options.axes.normalized(op, ndim);
  if (options.axes.all() && !options.n.empty() && options.n.size() < axes.size()) {
    axes = Dims(axes.end() - options.n.size(), axes.end());
  }
  if (!options.n.empty() && options.n.size() != axes.size()) {
    raise<ValueError>(std::string(op) + ": each axis needs one length", std::to_string(axes.size()) + " lengths",
                      to_string(options.n));
  }
  std::vector<FftOptions> all;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    all.push_back({.n = options.n.empty() ? 0 : options.n[i], .axis = axes[i], .norm = options.norm});
  }
  return all;
}

/// Number of axes of the complex array. ShapeError.
std::size_t complex_ndim(const char* op, const In& z) {
  expect_complex(op, z.tensor());
  return z.ndim() - 1;
}
void expect_axes(const char* op, const std::vector<FftOptions>& axes) {
  if (axes.empty()) raise<ShapeError>(std::string(op) + ": there must be an axis", "one or more", "none");
}

/// A transform and its inverse exchange their factors.
Norm exchanged(Norm norm) {
  return norm == Norm::backward ? Norm::forward : norm == Norm::forward ? Norm::backward : Norm::ortho;
}

}  // namespace

Tensor fftn(In z, const FftnOptions& options) {
  const CallSite here(z.location());
  Tensor y = z;
  for (const auto& o : by_axis("fftn", complex_ndim("fftn", z), options)) y = fft(y, o);
  return y;
}

Tensor ifftn(In z, const FftnOptions& options) {
  const CallSite here(z.location());
  Tensor y = z;
  for (const auto& o : by_axis("ifftn", complex_ndim("ifftn", z), options)) y = ifft(y, o);
  return y;
}

Tensor rfftn(In x, const FftnOptions& options) {
  const CallSite here(x.location());
  auto axes = by_axis("rfftn", x.ndim(), options);
  expect_axes("rfftn", axes);
  Tensor y = rfft(x, axes.back());
  axes.pop_back();
  for (const auto& o : axes) y = fft(y, o);
  return y;
}

Tensor irfftn(In z, const FftnOptions& options) {
  const CallSite here(z.location());
  auto axes = by_axis("irfftn", complex_ndim("irfftn", z), options);
  expect_axes("irfftn", axes);
  const FftOptions last = axes.back();
  axes.pop_back();
  Tensor y = z;
  for (const auto& o : axes) y = ifft(y, o);
  return irfft(y, last);
}

Tensor hfft(In z, const FftOptions& options) {
  const CallSite here(z.location());
  expect_complex("hfft", z.tensor());
  return irfft(conj(std::move(z)), {.n = options.n, .axis = options.axis, .norm = exchanged(options.norm)});
}
Tensor ihfft(In x, const FftOptions& options) {
  const CallSite here(x.location());
  return conj(rfft(std::move(x), {.n = options.n, .axis = options.axis, .norm = exchanged(options.norm)}));
}

}  // namespace newtape::fft
