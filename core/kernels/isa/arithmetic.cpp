// SPDX-License-Identifier: BSD-3-Clause
#include "map.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

// Integers wrap around, as NumPy's do: the arithmetic is done without a sign, where that is defined.
template <class T>
struct Wrapping {
  using type = T;
};
template <>
struct Wrapping<std::int64_t> {
  using type = std::uint64_t;
};
template <class T>
NEWTAPE_INLINE typename Wrapping<T>::type wrap(T x) {
  return static_cast<typename Wrapping<T>::type>(x);
}

NEWTAPE_INLINE float root(float x) { return __builtin_sqrtf(x); }
NEWTAPE_INLINE double root(double x) { return __builtin_sqrt(x); }
NEWTAPE_INLINE float magnitude(float x) { return __builtin_fabsf(x); }
NEWTAPE_INLINE double magnitude(double x) { return __builtin_fabs(x); }
NEWTAPE_INLINE std::int64_t magnitude(std::int64_t x) {
  return x < 0 ? static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(x)) : x;
}
NEWTAPE_INLINE float round_down(float x) { return __builtin_floorf(x); }
NEWTAPE_INLINE double round_down(double x) { return __builtin_floor(x); }

// clang-format off
struct Neg {
  NEWTAPE_INLINE float of(float x) { return -x; }
  NEWTAPE_INLINE double of(double x) { return -x; }
  NEWTAPE_INLINE std::int64_t of(std::int64_t x) { return static_cast<std::int64_t>(0 - wrap(x)); }
};
struct Abs { template <class T> NEWTAPE_INLINE T of(T x) { return magnitude(x); } };
struct Sign { template <class T> NEWTAPE_INLINE T of(T x) { return x > 0 ? T(1) : x < 0 ? T(-1) : x; } };
struct Square { template <class T> NEWTAPE_INLINE T of(T x) { return static_cast<T>(wrap(x) * wrap(x)); } };
struct Sqrt { template <class T> NEWTAPE_INLINE T of(T x) { return root(x); } };
struct Rsqrt { template <class T> NEWTAPE_INLINE T of(T x) { return 1 / root(x); } };
struct Reciprocal { template <class T> NEWTAPE_INLINE T of(T x) { return 1 / x; } };
struct Relu { template <class T> NEWTAPE_INLINE T of(T x) { return x < 0 ? T(0) : x; } };  // false for NaN, which stays
struct Floor { template <class T> NEWTAPE_INLINE T of(T x) { return round_down(x); } };

struct Add { template <class T> NEWTAPE_INLINE T of(T a, T b) { return static_cast<T>(wrap(a) + wrap(b)); } };
struct Sub { template <class T> NEWTAPE_INLINE T of(T a, T b) { return static_cast<T>(wrap(a) - wrap(b)); } };
struct Mul { template <class T> NEWTAPE_INLINE T of(T a, T b) { return static_cast<T>(wrap(a) * wrap(b)); } };
struct Div { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a / b; } };
// A NaN in `a` fails the comparison with itself; one in `b` fails the first.
struct Maximum { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a > b ? a : a != a ? a : b; } };
struct Minimum { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a < b ? a : a != a ? a : b; } };

struct TanhGrad { template <class T> NEWTAPE_INLINE T of(T g, T y) { return g * (1 - y * y); } };
struct SigmoidGrad { template <class T> NEWTAPE_INLINE T of(T g, T y) { return g * (y * (1 - y)); } };
struct ReluGrad { template <class T> NEWTAPE_INLINE T of(T g, T y) { return y > 0 ? g : T(0); } };
// clang-format on

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

}  // namespace

extern const ArithmeticTable arithmetic;
const ArithmeticTable arithmetic{
    .neg = numbers1<Neg>,
    .abs = numbers1<Abs>,
    .sign = floats1<Sign>,
    .square = numbers1<Square>,
    .sqrt = floats1<Sqrt>,
    .rsqrt = floats1<Rsqrt>,
    .reciprocal = floats1<Reciprocal>,
    .relu = numbers1<Relu>,
    .floor = floats1<Floor>,
    .add = numbers2<Add>,
    .sub = numbers2<Sub>,
    .mul = numbers2<Mul>,
    .div = floats2<Div>,
    .maximum = numbers2<Maximum>,
    .minimum = numbers2<Minimum>,
    .tanh_grad = floats2<TanhGrad>,
    .sigmoid_grad = floats2<SigmoidGrad>,
    .relu_grad = floats2<ReluGrad>,
};

}  // namespace newtape::core::kernels::NEWTAPE_ISA
