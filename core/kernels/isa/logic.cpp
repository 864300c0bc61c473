// SPDX-License-Identifier: BSD-3-Clause
#include "integers.hpp"
#include "where.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

// clang-format off
struct Equal { template <class T> NEWTAPE_INLINE bool of(T a, T b) { return a == b; } };
struct NotEqual { template <class T> NEWTAPE_INLINE bool of(T a, T b) { return a != b; } };
struct Less { template <class T> NEWTAPE_INLINE bool of(T a, T b) { return a < b; } };
struct LessEqual { template <class T> NEWTAPE_INLINE bool of(T a, T b) { return a <= b; } };
struct Greater { template <class T> NEWTAPE_INLINE bool of(T a, T b) { return a > b; } };
struct GreaterEqual { template <class T> NEWTAPE_INLINE bool of(T a, T b) { return a >= b; } };
struct And { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a & b; } };
struct Or { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a | b; } };
struct Xor { template <class T> NEWTAPE_INLINE T of(T a, T b) { return a ^ b; } };
struct Not {
  NEWTAPE_INLINE std::uint8_t of(std::uint8_t x) { return x ^ 1; }
  NEWTAPE_INLINE std::int64_t of(std::int64_t x) { return ~x; }
};
struct IsFinite { template <class T> NEWTAPE_INLINE bool of(T x) { return x - x == 0; } };  // inf - inf is NaN
struct IsInf { template <class T> NEWTAPE_INLINE bool of(T x) { return x == x && x - x != 0; } };
struct IsNan { template <class T> NEWTAPE_INLINE bool of(T x) { return x != x; } };
struct True { template <class T> NEWTAPE_INLINE bool of(T) { return true; } };
struct False { template <class T> NEWTAPE_INLINE bool of(T) { return false; } };
// clang-format on

template <class To>
struct Cast {
  template <class T>
  NEWTAPE_INLINE To of(T x) {
    return static_cast<To>(x);
  }
};
template <>
struct Cast<std::int64_t> {
  NEWTAPE_INLINE std::int64_t of(float x) { return truncated(x); }
  NEWTAPE_INLINE std::int64_t of(double x) { return truncated(x); }
  template <class T>
  NEWTAPE_INLINE std::int64_t of(T x) {
    return static_cast<std::int64_t>(x);
  }
};
template <>
struct Cast<bool> {
  template <class T>
  NEWTAPE_INLINE bool of(T x) {
    return x != 0;
  }
};

template <class T>
void copy(const void* const* in, void* out, std::int64_t n, unsigned) {
  if (out != in[0]) __builtin_memcpy(out, in[0], static_cast<std::size_t>(n) * sizeof(T));
}

template <class F>
constexpr Kernels comparison{
    {map2<F, float, bool>, map2<F, double, bool>, map2<F, std::int64_t, bool>, map2<F, std::uint8_t, bool>}};
template <class F>
constexpr Kernels bits2{{nullptr, nullptr, map2<F, std::int64_t, std::int64_t>, map2<F, std::uint8_t, std::uint8_t>}};
/// Predicates that are constant for integers.
template <class F, class Integral>
constexpr Kernels predicate{{map1<F, float, bool>, map1<F, double, bool>, map1<Integral, std::int64_t, bool>,
                             map1<Integral, std::uint8_t, bool>}};
template <class To>
constexpr Kernels cast_to{{map1<Cast<To>, float, To>, map1<Cast<To>, double, To>, map1<Cast<To>, std::int64_t, To>,
                           map1<Cast<To>, std::uint8_t, To>}};
constexpr Kernels with(Kernels k, int at, Kernel special) {
  k.of[at] = special;
  return k;
}

constexpr NamedKernels list[] = {
    {"equal", comparison<Equal>},
    {"not_equal", comparison<NotEqual>},
    {"less", comparison<Less>},
    {"less_equal", comparison<LessEqual>},
    {"greater", comparison<Greater>},
    {"greater_equal", comparison<GreaterEqual>},
    {"bitwise_and", bits2<And>},
    {"bitwise_or", bits2<Or>},
    {"bitwise_xor", bits2<Xor>},
    {"bitwise_not", {{nullptr, nullptr, map1<Not, std::int64_t, std::int64_t>, map1<Not, std::uint8_t, std::uint8_t>}}},
    {"isfinite", predicate<IsFinite, True>},
    {"isinf", predicate<IsInf, False>},
    {"isnan", predicate<IsNan, False>},
    {"where", {{where<std::uint32_t>, where<std::uint64_t>, where<std::uint64_t>, where<std::uint8_t>}}},
    {"cast_to_f32", with(cast_to<float>, 0, copy<float>)},
    {"cast_to_f64", with(cast_to<double>, 1, copy<double>)},
    {"cast_to_i64", with(cast_to<std::int64_t>, 2, copy<std::int64_t>)},
    {"cast_to_boolean", with(cast_to<bool>, 3, copy<bool>)},
};

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const LogicKernels LogicKernels::NEWTAPE_ISA{list_of(NEWTAPE_ISA::list)};
}
