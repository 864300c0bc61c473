// SPDX-License-Identifier: BSD-3-Clause
#include "integers.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

NEWTAPE_INLINE float root(float x) { return __builtin_sqrtf(x); }
NEWTAPE_INLINE double root(double x) { return __builtin_sqrt(x); }
NEWTAPE_INLINE float magnitude(float x) { return __builtin_fabsf(x); }
NEWTAPE_INLINE double magnitude(double x) { return __builtin_fabs(x); }
NEWTAPE_INLINE std::int64_t magnitude(std::int64_t x) {
  return x < 0 ? static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(x)) : x;
}

// Rounding to integral values; the identity for integers.
#define NEWTAPE_ROUNDING(Name, f32_function, f64_function)         \
  struct Name {                                                    \
    NEWTAPE_INLINE float of(float x) { return f32_function(x); }   \
    NEWTAPE_INLINE double of(double x) { return f64_function(x); } \
    NEWTAPE_INLINE std::int64_t of(std::int64_t x) { return x; }   \
  }
NEWTAPE_ROUNDING(Floor, __builtin_floorf, __builtin_floor);
NEWTAPE_ROUNDING(Ceil, __builtin_ceilf, __builtin_ceil);
NEWTAPE_ROUNDING(Trunc, __builtin_truncf, __builtin_trunc);
NEWTAPE_ROUNDING(Round, __builtin_rintf, __builtin_rint);  // halves to even
#undef NEWTAPE_ROUNDING

NEWTAPE_INLINE float modulus(float a, float b) { return __builtin_fmodf(a, b); }
NEWTAPE_INLINE double modulus(double a, double b) { return __builtin_fmod(a, b); }
/// 0 for a zero divisor (an error reported by the caller) and for -1, where INT64_MIN % -1 would trap.
NEWTAPE_INLINE std::int64_t modulus(std::int64_t a, std::int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
NEWTAPE_INLINE std::int64_t quotient(std::int64_t a, std::int64_t b) {
  return b == 0 ? 0 : b == -1 ? static_cast<std::int64_t>(0 - wrap(a)) : a / b;
}

struct Fmod {
  template <class T>
  NEWTAPE_INLINE T of(T a, T b) {
    return modulus(a, b);
  }
};
/// Result has the sign of b, as in Python.
struct Remainder {
  template <class T>
  NEWTAPE_INLINE T of(T a, T b) {
    const T m = modulus(a, b);
    if (m == 0) return m * m * (b < 0 ? T(-1) : T(1));
    return (m < 0) != (b < 0) ? m + b : m;
  }
};
/// floor(a / b) of the exact quotient, corrected where the rounded quotient differs, as in Python and NumPy.
struct FloorDivide {
  template <class T>
  NEWTAPE_INLINE T of(T a, T b) {
    if (b == 0) return a / b;
    const T m = modulus(a, b);
    const T down = m != 0 && (m < 0) != (b < 0) ? T(1) : T(0);
    const T exact = (a - m) / b - down;
    const T y = Round::of(exact);
    return y == 0 ? a / b * 0 : y;
  }
  NEWTAPE_INLINE std::int64_t of(std::int64_t a, std::int64_t b) {
    const std::int64_t m = modulus(a, b);
    return quotient(a, b) - (m != 0 && (m < 0) != (b < 0) ? 1 : 0);
  }
};

// clang-format off
struct Neg {
  NEWTAPE_INLINE float of(float x) { return -x; }
  NEWTAPE_INLINE double of(double x) { return -x; }
  NEWTAPE_INLINE std::int64_t of(std::int64_t x) { return static_cast<std::int64_t>(0 - wrap(x)); }
};
struct Abs { template <class T> NEWTAPE_INLINE T of(T x) { return magnitude(x); } };
struct Sign { template <class T> NEWTAPE_INLINE T of(T x) { return x > 0 ? T(1) : x < 0 ? T(-1) : x; } };
struct Square { template <class T> NEWTAPE_INLINE T of(T x) { return wrapping_mul(x, x); } };
struct Sqrt { template <class T> NEWTAPE_INLINE T of(T x) { return root(x); } };
struct Rsqrt { template <class T> NEWTAPE_INLINE T of(T x) { return 1 / root(x); } };
struct Reciprocal { template <class T> NEWTAPE_INLINE T of(T x) { return 1 / x; } };

struct Add { template <class T> NEWTAPE_INLINE T of(T a, T b) { return wrapping_add(a, b); } };
struct Sub { template <class T> NEWTAPE_INLINE T of(T a, T b) { return static_cast<T>(wrap(a) - wrap(b)); } };
struct Mul { template <class T> NEWTAPE_INLINE T of(T a, T b) { return wrapping_mul(a, b); } };
struct Div { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a / b; } };
struct StrongMul { template <class T> NEWTAPE_INLINE T of(T g, T d) { return strong(g, d); } };
struct StrongDiv { template <class T> NEWTAPE_INLINE T of(T g, T d) { return g == 0 ? T(0) : g / d; } };
struct AddStrongMul { template <class T> NEWTAPE_INLINE T of(T sum, T d, T g) { return sum + strong(g, d); } };
struct CotangentMul { template <class T> NEWTAPE_INLINE T of(T g, T h) { return h == 0 ? T(0) : strong(g, h); } };
// A NaN in `a` is detected by a != a; for a NaN in `b` both comparisons are false.
struct Maximum { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a > b ? a : a != a ? a : b; } };
struct Minimum { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a < b ? a : a != a ? a : b; } };
// One value is selected after the other: nested selections are not vectorised. A bound that is no number gives no number.
struct Clip {
  template <class T>
  NEWTAPE_INLINE T of(T x, T low, T high) {
    const T above = x > low ? x : low;
    const T within = above < high ? above : high;
    const T y = x != x ? x : within;
    return low != low ? low : y;
  }
};
// clang-format on

template <class F, class X>
void map3(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  const auto* a = static_cast<const X*>(in[0]);
  const auto* b = static_cast<const X*>(in[1]);
  const auto* c = static_cast<const X*>(in[2]);
  auto* y = static_cast<X*>(out);
  if (scalars == 0) {
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], b[i], c[i]);
  } else if (scalars == 2) {
    const X s = *b;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], s, c[i]);
  } else if (scalars == 4) {
    const X s = *c;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], b[i], s);
  } else {
    const std::int64_t step[] = {(scalars & 1) == 0, (scalars & 2) == 0, (scalars & 4) == 0};
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i * step[0]], b[i * step[1]], c[i * step[2]]);
  }
}

template <class F>
constexpr Kernels floats1{{map1<F, float, float>, map1<F, double, double>, nullptr, nullptr}};
template <class F>
constexpr Kernels numbers1{
    {map1<F, float, float>, map1<F, double, double>, map1<F, std::int64_t, std::int64_t>, nullptr}};
template <class F>
constexpr Kernels floats2{{map2<F, float, float>, map2<F, double, double>, nullptr, nullptr}};
template <class F>
constexpr Kernels numbers2{
    {map2<F, float, float>, map2<F, double, double>, map2<F, std::int64_t, std::int64_t>, nullptr}};

constexpr NamedKernels list[] = {
    {"neg", numbers1<Neg>},
    {"abs", numbers1<Abs>},
    {"sign", numbers1<Sign>},
    {"square", numbers1<Square>},
    {"sqrt", floats1<Sqrt>},
    {"rsqrt", floats1<Rsqrt>},
    {"reciprocal", floats1<Reciprocal>},
    {"floor", numbers1<Floor>},
    {"ceil", numbers1<Ceil>},
    {"round", numbers1<Round>},
    {"trunc", numbers1<Trunc>},
    {"add", numbers2<Add>},
    {"sub", numbers2<Sub>},
    {"mul", numbers2<Mul>},
    {"div", floats2<Div>},
    {"strong_mul", floats2<StrongMul>},
    {"strong_div", floats2<StrongDiv>},
    {"cotangent_mul", floats2<CotangentMul>},
    {"maximum", numbers2<Maximum>},
    {"minimum", numbers2<Minimum>},
    {"fmod", numbers2<Fmod>},
    {"remainder", numbers2<Remainder>},
    {"floor_divide", numbers2<FloorDivide>},
    {"add_strong_mul", {{map3<AddStrongMul, float>, map3<AddStrongMul, double>, nullptr, nullptr}}},
    {"clip", {{map3_whole<Clip, float>, map3_whole<Clip, double>, map3_whole<Clip, std::int64_t>, nullptr}}},
};

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const ArithmeticKernels ArithmeticKernels::NEWTAPE_ISA{list_of(NEWTAPE_ISA::list)};
}
