// SPDX-License-Identifier: BSD-3-Clause
#include "hyperbolic.hpp"
#include "integers.hpp"
#include "powers.hpp"
#include "trigonometry.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

// clang-format off
struct Exp { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::exp(x); } };
struct Expm1 { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::expm1(x); } };
struct Exp2 { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::exp2(x); } };
struct Log { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::log(x); } };
struct Log1p { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::log1p(x); } };
struct Log2 { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::log2(x); } };
struct Log10 { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::log10(x); } };
struct Cbrt { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::cbrt(x); } };
struct Tanh { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::tanh(x); } };
struct Sinh { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::sinh(x); } };
struct Cosh { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::cosh(x); } };
struct Asin { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::asin(x); } };
struct Acos { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::acos(x); } };
struct Atan { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::atan(x); } };
struct Asinh { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::asinh(x); } };
struct Acosh { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::acosh(x); } };
struct Atanh { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::atanh(x); } };
struct Erf { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::erf(x); } };
struct Erfc { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::erfc(x); } };
struct Erfinv { template <class T> NEWTAPE_INLINE T of(T x) { return static_cast<T>(NEWTAPE_ISA::erfinv(static_cast<double>(x))); } };
struct Atan2 { template <class T> NEWTAPE_INLINE T of(T a, T b) { return NEWTAPE_ISA::atan2(a, b); } };
struct Hypot { template <class T> NEWTAPE_INLINE T of(T a, T b) { return NEWTAPE_ISA::hypot(a, b); } };
struct TanhGrad { template <class T> NEWTAPE_INLINE T of(T g, T x) { return strong(g, tanh_slope(x)); } };
struct AsinSlope { template <class T> NEWTAPE_INLINE T of(T x) { return 1 / root((1 - x) * (1 + x)); } };
struct HypotSlope { template <class T> NEWTAPE_INLINE T of(T a, T b) { return hypot_slope(a, b); } };
struct Gaussian { template <class T> NEWTAPE_INLINE T of(T x, T factor) { return gaussian(x, factor); } };
struct Xlogy { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a == 0 && b == b ? T(0) : a * NEWTAPE_ISA::log(b); } };
struct Xlog1py { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a == 0 && b == b ? T(0) : a * NEWTAPE_ISA::log1p(b); } };
template <class T> NEWTAPE_INLINE T distance(T a, T b) { return a == b ? T(0) : magnitude(a - b); }  // 0 for equal infinities
struct Logaddexp {
  template <class T> NEWTAPE_INLINE T of(T a, T b) {
    return (a > b ? a : b) + log1p_unit(exp_below(-distance(a, b)));
  }
};
struct Logaddexp2 {
  template <class T> NEWTAPE_INLINE T of(T a, T b) {
    return (a > b ? a : b) + log1p_unit(NEWTAPE_ISA::exp2(-distance(a, b))) * Constants<T>::log2e;
  }
};

/// e_a / (e_a + e_b), where e = e_smaller / e_larger; of -inf and -inf 0.
template <class T> NEWTAPE_INLINE T share(T a, T b, T e) {
  const T y = (a >= b ? T(1) : e) / (1 + e);
  return a == b && a == -infinity<T> ? T(0) : y;
}
struct LogaddexpSlope {
  template <class T> NEWTAPE_INLINE T of(T a, T b) { return share(a, b, exp_below(-distance(a, b))); }
};
struct Logaddexp2Slope {
  template <class T> NEWTAPE_INLINE T of(T a, T b) { return share(a, b, NEWTAPE_ISA::exp2(-distance(a, b))); }
};

struct Sin {
  template <class T> NEWTAPE_INLINE T of(T x) { return sin_shifted<T>(x, 0); }
  static double outside(double x) { return __builtin_sin(x); }
};
struct Cos {
  template <class T> NEWTAPE_INLINE T of(T x) { return sin_shifted<T>(x, 1); }
  static double outside(double x) { return __builtin_cos(x); }
};
struct Tan {
  template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::tan<T>(x); }
  static double outside(double x) { return __builtin_tan(x); }
};
// clang-format on

/// Arguments outside the range of the vector code are passed one by one to the C library.
template <class F, class T>
void map_within(const void* const* in, void* out, std::int64_t n, unsigned) {
  constexpr std::int64_t piece = 256;
  const auto* x = static_cast<const T*>(in[0]);
  auto* y = static_cast<T*>(out);
  for (std::int64_t begin = 0; begin < n; begin += piece) {
    const std::int64_t m = n - begin < piece ? n - begin : piece;
    T copy[piece];  // a copy, as `out` may alias the input
    __builtin_memcpy(copy, x + begin, static_cast<std::size_t>(m) * sizeof(T));
    const void* part[] = {copy};
    map1_whole<F, T>(part, y + begin, m, 0);
    std::int64_t outside = 0;
    for (std::int64_t i = 0; i < m; ++i) outside += magnitude(copy[i]) <= static_cast<T>(sin_cos_highest) ? 0 : 1;
    if (outside == 0) continue;
    for (std::int64_t i = 0; i < m; ++i) {
      if (!(magnitude(copy[i]) <= static_cast<T>(sin_cos_highest))) y[begin + i] = static_cast<T>(F::outside(copy[i]));
    }
  }
}

/// a^n for n >= 0, by squaring; the caller reports a negative n.
struct IntegerPower {
  NEWTAPE_INLINE std::int64_t of(std::int64_t a, std::int64_t n) {
    std::int64_t y = 1;
    for (; n > 0; n /= 2) {
      if (n % 2 == 1) y = wrapping_mul(y, a);
      a = wrapping_mul(a, a);
    }
    return y;
  }
};
struct Power {
  NEWTAPE_INLINE float of(float a, float b) { return pow_float(a, b); }
};
struct Square {
  template <class T>
  NEWTAPE_INLINE T of(T x) {
    return x * x;
  }
};
void pow_of_floats(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  if (scalars == 2 && *static_cast<const float*>(in[1]) == 2) return map1<Square, float, float>(in, out, n, 0);
  map2_whole<Power, float>(in, out, n, scalars);
}
/// The C library's pow: the exponent amplifies every error of the logarithm, so full accuracy needs extended precision.
void pow_of_doubles(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  const auto* a = static_cast<const double*>(in[0]);
  const auto* b = static_cast<const double*>(in[1]);
  auto* y = static_cast<double*>(out);
  if (scalars == 2 && *b == 2) return map1<Square, double, double>(in, out, n, 0);
  const std::int64_t step_a = (scalars & 1) != 0 ? 0 : 1;
  const std::int64_t step_b = (scalars & 2) != 0 ? 0 : 1;
  for (std::int64_t i = 0; i < n; ++i) y[i] = __builtin_pow(a[i * step_a], b[i * step_b]);
}

template <class F>
constexpr Kernels floats1{{map1_whole<F, float>, map1_whole<F, double>, nullptr, nullptr}};
template <class F>
constexpr Kernels floats2{{map2_whole<F, float>, map2_whole<F, double>, nullptr, nullptr}};

constexpr NamedKernels list[] = {
    {"exp", floats1<Exp>},
    {"expm1", floats1<Expm1>},
    {"exp2", floats1<Exp2>},
    {"log", floats1<Log>},
    {"log1p", floats1<Log1p>},
    {"log2", floats1<Log2>},
    {"log10", floats1<Log10>},
    {"cbrt", floats1<Cbrt>},
    {"sin", {{map_within<Sin, float>, map_within<Sin, double>, nullptr, nullptr}}},
    {"cos", {{map_within<Cos, float>, map_within<Cos, double>, nullptr, nullptr}}},
    {"tan", {{map_within<Tan, float>, map_within<Tan, double>, nullptr, nullptr}}},
    {"asin", floats1<Asin>},
    {"acos", floats1<Acos>},
    {"atan", floats1<Atan>},
    {"sinh", floats1<Sinh>},
    {"cosh", floats1<Cosh>},
    {"tanh", floats1<Tanh>},
    {"asinh", floats1<Asinh>},
    {"acosh", floats1<Acosh>},
    {"atanh", floats1<Atanh>},
    {"erf", floats1<Erf>},
    {"erfc", floats1<Erfc>},
    {"erfinv", floats1<Erfinv>},
    {"pow", {{pow_of_floats, pow_of_doubles, map2<IntegerPower, std::int64_t, std::int64_t>, nullptr}}},
    {"atan2", floats2<Atan2>},
    {"hypot", floats2<Hypot>},
    {"hypot_slope", floats2<HypotSlope>},
    {"asin_slope", floats1<AsinSlope>},
    {"gaussian", floats2<Gaussian>},
    {"logaddexp", floats2<Logaddexp>},
    {"logaddexp2", floats2<Logaddexp2>},
    {"logaddexp_slope", floats2<LogaddexpSlope>},
    {"logaddexp2_slope", floats2<Logaddexp2Slope>},
    {"xlogy", floats2<Xlogy>},
    {"xlog1py", floats2<Xlog1py>},
    {"tanh_grad", floats2<TanhGrad>},
};

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const MathKernels MathKernels::NEWTAPE_ISA{list_of(NEWTAPE_ISA::list)};
}
