// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/resample.hpp>

#include "map.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

template <class T>
void rows(const T* x, const T* w, std::int64_t count, std::int64_t n, T* y) {
  if (count == 0) {
    for (std::int64_t j = 0; j < n; ++j) y[j] = 0;
    return;
  }
  const T first = w[0];
  NEWTAPE_INDEPENDENT
  for (std::int64_t j = 0; j < n; ++j) y[j] = first * x[j];
  for (std::int64_t i = 1; i < count; ++i) {
    const T a = w[i];
    const T* row = x + i * n;
    NEWTAPE_INDEPENDENT
    for (std::int64_t j = 0; j < n; ++j) y[j] += a * row[j];
  }
}

template <class T>
void runs(const T* x, const T* w, const std::int64_t* first, const std::int64_t* begin, std::int64_t outputs, T* y) {
  for (std::int64_t o = 0; o < outputs; ++o) {
    const T* from = x + first[o];
    const T* a = w + begin[o];
    const std::int64_t count = begin[o + 1] - begin[o];
    constexpr std::int64_t wide = 16;
    T total = 0;
    std::int64_t i = 0;
    if (count >= wide) {
      T part[wide] = {};
      for (; i + wide <= count; i += wide) {
        for (std::int64_t l = 0; l < wide; ++l) part[l] += a[i + l] * from[i + l];
      }
      for (std::int64_t l = 0; l < wide; ++l) total += part[l];
    }
    for (; i < count; ++i) total += a[i] * from[i];
    y[o] = total;
  }
}

template <class T>
constexpr ResampleTable<T> table_of() {
  return {rows<T>, runs<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const ResampleTables ResampleTables::NEWTAPE_ISA{NEWTAPE_ISA::table_of<float>(),
                                                           NEWTAPE_ISA::table_of<double>()};
}
