// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/table.hpp>

#include <cstddef>
#include <cstdint>

// The loops around the elementwise functions, for the files of this folder. The functions are written for one element and
// without branches; the compiler turns the loops into vector code. `f` is a class with a static member `of`.

// The output may be an input's memory, element on element: no iteration depends on another.
#if defined(__clang__)
#define NEWTAPE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define NEWTAPE_INDEPENDENT _Pragma("GCC ivdep")
#endif
#define NEWTAPE_INLINE [[gnu::always_inline]] static inline

namespace newtape::core::kernels::NEWTAPE_ISA {

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

/// For functions of some length: whole vectors only, so that the end of a row costs one more vector and not up to fifteen
/// single elements, and so that an element's value does not depend on where it stands.
inline constexpr std::int64_t vector_bytes = 64;

template <class F, class X>
static void map1_whole(const void* const* in, void* out, std::int64_t n, unsigned) {
  constexpr std::int64_t width = vector_bytes / static_cast<std::int64_t>(sizeof(X));
  const auto* x = static_cast<const X*>(in[0]);
  auto* y = static_cast<X*>(out);
  const std::int64_t whole = n / width * width;
  NEWTAPE_INDEPENDENT
  for (std::int64_t i = 0; i < whole; ++i) y[i] = F::of(x[i]);
  if (whole == n) return;
  X rest[width] = {};
  for (std::int64_t i = whole; i < n; ++i) rest[i - whole] = x[i];
  for (std::int64_t i = 0; i < width; ++i) rest[i] = F::of(rest[i]);
  for (std::int64_t i = whole; i < n; ++i) y[i] = rest[i - whole];
}

template <class F, class X>
static void map2_whole(const void* const* in, void* out, std::int64_t n, unsigned scalars) {
  constexpr std::int64_t width = vector_bytes / static_cast<std::int64_t>(sizeof(X));
  const auto* a = static_cast<const X*>(in[0]);
  const auto* b = static_cast<const X*>(in[1]);
  auto* y = static_cast<X*>(out);
  const std::int64_t whole = n / width * width;
  if (scalars == 0) {
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < whole; ++i) y[i] = F::of(a[i], b[i]);
  } else if (scalars == 1) {
    const X s = *a;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < whole; ++i) y[i] = F::of(s, b[i]);
  } else {
    const X s = *b;
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < whole; ++i) y[i] = F::of((scalars & 1) != 0 ? a[0] : a[i], s);
  }
  if (whole == n) return;
  X rest_a[width] = {};
  X rest_b[width] = {};
  for (std::int64_t i = whole; i < n; ++i) {
    rest_a[i - whole] = (scalars & 1) != 0 ? a[0] : a[i];
    rest_b[i - whole] = (scalars & 2) != 0 ? b[0] : b[i];
  }
  for (std::int64_t i = 0; i < width; ++i) rest_a[i] = F::of(rest_a[i], rest_b[i]);
  for (std::int64_t i = whole; i < n; ++i) y[i] = rest_a[i - whole];
}

}  // namespace newtape::core::kernels::NEWTAPE_ISA
