// SPDX-License-Identifier: BSD-3-Clause
// f16 and bf16: every bit pattern and every tie, against their definition by powers of two.
#include "catch.hpp"

#include <newtape/core/array/array.hpp>
#include <newtape/core/ops/creation.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

using namespace newtape;

namespace {

/// A format of 1 sign bit, `exponent_bits` and `fraction_bits`, 16 in all.
struct Format {
  DType dtype;
  int exponent_bits, fraction_bits;

  std::uint16_t infinity() const { return static_cast<std::uint16_t>(((1 << exponent_bits) - 1) << fraction_bits); }
  double value(std::uint16_t bits) const {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    const int fraction = bits & ((1 << fraction_bits) - 1);
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
    if (exponent == (1 << exponent_bits) - 1) return fraction == 0 ? sign * INFINITY : std::nan("");
    return sign * std::ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
  }
};

constexpr Format formats[] = {{f16, 5, 10}, {bf16, 8, 7}};

/// All 2^16 patterns.
Array every(DType dtype) {
  Array x = Array::empty({1 << 16}, dtype);
  for (int i = 0; i < 1 << 16; ++i) static_cast<std::uint16_t*>(x.raw())[i] = static_cast<std::uint16_t>(i);
  return x;
}

std::uint16_t bits_of(const Array& x, std::int64_t i) { return static_cast<const std::uint16_t*>(x.raw())[i]; }

/// Converts the numbers, by the kernel and one by one.
template <class T>
void check_rounding(const Format& format, const std::vector<T>& from, const std::vector<std::uint16_t>& want) {
  Array x = Array::empty({static_cast<std::int64_t>(from.size())}, element_dtype<T>);
  std::copy(from.begin(), from.end(), x.data<T>());
  const Array y = core::cast(x, format.dtype);
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto scalar = format.dtype == f16 ? float16(from[i]).bits : bfloat16(from[i]).bits;
    if (bits_of(y, static_cast<std::int64_t>(i)) == want[i] && scalar == want[i]) continue;
    if (wrong++ < 5) {
      FAIL_CHECK(name(format.dtype) << " of " << name(element_dtype<T>) << " " << static_cast<double>(from[i]) << ": "
                                    << bits_of(y, static_cast<std::int64_t>(i)) << ", " << scalar << ", not "
                                    << want[i]);
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("half: every number of f16 and bf16 is widened exactly, and comes back", "[dtypes]") {
  for (const auto& format : formats) {
    INFO(name(format.dtype));
    const Array x = every(format.dtype);
    const Array narrow = core::cast(x, f32);
    const Array wide = core::cast(x, f64);
    const Array back = core::cast(narrow, format.dtype);
    const Array back_from_wide = core::cast(wide, format.dtype);
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const auto bits = static_cast<std::uint16_t>(i);
      const double want = format.value(bits);
      const float f = narrow.data<float>()[i];
      const float scalar = format.dtype == f16 ? static_cast<float>(x.data<float16>()[format.dtype == f16 ? i : 0])
                                               : detail::bfloat_to_float(bits);
      if (std::isnan(want)) {
        // The sign and the payload stay; a signalling NaN may become quiet.
        const int quiet = 1 << (format.fraction_bits - 1);
        const bool ok = std::isnan(f) && std::isnan(scalar) && std::isnan(wide.data<double>()[i]) &&
                        (bits_of(back, i) | quiet) == (bits | quiet);
        wrong += ok ? 0 : 1;
      } else {
        const bool ok = static_cast<double>(f) == want && std::signbit(f) == std::signbit(want) && scalar == f &&
                        wide.data<double>()[i] == want && bits_of(back, i) == bits &&
                        bits_of(back_from_wide, i) == bits;
        wrong += ok ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("half: numbers between two neighbours round to the nearest, ties to even, once", "[dtypes]") {
  for (const auto& format : formats) {
    std::vector<double> from;
    std::vector<std::uint16_t> want;
    const auto add = [&](double x, std::uint16_t bits) {
      for (const int sign : {0, 0x8000}) {
        from.push_back(sign == 0 ? x : -x);
        want.push_back(static_cast<std::uint16_t>(bits | sign));
      }
    };
    for (std::uint16_t low = 0; low < format.infinity(); ++low) {
      const auto high = static_cast<std::uint16_t>(low + 1);
      const double a = format.value(low);
      // The number after the largest is where it would be without infinity.
      const double b =
          high == format.infinity() ? 2 * a - format.value(static_cast<std::uint16_t>(low - 1)) : format.value(high);
      const double middle = (a + b) / 2;
      add(middle, low % 2 == 0 ? low : high);
      add(std::nextafter(middle, 0), low);          // a float rounds these to the tie:
      add(std::nextafter(middle, INFINITY), high);  // rounding twice would be wrong
      add(a + (b - a) / 4, low);
      add(a + (b - a) * 3 / 4, high);
    }
    add(INFINITY, format.infinity());
    add(1e300, format.infinity());
    add(1e-300, 0);
    check_rounding(format, from, want);

    std::vector<float> floats;
    std::vector<std::uint16_t> as_floats;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto f = static_cast<float>(from[i]);
      if (static_cast<double>(f) != from[i]) continue;
      floats.push_back(f);
      as_floats.push_back(want[i]);
    }
    CHECK(floats.size() > from.size() / 2);
    check_rounding(format, floats, as_floats);
  }
}

TEST_CASE("half: NaN stays NaN, quiet and of the same sign", "[dtypes]") {
  for (const auto& format : formats) {
    for (const float nan : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN(),
                            std::bit_cast<float>(0x7F800001U), std::bit_cast<float>(0xFFFFFFFFU)}) {
      Array x = Array::empty({}, f32);
      x.data<float>()[0] = nan;
      const auto bits = bits_of(core::cast(x, format.dtype), 0);
      CHECK((bits & 0x7FFF) > format.infinity());
      CHECK(((bits & 0x8000) != 0) == std::signbit(nan));
      CHECK(bits == (format.dtype == f16 ? float16(nan).bits : bfloat16(nan).bits));
      CHECK((bits_of(core::cast(core::cast(x, f64), format.dtype), 0) & 0x7FFF) > format.infinity());
    }
  }
}
