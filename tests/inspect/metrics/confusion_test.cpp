// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/autograd/tensor.hpp>
#include <newtape/inspect/metrics/confusion.hpp>

#include <string>

using namespace newtape;

TEST_CASE("confusion_matrix counts predictions per class") {
  const Array target = tensor({0, 0, 1, 2, 2, 2}, i64).value();
  const Array guess = tensor({0, 1, 1, 2, 0, 2}, i64).value();
  const Array counts = inspect::confusion_matrix(guess, target, 3);
  CHECK(same_bits(counts, tensor({{1, 1, 0}, {0, 1, 0}, {1, 0, 2}}).value()));
  CHECK(inspect::accuracy(counts) == Approx(4.0 / 6));

  const char* const names[] = {"ant", "bee", "cat"};
  const std::string table = inspect::format_confusion(counts, names);
  CHECK(table.find("cat |     1     .     2 |  66.7%") != std::string::npos);
  CHECK(table.find("bee |     .     1     . | 100.0%") != std::string::npos);
}

TEST_CASE("confusion_matrix rejects classes out of range and different lengths") {
  const Array two = tensor({0, 3}, i64).value();
  CHECK_THROWS_WITH(inspect::confusion_matrix(two, two, 3), contains("target 3"));
  CHECK_THROWS_AS(inspect::confusion_matrix(two, tensor({0}, i64).value(), 3), ShapeError);
}
