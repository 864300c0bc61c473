// SPDX-License-Identifier: BSD-3-Clause
// Plain loops over lanes, vectorized by the compiler. Products and sums must not be contracted to FMA, so that the
// numbers are the same with and without FMA.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include <newtape/core/kernels/random.hpp>

#include <cmath>

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

// Philox4x32-10 as in philox.hpp, for `lanes` counters at once.
void words(u64 seed, u64 first, std::int64_t groups, u32* out) {
  for (std::int64_t g = 0; g < groups; ++g, first += lanes, out += group_words) {
    u32 c0[lanes], c1[lanes], c2[lanes], c3[lanes];
    for (int i = 0; i < lanes; ++i) {
      const u64 counter = first + static_cast<u64>(i);
      c0[i] = static_cast<u32>(counter);
      c1[i] = static_cast<u32>(counter >> 32);
      c2[i] = c3[i] = 0;
    }
    auto k0 = static_cast<u32>(seed);
    auto k1 = static_cast<u32>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      for (int i = 0; i < lanes; ++i) {
        const u64 p0 = u64{0xD2511F53} * c0[i];
        const u64 p1 = u64{0xCD9E8D57} * c2[i];
        c0[i] = static_cast<u32>(p1 >> 32) ^ c1[i] ^ k0;
        c2[i] = static_cast<u32>(p0 >> 32) ^ c3[i] ^ k1;
        c1[i] = static_cast<u32>(p1);
        c3[i] = static_cast<u32>(p0);
      }
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    for (int i = 0; i < lanes; ++i) {
      out[i] = c0[i];
      out[lanes + i] = c1[i];
      out[2 * lanes + i] = c2[i];
      out[3 * lanes + i] = c3[i];
    }
  }
}

// log on (0, 1], sin and cos on [-pi/4, pi/4]: polynomials of fdlibm (f64: e_log, k_sin, k_cos) and of FreeBSD's e_logf
// and Cephes' sinf and cosf (f32).
struct F32 {
  using Float = float;
  using Bits = u32;
  using Signed = std::int32_t;
  static constexpr int mantissa = 23;
  static constexpr Bits sqrt_half = 0x3F3504F3;
  static constexpr float log_poly(float z, float w) {
    return z * (0.66666662693F + w * 0.28498786688F) + w * (0.40000972152F + w * 0.24279078841F);
  }
  static constexpr float sin_poly(float z) { return (-1.9515295891e-4F * z + 8.3321608736e-3F) * z - 1.6666654611e-1F; }
  static constexpr float cos_poly(float z) {
    return (2.443315711809948e-5F * z - 1.388731625493765e-3F) * z + 4.166664568298827e-2F;
  }
};
struct F64 {
  using Float = double;
  using Bits = u64;
  using Signed = std::int64_t;
  static constexpr int mantissa = 52;
  static constexpr Bits sqrt_half = 0x3FE6A09E667F3BCD;
  static constexpr double log_poly(double z, double w) {
    return z * (6.666666666666735130e-01 +
                w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))) +
           w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  }
  static constexpr double sin_poly(double z) {
    return ((((1.58969099521155010221e-10 * z - 2.50507602534068634195e-08) * z + 2.75573137070700676789e-06) * z -
             1.98412698298579493134e-04) *
                z +
            8.33333333332248946124e-03) *
               z -
           1.66666666666666324348e-01;
  }
  static constexpr double cos_poly(double z) {
    return ((((-1.13596475577881948265e-11 * z + 2.08757232129817482790e-09) * z - 2.75573143513906633035e-07) * z +
             2.48015872894767294178e-05) *
                z -
            1.38888888888741095749e-03) *
               z +
           4.16666666666666019037e-02;
  }
};

// Box & Muller 1958: `radius` in (0, 1] determines the distance, `turn` (all its bits) the angle.
template <class F>
inline void box_muller(typename F::Float radius, typename F::Bits turn, typename F::Float mean, typename F::Float std_,
                       typename F::Float* first, typename F::Float* second) {
  using T = typename F::Float;
  using Bits = typename F::Bits;
  using Signed = typename F::Signed;
  constexpr int width = 8 * sizeof(Bits);
  // radius = 2^e m with m in [sqrt(1/2), sqrt(2))
  const Bits bits = __builtin_bit_cast(Bits, radius) - F::sqrt_half;
  const auto e = static_cast<T>(static_cast<Signed>(bits) >> F::mantissa);
  const T m = __builtin_bit_cast(T, (bits & ((Bits{1} << F::mantissa) - 1)) + F::sqrt_half) - 1;
  const T s = m / (2 + m);
  const T z = s * s;
  const T half = T(0.5) * m * m;
  const T log = e * T(0.693147180559945309417) - ((half - s * (half + F::log_poly(z, z * z))) - m);
  // Rounding can make this slightly negative near zero.
  const T square = -2 * log;
  const T r = std_ * std::sqrt(square > 0 ? square : T(0));

  // The nearest quarter turn, and the remaining angle: the other bits as a signed fraction of a quarter.
  const Bits quarter = (turn + (Bits{1} << (width - 3))) >> (width - 2);
  const auto angle =
      static_cast<T>(static_cast<Signed>(turn << 2) >> 2) * (T(1.57079632679489661923) / (Bits{1} << (width - 2)));
  const T q = angle * angle;
  const T sine = angle + angle * q * F::sin_poly(q);
  const T cosine = 1 - T(0.5) * q + q * q * F::cos_poly(q);
  const T x = (quarter & 1) != 0 ? sine : cosine;
  const T y = (quarter & 1) != 0 ? cosine : sine;
  *first = mean + r * (((quarter + 1) & 2) != 0 ? -x : x);
  *second = mean + r * ((quarter & 2) != 0 ? -y : y);
}

void normal_f32(const u32* w, float mean, float std_, float* out) {
  for (int i = 0; i < 2 * lanes; ++i) {
    const u32 u = w[i] >> 8;
    box_muller<F32>(static_cast<float>(static_cast<std::int32_t>(u + 1)) * 0x1p-24F, w[2 * lanes + i], mean, std_,
                    out + i, out + 2 * lanes + i);
  }
}

void normal_f64(const u32* w, double mean, double std_, double* out) {
  for (int i = 0; i < lanes; ++i) {
    const u64 u = (u64{w[i]} << 32 | w[lanes + i]) >> 11;
    const u64 turn = u64{w[2 * lanes + i]} << 32 | w[3 * lanes + i];
    box_muller<F64>(static_cast<double>(static_cast<std::int64_t>(u + 1)) * 0x1p-53, turn, mean, std_, out + i,
                    out + lanes + i);
  }
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const RandomTable RandomTable::NEWTAPE_ISA{NEWTAPE_ISA::words, NEWTAPE_ISA::normal_f32,
                                                     NEWTAPE_ISA::normal_f64};
}
