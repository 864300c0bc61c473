// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/data/sets/csv_dataset.hpp>

#include <sstream>

using namespace newtape;
using data::csv_dataset;

namespace {
data::Csv table(const std::string& text) {
  std::istringstream stream(text);
  return data::read_csv(stream);
}
const char* const flowers =
    "length,colour,width,species\n"
    "1.5,red,2,setosa\n"
    "3,blue,4,virginica\n"
    "5,green,6.5,setosa\n";
}  // namespace

TEST_CASE("a table becomes features and a target") {
  const auto t = table(flowers);
  const auto set = csv_dataset(t, {.target = "species"});
  CHECK(set.size() == 3);
  CHECK(set.array("x").shape() == Shape{3, 5});
  // length; blue, green, red; width
  CHECK(values<float>(set.array("x")) == std::vector<float>{1.5, 0, 0, 1, 2, 3, 1, 0, 0, 4, 5, 0, 1, 0, 6.5});
  CHECK(values<std::int64_t>(set.array("y")) == std::vector<std::int64_t>{0, 1, 0});
  CHECK(t.categories[3] == std::vector<std::string>{"setosa", "virginica"});

  const auto numbers = csv_dataset(t, {.target = "width", .features = {"length"}, .dtype = f64});
  CHECK(values<double>(numbers.array("x")) == std::vector<double>{1.5, 3, 5});
  CHECK(numbers.array("x").shape() == Shape{3, 1});
  CHECK(values<double>(numbers.array("y")) == std::vector<double>{2, 4, 6.5});
}

TEST_CASE("invalid columns are rejected") {
  const auto t = table(flowers);
  CHECK_THROWS_WITH(csv_dataset(t, {.target = "petal"}), contains("petal") && contains("species"));
  CHECK_THROWS_AS(csv_dataset(t, {.target = "width", .features = {"x"}}), ValueError);
  CHECK_THROWS_AS(csv_dataset(t, {.target = "width", .features = {"length", "width"}}), ValueError);
  CHECK_THROWS_AS(csv_dataset(t, {.target = "width", .dtype = i64}), DTypeError);
  CHECK_THROWS_AS(csv_dataset(table("a\n1\n"), {.target = "a"}), ValueError);
  CHECK_THROWS_WITH(csv_dataset(table("a,b\n1,u\n2,\n3,v\n"), {.target = "b"}), contains("row 1") && contains("'b'"));
}
