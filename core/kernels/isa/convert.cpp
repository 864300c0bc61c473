// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/convert.hpp>

#include "integers.hpp"
#include "where.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

template <class T, class F>
NEWTAPE_INLINE T bits(F x) {
  static_assert(sizeof(T) == sizeof(F));
  return __builtin_bit_cast(T, x);
}

template <class To>
struct Convert {
  template <class T>
  NEWTAPE_INLINE To of(T x) {
    return static_cast<To>(x);
  }
};

/// core/array/half.hpp without branches: exponent and fraction times 2^112 are the value, subnormals too; infinity and
/// NaN then lack the upper bits of the exponent.
struct HalfToFloat {
  NEWTAPE_INLINE float of(std::uint16_t half) {
    const std::uint32_t magnitude = (half & 0x7FFFU) << 13;
    const std::uint32_t finite = bits<std::uint32_t>(bits<float>(magnitude) * 0x1p112F);
    const std::uint32_t special = magnitude >= 0x0F800000U ? 0x7F800000U | magnitude : finite;
    return bits<float>(special | ((half & 0x8000U) << 16));
  }
};

struct BfloatToFloat {
  NEWTAPE_INLINE float of(std::uint16_t x) { return bits<float>(static_cast<std::uint32_t>(x) << 16); }
};

struct FloatToHalf {
  NEWTAPE_INLINE std::uint16_t of(float x) {
    const auto all = bits<std::uint32_t>(x);
    const std::uint32_t magnitude = all & 0x7FFFFFFFU;
    const std::uint32_t small = bits<std::uint32_t>(bits<float>(magnitude) + 0.5F) - 0x3F000000U;
    const std::uint32_t normal = (magnitude - 0x38000000U + 0xFFFU + ((magnitude >> 13) & 1U)) >> 13;
    const std::uint32_t nan = 0x7E00U | ((magnitude >> 13) & 0x3FFU);
    std::uint32_t half = magnitude < 0x38800000U ? small : normal;
    half = magnitude >= 0x47800000U ? 0x7C00U : half;
    half = magnitude > 0x7F800000U ? nan : half;
    return static_cast<std::uint16_t>(half | ((all >> 16) & 0x8000U));
  }
};

struct FloatToBfloat {
  NEWTAPE_INLINE std::uint16_t of(float x) {
    const auto all = bits<std::uint32_t>(x);
    const std::uint32_t rounded = (all + 0x7FFFU + ((all >> 16) & 1U)) >> 16;
    const std::uint32_t nan = (all >> 16) | 0x40U;
    return static_cast<std::uint16_t>((all & 0x7FFFFFFFU) > 0x7F800000U ? nan : rounded);
  }
};

/// Through a float rounded to odd: one rounding in all.
template <class Narrow>
struct DoubleTo {
  NEWTAPE_INLINE std::uint16_t of(double x) {
    const auto nearest = static_cast<float>(x);
    const auto back = static_cast<double>(nearest);
    const bool inexact = back != x && x == x;
    const bool beyond = __builtin_fabs(back) > __builtin_fabs(x);
    const auto all = bits<std::uint32_t>(nearest);
    const std::uint32_t odd = (all - (beyond ? 1U : 0U)) | 1U;
    return Narrow::of(bits<float>(inexact ? odd : all));
  }
};

/// As to i64, and exact from 2^63 up to 2^64.
struct DoubleToU64 {
  NEWTAPE_INLINE std::uint64_t of(double x) {
    const bool large = x >= 0x1p63;
    const auto low = static_cast<std::uint64_t>(truncated(large ? x - 0x1p63 : x));
    return large ? low + (std::uint64_t{1} << 63) : low;
  }
};

void copy_2(const void* const* in, void* out, std::int64_t n, unsigned) {
  if (out != in[0]) __builtin_memcpy(out, in[0], static_cast<std::size_t>(n) * 2);
}

template <class T, class To>
constexpr Kernel converted = map1<Convert<To>, T, To>;

constexpr ConvertTable table{
    .to_f32 = {converted<std::uint8_t, float>, converted<std::int8_t, float>, converted<std::int16_t, float>,
               converted<std::int32_t, float>, converted<std::uint16_t, float>, converted<std::uint32_t, float>,
               converted<std::uint64_t, float>, map1<HalfToFloat, std::uint16_t, float>,
               map1<BfloatToFloat, std::uint16_t, float>},
    .to_i64 = {converted<std::uint8_t, std::int64_t>, converted<std::int8_t, std::int64_t>,
               converted<std::int16_t, std::int64_t>, converted<std::int32_t, std::int64_t>,
               converted<std::uint16_t, std::int64_t>, converted<std::uint32_t, std::int64_t>,
               converted<std::uint64_t, std::int64_t>},
    .u64_to_f64 = converted<std::uint64_t, double>,
    .f64_to_u64 = map1<DoubleToU64, double, std::uint64_t>,
    .from_i64 = {converted<std::int64_t, std::uint8_t>, converted<std::int64_t, std::uint16_t>,
                 converted<std::int64_t, std::uint32_t>},
    .f32_to_half = {map1<FloatToHalf, float, std::uint16_t>, map1<FloatToBfloat, float, std::uint16_t>},
    .f64_to_half = {map1<DoubleTo<FloatToHalf>, double, std::uint16_t>,
                    map1<DoubleTo<FloatToBfloat>, double, std::uint16_t>},
    .copy_2_bytes = copy_2,
    .where_2_bytes = where<std::uint16_t>,
};

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const ConvertTable ConvertTable::NEWTAPE_ISA = NEWTAPE_ISA::table;
}
