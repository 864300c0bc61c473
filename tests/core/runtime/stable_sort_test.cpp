// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/core/runtime/stable_sort.hpp>

#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

using newtape::detail::stable_sort;

TEST_CASE("stable_sort sorts, and keeps the order of what is equal") {
  for (const std::size_t n : {0, 1, 2, 3, 5, 8, 31, 100, 257}) {
    std::vector<std::pair<unsigned, std::size_t>> v;  // key and place
    for (std::size_t i = 0; i < n; ++i) v.emplace_back((i * 2654435761U >> 3) % 7, i);
    stable_sort(v, [](const auto& a, const auto& b) { return a.first < b.first; });
    REQUIRE(v.size() == n);
    // Equal keys in the order of their places: the order of the pairs.
    for (std::size_t i = 1; i < n; ++i) CHECK(v[i - 1] < v[i]);
  }
}

TEST_CASE("stable_sort moves what cannot be copied, and loses nothing where the order is inconsistent") {
  std::vector<std::unique_ptr<double>> v;
  for (int i = 0; i < 50; ++i) v.push_back(std::make_unique<double>(i % 3 == 0 ? std::nan("") : 50 - i));
  std::set<const double*> before;
  for (const auto& p : v) before.insert(p.get());
  stable_sort(v, [](const auto& a, const auto& b) { return *a < *b; });
  std::set<const double*> after;
  for (const auto& p : v) after.insert(p.get());
  CHECK(before == after);
  CHECK(after.count(nullptr) == 0);
}
