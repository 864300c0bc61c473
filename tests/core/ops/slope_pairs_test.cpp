// SPDX-License-Identifier: BSD-3-Clause
// Functions with their slopes in one pass have the bits of the kernels one by one, for every instruction set.
#include "catch.hpp"

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/kernel_types.hpp>
#include <newtape/core/kernels/slope_pairs.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace newtape::core;

namespace {

kernels::Kernel kernel(kernels::Isa set, std::string_view name, int dtype) {
  const kernels::KernelList lists[] = {kernels::table_for<kernels::MathKernels>(set),
                                       kernels::table_for<kernels::ActivationKernels>(set)};
  for (const auto& list : lists) {
    for (std::size_t k = 0; k < list.count; ++k) {
      if (name == list.first[k].name) return list.first[k].kernels.of[dtype];
    }
  }
  FAIL("no kernel is named " << name);
  return nullptr;
}

/// Numbers of all magnitudes and both signs, denormal and infinite ones too, and those near the ends of the reduction.
template <class T>
std::vector<T> numbers() {
  std::vector<T> all;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits step = sizeof(T) == 4 ? Bits{8191} : static_cast<Bits>(0x0000'1fff'ffff'ffff);
  for (Bits b = 0;; b += step) {
    T x;
    std::memcpy(&x, &b, sizeof(T));
    if (!std::isnan(x)) all.push_back(x);
    if (b > ~Bits{0} - step) break;
  }
  for (int k = -120'000; k <= 120'000; ++k) all.push_back(static_cast<T>(k) * static_cast<T>(1e-3));
  return all;
}

template <class T>
void check_pair(kernels::Isa set, const kernels::NamedSlopePair& pair) {
  const std::vector<T> x = numbers<T>();
  const auto n = static_cast<std::int64_t>(x.size());
  const int dtype = sizeof(T) == 4 ? 0 : 1;
  const T one = 1;
  std::vector<T> y(x.size()), slope(x.size()), value(x.size()), derivative(x.size());
  const void* in[] = {x.data(), nullptr};
  kernel(set, pair.function, dtype)(in, y.data(), n, 0);
  const void* with_one[] = {&one, x.data()};
  kernel(set, pair.pullback, dtype)(with_one, slope.data(), n, 1);
  const kernels::SlopePair both = sizeof(T) == 4 ? pair.f32 : pair.f64;
  both(x.data(), value.data(), derivative.data(), n);
  CHECK(std::memcmp(y.data(), value.data(), y.size() * sizeof(T)) == 0);
  CHECK(std::memcmp(slope.data(), derivative.data(), y.size() * sizeof(T)) == 0);
  // One of the results where x is; an end that is no whole vector.
  std::vector<T> over = x;
  both(over.data(), over.data(), derivative.data(), 37);
  CHECK(std::memcmp(y.data(), over.data(), 37 * sizeof(T)) == 0);
  over = x;
  both(over.data(), value.data(), over.data(), 37);
  CHECK(std::memcmp(slope.data(), over.data(), 37 * sizeof(T)) == 0);
}

}  // namespace

TEST_CASE("Functions in pairs with their slopes have the bits of the kernels", "[kernels]") {
  for (const auto set : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
    if (set > kernels::best_isa()) continue;
    for (const auto& pair : kernels::table_for<kernels::SlopePairs>(set).list) {
      INFO(pair.function << ", instruction set " << static_cast<int>(set));
      check_pair<float>(set, pair);
      check_pair<double>(set, pair);
    }
  }
}
