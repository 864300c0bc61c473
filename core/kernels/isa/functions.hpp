// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "map.hpp"

// Elementary functions of one element, without branches or tables, so that loops over them vectorize. Selections are
// written so that NaN propagates. Polynomials without a cited source are Chebyshev interpolants computed with 50
// digits; their relative errors are below a tenth of an ulp.

namespace newtape::core::kernels::NEWTAPE_ISA {

template <class T>
struct Constants;

template <>
struct Constants<float> {
  using Bits = std::uint32_t;
  static constexpr int mantissa = 23;
  static constexpr Bits bias = 127;
  static constexpr float shifter = 0x1.8p23f;  // x + shifter - shifter rounds x; the sum's low bits hold the integer
  static constexpr float smallest_normal = 0x1p-126f;
  static constexpr float epsilon = 0x1p-24f;
  static constexpr Bits high_half = 0xfffff000U;
  static constexpr float log2e = 1.44269504088896341F;
  static constexpr float ln2_high = 0.693359375F;  // few significant bits: products with exponents are exact
  static constexpr float ln2_low = -2.12194440e-4F;
  static constexpr float exp_lowest = -104, exp_highest = 89;
  static constexpr float expm1_lowest = -20;
  static constexpr float expm1_tail[] = {0.5000000014286223417F,  0.1666666668253435607F,   0.04166645680967787603F,
                                         0.00833331002422529243F, 0.001393454192827026448F, 0.0001989198131397769021F};
  static constexpr float log_tail[] = {0.6666666655435333971F, 0.4000012195735616362F, 0.2855080748204159803F,
                                       0.2333082998611711461F};
  static constexpr float log_tail_wide[] = {0.6666666732052741247F, 0.399997063319297174F, 0.2859235799430283772F,
                                            0.2170657580088037265F, 0.2322432922402334883F};
  static constexpr float erf_tail[] = {0.128379165848350946F,     -0.3761262666672033102F,  0.1128359471516021773F,
                                       -0.02685421201062641244F,  0.005189087423433973986F, -0.0008016864287165869529F,
                                       0.00007875875062685488341F};
  static constexpr float erfc_centre = 2, erfc_highest = 10.5F;
  static constexpr float erfc_scaled[] = {
      1.276978392513397239F,     -0.09276391145323075398F,   -0.1660314026853835629F,   0.1640534214632567088F,
      -0.05420453924513365227F,  -0.008045565181857189967F,  0.008635760434248027059F,  0.001273455173667547016F,
      -0.001249958389772632452F, -0.0003622954924456913471F, 0.00002686109284596724224F};
};

template <>
struct Constants<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa = 52;
  static constexpr Bits bias = 1023;
  static constexpr double shifter = 0x1.8p52;
  static constexpr double smallest_normal = 0x1p-1022;
  static constexpr double epsilon = 0x1p-53;
  static constexpr Bits high_half = 0xfffffffff8000000U;
  static constexpr double log2e = 1.44269504088896340736;
  static constexpr double ln2_high = 6.93147180369123816490e-01;
  static constexpr double ln2_low = 1.90821492927058770002e-10;
  static constexpr double exp_lowest = -746, exp_highest = 710;
  static constexpr double expm1_lowest = -50;
  static constexpr double expm1_tail[] = {0.5,
                                          0.1666666666666667144,
                                          0.04166666666666667007,
                                          0.0083333333333255447,
                                          0.001388888888888332667,
                                          0.0001984126987686435493,
                                          0.00002480158732700718673,
                                          2.755725283351690975e-6,
                                          2.755727181021979957e-7,
                                          2.510627473357329469e-8,
                                          2.091544229778011522e-9};
  static constexpr double log_tail[] = {0.6666666666666669693, 0.3999999999989931068, 0.2857142862606338036,
                                        0.2222221112044929849, 0.1818289017031397021, 0.1533168686863842825,
                                        0.1461687891902982075};
  static constexpr double log_tail_wide[] = {0.6666666666666666689,  0.3999999999999952251, 0.2857142857160009929,
                                             0.2222222219823677056,  0.1818181989796271438, 0.1538454396486054929,
                                             0.1333517863144925584,  0.1173427906130319746, 0.1084517839488001482,
                                             0.07492143795550767301, 0.1563057780092285045};
  static constexpr double erf_tail[] = {0.1283791670955125738,    -0.3761263890318374806,     0.1128379167095487867,
                                        -0.02686617064507679325,  0.005223977624818014467,    -0.0008548326980833789905,
                                        0.0001205533111164271092, -0.00001492559526683118157, 1.646100048412136803e-6,
                                        -1.635031270105469501e-7, 1.465977527404743581e-8,    -1.137284885679167367e-9,
                                        5.957176147748911404e-11};
  static constexpr double erfc_centre = 4, erfc_highest = 28;
  static constexpr double erfc_scaled[] = {
      1.232995118625552507,     -0.1396211168405628935,     0.0153796521026207413,      0.0680970542547373239,
      -0.1010390660363521317,   0.09373283499679411589,     -0.06633036581152938409,    0.03716751556249286597,
      -0.01619773405911500708,  0.005031969755895426114,    -0.0007577733414133300446,  -0.0001992555075561495214,
      0.0001506222439483029924, -0.00002440316924497407495, -0.00001122478913515470071, 5.717887284632185202e-6,
      3.013504994487539477e-7,  -8.351619688696847075e-7,   6.270727157198310878e-8,    1.153494374575415729e-7,
      -7.71541861441783013e-9,  -1.367098986334738244e-8,   -1.820609868030868334e-9};
};

template <class T>
using Bits = typename Constants<T>::Bits;

template <class T>
NEWTAPE_INLINE Bits<T> bits(T x) {
  return __builtin_bit_cast(Bits<T>, x);
}
template <class T>
NEWTAPE_INLINE T from_bits(Bits<T> b) {
  return __builtin_bit_cast(T, b);
}
template <class T>
NEWTAPE_INLINE T magnitude(T x) {
  return from_bits<T>(bits(x) & (~Bits<T>{0} >> 1));
}
template <class T>
NEWTAPE_INLINE T with_sign_of(T x, T sign) {
  constexpr auto sign_bit = ~(~Bits<T>{0} >> 1);
  return from_bits<T>(bits(x) | (bits(sign) & sign_bit));  // requires x >= 0
}
/// x truncated to the upper half of its digits, so that its square is exact.
template <class T>
NEWTAPE_INLINE T high_part(T x) {
  return from_bits<T>(bits(x) & Constants<T>::high_half);
}
NEWTAPE_INLINE float root(float x) { return __builtin_sqrtf(x); }
NEWTAPE_INLINE double root(double x) { return __builtin_sqrt(x); }
template <class T>
inline constexpr T infinity = static_cast<T>(__builtin_inf());

/// c[from] + c[from + step] x + c[from + 2 step] x^2 + ...; recursive, because recursion is always unrolled.
template <std::size_t from, std::size_t step, class T, std::size_t n>
NEWTAPE_INLINE T horner(const T (&c)[n], T x) {
  if constexpr (from + step >= n) {
    return c[from];
  } else {
    return horner<from + step, step>(c, x) * x + c[from];
  }
}
/// c[0] + c[1] x + c[2] x^2 + ...; long ones as several independent chains, to hide the latency of each step.
template <class T, std::size_t n>
NEWTAPE_INLINE T polynomial(const T (&c)[n], T x) {
  if constexpr (n < 5) {
    return horner<0, 1>(c, x);
  } else if constexpr (n < 12) {
    const T z = x * x;
    return horner<0, 2>(c, z) + x * horner<1, 2>(c, z);
  } else {
    const T z = x * x;
    const T w = z * z;
    return (horner<0, 4>(c, w) + x * horner<1, 4>(c, w)) + z * (horner<2, 4>(c, w) + x * horner<3, 4>(c, w));
  }
}

/// 2^k for an integer k that was rounded by adding `shifter`; 2^k must be a normal number.
template <class T>
NEWTAPE_INLINE T power_of_two(Bits<T> shifted) {
  using C = Constants<T>;
  return from_bits<T>((shifted - bits(C::shifter) + C::bias) << C::mantissa);
}

/// Argument reduction x = k ln 2 + r with |r| <= ln 2 / 2, and expm1(r).
template <class T>
struct Reduced {
  T k, expm1_r;
  Bits<T> shifted;
};
template <class T>
NEWTAPE_INLINE Reduced<T> reduced(T shifted, T k, T r) {
  return {k, r + (r * r) * polynomial(Constants<T>::expm1_tail, r), bits(shifted)};
}
template <class T>
NEWTAPE_INLINE Reduced<T> reduce(T x) {
  using C = Constants<T>;
  const T shifted = x * C::log2e + C::shifter;
  const T k = shifted - C::shifter;
  return reduced(shifted, k, (x - k * C::ln2_high) - k * C::ln2_low);
}
/// Of x + low.
template <class T>
NEWTAPE_INLINE Reduced<T> reduce(T x, T low) {
  using C = Constants<T>;
  const T shifted = (x + low) * C::log2e + C::shifter;
  const T k = shifted - C::shifter;
  return reduced(shifted, k, ((x - k * C::ln2_high) - k * C::ln2_low) + low);
}

/// exp(r) 2^(k - less), as in ldexp.
template <class T>
NEWTAPE_INLINE T joined(const Reduced<T>& v, Bits<T> less = 0) {
  using C = Constants<T>;
  // 2^k as two normal factors; the second product rounds if the result is subnormal.
  const Bits<T> half = bits(v.k * T(0.5) + C::shifter);
  const Bits<T> other = v.shifted - half + bits(C::shifter) - less;
  return ((1 + v.expm1_r) * power_of_two<T>(half)) * power_of_two<T>(other);
}

/// exp(x + low), where `low` is the rounding error of x.
template <class T>
NEWTAPE_INLINE T exp_sum(T x, T low) {
  using C = Constants<T>;
  x = x > C::exp_highest ? C::exp_highest : x;
  x = x < C::exp_lowest ? C::exp_lowest : x;
  return joined(reduce(x, low));
}
/// For x that is at most exp_highest.
template <class T>
NEWTAPE_INLINE T exp_below(T x) {
  using C = Constants<T>;
  return joined(reduce(x < C::exp_lowest ? C::exp_lowest : x));
}
template <class T>
NEWTAPE_INLINE T exp(T x) {
  using C = Constants<T>;
  return exp_below(x > C::exp_highest ? C::exp_highest : x);
}

template <class T>
NEWTAPE_INLINE T expm1(T x) {
  using C = Constants<T>;
  T t = x > C::exp_highest ? C::exp_highest : x;
  t = t < C::expm1_lowest ? C::expm1_lowest : t;
  const Reduced<T> v = reduce(t);
  const T s = power_of_two<T>(v.shifted - 1);  // half of 2^k, which could overflow
  const T y = 2 * (s * v.expm1_r + (s - T(0.5)));
  return magnitude(x) < C::epsilon ? x : y;
}
/// log(x) = k ln 2 + f - half_square + tail with exact f, for 0 < x < inf.
template <class T>
struct LogParts {
  T k, f, half_square, tail;
};
template <class T>
NEWTAPE_INLINE LogParts<T> log_parts(T x) {
  using C = Constants<T>;
  constexpr Bits<T> one = C::bias << C::mantissa;
  constexpr Bits<T> root_of_half =
      sizeof(T) == 4 ? static_cast<Bits<T>>(0x3f3504f3U) : static_cast<Bits<T>>(0x3fe6a09e667f3bcdU);
  const bool denormal = x < C::smallest_normal;
  const T scaled = denormal ? x * static_cast<T>(0x1p54) : x;
  const Bits<T> raised = bits(scaled) + (one - root_of_half);
  // Converts the exponent by placing it in the low bits of a number with unit last place; works on every instruction
  // set.
  constexpr T unit = sizeof(T) == 4 ? static_cast<T>(0x1p23) : static_cast<T>(0x1p52);
  T k = from_bits<T>((raised >> C::mantissa) | bits(unit)) - (unit + static_cast<T>(C::bias));
  k = denormal ? k - 54 : k;
  const T m = from_bits<T>((raised & ((Bits<T>{1} << C::mantissa) - 1)) + root_of_half);
  const T f = m - 1;
  const T s = f / (2 + f);
  const T z = s * s;
  const T remainder = z * polynomial(C::log_tail, z);
  const T half_square = T(0.5) * f * f;
  return {k, f, half_square, s * (half_square + remainder)};
}
/// log(x) + c for 0 < x < inf and |c| at most the relative rounding error of x (as in fdlibm's log1p).
template <class T>
NEWTAPE_INLINE T log_sum(T x, T c) {
  using C = Constants<T>;
  const LogParts<T> v = log_parts(x);
  return v.k * C::ln2_high - ((v.half_square - (v.tail + (v.k * C::ln2_low + c))) - v.f);
}
template <class T>
NEWTAPE_INLINE T log(T x) {
  T y = log_sum(x, T(0));
  y = x == infinity<T> ? x : y;
  return x > 0 ? y : x == 0 ? -infinity<T> : static_cast<T>(__builtin_nan(""));
}
template <class T>
NEWTAPE_INLINE T log1p(T x) {
  const T u = 1 + x;
  const T lost = x > 1 ? 1 - (u - x) : x - (u - 1);
  T y = log_sum(u, lost / u);
  y = x == infinity<T> || magnitude(x) < Constants<T>::epsilon ? x : y;
  return x > -1 ? y : x == -1 ? -infinity<T> : static_cast<T>(__builtin_nan(""));
}

template <class T>
NEWTAPE_INLINE T tanh(T x) {
  using C = Constants<T>;
  T t = -2 * magnitude(x);
  t = t < C::expm1_lowest ? C::expm1_lowest : t;
  const Reduced<T> v = reduce(t);
  const T s = power_of_two<T>(v.shifted);
  const T e = s * v.expm1_r;
  // With E = exp(-2|x|): (1 - E) / (1 + E) near 0, accurate by expm1; elsewhere 1 - 2 E / (1 + E), where the error of
  // the quotient is small relative to 1.
  const bool near_zero = t > T(-1.2);
  const T quotient = (near_zero ? (1 - s) - e : 2 * (s + e)) / ((1 + s) + e);
  return with_sign_of(magnitude(near_zero ? quotient : 1 - quotient), x);
}
template <class T>
NEWTAPE_INLINE T sigmoid(T x) {
  const T e = exp_below(-magnitude(x));
  return (x >= 0 ? T(1) : e) / (1 + e);
}
/// s(x) and its derivative s(x) s(-x) = e / (1 + e)^2 with e = exp(-|x|); 1 - s(x) would lose digits.
template <class T>
struct SigmoidTerms {
  T value, slope;
};
template <class T>
NEWTAPE_INLINE SigmoidTerms<T> sigmoid_terms(T x) {
  const T e = exp_below(-magnitude(x));
  const T larger = 1 / (1 + e);
  const T smaller = e * larger;
  return {x >= 0 ? larger : smaller, larger * smaller};
}
/// The derivative of tanh: sech(x)^2 = 4 s(2 x) s(-2 x); 1 - tanh(x)^2 would lose digits.
template <class T>
NEWTAPE_INLINE T tanh_slope(T x) {
  return 4 * sigmoid_terms(2 * x).slope;
}
/// log1p(x) for x in [0, 1], the range of exp(-|x|).
template <class T>
NEWTAPE_INLINE T log1p_unit(T x) {
  const T s = x / (2 + x);
  const T z = s * s;
  const T half_square = T(0.5) * x * x;
  return x - (half_square - s * (half_square + z * polynomial(Constants<T>::log_tail_wide, z)));
}
template <class T>
NEWTAPE_INLINE T softplus(T x) {
  return (x > 0 ? x : T(0)) + log1p_unit(exp_below(-magnitude(x)));
}

/// exp(u^2) erfc(u) for 0 <= u <= erfc_highest; (1 + 2u) exp(u^2) erfc(u) is smooth in (u - c) / (u + c).
template <class T>
NEWTAPE_INLINE T erfc_scaled(T u) {
  using C = Constants<T>;
  return polynomial(C::erfc_scaled, (u - C::erfc_centre) / (u + C::erfc_centre)) / (1 + 2 * u);
}
/// exp(-factor x^2), corrected for the rounding error of x^2, which exp would amplify by x^2.
template <class T>
NEWTAPE_INLINE T exp_of_square(T x, T factor) {
  const T high = high_part(x);
  return exp_sum(-factor * (high * high), -factor * ((x - high) * (x + high)));
}

/// exp(-factor x^2) for any x and a factor of 1/2 or more.
template <class T>
NEWTAPE_INLINE T gaussian(T x, T factor) {
  const T u = magnitude(x);
  return exp_of_square(u > 60 ? T(60) : u, factor);  // 0 from there on
}

template <class T>
NEWTAPE_INLINE T erf(T x) {
  using C = Constants<T>;
  T u = magnitude(x);
  const T z = u * u;
  const T centre = u + u * polynomial(C::erf_tail, z);
  const bool small = u < 1;
  u = u > C::erfc_highest ? C::erfc_highest : u;
  const T tail = 1 - exp_of_square(u, T(1)) * erfc_scaled(u);
  return with_sign_of(small ? centre : tail, x);
}

template <class T>
NEWTAPE_INLINE T erfc(T x) {
  using C = Constants<T>;
  T u = magnitude(x);
  const bool small = u < T(0.5);
  const T centre = 1 - (x + x * polynomial(C::erf_tail, x * x));
  u = u > C::erfc_highest ? C::erfc_highest : u;
  const T tail = exp_of_square(u, T(1)) * erfc_scaled(u);
  return small ? centre : x < 0 ? 2 - tail : tail;
}

/// Inverse of erf: an approximation in w = -log(1 - x^2), or in sqrt(w), as in Giles 2012 (Approximating the erfinv
/// function) but with seven digits, followed by one Halley step (cubic convergence).
NEWTAPE_INLINE double erfinv(double x) {
  using C = Constants<double>;
  constexpr double centre[] = {1.5014093604503288333,     0.24664027905463662773,    -0.004177392875203148674,
                               -0.0012527263917732290768, 0.00021834936823976643283, -4.9724196894547512009e-6,
                               -3.4639852676333715782e-6, 4.681313480553412171e-7,   2.3335967195708106469e-8,
                               -8.9319259702442215246e-9};
  constexpr double tail[] = {3.8397839740194937454,      1.0094930676702252823,     0.0012560161622329658378,
                             -0.00086706755080218389441, 0.00033452801407228955444, -0.00012391937023472754287,
                             3.8019547800731773349e-5,   -2.4195960847050477667e-5, 2.8879229901978823718e-5,
                             -1.4563810070415408452e-5,  6.2039773342707850893e-7,  1.4790466920498833585e-6,
                             -3.0971342420782704893e-7};
  const double u = magnitude(x);
  const double remainder = 1 - u;  // exact where it is used
  const double w = -log(remainder * (1 + u));
  const double y = u * (w < 5 ? polynomial(centre, w - 2.5) : polynomial(tail, root(w) - 4));
  const double density = exp_of_square(y, 1.0);
  const double z = y * y;
  const double low = y + y * polynomial(C::erf_tail, z);  // erf for y < 1
  const double residual = u < 0.7 ? low - u : remainder - density * erfc_scaled(y);
  const double step = residual * 0.88622692545275801365 / density;
  const double inverse = y - step / (1 + step * y);
  return with_sign_of(u == 1 ? infinity<double> : inverse, x);
}

/// Normal distribution: density e / sqrt(2 pi), tail probability beyond |x| e * ratio; the relative error of both is
/// small.
template <class T>
struct Normal {
  T e, ratio;
};
template <class T>
NEWTAPE_INLINE Normal<T> normal(T x) {
  using C = Constants<T>;
  constexpr T root_of_half = static_cast<T>(0.70710678118654752440);
  constexpr T highest = C::erfc_highest / root_of_half;
  T u = magnitude(x);
  u = u > highest ? highest : u;
  return {exp_of_square(u, T(0.5)), T(0.5) * erfc_scaled(u * root_of_half)};
}
template <class T>
NEWTAPE_INLINE T gelu(T x) {
  const Normal<T> v = normal(x);
  const T finite = x < -50 ? T(-50) : x;  // e underflows to 0 there; -inf * 0 would be NaN
  return x < 0 ? (finite * v.ratio) * v.e : x * (1 - v.ratio * v.e);
}
template <class T>
NEWTAPE_INLINE T gelu_derivative(T x) {
  const Normal<T> v = normal(x);
  T finite = x < -50 ? T(-50) : x;
  finite = finite > 50 ? T(50) : finite;
  const T tail = v.ratio * v.e;
  return (x < 0 ? tail : 1 - tail) + finite * (v.e * static_cast<T>(0.39894228040143267794));
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
