// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/fft.hpp>

#include "functions.hpp"

#include <type_traits>

namespace newtape::core::kernels::NEWTAPE_ISA {

namespace {

template <class T>
struct Complex {
  T real, imag;
};
template <class T>
NEWTAPE_INLINE Complex<T> operator+(Complex<T> a, Complex<T> b) {
  return {a.real + b.real, a.imag + b.imag};
}
template <class T>
NEWTAPE_INLINE Complex<T> operator-(Complex<T> a, Complex<T> b) {
  return {a.real - b.real, a.imag - b.imag};
}
template <class T>
NEWTAPE_INLINE Complex<T> operator*(Complex<T> a, Complex<T> b) {
  return {a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real};
}
template <class T>
NEWTAPE_INLINE Complex<T> operator*(T a, Complex<T> b) {
  return {a * b.real, a * b.imag};
}
/// -i a.
template <class T>
NEWTAPE_INLINE Complex<T> minus_i(Complex<T> a) {
  return {a.imag, -a.real};
}

template <class T>
NEWTAPE_INLINE void butterfly(Complex<T> (&a)[2]) {
  const Complex<T> b = a[1];
  a[1] = a[0] - b;
  a[0] = a[0] + b;
}
template <class T>
NEWTAPE_INLINE void butterfly(Complex<T> (&a)[3]) {
  constexpr T half_root = T(0.86602540378443864676);
  const Complex<T> s = a[1] + a[2], d = minus_i(half_root * (a[1] - a[2])), middle = a[0] - T(0.5) * s;
  a[0] = a[0] + s;
  a[1] = middle + d;
  a[2] = middle - d;
}
template <class T>
NEWTAPE_INLINE void butterfly(Complex<T> (&a)[4]) {
  const Complex<T> s = a[0] + a[2], d = a[0] - a[2], t = a[1] + a[3], e = minus_i(a[1] - a[3]);
  a[0] = s + t;
  a[1] = d + e;
  a[2] = s - t;
  a[3] = d - e;
}
template <class T>
NEWTAPE_INLINE void butterfly(Complex<T> (&a)[5]) {
  constexpr T c1 = T(0.30901699437494742410), c2 = T(-0.80901699437494742410);
  constexpr T s1 = T(0.95105651629515357212), s2 = T(0.58778525229247312917);
  const Complex<T> p = a[1] + a[4], q = a[2] + a[3], d = a[1] - a[4], e = a[2] - a[3];
  const Complex<T> u = a[0] + c1 * p + c2 * q, v = a[0] + c2 * p + c1 * q;
  const Complex<T> x = minus_i(s1 * d + s2 * e), y = minus_i(s2 * d - s1 * e);
  a[0] = a[0] + p + q;
  a[1] = u + x;
  a[2] = v + y;
  a[3] = v - y;
  a[4] = u - x;
}

template <int r, class T>
void pass(const FftPass<T>& f) {
  const std::int64_t m = f.length / r, apart = m * f.width;
  for (std::int64_t p = 0; p < m; ++p) {
    Complex<T> w[r];
    for (int j = 0; j < r; ++j) {
      const std::int64_t at = p * j * f.skip;
      w[j] = {f.w_real[at], f.w_imag[at]};
    }
    const T* in_real = f.in_real + p * f.width;
    const T* in_imag = f.in_imag + p * f.width;
    T* out_real = f.out_real + p * r * f.width;
    T* out_imag = f.out_imag + p * r * f.width;
    NEWTAPE_INDEPENDENT
    for (std::int64_t q = 0; q < f.width; ++q) {
      Complex<T> a[r];
      for (int k = 0; k < r; ++k) a[k] = {in_real[k * apart + q], in_imag[k * apart + q]};
      butterfly(a);
      for (int j = 0; j < r; ++j) {
        const Complex<T> y = j == 0 ? a[0] : a[j] * w[j];
        out_real[j * f.width + q] = y.real;
        out_imag[j * f.width + q] = y.imag;
      }
    }
  }
}

/// Any radix up to max_fft_radix, by its definition.
template <class T>
void general_pass(const FftPass<T>& f) {
  const std::int64_t r = f.radix, m = f.length / r, apart = m * f.width, unit = f.size / r;
  for (std::int64_t p = 0; p < m; ++p) {
    for (std::int64_t j = 0; j < r; ++j) {
      const Complex<T> w{f.w_real[p * j * f.skip], f.w_imag[p * j * f.skip]};
      T* out_real = f.out_real + (p * r + j) * f.width;
      T* out_imag = f.out_imag + (p * r + j) * f.width;
      for (std::int64_t k = 0; k < r; ++k) {
        const std::int64_t at = j * k % r * unit;
        const Complex<T> v = Complex<T>{f.w_real[at], f.w_imag[at]} * w;
        const T* in_real = f.in_real + k * apart + p * f.width;
        const T* in_imag = f.in_imag + k * apart + p * f.width;
        NEWTAPE_INDEPENDENT
        for (std::int64_t q = 0; q < f.width; ++q) {
          const Complex<T> y = v * Complex<T>{in_real[q], in_imag[q]};
          out_real[q] = k == 0 ? y.real : out_real[q] + y.real;
          out_imag[q] = k == 0 ? y.imag : out_imag[q] + y.imag;
        }
      }
    }
  }
}

template <class T>
void any_pass(const FftPass<T>& f) {
  switch (f.radix) {
    case 2: pass<2>(f); break;
    case 3: pass<3>(f); break;
    case 4: pass<4>(f); break;
    case 5: pass<5>(f); break;
    default: general_pass(f);
  }
}

/// Calls of(stride) with a constant for 1, for which loops vectorize.
template <class F>
NEWTAPE_INLINE void with_stride(std::int64_t stride, const F& of) {
  stride == 1 ? of(std::integral_constant<std::int64_t, 1>{}) : of(stride);
}
/// Likewise for a cache line of f32.
template <class F>
NEWTAPE_INLINE void with_width(std::int64_t width, const F& of) {
  width == 16 ? of(std::integral_constant<std::int64_t, 16>{}) : of(width);
}

template <class T>
void copy_rows(const T* from, std::int64_t from_row, T* to, std::int64_t to_row, std::int64_t rows,
               std::int64_t width) {
  with_width(
      width, [&](auto columns) __attribute__((always_inline)) {
        for (std::int64_t i = 0; i < rows; ++i) {
          const T* __restrict const a = from + i * from_row;
          T* __restrict const b = to + i * to_row;
          for (std::int64_t q = 0; q < columns; ++q) b[q] = a[q];
        }
      });
}

template <class T>
void multiply(T* real, T* imag, const T* w_real, const T* w_imag, std::int64_t w_row, std::int64_t rows,
              std::int64_t width, T scale) {
  with_width(
      width, [&](auto columns) __attribute__((always_inline)) {
        for (std::int64_t i = 0; i < rows; ++i) {
          T* __restrict const re = real + i * columns;
          T* __restrict const im = imag + i * columns;
          const T* __restrict const c = w_real + i * w_row;
          const T* __restrict const s = w_imag + i * w_row;
          for (std::int64_t q = 0; q < columns; ++q) {
            const Complex<T> y = Complex<T>{re[q], im[q]} * (scale * Complex<T>{c[q], s[q]});
            re[q] = y.real;
            im[q] = y.imag;
          }
        }
      });
}

template <class T>
void split(const T* pairs, T* real, T* imag, std::int64_t stride, std::int64_t n) {
  with_stride(
      stride, [&](auto by) __attribute__((always_inline)) {
        NEWTAPE_INDEPENDENT
        for (std::int64_t k = 0; k < n; ++k) {
          real[k * by] = pairs[2 * k];
          imag[k * by] = pairs[2 * k + 1];
        }
      });
}

template <class T>
void join(const T* real, const T* imag, std::int64_t stride, T* pairs, std::int64_t n, T scale) {
  with_stride(
      stride, [&](auto by) __attribute__((always_inline)) {
        NEWTAPE_INDEPENDENT
        for (std::int64_t k = 0; k < n; ++k) {
          pairs[2 * k] = scale * real[k * by];
          pairs[2 * k + 1] = scale * imag[k * by];
        }
      });
}

template <class T>
void real_end(const T* real, const T* imag, std::int64_t stride, const T* w_real, const T* w_imag, T* pairs,
              std::int64_t half, T scale, T ends) {
  // Both ends are real.
  pairs[0] = ends * scale * (real[0] + imag[0]);
  pairs[1] = 0;
  pairs[2 * half] = ends * scale * (real[0] - imag[0]);
  pairs[2 * half + 1] = 0;
  with_stride(
      stride, [&](auto by) __attribute__((always_inline)) {
        NEWTAPE_INDEPENDENT
        for (std::int64_t k = 1; k < half; ++k) {
          const Complex<T> a{real[k * by], imag[k * by]}, b{real[(half - k) * by], imag[(half - k) * by]};
          const Complex<T> even{(a.real + b.real) / 2, (a.imag - b.imag) / 2};
          const Complex<T> odd{(a.imag + b.imag) / 2, (b.real - a.real) / 2};
          const Complex<T> y = even + Complex<T>{w_real[k], w_imag[k]} * odd;
          pairs[2 * k] = scale * y.real;
          pairs[2 * k + 1] = scale * y.imag;
        }
      });
}

template <class T>
void real_begin(const T* pairs, const T* w_real, const T* w_imag, T* real, T* imag, std::int64_t stride,
                std::int64_t half, T ends) {
  split(pairs, real, imag, stride, half);
  real[0] = ends * (pairs[0] + pairs[2 * half]);
  imag[0] = ends * (pairs[0] - pairs[2 * half]);
  with_stride(
      stride, [&](auto by) __attribute__((always_inline)) {
        // w^(half - k) = -conj(w^k): both numbers of a pair at once.
        const std::int64_t pairs_inside = (half - 1) / 2;
        NEWTAPE_INDEPENDENT
        for (std::int64_t k = 1; k <= pairs_inside; ++k) {
          const Complex<T> a{real[k * by], imag[k * by]}, b{real[(half - k) * by], imag[(half - k) * by]};
          const Complex<T> sum{a.real + b.real, a.imag - b.imag}, gap{a.real - b.real, a.imag + b.imag};
          // sum + i conj(w) gap.
          const Complex<T> turned = Complex<T>{w_real[k], -w_imag[k]} * gap;
          real[k * by] = sum.real - turned.imag;
          imag[k * by] = sum.imag + turned.real;
          real[(half - k) * by] = sum.real + turned.imag;
          imag[(half - k) * by] = turned.real - sum.imag;
        }
      });
  if (half % 2 == 0) {
    real[half / 2 * stride] *= 2;
    imag[half / 2 * stride] *= -2;
  }
}

template <class T>
constexpr FftKernels<T> table_of() {
  return {any_pass<T>, copy_rows<T>, multiply<T>, split<T>, join<T>, real_end<T>, real_begin<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const FftTable FftTable::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(), NEWTAPE_ISA::table_of<double>()};
}
