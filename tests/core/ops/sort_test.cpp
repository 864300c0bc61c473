// SPDX-License-Identifier: BSD-3-Clause
// Sorting against std::stable_sort, for short and long rows.
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/sort.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace newtape;
using namespace layouts;

namespace {

/// Order with NaN last and -0 = 0.
bool before(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

std::vector<double> order_of(const std::vector<double>& row, bool descending) {
  std::vector<double> places(row.size());
  std::iota(places.begin(), places.end(), 0.0);
  std::stable_sort(places.begin(), places.end(), [&](double i, double j) {
    const double a = row[static_cast<std::size_t>(i)];
    const double b = row[static_cast<std::size_t>(j)];
    return descending ? before(b, a) : before(a, b);
  });
  return places;
}

/// Many ties, and all special float values.
std::vector<double> awkward(std::size_t n, bool floats) {
  std::vector<double> row = elements(scattered({static_cast<std::int64_t>(n)}, i64, n));
  for (std::size_t i = 0; floats && i < n; ++i) {
    const double odd[] = {0.0, -0.0, not_a_number, inf, -inf, -not_a_number, 1e30, -1e30};
    if (i % 5 == 2) row[i] = odd[i / 5 % 8];
  }
  return row;
}

TEST_CASE("sorting is stable, ascending and descending, for every dtype and length") {
  for (const std::size_t n : {1, 2, 7, 100, 129, 300, 1000}) {
    for (const DType dtype : {f32, f64, i64, boolean}) {
      for (const bool descending : {false, true}) {
        INFO(n << " elements of " << name(dtype) << (descending ? ", descending" : ""));
        const auto length = static_cast<std::int64_t>(n);
        const Array x = make({length}, awkward(n, is_floating(dtype)), dtype);
        const auto want = order_of(elements(x), descending);
        const auto sorted = core::sort(x, 0, descending);
        CHECK(elements(sorted.indices) == want);
        CHECK(elements(core::argsort(x, -1, descending)) == want);
        CHECK(sorted.values.dtype() == dtype);
        const auto row = elements(x);
        const auto values = elements(sorted.values);
        for (std::size_t i = 0; i < n; ++i) {
          const double v = row[static_cast<std::size_t>(want[i])];
          CHECK((values[i] == v || (std::isnan(v) && std::isnan(values[i]))));
        }
        for (const std::size_t k : {std::size_t{0}, std::size_t{1}, n / 10, n / 2, n}) {
          const auto top = core::topk(x, static_cast<std::int64_t>(k), 0, descending);
          CHECK(elements(top.indices) == std::vector<double>(want.begin(), want.begin() + static_cast<long>(k)));
          auto some = elements(core::topk(x, static_cast<std::int64_t>(k), 0, descending, false).indices);
          auto all = elements(top.indices);
          std::sort(some.begin(), some.end());
          std::sort(all.begin(), all.end());
          CHECK(some == all);
        }
        if (descending) continue;
        const std::vector<std::int64_t> ranks{length - 1, 0, length / 2, 0, length / 2};
        std::vector<double> places;
        for (const auto r : ranks) places.push_back(want[static_cast<std::size_t>(r)]);
        CHECK(elements(core::argrank(x, ranks, 0)) == places);
      }
    }
  }
}

TEST_CASE("sorting along any axis, in any layout") {
  const Array x = scattered({5, 140, 3});
  const Array odd = core::copy(x);
  for (const std::int64_t axis : {0, 1, 2}) {
    const auto sorted = core::sort(x, axis);
    // The same rows, moved to the last axis by hand.
    const Array rows = core::copy(core::transpose(x, axis, -1));
    const Array want = core::transpose(core::sort(rows, -1).indices, axis, -1);
    CHECK(sorted.indices.shape() == x.shape());
    CHECK(elements(sorted.indices) == elements(want));
    const Array turned = core::transpose(core::copy(core::transpose(odd, 0, 2)), 0, 2);
    CHECK(elements(core::sort(turned, axis).values) == elements(sorted.values));
  }
}

TEST_CASE("with nan_wins, a NaN is at every rank") {
  const Array x = make({2, 3}, {3, not_a_number, 1, 3, 2, 1});
  CHECK(elements(core::argrank(x, {0, 2}, 1, true)) == std::vector<double>{1, 1, 2, 0});
  CHECK(elements(core::argrank(x, {0, 2}, 1, false)) == std::vector<double>{2, 1, 2, 0});
}

TEST_CASE("distinct elements: -0 equals 0, and all NaN are equal") {
  const auto u = core::unique(make({2, 4}, {not_a_number, 0, 2, -0.0, 2, not_a_number, -inf, 2}));
  const auto values = elements(u.values);
  REQUIRE(values.size() == 4);
  CHECK(std::vector<double>(values.begin(), values.end() - 1) == std::vector<double>{-inf, 0, 2});
  CHECK(std::isnan(values[3]));
  CHECK(elements(u.counts) == std::vector<double>{1, 2, 3, 2});
  CHECK(u.inverse.shape() == Shape{2, 4});
  CHECK(elements(u.inverse) == std::vector<double>{3, 1, 2, 1, 2, 3, 0, 2});
}

TEST_CASE("searchsorted orders NaN last") {
  const Array sorted = make({4}, {-1, 0, inf, not_a_number});
  CHECK(elements(core::searchsorted(sorted, make({3}, {not_a_number, -0.0, 5}))) == std::vector<double>{3, 1, 2});
  CHECK(elements(core::searchsorted(sorted, make({2}, {not_a_number, 0}), true)) == std::vector<double>{4, 2});
}

}  // namespace
