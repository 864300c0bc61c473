// SPDX-License-Identifier: BSD-3-Clause
// Transforms against PyTorch and SciPy (tests/files/autograd/make_fft.py), identities at all lengths, errors by length.
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/fft.hpp>
#include <newtape/autograd/ops/fft_nd.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/windows.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

using namespace newtape;
using fft::Norm;

namespace {

const ::Reference& transforms() {
  static const ::Reference all("autograd/fft.txt");
  return all;
}
Tensor stored_transform(const std::string& name) { return transforms()(name); }

double farthest(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  return a.size() == 0 ? 0 : max(newtape::abs(a - b)).item();
}
#define SAME_AS(name, ...) \
  CHECK(farthest(__VA_ARGS__, stored_transform(name)) < 1e-14 * (1 + max(newtape::abs(stored_transform(name))).item()))

double length_of_vector(const Tensor& x) { return std::sqrt(sum(square(x)).item()); }

}  // namespace

TEST_CASE("fft: values, norms, axes and lengths as PyTorch's") {
  const Tensor x = stored_transform("x"), z = stored_transform("z");
  for (const auto& [name, norm] :
       {std::pair{"backward", Norm::backward}, {"ortho", Norm::ortho}, {"forward", Norm::forward}}) {
    INFO(name);
    SAME_AS(std::string("fft.") + name, fft::fft(z, {.norm = norm}));
    SAME_AS(std::string("ifft.") + name, fft::ifft(z, {.norm = norm}));
    SAME_AS(std::string("rfft.") + name, fft::rfft(x, {.norm = norm}));
    SAME_AS(std::string("irfft.") + name, fft::irfft(z, {.norm = norm}));
  }
  SAME_AS("fft.axis", fft::fft(z, {.axis = 0}));
  SAME_AS("fft.axis", fft::fft(z, {.axis = -2}));
  SAME_AS("fft.cut", fft::fft(z, {.n = 4}));
  SAME_AS("fft.padded", fft::fft(z, {.n = 9}));
  SAME_AS("rfft.axis", fft::rfft(x, {.axis = 0}));
  SAME_AS("rfft.padded", fft::rfft(x, {.n = 32}));
  SAME_AS("irfft.odd", fft::irfft(z, {.n = 11}));
  SAME_AS("irfft.padded", fft::irfft(z, {.n = 16}));
  SAME_AS("irfft.axis", fft::irfft(z, {.n = 4, .axis = 0}));
  SAME_AS("fft2", fft::fft2(z));
  SAME_AS("ifft2", fft::ifft2(z, {.norm = Norm::ortho}));
  SAME_AS("rfft2", fft::rfft2(x));
  SAME_AS("irfft2", fft::irfft2(z, {.n = 11}));
}

TEST_CASE("fft: several axes, and Hermitian signals, as PyTorch's") {
  const Tensor z = stored_transform("cube"), real = fft::real(z), imag = fft::imag(z);
  SAME_AS("fftn", fft::fftn(z));
  SAME_AS("fftn.axes", fft::fftn(z, {.axes = {0, -1}, .norm = Norm::ortho}));
  SAME_AS("fftn.lengths", fft::fftn(z, {.n = {2, 6}}));
  SAME_AS("ifftn", fft::ifftn(z, {.norm = Norm::forward}));
  SAME_AS("rfftn", fft::rfftn(real));
  SAME_AS("rfftn.axes", fft::rfftn(real, {.n = {4, 3}, .axes = {0, 1}}));
  SAME_AS("irfftn", fft::irfftn(z));
  SAME_AS("irfftn.odd", fft::irfftn(z, {.n = {3, 5}}));
  for (const auto& [name, norm] :
       {std::pair{"backward", Norm::backward}, {"ortho", Norm::ortho}, {"forward", Norm::forward}}) {
    INFO(name);
    SAME_AS(std::string("hfft.") + name, fft::hfft(z, {.norm = norm}));
    SAME_AS(std::string("ihfft.") + name, fft::ihfft(imag, {.norm = norm}));
  }
  SAME_AS("hfft.odd", fft::hfft(z, {.n = 5, .axis = 1}));
  SAME_AS("ihfft.axis", fft::ihfft(imag, {.n = 5, .axis = 0}));
  const auto smooth = gradcheck(
      [](const Tensor& x) {
        return fft::irfftn(fft::multiply(fft::rfftn(x), fft::rfftn(x)), {.n = {2, 3, 4}});
      },
      fft::real(z), {.order = 2});
  INFO(smooth.message);
  CHECK(smooth);
  CHECK(gradcheck([](const Tensor& x) { return square(fft::hfft(x)) + fft::hfft(fft::ihfft(fft::hfft(x))); }, z));
  CHECK_THROWS_AS(fft::fftn(z, {.n = {4, 4}, .axes = 1}), ValueError);
  CHECK_THROWS_AS(fft::fftn(real), ShapeError);
  CHECK_THROWS_AS(fft::rfftn(tensor(1.0, f64)), ShapeError);
  CHECK_THROWS_AS(fft::irfftn(z, {.axes = 3}), ShapeError);
  CHECK_THROWS_WITH(fft::hfft(real), Catch::StartsWith("hfft: "));
}

TEST_CASE("fft: windows as PyTorch's, periodic and symmetric") {
  for (const bool periodic : {true, false}) {
    for (const std::int64_t n : {1, 2, 7, 8}) {
      const std::string at = "." + std::to_string(n) + (periodic ? ".periodic" : ".symmetric");
      INFO(at);
      const fft::WindowOptions options{.periodic = periodic, .dtype = f64};
      SAME_AS("hann" + at, fft::hann_window(n, options));
      SAME_AS("hamming" + at, fft::hamming_window(n, options));
      SAME_AS("blackman" + at, fft::blackman_window(n, options));
      SAME_AS("bartlett" + at, fft::bartlett_window(n, options));
      SAME_AS("kaiser" + at, fft::kaiser_window(n, 12, options));
      CHECK(fft::hamming_window(n).dtype() == f32);
    }
  }
  SAME_AS("kaiser.5", fft::kaiser_window(9, 5, {.periodic = false, .dtype = f64}));
  CHECK(farthest(fft::kaiser_window(6, 0, {.dtype = f64}), ones({6}, f64)) == 0);
  CHECK(farthest(fft::hann_window(9, {.dtype = f64}), fft::hann_window(9, f64)) < 1e-15);
  CHECK_THROWS_AS(fft::bartlett_window(0), ValueError);
  CHECK_THROWS_AS(fft::kaiser_window(5, -1), ValueError);
  CHECK_THROWS_AS(fft::kaiser_window(5, INFINITY), ValueError);
}

TEST_CASE("fft: windows of a dtype that cannot hold fractions are refused by name") {
  using Call = Tensor (*)(DType);
  const std::pair<const char*, Call> windows[] = {
      {"hann_window", [](DType t) { return fft::hann_window(8, t); }},
      {"hann_window", [](DType t) { return fft::hann_window(8, {.dtype = t}); }},
      {"hamming_window", [](DType t) { return fft::hamming_window(8, {.dtype = t}); }},
      {"blackman_window", [](DType t) { return fft::blackman_window(8, {.dtype = t}); }},
      {"bartlett_window", [](DType t) { return fft::bartlett_window(8, {.dtype = t}); }},
      {"kaiser_window", [](DType t) { return fft::kaiser_window(8, 12, {.dtype = t}); }},
  };
  for (const auto& [op, call] : windows) {
    for (const DType t : {i64, boolean}) {
      INFO(op << " " << name(t));
      CHECK_THROWS_AS(call(t), DTypeError);
      CHECK_THROWS_WITH(call(t), Catch::StartsWith(std::string(op) + ": ") && Catch::Contains(std::string(name(t))) &&
                                     Catch::Contains("fft_test.cpp"));
    }
  }
}

TEST_CASE("fft: frequencies and their order as PyTorch's") {
  SAME_AS("fftfreq.8", fft::fftfreq(8, 0.5, f64));
  SAME_AS("fftfreq.7", fft::fftfreq(7, 1, f64));
  SAME_AS("rfftfreq.8", fft::rfftfreq(8, 0.5, f64));
  SAME_AS("rfftfreq.7", fft::rfftfreq(7, 1, f64));
  const Tensor x = stored_transform("x");
  SAME_AS("fftshift", fft::fftshift(x));
  SAME_AS("ifftshift", fft::ifftshift(x, {0, 1}));
  CHECK(farthest(fft::ifftshift(fft::fftshift(x, {0, 1}), {0, 1}), x) == 0);
  CHECK(fft::fftfreq(4).dtype() == f32);
  CHECK_THROWS_AS(fft::fftfreq(0), ValueError);
  CHECK_THROWS_AS(fft::rfftfreq(4, 0), ValueError);
  // The next product of 2, 3 and 5, as scipy.fft.next_fast_len(n, real=True).
  for (const auto& [n, fast] :
       {std::pair{1, 1}, {7, 8}, {11, 12}, {13, 15}, {17, 18}, {97, 100}, {1021, 1024}, {1025, 1080}}) {
    CHECK(fft::next_fast_len(n) == fast);
  }
}

TEST_CASE("fft: of every length the inverse returns the signal, the norm is kept, and parts agree") {
  for (std::int64_t n = 1; n <= 130; ++n) {
    INFO("length " << n);
    const Tensor z = normal({3, n, 2}, static_cast<std::uint64_t>(n)),
                 x = normal({3, n}, static_cast<std::uint64_t>(n + 1000));
    const Tensor y = fft::fft(z, {.norm = Norm::ortho});
    // Errors grow with log n; Bluestein's transforms are of 4 n.
    const double bound = 2e-15 * (1 + std::log2(static_cast<double>(n)));
    CHECK(std::abs(length_of_vector(y) / length_of_vector(z) - 1) < bound);
    CHECK(farthest(fft::ifft(y, {.norm = Norm::ortho}), z) < 5 * bound);
    const Tensor half = fft::rfft(x);
    CHECK(farthest(half, slice(fft::fft(fft::complex(x, zeros_like(x))), -2, 0, n / 2 + 1)) < 5 * bound * std::sqrt(n));
    CHECK(farthest(fft::irfft(half, {.n = n}), x) < 5 * bound);
  }
}

TEST_CASE("fft: accuracy of long transforms of any factors, f32 and f64") {
  // A shift by s multiplies the coefficients by exp(-2 pi i s k / n); an impulse at s is that alone.
  for (const std::int64_t n : {4096, 6561, 15625, 16807, 4099, 10007, 65536}) {
    for (const DType dtype : {f32, f64}) {
      INFO("length " << n << ", " << name(dtype));
      const std::int64_t s = n / 3;
      Array impulse = core::zeros({n, 2}, f64);
      impulse.data<double>()[2 * s] = 1;
      const Tensor y = fft::fft(Tensor(impulse).to(dtype)).to(f64);
      double worst = 0;
      for (std::int64_t k = 0; k < n; ++k) {
        const double angle = 2 * std::acos(-1.0) * static_cast<double>(s * k % n) / static_cast<double>(n);
        worst = std::max({worst, std::abs(y.value().data<double>()[2 * k] - std::cos(angle)),
                          std::abs(y.value().data<double>()[2 * k + 1] + std::sin(angle))});
      }
      CHECK(worst < 4 * epsilon(dtype) * std::log2(static_cast<double>(n)));
      const Tensor z = normal({n, 2}, 3, dtype);
      const double error = length_of_vector(fft::ifft(fft::fft(z)).to(f64) - z.to(f64)) / length_of_vector(z.to(f64));
      CHECK(error < epsilon(dtype) * std::log2(static_cast<double>(n)));
    }
  }
}

TEST_CASE("fft: the bits depend neither on the number of threads nor on the signals beside") {
  const int before = num_threads();
  // Side by side, by convolution side by side and alone, and as matrices, with a whole and a broken last block.
  for (const std::int64_t n : {24, 37, 210, 509, 360, 1024, 4099}) {
    INFO("length " << n);
    const Tensor x = normal({50, n}, 4), z = normal({50, n, 2}, 5);
    set_num_threads(1);
    const Tensor one = fft::rfft(x), other = fft::fft(z), back = fft::irfft(one, {.n = n});
    set_num_threads(3);
    CHECK(same_bits(fft::rfft(x).value(), one.value()));
    CHECK(same_bits(fft::fft(z).value(), other.value()));
    CHECK(same_bits(fft::irfft(one, {.n = n}).value(), back.value()));
    set_num_threads(before);
    for (const std::int64_t i : {7, 49}) {
      CHECK(same_bits(fft::rfft(x[i]).value(), one[i].value()));
      CHECK(same_bits(fft::fft(z[i]).value(), other[i].value()));
      CHECK(same_bits(fft::irfft(one[i], {.n = n}).value(), back[i].value()));
    }
  }
}

TEST_CASE("fft: complex numbers") {
  const Tensor a = normal({4, 2}, 1), b = normal({3, 1, 2}, 2);
  const Tensor product = fft::multiply(a, b);
  CHECK(product.shape() == Shape{3, 4, 2});
  CHECK(farthest(fft::abs(product), fft::abs(a) * fft::abs(b)) < 1e-15);
  CHECK(farthest(fft::polar(fft::abs(a), fft::angle(a)), a) < 1e-15);
  CHECK(farthest(fft::real(fft::multiply(a, fft::conj(a))), square(fft::abs(a))) < 1e-14);
  CHECK(farthest(fft::imag(fft::conj(a)), -fft::imag(a)) == 0);
  CHECK(fft::complex(1.5, fft::imag(a)).shape() == Shape{4, 2});
  CHECK_THROWS_AS(fft::real(normal({4, 3}, 1)), ShapeError);
  // The derivative of |z| at 0 is that of hypot, and the phase has one elsewhere.
  const auto checked = gradcheck([](const Tensor& z) { return fft::angle(z) + fft::abs(z); }, a, {.order = 3});
  INFO(checked.message);
  CHECK(checked.ok);
}

TEST_CASE("stft and istft as PyTorch's, and each other's inverse") {
  const Tensor x = stored_transform("x"), w = fft::hann_window(8, f64);
  SAME_AS("hann", w);
  SAME_AS("stft", fft::stft(x, {.n_fft = 8, .window = w}));
  SAME_AS("stft.ones", fft::stft(x, {.n_fft = 7, .hop_length = 3, .center = false, .normalized = true}));
  const fft::StftOptions brief{.n_fft = 8, .hop_length = 3, .window = stored_transform("short")};
  SAME_AS("stft.short", fft::stft(x, brief));
  fft::StftOptions cut = brief;
  cut.length = 19;
  SAME_AS("istft.short", fft::istft(fft::stft(x, brief), cut));
  const Tensor signal = normal({2, 64}, 6);
  const fft::StftOptions half{
      .n_fft = 16, .hop_length = 8, .window = fft::hann_window(16, f64), .normalized = true, .length = 64};
  CHECK(farthest(fft::istft(fft::stft(signal, half), half), signal) < 1e-14);
  // A constant window without overlap, from the first sample.
  const fft::StftOptions blocks{.n_fft = 16, .hop_length = 16, .center = false};
  CHECK(farthest(fft::istft(fft::stft(signal, blocks), blocks), signal) < 1e-14);

  CHECK_THROWS_AS(fft::stft(x, {}), ValueError);
  CHECK_THROWS_AS(fft::stft(x, {.n_fft = 64}), ShapeError);
  CHECK_THROWS_AS(fft::stft(x, {.n_fft = 8, .window = ones({9}, f64)}), ShapeError);
  CHECK_THROWS_AS(fft::stft(x, {.n_fft = 8, .window = ones({8})}), DTypeError);
  CHECK_THROWS_AS(fft::stft(x, {.n_fft = 8, .hop_length = -1}), ValueError);
  CHECK_THROWS_AS(fft::istft(x, {.n_fft = 8}), ShapeError);
  // Hann's window is 0 at its first sample, and alone there without overlap.
  const fft::StftOptions gaps{.n_fft = 8, .hop_length = 8, .window = w, .center = false};
  CHECK_THROWS_AS(fft::istft(fft::stft(x, gaps), gaps), ValueError);
  CHECK_THROWS_AS(fft::hann_window(0), ValueError);
}

TEST_CASE("fftconvolve as SciPy's, and as conv1d") {
  const Tensor a = stored_transform("a"), b = stored_transform("b");
  SAME_AS("convolve.full", fft::fftconvolve(a, b));
  SAME_AS("convolve.same", fft::fftconvolve(a, b, {.mode = fft::ConvolveMode::same}));
  SAME_AS("convolve.valid", fft::fftconvolve(a, b, {.mode = fft::ConvolveMode::valid}));
  CHECK(farthest(transpose(fft::fftconvolve(transpose(a), transpose(b), {.axis = 0})), fft::fftconvolve(a, b)) < 1e-15);
  const Tensor long_signal = normal({1, 1, 500}, 8), kernel = normal({1, 1, 61}, 9);
  const Tensor direct = conv1d(long_signal, flip(kernel, -1));
  CHECK(farthest(fft::fftconvolve(long_signal, kernel, {.mode = fft::ConvolveMode::valid}), direct) < 1e-13);
  CHECK(fft::fftconvolve(normal({4, 1, 5}, 1), normal({3, 2}, 2)).shape() == Shape{4, 3, 6});
  CHECK_THROWS_AS(fft::fftconvolve(zeros({0}), ones({3})), ShapeError);
}

TEST_CASE("fft: composed functions have derivatives to order two") {
  const Function f = [](std::span<const Tensor> x) {
    const fft::StftOptions o{.n_fft = 6, .hop_length = 2, .window = x[1]};
    const Tensor z = fft::stft(x[0], o);
    const Tensor power = square(fft::abs(z));
    const Tensor back = fft::istft(fft::multiply(z, z), o);
    return concatenate({ravel(log(1 + power)), ravel(back), ravel(fft::fftconvolve(x[0], x[1]))}, 0);
  };
  const std::vector<Tensor> at{normal({13}, 3), 1 + square(normal({6}, 4))};
  const auto checked = gradcheck(f, at, {.order = 2});
  INFO(checked.message);
  CHECK(checked.ok);
  const auto images = gradcheck([](const Tensor& x) { return fft::irfft2(square(fft::rfft2(x)), {.n = 5}); },
                                normal({3, 5}, 7), {.order = 2});
  INFO(images.message);
  CHECK(images.ok);
}
