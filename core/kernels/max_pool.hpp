// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

/// The inner loops of max pooling.
namespace newtape::core::kernels {

template <class T>
struct MaxPoolTable {
  /// y[j] = max(y[j], x[j]); NaN wins.
  void (*join)(const T* x, std::int64_t n, T* y);
  /// y[j] = max over k < count[j] of x[first[j] + k step]; NaN wins.
  void (*runs)(const T* x, const std::int64_t* first, const std::int64_t* count, std::int64_t step, std::int64_t n,
               T* y);
  /// y[j] = max of the square a[2j], a[2j + 1], b[2j], b[2j + 1]; NaN wins.
  void (*squares)(const T* a, const T* b, std::int64_t n, T* y);
  /// g[j] goes to the first of the square's elements that is y[j] (or NaN); the other three get 0.
  void (*squares_grad)(const T* g, const T* y, const T* a, const T* b, std::int64_t n, T* to_a, T* to_b);
};

struct MaxPoolTables {
  MaxPoolTable<float> f32;
  MaxPoolTable<double> f64;
};

namespace baseline {
extern const MaxPoolTables max_pool;
}
#if defined(NEWTAPE_HAVE_X86_ISAS)
namespace avx2 {
extern const MaxPoolTables max_pool;
}
namespace avx512 {
extern const MaxPoolTables max_pool;
}
#endif

}  // namespace newtape::core::kernels
