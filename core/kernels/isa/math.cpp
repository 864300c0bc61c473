// SPDX-License-Identifier: BSD-3-Clause
#include "functions.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

// clang-format off
struct Exp { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::exp(x); } };
struct Expm1 { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::expm1(x); } };
struct Log { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::log(x); } };
struct Log1p { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::log1p(x); } };
struct Tanh { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::tanh(x); } };
struct Sigmoid { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::sigmoid(x); } };
struct Softplus { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::softplus(x); } };
struct Erf { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::erf(x); } };
struct Gelu { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::gelu(x); } };
struct SoftplusGrad { template <class T> NEWTAPE_INLINE T of(T g, T x) { return g * NEWTAPE_ISA::sigmoid(x); } };
struct GeluGrad { template <class T> NEWTAPE_INLINE T of(T g, T x) { return g * NEWTAPE_ISA::gelu_derivative(x); } };

struct Sin {
  template <class T> NEWTAPE_INLINE T of(T x) { return sin_shifted<T>(x, 0); }
  static double outside(double x) { return __builtin_sin(x); }
};
struct Cos {
  template <class T> NEWTAPE_INLINE T of(T x) { return sin_shifted<T>(x, 1); }
  static double outside(double x) { return __builtin_cos(x); }
};
// clang-format on

/// Arguments that are too large go, one by one, to the C library.
template <class F, class T>
void map_within(const void* const* in, void* out, std::int64_t n, unsigned) {
  constexpr std::int64_t piece = 256;
  const auto* x = static_cast<const T*>(in[0]);
  auto* y = static_cast<T*>(out);
  for (std::int64_t begin = 0; begin < n; begin += piece) {
    const std::int64_t m = n - begin < piece ? n - begin : piece;
    T kept[piece];  // `out` may be the same memory
    __builtin_memcpy(kept, x + begin, static_cast<std::size_t>(m) * sizeof(T));
    const void* part[] = {kept};
    map1_whole<F, T>(part, y + begin, m, 0);
    std::int64_t outside = 0;
    for (std::int64_t i = 0; i < m; ++i) outside += magnitude(kept[i]) <= static_cast<T>(sin_cos_highest) ? 0 : 1;
    if (outside == 0) continue;
    for (std::int64_t i = 0; i < m; ++i) {
      if (!(magnitude(kept[i]) <= static_cast<T>(sin_cos_highest))) y[begin + i] = static_cast<T>(F::outside(kept[i]));
    }
  }
}

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
/// The C library's: as exact as it gets, where the exponent magnifies every error of the logarithm.
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

}  // namespace

extern const MathTable math;
const MathTable math{
    .exp = floats1<Exp>,
    .expm1 = floats1<Expm1>,
    .log = floats1<Log>,
    .log1p = floats1<Log1p>,
    .sin = {{map_within<Sin, float>, map_within<Sin, double>, nullptr, nullptr}},
    .cos = {{map_within<Cos, float>, map_within<Cos, double>, nullptr, nullptr}},
    .tanh = floats1<Tanh>,
    .sigmoid = floats1<Sigmoid>,
    .softplus = floats1<Softplus>,
    .gelu = floats1<Gelu>,
    .erf = floats1<Erf>,
    .pow = {{pow_of_floats, pow_of_doubles, nullptr, nullptr}},
    .softplus_grad = floats2<SoftplusGrad>,
    .gelu_grad = floats2<GeluGrad>,
};

}  // namespace newtape::core::kernels::NEWTAPE_ISA
