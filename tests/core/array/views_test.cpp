// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "layouts.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <numeric>

using namespace newtape;
using namespace layouts;

namespace {

Array counting(const Shape& shape) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 0);
  return make(shape, values);
}

}  // namespace

TEST_CASE("reshape keeps the elements in C order, in any layout", "[views]") {
  for (const auto& [name, x] : all(f32)) {
    INFO(name);
    for (const Shape& shape : {Shape{-1}, Shape{1, -1, 1}, x.shape()}) {
      const Array y = core::reshape(x, shape);
      CHECK(elements(y) == elements(x));
    }
  }
  for (const Shape& shape : {Shape{15, 7}, Shape{3, 35}, Shape{5, 3, 7}, Shape{1, 105, 1}, Shape{7, 5, 3}}) {
    for (const auto& [name, x] : all(f64)) {
      if (x.size() != 105) continue;
      INFO(name << " to " << to_string(shape));
      const Array y = core::reshape(x, shape);
      CHECK(y.shape() == shape);
      CHECK(elements(y) == elements(x));
    }
  }
}

TEST_CASE("reshape copies only when it must", "[views]") {
  const Array x = counting({4, 6});
  CHECK(core::reshape(x, {2, 2, 6}).shares_memory_with(x));
  CHECK(core::reshape(x, {24}).shares_memory_with(x));
  const Array columns = core::slice(x, 1, 0, 4);
  CHECK(core::reshape(columns, {2, 2, 2, 2}).shares_memory_with(x));  // splits axes without joining any
  CHECK_FALSE(core::reshape(columns, {16}).shares_memory_with(x));
  const Array t = core::transpose(x, 0, 1);
  CHECK(core::reshape(t, {2, 3, 4}).shares_memory_with(x));
  CHECK_FALSE(core::reshape(t, {24}).shares_memory_with(x));
  const Array b = core::expand(counting({4, 1}), {4, 6});
  CHECK(core::reshape(b, {4, 2, 3}).shares_memory_with(b));
}

TEST_CASE("reshape checks the number of elements", "[views]") {
  const Array x = counting({4, 6});
  CHECK(core::reshape(x, {-1, 8}).shape() == Shape{3, 8});
  CHECK(core::reshape(counting({0, 3}), {5, 0}).shape() == Shape{5, 0});
  CHECK(core::reshape(counting({0, 3}), {-1, 3}).shape() == Shape{0, 3});
  CHECK(core::reshape(counting({}), {1, 1}).shape() == Shape{1, 1});
  CHECK(core::reshape(counting({1, 1}), {}).shape() == Shape{});
  for (const Shape& bad : {Shape{5, 5}, Shape{-1, 5}, Shape{-1, -1}, Shape{-2, -12}, Shape{}, Shape{0, -1}}) {
    INFO(to_string(bad));
    CHECK_THROWS_AS(core::reshape(x, bad), ShapeError);
  }
  CHECK_THROWS_WITH(core::reshape(x, {5, 5}), contains("[4, 6]") && contains("[5, 5]"));
  // A product that overflows to 0 is not the size of an empty array.
  CHECK_THROWS_AS(core::reshape(counting({0}), {std::int64_t{1} << 32, std::int64_t{1} << 32}), ShapeError);
  CHECK_THROWS_AS(core::reshape(counting({0}), {-1, 0}), ShapeError);  // any length would satisfy the size
}

TEST_CASE("permute and transpose exchange indices", "[views]") {
  for (const auto& [name, source] : all(f64)) {
    const Array& x = source;
    if (x.ndim() != 3) continue;
    INFO(name);
    const Array y = core::permute(x, {1, -1, 0});
    CHECK(y.shape() == Shape{x.shape()[1], x.shape()[2], x.shape()[0]});
    const Array z = core::transpose(x, 0, -1);
    bool same = true;
    each_index(x.shape(), [&](const Dims& i) {
      same &= at(y, {i[1], i[2], i[0]}) == at(x, i) && at(z, {i[2], i[1], i[0]}) == at(x, i);
    });
    CHECK(same);
    CHECK(y.shares_memory_with(x));
  }
  const Array x = counting({2, 3});
  CHECK_THROWS_AS(core::permute(x, {0}), ShapeError);
  CHECK_THROWS_AS(core::permute(x, {0, 0}), ShapeError);
  CHECK_THROWS_AS(core::permute(x, {0, 2}), ShapeError);
  CHECK_THROWS_AS(core::transpose(x, 0, 2), ShapeError);
}

TEST_CASE("squeeze and unsqueeze drop and add axes of length 1", "[views]") {
  const Array x = counting({1, 3, 1, 2});
  CHECK(core::squeeze(x).shape() == Shape{3, 2});
  CHECK(core::squeeze(x, 0).shape() == Shape{3, 1, 2});
  CHECK(core::squeeze(x, {0, -2}).shape() == Shape{3, 2});
  CHECK(core::squeeze(x, Axes(Dims{})).shape() == x.shape());
  CHECK_THROWS_AS(core::squeeze(x, 1), ShapeError);
  CHECK(core::unsqueeze(x, 0).shape() == Shape{1, 1, 3, 1, 2});
  CHECK(core::unsqueeze(x, -1).shape() == Shape{1, 3, 1, 2, 1});
  CHECK(core::unsqueeze(counting({}), 0).shape() == Shape{1});
  CHECK_THROWS_AS(core::unsqueeze(x, 5), ShapeError);
  CHECK(core::unsqueeze(x, 2).is_contiguous());
  CHECK(elements(core::squeeze(core::transpose(x, 1, 3))) == std::vector<double>{0, 2, 4, 1, 3, 5});
}

TEST_CASE("expand broadcasts without a copy", "[views]") {
  const Array x = counting({3, 1});
  const Array y = core::expand(x, {2, 3, 4});
  CHECK(y.shares_memory_with(x));
  each_index(y.shape(), [&](const Dims& i) { CHECK(at(y, i) == static_cast<double>(i[1])); });
  CHECK(core::expand(x, {3, 0}).size() == 0);
  CHECK(core::expand(counting({}), {2}).strides() == Strides{0});
  for (const Shape& bad : {Shape{3}, Shape{2, 1}, Shape{3, -1}, Shape{}})
    CHECK_THROWS_AS(core::expand(x, bad), ShapeError);
  CHECK_THROWS_WITH(core::expand(x, {4, 2}), contains("[3, 1]") && contains("[4, 2]"));
}

TEST_CASE("slice clips as Python does", "[views]") {
  const Array x = counting({10});
  const auto sliced = [&](std::int64_t a, std::int64_t b, std::int64_t step = 1) {
    return elements(core::slice(x, 0, a, b, step));
  };
  using V = std::vector<double>;
  CHECK(sliced(2, 5) == V{2, 3, 4});
  CHECK(sliced(-3, 100) == V{7, 8, 9});
  CHECK(sliced(-100, 2) == V{0, 1});
  CHECK(sliced(5, 2).empty());
  CHECK(sliced(10, 20).empty());
  CHECK(sliced(0, 10, 3) == V{0, 3, 6, 9});
  CHECK(sliced(1, 10, 4) == V{1, 5, 9});
  CHECK(sliced(1, 9, 4) == V{1, 5});
  CHECK(sliced(0, 10, 100) == V{0});
  CHECK(sliced(3, INT64_MAX, INT64_MAX) == V{3});
  CHECK(sliced(INT64_MIN, INT64_MAX) == elements(x));
  CHECK_THROWS_AS(sliced(0, 10, 0), ValueError);
  CHECK_THROWS_AS(core::slice(x, 1, 0, 1), ShapeError);
  const Array y = core::slice(core::slice(counting({4, 6}), 1, 1, 6, 2), 0, 1, 3);
  CHECK(elements(y) == V{7, 9, 11, 13, 15, 17});
}

TEST_CASE("select drops its axis", "[views]") {
  const Array x = counting({3, 4});
  CHECK(elements(core::select(x, 0, 1)) == std::vector<double>{4, 5, 6, 7});
  CHECK(elements(core::select(x, -1, -1)) == std::vector<double>{3, 7, 11});
  CHECK(core::select(core::select(x, 0, 2), 0, 0).item() == 8);
  CHECK_THROWS_AS(core::select(x, 0, 3), ValueError);
  CHECK_THROWS_AS(core::select(x, 0, -4), ValueError);
  CHECK(core::select(counting({3, 0}), 0, 2).shape() == Shape{0});
}

TEST_CASE("slice with a negative step, and nonnegative strides", "[views]") {
  const Array x = counting({10});
  using V = std::vector<double>;
  const auto sliced = [&](Slice s) {
    core::Window w({10}, 1);
    w.narrow("slice", 0, s);
    const Array y = core::slice(x, w);
    CHECK(y.strides()[0] > 0);
    return elements(y);
  };
  // Values of Python's list(range(10))[s].
  CHECK(sliced({none, none, -1}) == V{9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  CHECK(sliced({none, none, -4}) == V{9, 5, 1});
  CHECK(sliced({-2, 2, -3}) == V{8, 5});
  CHECK(sliced({100, 6, -1}) == V{9, 8, 7});
  CHECK(sliced({2, -100, -1}) == V{2, 1, 0});
  CHECK(sliced({2, 5, -1}).empty());
  CHECK(sliced({-100, none, -1}).empty());
  CHECK(sliced({none, 3}) == V{0, 1, 2});
  CHECK(sliced({7}) == V{7, 8, 9});
  CHECK(sliced({INT64_MAX, INT64_MIN, INT64_MIN}) == V{9});
  CHECK(sliced({INT64_MIN, INT64_MAX, INT64_MAX}) == V{0});
  CHECK_THROWS_AS(sliced({none, none, 0}), ValueError);
}

TEST_CASE("windows are read, padded and written in every layout", "[views]") {
  for (const DType dtype : {f32, f64, i64, boolean}) {
    for (const auto& [layout, source] : all(dtype)) {
      const Array& x = source;
      if (x.ndim() != 3) continue;
      INFO(name(dtype) << ", " << layout);
      core::Window w(x.shape(), 2);
      w.narrow("slice", 0, {none, none, -1});
      w.narrow("slice", 1, {1, none, 2});
      const auto from = [&](const Dims& i) { return Dims{i[0], w.length[0] - 1 - i[1], 1 + 2 * i[2]}; };
      const Array y = core::slice(x, w);
      REQUIRE(y.shape() == Shape{x.shape()[0], x.shape()[1], x.shape()[2] / 2});
      const Array around = core::unslice(y, w, 1);
      const Array put = core::slice_put(x, core::full({}, 0, dtype), w);
      Array outside = core::slice_put(core::ones(x.shape(), dtype), core::full({}, 0, dtype), w);
      bool same = true;
      each_index(y.shape(), [&](const Dims& i) {
        same &= at(y, i) == at(x, from(i)) && at(around, from(i)) == at(x, from(i)) && at(put, from(i)) == 0 &&
                at(outside, from(i)) == 0;
      });
      each_index(x.shape(), [&](const Dims& i) {
        if (at(outside, i) != 0) same &= at(around, i) == 1 && at(put, i) == at(x, i);
      });
      CHECK(same);
    }
  }
}

TEST_CASE("diagonal is a view", "[views]") {
  const Array x = counting({2, 3, 4});
  const Array y = core::diagonal(x, 1);
  CHECK(y.shares_memory_with(x));
  CHECK(elements(y) == std::vector<double>{1, 6, 11, 13, 18, 23});
  CHECK(elements(core::diagonal(x, -2)) == std::vector<double>{8, 20});
  CHECK(core::diagonal(x, 4).shape() == Shape{2, 0});
  CHECK(core::diagonal(x, INT64_MIN).shape() == Shape{2, 0});
  CHECK(core::diagonal(x, INT64_MAX).shape() == Shape{2, 0});
  CHECK(elements(core::diag_embed(core::diagonal(x, 1), 1, 3, 4)) ==
        std::vector<double>{0, 1, 0, 0, 0, 0, 6, 0, 0, 0, 0, 11, 0, 13, 0, 0, 0, 0, 18, 0, 0, 0, 0, 23});
  CHECK_THROWS_AS(core::diagonal(counting({3})), ShapeError);
  CHECK_THROWS_AS(core::diag_embed(counting({3}), 0, 3, 2), ShapeError);
}
