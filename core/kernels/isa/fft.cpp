// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/fft.hpp>

#include "functions.hpp"

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

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const FftTable FftTable::NEWTAPE_ISA{.f32 = NEWTAPE_ISA::any_pass<float>,
                                               .f64 = NEWTAPE_ISA::any_pass<double>};
}
