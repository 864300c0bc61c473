// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/core/xtensor.hpp>
#include <newtape/inspect/metrics/confusion.hpp>

#include <string>

using namespace newtape;

TEST_CASE("confusion_matrix counts predictions per class") {
  const Array target(xt::xarray<std::int64_t>{0, 0, 1, 2, 2, 2});
  const Array guess(xt::xarray<std::int64_t>{0, 1, 1, 2, 0, 2});
  const Array counts = inspect::confusion_matrix(guess, target, 3);
  const xt::xarray<std::int64_t> expected{{1, 1, 0}, {0, 1, 0}, {1, 0, 2}};
  const bool same = counts.view<std::int64_t>() == expected;
  CHECK(same);
  CHECK(inspect::accuracy(counts) == Approx(4.0 / 6));

  const char* const names[] = {"ant", "bee", "cat"};
  const std::string table = inspect::format_confusion(counts, names);
  CHECK(table.find("cat |     1     .     2 |  66.7%") != std::string::npos);
  CHECK(table.find("bee |     .     1     . | 100.0%") != std::string::npos);
}

TEST_CASE("confusion_matrix rejects classes out of range and different lengths") {
  const Array two(xt::xarray<std::int64_t>{0, 3});
  CHECK_THROWS_WITH(inspect::confusion_matrix(two, two, 3), contains("target 3"));
  CHECK_THROWS_AS(inspect::confusion_matrix(two, Array(xt::xarray<std::int64_t>{0}), 3), ShapeError);
}
