// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/kernel_types.hpp>

#include <cstddef>
#include <cstdint>

// Loops over the elementwise functions of this folder. These take one element and are free of branches, so that the
// compiler vectorizes the loops. `F` is a class with a static member `of`.

// The output may alias an input exactly: iterations are independent.
#if defined(__clang__)
#define NEWTAPE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define NEWTAPE_INDEPENDENT _Pragma("GCC ivdep")
#endif
#define NEWTAPE_INLINE [[gnu::always_inline]] static inline

namespace newtape::core::kernels::NEWTAPE_ISA {

/// g d, and 0 where the cotangent g is 0, also for an infinite or NaN d.
template <class T>
NEWTAPE_INLINE T strong(T g, T d) {
  return g == 0 ? T(0) : g * d;
}

template <class F, class X, class Out>
static void map1(const void* const* in, void* out, std::int64_t n, unsigned) {
  const auto* x = static_cast<const X*>(in[0]);
  auto* y = static_cast<Out*>(out);
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(x[i]);
}

template <class F, class X, class Out>
static void map2(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  const auto* a = static_cast<const X*>(in[0]);
  const auto* b = static_cast<const X*>(in[1]);
  auto* y = static_cast<Out*>(out);
  if (scalars == 0) {
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], b[i]);
  } else if (scalars == 1) {
    const X s = *a;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(s, b[i]);
  } else if (scalars == 2) {
    const X s = *b;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], s);
  } else {
    const X s = *a;
    const X t = *b;
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(s, t);
  }
}

// For expensive functions: whole vectors only, so that the end of a row costs one vector instead of up to fifteen
// single elements, and the value of an element does not depend on its position.

template <class X>
inline constexpr std::int64_t whole_vector = 64 / static_cast<std::int64_t>(sizeof(X));

template <class F, class X>
[[gnu::noinline]] static void vectors1(const X* x, X* y, std::int64_t n) {
  n = n / whole_vector<X> * whole_vector<X>;
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(x[i]);
}

template <class F, class X>
static void map1_whole(const void* const* in, void* out, std::int64_t n, unsigned) {
  const auto* x = static_cast<const X*>(in[0]);
  auto* y = static_cast<X*>(out);
  const std::int64_t whole = n / whole_vector<X> * whole_vector<X>;
  if (whole != 0) vectors1<F>(x, y, whole);
  if (whole == n) return;
  X remainder[whole_vector<X>] = {};
  for (std::int64_t i = whole; i < n; ++i) remainder[i - whole] = x[i];
  vectors1<F>(remainder, remainder, whole_vector<X>);
  for (std::int64_t i = whole; i < n; ++i) y[i] = remainder[i - whole];
}

template <class F, class X>
[[gnu::noinline]] static void vectors2(const X* a, const X* b, X* y, std::int64_t n, unsigned scalars) {
  n = n / whole_vector<X> * whole_vector<X>;
  if (scalars == 0) {
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], b[i]);
  } else if (scalars == 1) {
    const X s = *a;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(s, b[i]);
  } else {
    const X s = *b;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], s);
  }
}

template <class F, class X>
static void map2_whole(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  const auto* a = static_cast<const X*>(in[0]);
  const auto* b = static_cast<const X*>(in[1]);
  auto* y = static_cast<X*>(out);
  const std::int64_t whole = scalars == 3 ? 0 : n / whole_vector<X> * whole_vector<X>;
  if (whole != 0) vectors2<F>(a, b, y, whole, scalars);
  if (whole == n) return;
  X remainder_a[whole_vector<X>] = {};
  X remainder_b[whole_vector<X>] = {};
  const std::int64_t left = scalars == 3 ? 1 : n - whole;
  for (std::int64_t i = 0; i < left; ++i) {
    remainder_a[i] = a[(scalars & 1) != 0 ? 0 : whole + i];
    remainder_b[i] = b[(scalars & 2) != 0 ? 0 : whole + i];
  }
  vectors2<F>(remainder_a, remainder_b, remainder_a, whole_vector<X>, 0);
  if (scalars == 3) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = remainder_a[0];
  } else {
    for (std::int64_t i = 0; i < left; ++i) y[whole + i] = remainder_a[i];
  }
}

// Three operands; usually the last ones, or the first and the last, are scalars.

template <class F, class X>
[[gnu::noinline]] static void vectors3(const X* a, const X* b, const X* c, X* y, std::int64_t n, unsigned scalars) {
  n = n / whole_vector<X> * whole_vector<X>;
  if (scalars == 4) {
    const X t = *c;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], b[i], t);
  } else if (scalars == 5) {
    const X s = *a;
    const X t = *c;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(s, b[i], t);
  } else if (scalars == 6) {
    const X s = *b;
    const X t = *c;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], s, t);
  } else {
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) y[i] = F::of(a[i], b[i], c[i]);
  }
}

template <class F, class X>
static void map3_whole(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  constexpr std::int64_t piece = whole_vector<X>;
  const X* x[3];
  for (int k = 0; k < 3; ++k) x[k] = static_cast<const X*>(in[k]);
  auto* y = static_cast<X*>(out);
  const bool common = scalars == 0 || scalars == 4 || scalars == 5 || scalars == 6;
  const std::int64_t whole = common ? n / piece * piece : 0;
  if (whole != 0) vectors3<F>(x[0], x[1], x[2], y, whole, scalars);
  for (std::int64_t begin = whole; begin < n; begin += piece) {
    const std::int64_t left = n - begin < piece ? n - begin : piece;
    X remainder[3][piece] = {};
    for (int k = 0; k < 3; ++k) {
      for (std::int64_t i = 0; i < left; ++i) remainder[k][i] = x[k][(scalars >> k & 1) != 0 ? 0 : begin + i];
    }
    vectors3<F>(remainder[0], remainder[1], remainder[2], remainder[0], piece, 0);
    for (std::int64_t i = 0; i < left; ++i) y[begin + i] = remainder[0][i];
  }
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
