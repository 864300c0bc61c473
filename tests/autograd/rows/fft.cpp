// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"
#include "autograd/table.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/fft.hpp>

#include <cmath>

namespace newtape::table {
namespace {

/// exp(i angle) with angle = 2 pi j k / n.
std::pair<long double, long double> turned(std::int64_t j, std::int64_t k, std::int64_t n) {
  const long double angle = 2 * std::acos(-1.0L) * static_cast<long double>(j * k % n) / static_cast<long double>(n);
  return {std::cos(angle), std::sin(angle)};
}

/// The sums themselves, along the last axis of complex numbers: sum_j exp(sign i angle) z_j, times 1 / n for the inverse.
Reference sums(int sign) {
  return [sign](const std::vector<Values>& in) {
    Values y(in[0].shape);
    const auto n = in[0].shape[in[0].shape.size() - 2];
    const auto& z = in[0].data;
    for (std::size_t first = 0; first < z.size(); first += static_cast<std::size_t>(2 * n)) {
      for (std::int64_t k = 0; k < n; ++k) {
        long double real = 0, imag = 0;
        for (std::int64_t j = 0; j < n; ++j) {
          const auto [c, s] = turned(j, k, n);
          const auto at = first + static_cast<std::size_t>(2 * j);
          real += c * z[at] - sign * s * z[at + 1];
          imag += c * z[at + 1] + sign * s * z[at];
        }
        const long double scale = sign > 0 ? 1 / static_cast<long double>(n) : 1;
        y.data[first + static_cast<std::size_t>(2 * k)] = scale * real;
        y.data[first + static_cast<std::size_t>(2 * k) + 1] = scale * imag;
      }
    }
    return y;
  };
}

Values real_sums(const std::vector<Values>& in) {
  const auto n = in[0].shape.back();
  Shape shape(in[0].shape.begin(), in[0].shape.end() - 1);
  shape.push_back(n / 2 + 1), shape.push_back(2);
  Values y(shape);
  std::size_t out = 0;
  for (std::size_t first = 0; first < in[0].data.size(); first += static_cast<std::size_t>(n)) {
    for (std::int64_t k = 0; k <= n / 2; ++k) {
      long double real = 0, imag = 0;
      for (std::int64_t j = 0; j < n; ++j) {
        const auto [c, s] = turned(j, k, n);
        real += c * in[0].data[first + static_cast<std::size_t>(j)];
        imag -= s * in[0].data[first + static_cast<std::size_t>(j)];
      }
      y.data[out++] = real, y.data[out++] = imag;
    }
  }
  return y;
}

/// With the conjugates of the coefficients beyond n / 2.
Reference real_inverse_sums(std::int64_t n) {
  return [n](const std::vector<Values>& in) {
    Shape shape(in[0].shape.begin(), in[0].shape.end() - 2);
    shape.push_back(n);
    Values y(shape);
    std::size_t out = 0;
    const auto step = static_cast<std::size_t>(2 * (n / 2 + 1));
    for (std::size_t first = 0; first < in[0].data.size(); first += step) {
      for (std::int64_t j = 0; j < n; ++j) {
        long double sum = 0;
        for (std::int64_t k = 0; k < n; ++k) {
          const auto [c, s] = turned(j, k, n);
          const auto half = std::min(k, n - k);
          const auto at = first + static_cast<std::size_t>(2 * half);
          const bool own = half == 0 || 2 * half == n;
          sum += c * in[0].data[at] - (own ? 0 : half == k ? s : -s) * in[0].data[at + 1];
        }
        y.data[out++] = sum / static_cast<long double>(n);
      }
    }
    return y;
  };
}

Sample transformed(const Shape& shape, bool inverse) {
  return {{shape}, [inverse](Args& x) { return inverse ? fft::ifft(x[0]) : fft::fft(x[0]); }, sums(inverse ? 1 : -1)};
}
Sample real_transformed(const Shape& shape) {
  return {{shape}, [](Args& x) { return fft::rfft(x[0]); }, real_sums};
}
Sample real_inverted(const Shape& shape, std::int64_t n) {
  return {{shape}, [n](Args& x) { return fft::irfft(x[0], {.n = n}); }, real_inverse_sums(n)};
}

// Radices 2, 3, 4, 5 and others, a prime beyond them, several at once.
const Rows fourier{{
    {.name = "fft",
     .samples = {transformed({5, 2}, false), transformed({8, 2}, false), transformed({2, 6, 2}, true),
                 transformed({14, 2}, true), transformed({37, 2}, false), transformed({2, 3, 4, 2}, false),
                 transformed({1, 2}, true), transformed({0, 4, 2}, false)},
     .rejects = {{Error::shape, "fft: a complex array has",
                  [] {
                    fft::fft(zeros({4, 3}));
                  }},
                 {Error::shape, "fft: a complex array has", [] { fft::fft(zeros({})); }},
                 {Error::shape, "fft: the transformed axis must not be empty",
                  [] {
                    fft::fft(zeros({0, 2}));
                  }},
                 {Error::shape, "fft",
                  [] {
                    fft::fft(zeros({3, 2}), {.axis = 1});
                  }},
                 {Error::value, "n must not be negative",
                  [] {
                    fft::fft(zeros({3, 2}), {.n = -1});
                  }},
                 {Error::dtype, "fft: the dtype must be a float",
                  [] {
                    fft::fft(zeros({3, 2}, i64));
                  }}}},
    {.name = "rfft",
     .samples = {real_transformed({5}), real_transformed({8}), real_transformed({2, 6}), real_transformed({22}),
                 real_transformed({37}), real_transformed({2, 3, 4}), real_transformed({1}), real_transformed({0, 4})},
     .rejects = {{Error::shape, "rfft: the transformed axis must not be empty",
                  [] {
                    fft::rfft(zeros({2, 0}));
                  }},
                 {Error::shape, "rfft", [] { fft::rfft(zeros({})); }},
                 {Error::dtype, "rfft: the dtype must be a float", [] { fft::rfft(zeros({3}, i64)); }}}},
    {.name = "irfft",
     .samples = {real_inverted({3, 2}, 5), real_inverted({5, 2}, 8), real_inverted({2, 4, 2}, 6),
                 real_inverted({12, 2}, 22), real_inverted({19, 2}, 37), real_inverted({2, 3, 3, 2}, 4),
                 real_inverted({1, 2}, 1), real_inverted({0, 3, 2}, 4)},
     .rejects = {{Error::shape, "irfft: a complex array has",
                  [] {
                    fft::irfft(zeros({4, 3}));
                  }},
                 {Error::shape, "irfft: the transformed axis must not be empty",
                  [] {
                    fft::irfft(zeros({1, 2}));
                  }},
                 {Error::dtype, "irfft: the dtype must be a float",
                  [] {
                    fft::irfft(zeros({3, 2}, i64));
                  }}}},
}};

}  // namespace
}  // namespace newtape::table
