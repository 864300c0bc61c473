// SPDX-License-Identifier: BSD-3-Clause
// Our own kernels for products, in every instruction set that the machine has, against plain loops in long double. The
// bound is that of any order of summation: (k + 1) eps |a| |b| (Higham 2002, eq. 3.13).
#include "catch.hpp"
#include "core/array/layouts.hpp"
#include "core/runtime/threads.hpp"

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/gemm.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

using namespace newtape;
using namespace layouts;
namespace kernels = core::kernels;

namespace {

struct Set {
  std::string name;
  const kernels::GemmTables& tables;
};

std::vector<Set> sets() {
  constexpr const char* names[] = {"baseline", "avx2", "avx512"};
  std::vector<Set> all;
  for (const auto set : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
    if (set > kernels::best_isa()) break;
    all.push_back({names[static_cast<int>(set)], kernels::table_for<kernels::GemmTables>(set)});
  }
  return all;
}

template <class T>
const kernels::GemmTable<T>& table_of(const Set& set) {
  if constexpr (std::is_same_v<T, float>) {
    return set.tables.f32;
  } else {
    return set.tables.f64;
  }
}

template <class T>
std::vector<T> scattered_numbers(std::int64_t n, std::uint64_t seed) {
  std::vector<T> x(static_cast<std::size_t>(n));
  for (T& v : x) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    v = static_cast<T>(static_cast<double>(seed >> 40) * 0x1p-24 * 8 - 4);
  }
  return x;
}

enum class Start { zero, c, row };

struct GemmCase {
  std::int64_t n, m, k;
  bool a_transposed = false, b_transposed = false;
  Start start = Start::zero;
  std::int64_t step = 1;  ///< of the faster axis of a and b
  std::int64_t members = 1;
  bool a_shared = false, b_shared = false;  ///< by all members
};

/// The largest error over the bound; infinite where NaN comes out. Nothing outside of c may be written.
template <class T>
double worst_error(const kernels::GemmTable<T>& table, const GemmCase& s) {
  const std::int64_t a_row = s.a_transposed ? s.step : s.k * s.step + 3;
  const std::int64_t a_column = s.a_transposed ? s.n * s.step + 1 : s.step;
  const std::int64_t b_row = s.b_transposed ? s.step : s.m * s.step + 2;
  const std::int64_t b_column = s.b_transposed ? s.k * s.step + 5 : s.step;
  const std::int64_t a_size = (s.n - 1) * a_row + (s.k - 1) * a_column + 1;
  const std::int64_t b_size = (s.k - 1) * b_row + (s.m - 1) * b_column + 1;
  const std::int64_t c_row = s.m + 3;
  const std::int64_t c_size = s.n * c_row + 2;
  const auto a = scattered_numbers<T>(a_size * s.members, 1);
  const auto b = scattered_numbers<T>(b_size * s.members, 2);
  const auto row = scattered_numbers<T>(s.m, 3);
  auto c = s.start == Start::c ? scattered_numbers<T>(c_size * s.members, 4)
                               : std::vector<T>(static_cast<std::size_t>(c_size * s.members), T(NAN));
  const auto before = c;
  const T* init = s.start == Start::zero ? nullptr : s.start == Start::c ? c.data() : row.data();
  kernels::Gemm<T> job{s.n,
                       s.m,
                       s.k,
                       a.data(),
                       a_row,
                       a_column,
                       b.data(),
                       b_row,
                       b_column,
                       c.data(),
                       c_row,
                       init,
                       s.start == Start::c ? c_row : 0,
                       nullptr,
                       s.members,
                       s.a_shared ? 0 : a_size,
                       s.b_shared ? 0 : b_size,
                       c_size};
  Array memory = Array::empty({table.scratch(job) + 1}, std::is_same_v<T, float> ? f32 : f64);
  job.scratch = memory.data<T>();
  table.multiply(job);

  double worst = 0;
  for (std::int64_t q = 0; q < s.members; ++q) {
    const T* pa = a.data() + (s.a_shared ? 0 : q * a_size);
    const T* pb = b.data() + (s.b_shared ? 0 : q * b_size);
    for (std::int64_t at = 0; at < c_size; ++at) {
      const auto place = static_cast<std::size_t>(q * c_size + at);
      const std::int64_t i = at / c_row;
      const std::int64_t j = at % c_row;
      if (i >= s.n || j >= s.m) {
        if (std::memcmp(&c[place], &before[place], sizeof(T)) != 0) return INFINITY;
        continue;
      }
      const T first = s.start == Start::zero ? T(0)
                      : s.start == Start::c  ? before[place]
                                             : row[static_cast<std::size_t>(j)];
      long double sum = first;
      long double size = std::abs(sum);
      for (std::int64_t l = 0; l < s.k; ++l) {
        const long double p = static_cast<long double>(pa[i * a_row + l * a_column]) * pb[l * b_row + j * b_column];
        sum += p;
        size += std::abs(p);
      }
      const long double bound = static_cast<long double>(s.k + 1) * std::numeric_limits<T>::epsilon() * size;
      const auto e = static_cast<double>(std::abs(c[place] - sum) / bound);
      worst = std::isnan(e) ? INFINITY : std::max(worst, e);
    }
  }
  return worst;
}

template <class T>
void check_cases(const std::vector<GemmCase>& cases) {
  for (const Set& set : sets()) {
    for (const GemmCase& s : cases) {
      INFO(set.name << (sizeof(T) == 4 ? " f32 " : " f64 ") << s.n << " x " << s.k << " x " << s.m << " transposed "
                    << s.a_transposed << s.b_transposed << " start " << static_cast<int>(s.start) << " step " << s.step
                    << " members " << s.members);
      REQUIRE(worst_error<T>(table_of<T>(set), s) <= 1);
    }
  }
}

void check_both(const std::vector<GemmCase>& cases) {
  check_cases<float>(cases);
  check_cases<double>(cases);
}

}  // namespace

TEST_CASE("gemm: every small size, transposed or not, from zero, from c and from a row", "[gemm]") {
  std::vector<GemmCase> cases;
  int turn = 0;
  for (std::int64_t n = 1; n <= 40; ++n) {
    for (std::int64_t m = 1; m <= 40; ++m) {
      ++turn;
      const std::int64_t k = 1 + (n * 7 + m * 11) % 40;
      cases.push_back({n, m, k, turn % 2 == 0, turn / 2 % 2 == 0, static_cast<Start>(turn % 3)});
    }
  }
  for (std::int64_t k = 1; k <= 40; ++k) cases.push_back({13, 19, k, k % 2 == 0, k / 2 % 2 == 0, Start::c});
  check_both(cases);
}

TEST_CASE("gemm: sizes on both sides of every block's edge, in all layouts", "[gemm]") {
  std::vector<GemmCase> cases;
  for (const auto& [n, m, k] : std::vector<std::array<std::int64_t, 3>>{{97, 65, 257},
                                                                        {41, 130, 256},
                                                                        {100, 200, 515},
                                                                        {193, 129, 300},
                                                                        {7, 1030, 40},
                                                                        {48, 49, 260},
                                                                        {300, 60, 700},
                                                                        {2, 90, 300},
                                                                        {512, 2, 32},
                                                                        {1000, 3, 260},
                                                                        {200, 9, 40},
                                                                        {500, 140, 450}}) {
    for (int layout = 0; layout < 4; ++layout) {
      cases.push_back({n, m, k, layout % 2 == 1, layout >= 2, static_cast<Start>((n + layout) % 3)});
    }
  }
  check_both(cases);
}

TEST_CASE("gemm: any strides, and stacks with shared operands", "[gemm]") {
  std::vector<GemmCase> cases;
  for (int layout = 0; layout < 4; ++layout) {
    const bool ta = layout % 2 == 1;
    const bool tb = layout >= 2;
    for (const Start start : {Start::zero, Start::c, Start::row}) {
      cases.push_back({9, 21, 14, ta, tb, start, 2});
      cases.push_back({60, 150, 70, ta, tb, start, 3});
      cases.push_back({9, 21, 14, ta, tb, start, 1, 5});
      cases.push_back({9, 21, 14, ta, tb, start, 1, 4, true, false});
      cases.push_back({60, 70, 300, ta, tb, start, 1, 3, false, true});
    }
  }
  check_both(cases);
}

TEST_CASE("gemm: an element does not depend on how many columns are computed with it", "[gemm]") {
  const auto check = [&]<class T>(T, const Set& set) {
    constexpr std::int64_t widest = 70;
    for (const std::int64_t n : {40, 513}) {
      for (const std::int64_t k : {20, 300}) {
        const auto a = scattered_numbers<T>(n * k, 1), b = scattered_numbers<T>(k * widest, 2);
        const auto row = scattered_numbers<T>(widest, 3);
        for (const bool a_transposed : {false, true}) {
          const auto columns = [&](std::int64_t m) {
            std::vector<T> c(static_cast<std::size_t>(n * m));
            kernels::Gemm<T> job{n,
                                 m,
                                 k,
                                 a.data(),
                                 a_transposed ? 1 : k,
                                 a_transposed ? n : 1,
                                 b.data(),
                                 widest,
                                 1,
                                 c.data(),
                                 m,
                                 row.data(),
                                 0,
                                 nullptr,
                                 1,
                                 0,
                                 0,
                                 0};
            Array memory = Array::empty({table_of<T>(set).scratch(job) + 1}, std::is_same_v<T, float> ? f32 : f64);
            job.scratch = memory.data<T>();
            table_of<T>(set).multiply(job);
            return c;
          };
          const auto all = columns(widest);
          for (std::int64_t m = 1; m <= 20; ++m) {
            INFO(set.name << " " << n << " x " << k << " x " << m << ", transposed " << a_transposed);
            const auto some = columns(m);
            bool same = true;
            for (std::int64_t i = 0; i < n; ++i) {
              same = same &&
                     std::memcmp(&some[static_cast<std::size_t>(i * m)], &all[static_cast<std::size_t>(i * widest)],
                                 static_cast<std::size_t>(m) * sizeof(T)) == 0;
            }
            CHECK(same);
          }
        }
      }
    }
  };
  for (const Set& set : sets()) {
    check(float{}, set);
    check(double{}, set);
  }
}

TEST_CASE("gemm: NaN and infinities reach their rows and columns, and no others", "[gemm]") {
  for (const DType dtype : {f32, f64}) {
    for (const std::int64_t m : {2, 17, 100}) {
      for (const bool transposed : {false, true}) {
        Array a = core::ones({50, 30}, dtype);
        Array b = transposed ? core::transpose(core::ones({m, 30}, dtype), 0, 1) : core::ones({30, m}, dtype);
        const auto put = [&](Array& x, std::int64_t place, double value) {
          if (dtype == f32) {
            x.data<float>()[place] = static_cast<float>(value);
          } else {
            x.data<double>()[place] = value;
          }
        };
        put(a, 3 * 30 + 29, NAN);
        put(a, 49 * 30, INFINITY);
        put(b, b.strides()[1], -INFINITY);  // row 0, column 1
        const Array c = core::matmul(a, b);
        for (std::int64_t i = 0; i < 50; ++i) {
          for (std::int64_t j = 0; j < m; ++j) {
            const double v = at(c, {i, j});
            if (i == 3) {
              CHECK(std::isnan(v));
            } else if (j == 1) {
              CHECK(v == -INFINITY);
            } else {
              CHECK(v == (i == 49 ? INFINITY : 30));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("gemm: the same bits whatever the number of threads", "[gemm][threads]") {
  if (kernels::isa() != kernels::Isa::avx2) return;  // elsewhere OpenBLAS may take these products
  for (const DType dtype : {f32, f64}) {
    for (const auto& [n, k, m] : std::vector<std::array<std::int64_t, 3>>{
             {200, 300, 250}, {3000, 700, 20}, {20, 700, 3000}, {97, 1100, 131}, {64, 260, 257}}) {
      for (int layout = 0; layout < 4; ++layout) {
        INFO(name(dtype) << " " << n << " x " << k << " x " << m << ", layout " << layout);
        const Array a = layout % 2 == 0 ? scattered({n, k}, dtype) : core::transpose(scattered({k, n}, dtype), 0, 1);
        const Array b = layout < 2 ? scattered({k, m}, dtype, 2) : core::transpose(scattered({m, k}, dtype, 2), 0, 1);
        const Array bias = scattered({m}, dtype, 3);
        std::vector<std::vector<double>> products;
        std::vector<std::vector<double>> layers;
        for (const int threads : {1, 2, 4}) {
          const Threads scope(threads);
          products.push_back(elements(core::matmul(a, b)));
          layers.push_back(elements(core::linear(a, core::transpose(b, 0, 1), bias)));
        }
        CHECK(products[0] == products[1]);
        CHECK(products[0] == products[2]);
        CHECK(layers[0] == layers[1]);
        CHECK(layers[0] == layers[2]);
      }
    }
  }
}
