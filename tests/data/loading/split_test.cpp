// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/data/loading/split.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

using namespace newtape;
using data::Dataset;

using I = std::vector<std::int64_t>;

static_assert(std::input_iterator<data::Folds::iterator>);

namespace {

/// Examples 0, ..., n - 1 of class i % classes; the last class has only one.
Dataset examples_of_classes(std::int64_t n, std::int64_t classes) {
  Array x = Array::empty({n}, i64);
  Array y = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    x.data<std::int64_t>()[i] = i;
    y.data<std::int64_t>()[i] = i == n - 1 ? classes - 1 : i % (classes - 1);
  }
  return Dataset{{"x", x}, {"y", y}};
}

I examples(const Dataset& d) { return values<std::int64_t>(d.array("x")); }

std::map<std::int64_t, std::int64_t> counts(const Dataset& d) {
  std::map<std::int64_t, std::int64_t> n;
  for (const auto label : values<std::int64_t>(d.array("y"))) ++n[label];
  return n;
}

/// Both parts together contain every example once.
void check_whole(const Dataset& a, const Dataset& b, std::int64_t n) {
  I all = examples(a);
  const I more = examples(b);
  all.insert(all.end(), more.begin(), more.end());
  std::sort(all.begin(), all.end());
  REQUIRE(static_cast<std::int64_t>(all.size()) == n);
  for (std::int64_t i = 0; i < n; ++i) REQUIRE(all[static_cast<std::size_t>(i)] == i);
}

}  // namespace

TEST_CASE("a stratified split preserves the class fractions") {
  for (const std::int64_t n : {1, 10, 101, 1000}) {
    const auto set = examples_of_classes(n, 4);
    for (const double fraction : {0.0, 0.1, 0.5, 0.8, 1.0}) {
      CAPTURE(n, fraction);
      Generator g(5);
      const auto [first, second] = data::stratified_split(set, set.array("y"), fraction, g);
      check_whole(first, second, n);
      CHECK(first.size() == std::llround(fraction * static_cast<double>(n)));
      auto found = counts(first);
      const double share = static_cast<double>(first.size()) / static_cast<double>(n);
      for (const auto& [label, m] : counts(set)) {
        CHECK(std::abs(static_cast<double>(found[label]) - share * static_cast<double>(m)) < 1);
      }
    }
  }
  const auto set = examples_of_classes(100, 4);
  Generator g(5);
  const auto one = data::stratified_split(set, set.array("y"), 0.5, g);
  const auto other = data::stratified_split(set, set.array("y"), 0.5, g);
  CHECK(examples(one.first) != examples(other.first));
  const auto order = values<std::int64_t>(one.first.array("y"));
  CHECK(!std::is_sorted(order.begin(), order.end()));  // shuffled, not class by class
  CHECK_THROWS_AS(data::stratified_split(set, set.array("y"), 1.5, g), ValueError);
  CHECK_THROWS_AS(data::stratified_split(set, examples_of_classes(99, 4).array("y"), 0.5, g), ShapeError);
  CHECK_THROWS_AS(data::stratified_split(set, Array::empty({100}, f32), 0.5, g), DTypeError);
}

TEST_CASE("each example is in the validation part of one fold") {
  const auto set = examples_of_classes(23, 4);
  Generator g(2);
  const auto plain = data::k_fold(set, 5);
  const auto shuffled = data::k_fold(set, 5, g);
  const auto stratified = data::stratified_k_fold(set, set.array("y"), 5, g);
  for (const auto* folds : {&plain, &shuffled, &stratified}) {
    I valid;
    std::int64_t number = 0;
    for (const auto& [train, part] : *folds) {
      check_whole(train, part, 23);
      CHECK((part.size() == 4 || part.size() == 5));
      const auto found = examples(part);
      valid.insert(valid.end(), found.begin(), found.end());
      CHECK(found == examples((*folds)[number++].valid));
    }
    CHECK(number == folds->size());
    std::sort(valid.begin(), valid.end());
    CHECK(valid.size() == 23);
    CHECK(std::adjacent_find(valid.begin(), valid.end()) == valid.end());
  }
  // As in scikit-learn's KFold, the first n % k parts are longer.
  CHECK(examples(plain[0].valid) == I{0, 1, 2, 3, 4});
  CHECK(examples(plain[4].valid) == I{19, 20, 21, 22});
  CHECK(examples(plain[1].train) == I{0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22});
  CHECK(examples(shuffled[0].valid) != I{0, 1, 2, 3, 4});
  const auto all = counts(set);
  for (const auto& [train, part] : stratified) {
    auto found = counts(part);
    for (const auto& [label, m] : all) CHECK((found[label] == m / 5 || found[label] == m / 5 + 1));
  }
}

TEST_CASE("invalid folds are rejected") {
  const auto set = examples_of_classes(4, 3);
  Generator g;
  CHECK_THROWS_AS(data::k_fold(set, 1), ValueError);
  CHECK_THROWS_WITH(data::k_fold(set, 5, g), contains("4") && contains("5"));
  CHECK_THROWS_AS(data::stratified_k_fold(set, examples_of_classes(5, 3).array("y"), 2, g), ShapeError);
  CHECK_THROWS_AS(data::k_fold(set, 2)[2], ValueError);
  CHECK_THROWS_AS(data::Folds(set, 2, {0, 1}, {0, 1}), ValueError);
  CHECK(g.position() == 0);  // the generator is not advanced
}
