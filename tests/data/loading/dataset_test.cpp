// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/index.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/data/loading/dataset.hpp>

#include <algorithm>
#include <numeric>

using namespace newtape;
using data::Batch;
using data::Dataset;
using data::Range;

using F = std::vector<float>;
using I = std::vector<std::int64_t>;

namespace {

/// n examples: x = [10 i, 10 i + 1], y = i.
Dataset labelled_pairs(std::int64_t n) {
  Array x = Array::empty({n, 2}, f32);
  Array y = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    x.data<float>()[2 * i] = static_cast<float>(10 * i);
    x.data<float>()[2 * i + 1] = static_cast<float>(10 * i + 1);
    y.data<std::int64_t>()[i] = i;
  }
  return Dataset{{"x", x}, {"y", y}};
}

I labels(const Dataset& d) { return values<std::int64_t>(d.array("y")); }

}  // namespace

TEST_CASE("a data set gives single examples, ranges and subsets of all arrays") {
  const auto set = labelled_pairs(5);
  CHECK(set.size() == 5);
  CHECK(set.array("x").shape() == Shape{5, 2});
  CHECK(set.array(1).dtype() == i64);

  const auto [x, y] = set[3];
  CHECK(values<float>(x) == F{30, 31});
  CHECK(y.item() == 3);
  CHECK(set[-1]["y"].item() == 4);
  CHECK_THROWS_WITH(set[5], contains("an index from -5 to 4") && contains("5"));

  const auto middle = set[{1, 3}];
  CHECK(middle.size() == 2);
  CHECK(labels(middle) == I{1, 2});
  CHECK(middle.array("x").shares_memory_with(set.array("x")));
  CHECK(labels(set[{-2, 100}]) == I{3, 4});
  CHECK(set[{4, 2}].size() == 0);

  const auto chosen = set[Array(xt::xarray<std::int64_t>{4, 0, -1})];
  CHECK(labels(chosen) == I{4, 0, 4});
  CHECK(values<float>(chosen.array("x")) == F{40, 41, 0, 1, 40, 41});
  CHECK_THROWS_AS(set[Array(xt::xarray<std::int64_t>{5})], ValueError);
  CHECK_THROWS_AS(set[Array(xt::xarray<float>{1.0F})], DTypeError);
  CHECK_THROWS_AS(set[Array(xt::xarray<std::int64_t>{{1, 2}, {3, 4}})], ShapeError);

  const auto& [all_x, all_y] = set.arrays();
  CHECK(all_x.shares_memory_with(set.array(0)));
  CHECK(all_y.size() == 5);
}

TEST_CASE("a data set rejects mismatched arrays") {
  const Array a = Array::empty({3, 2}, f32);
  const Array b = Array::empty({4}, i64);
  CHECK_THROWS_WITH((Dataset{a, b}), contains("array 1") && contains("[3, ..]") && contains("[4]"));
  CHECK_THROWS_AS((Dataset{a, b}), ShapeError);
  CHECK_THROWS_AS((Dataset{Array::empty({}, f32)}), ShapeError);
  CHECK_THROWS_AS((Dataset{a, Array()}), ValueError);
  CHECK_THROWS_AS((Dataset{{"x", a}, {"x", a}}), ValueError);
  CHECK_THROWS_AS(Dataset(std::vector<Array>{a, a}, {"x"}), ValueError);
  CHECK_THROWS_AS(Dataset(std::vector<Array>{}), ValueError);
  CHECK(Dataset().size() == 0);
  CHECK_THROWS_WITH((Dataset{a}.array("x")), contains("no names"));
  CHECK_THROWS_WITH((Dataset{{"u", a}, {"v", a}}.array("x")), contains("u, v") && contains("'x'"));
  CHECK_THROWS_AS(Dataset{a}.array(1), ValueError);
}

TEST_CASE("arrays of any layout and dtype become examples") {
  const Array t = core::transpose(Array(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}}), 0, 1);
  const Array flags(xt::xarray<bool>{true, false, true});
  const Array no_columns = Array::empty({3, 0}, f32);
  const Dataset set{t, flags, no_columns};
  const auto [x, f, e] = set[Array(xt::xarray<std::int64_t>{2, 1})].arrays().unpack<3>();
  CHECK(values<double>(x) == std::vector<double>{3, 6, 2, 5});
  CHECK(values<bool>(f) == std::vector<bool>{true, false});
  CHECK(e.shape() == Shape{2, 0});
}

TEST_CASE("split cuts a data set into parts that share no example") {
  const auto set = labelled_pairs(10);
  const auto parts = set.split({3, -1, 2});
  CHECK(labels(parts[0]) == I{0, 1, 2});
  CHECK(labels(parts[1]) == I{3, 4, 5, 6, 7});
  CHECK(labels(parts[2]) == I{8, 9});
  const auto [a, b] = set.split(0.75);
  CHECK(a.size() == 8);
  CHECK(labels(b) == I{8, 9});

  Generator g(7);
  const auto [train, valid] = set.split(0.7, g);
  CHECK(train.size() == 7);
  auto both = labels(train);
  const auto rest = labels(valid);
  both.insert(both.end(), rest.begin(), rest.end());
  CHECK_FALSE(std::is_sorted(both.begin(), both.end()));
  Generator again(7);
  CHECK(labels(set.split({7, 3}, again)[0]) == labels(train));
  std::sort(both.begin(), both.end());
  CHECK(both == labels(set));

  CHECK_THROWS_WITH(set.split({3, 3}), contains("a sum of 10") && contains("[3, 3]"));
  CHECK_THROWS_AS(set.split({11, -1}), ValueError);
  CHECK_THROWS_AS(set.split({-1, -1}), ValueError);
  CHECK_THROWS_AS(set.split({-2, 12}), ValueError);
  CHECK_THROWS_AS(set.split(1.5), ValueError);
  const auto position = again.position();
  CHECK_THROWS_AS(set.split({3, 3}, again), ValueError);
  CHECK(again.position() == position);
}

TEST_CASE("gather transforms the batches it makes, and subsets keep the transform") {
  const auto set = labelled_pairs(4)
                       .map([](Batch batch, Generator&) {
                         auto& [x, y] = batch;
                         x.data<float>()[0] += 1000;
                         return Batch{x, y, y};
                       })
                       .map([](Batch batch, Generator& g) {
                         batch[0].data<float>()[1] = static_cast<float>(g.next() % 2) + 2000;
                         return batch;
                       });
  Generator g(0);
  const std::int64_t rows[] = {2, -1};
  const auto batch = set[{1, 4}].gather(rows, g);
  CHECK(batch.size() == 3);
  CHECK(values<float>(batch[0])[0] == 1030);
  CHECK(values<float>(batch[0])[1] >= 2000);
  CHECK(values<std::int64_t>(batch[2]) == I{3, 3});
  CHECK(values<float>(set.array("x"))[0] == 0);  // the data set itself is unchanged
  const std::int64_t bad[] = {0, 4};
  CHECK_THROWS_WITH(set.gather(bad, g), contains("an index from -4 to 3"));
}

TEST_CASE("a batch unpacks into its arrays") {
  const Array a = Array::empty({1}, f32);
  Batch two{a, a};
  auto& [x, y] = two;
  x = Array::empty({2}, f32);
  CHECK(two[0].size() == 2);
  CHECK(&y == &two[1]);
  const Batch three{a, a, a};
  CHECK(three.unpack<3>()[2].size() == 1);
  CHECK_THROWS_WITH(three.get<0>(), contains("expected: 3") && contains("got:      2"));
  CHECK_THROWS_AS(three.unpack<1>(), ValueError);
  CHECK_THROWS_AS(three[3], ValueError);
  CHECK_THROWS_AS(three["x"], ValueError);
}
