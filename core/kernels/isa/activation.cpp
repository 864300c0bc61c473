// SPDX-License-Identifier: BSD-3-Clause
#include "hyperbolic.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

/// Clamps x to [-limit, limit], so that products with an underflowed factor are 0 and not NaN.
template <class T>
NEWTAPE_INLINE T clamp(T x, T limit) {
  x = x > limit ? limit : x;
  return x < -limit ? -limit : x;
}
/// With e = exp(x): tanh(softplus(x)) = n / (n + 2) with n = e (e + 2), and sigmoid(x) (1 - tanh(softplus(x))^2) = 4 e
/// (1 + e) / (n + 2)^2. x is clamped where the quotient is 1 and e^4 still finite.
template <class T>
struct MishTerms {
  T e, n;
};
template <class T>
NEWTAPE_INLINE MishTerms<T> mish_terms(T x) {
  constexpr T limit = sizeof(T) == 4 ? 20 : 40;
  const T e = NEWTAPE_ISA::exp(x > limit ? limit : x);
  return {e, e * (e + 2)};
}
/// gelu_tanh replaces Phi by a sigmoid with argument 2 sqrt(2 / pi) (x + 0.044715 x^3) = x (a + b x^2).
template <class T>
inline constexpr T gelu_a = static_cast<T>(1.5957691216057307);
template <class T>
inline constexpr T gelu_b = static_cast<T>(0.071354816272600248);

// clang-format off
struct Relu { template <class T> NEWTAPE_INLINE T of(T x) { return x < 0 ? T(0) : x; } };  // NaN propagates
struct ReluGrad { template <class T> NEWTAPE_INLINE T of(T g, T y) { return y > 0 ? g : T(0); } };
struct Prelu { template <class T> NEWTAPE_INLINE T of(T x, T w) { return x > 0 ? x : x * w; } };
struct PreluGrad { template <class T> NEWTAPE_INLINE T of(T g, T x, T w) { return x > 0 ? g : strong(g, w); } };
struct Sigmoid { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::sigmoid(x); } };
struct SigmoidGrad { template <class T> NEWTAPE_INLINE T of(T g, T x) { return strong(g, sigmoid_terms(x).slope); } };
struct Softplus { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::softplus(x); } };
struct SoftplusGrad { template <class T> NEWTAPE_INLINE T of(T g, T x) { return strong(g, NEWTAPE_ISA::sigmoid(x)); } };
struct Softsign {
  template <class T> NEWTAPE_INLINE T of(T x) {
    const T t = clamp(x, T(0x1p60));  // 1 + |t| rounds to |t| there
    return t / (1 + magnitude(t));
  }
};
struct Tanhshrink { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::tanhshrink(x); } };
struct Gelu { template <class T> NEWTAPE_INLINE T of(T x) { return NEWTAPE_ISA::gelu(x); } };
struct GeluGrad { template <class T> NEWTAPE_INLINE T of(T g, T x) { return strong(g, NEWTAPE_ISA::gelu_derivative(x)); } };
struct GeluTanh {
  template <class T> NEWTAPE_INLINE T of(T x) {
    const T t = clamp(x, T(50));
    return (x < 0 ? t : x) * NEWTAPE_ISA::sigmoid(t * (gelu_a<T> + gelu_b<T> * t * t));
  }
};
struct GeluTanhGrad {
  template <class T> NEWTAPE_INLINE T of(T g, T x) {
    const T t = clamp(x, T(50));
    const T z = gelu_b<T> * t * t;
    const SigmoidTerms<T> s = sigmoid_terms(t * (gelu_a<T> + z));
    return strong(g, s.value + s.slope * (t * (gelu_a<T> + 3 * z)));
  }
};
struct Elu { template <class T> NEWTAPE_INLINE T of(T x, T alpha) { return x > 0 ? x : alpha * NEWTAPE_ISA::expm1(x); } };
struct EluGrad {
  template <class T> NEWTAPE_INLINE T of(T g, T x, T alpha) { return x > 0 ? g : strong(g, alpha * NEWTAPE_ISA::exp(x)); }
};
struct Silu {
  template <class T> NEWTAPE_INLINE T of(T x) { return (x < -1000 ? T(-1000) : x) * NEWTAPE_ISA::sigmoid(x); }
};
struct SiluGrad {
  template <class T> NEWTAPE_INLINE T of(T g, T x) {
    const SigmoidTerms<T> s = sigmoid_terms(x);
    return strong(g, s.value + s.slope * clamp(x, T(1000)));
  }
};
struct Mish {
  template <class T> NEWTAPE_INLINE T of(T x) {
    const MishTerms<T> v = mish_terms(x);
    return (x < -1000 ? T(-1000) : x) * (v.n / (v.n + 2));
  }
};
struct MishGrad {
  template <class T> NEWTAPE_INLINE T of(T g, T x) {
    const MishTerms<T> v = mish_terms(x);
    const T r = 1 / (v.n + 2);
    return strong(g, v.n * r + clamp(x, T(1000)) * (4 * v.e * (1 + v.e) * (r * r)));
  }
};
struct Hardswish {
  template <class T> NEWTAPE_INLINE T of(T x) { return x <= -3 ? T(0) : x < 3 ? x * (x + 3) / 6 : x; }
};
struct HardswishGrad {
  template <class T> NEWTAPE_INLINE T of(T g, T x) { return x <= -3 ? T(0) : x < 3 ? strong(g, (2 * x + 3) / 6) : g; }
};
// clang-format on

template <class F>
constexpr Kernels short1{{map1<F, float, float>, map1<F, double, double>, nullptr, nullptr}};
template <class F>
constexpr Kernels short2{{map2<F, float, float>, map2<F, double, double>, nullptr, nullptr}};
template <class F>
constexpr Kernels long1{{map1_whole<F, float>, map1_whole<F, double>, nullptr, nullptr}};
template <class F>
constexpr Kernels long2{{map2_whole<F, float>, map2_whole<F, double>, nullptr, nullptr}};
template <class F>
constexpr Kernels long3{{map3_whole<F, float>, map3_whole<F, double>, nullptr, nullptr}};

constexpr NamedKernels list[] = {
    {"relu", {{map1<Relu, float, float>, map1<Relu, double, double>, map1<Relu, std::int64_t, std::int64_t>, nullptr}}},
    {"sigmoid", long1<Sigmoid>},
    {"softplus", long1<Softplus>},
    {"gelu", long1<Gelu>},
    {"gelu_tanh", long1<GeluTanh>},
    {"silu", long1<Silu>},
    {"mish", long1<Mish>},
    {"hardswish", short1<Hardswish>},
    {"softsign", short1<Softsign>},
    {"tanhshrink", long1<Tanhshrink>},
    {"prelu", short2<Prelu>},
    {"elu", long2<Elu>},
    {"relu_grad", short2<ReluGrad>},
    {"sigmoid_grad", long2<SigmoidGrad>},
    {"softplus_grad", long2<SoftplusGrad>},
    {"gelu_grad", long2<GeluGrad>},
    {"gelu_tanh_grad", long2<GeluTanhGrad>},
    {"silu_grad", long2<SiluGrad>},
    {"mish_grad", long2<MishGrad>},
    {"hardswish_grad", short2<HardswishGrad>},
    {"prelu_grad", long3<PreluGrad>},
    {"elu_grad", long3<EluGrad>},
};

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const ActivationKernels ActivationKernels::NEWTAPE_ISA{list_of(NEWTAPE_ISA::list)};
}
