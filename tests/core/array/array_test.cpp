// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/xtensor.hpp>

#include <limits>

using namespace newtape;

TEST_CASE("array: any xtensor expression becomes an array, with the dtype of its values") {
  const xt::xarray<float> a{{1, 2, 3}, {4, 5, 6}};
  const Array x(2 * a + 1);
  REQUIRE(x.dtype() == f32);
  REQUIRE(x.shape() == Shape{2, 3});
  CHECK(x.data<float>()[4] == 11);
  CHECK(Array(xt::xarray<double>{0.5}).dtype() == f64);
  CHECK(Array(xt::xarray<int>{1, 2}).dtype() == i64);
  CHECK(Array(xt::xarray<std::uint8_t>{200}).item<int>() == 200);
  CHECK(Array(xt::equal(a, 2.0F)).dtype() == boolean);
  // A transposed view is read in logical order.
  CHECK(Array(xt::transpose(a)).data<float>()[1] == 4);
}

TEST_CASE("array: a temporary xarray is moved, a named one is copied") {
  xt::xarray<double> a{{1, 2}, {3, 4}};
  const double* buffer = a.data();
  const Array copied(a);
  CHECK(copied.data<double>() != buffer);
  const Array moved(std::move(a));
  CHECK(moved.data<double>() == buffer);
  CHECK(moved.shape() == Shape{2, 2});
}

TEST_CASE("array: view is an xtensor adaptor on the same memory, for any strides") {
  Array x(xt::xarray<double>{{1, 2, 3}, {4, 5, 6}});
  auto v = x.view<double>();
  v(1, 2) = 60;
  CHECK(x.data<double>()[5] == 60);
  const Array t = core::transpose(x, 0, 1);
  const auto tv = t.view<double>();
  CHECK(tv(2, 1) == 60);
  CHECK(xt::sum(tv)() == 75);
  const Array wide = core::expand(core::slice(x, 0, 0, 1), {4, 3});
  CHECK(xt::sum(wide.view<double>())() == 24);
  const Array stepped = core::slice(x, 1, 0, 3, 2);
  CHECK(xt::sum(stepped.view<double>())() == 68);
  const xt::xarray<double> kept = stepped.view<double>() + 1;
  CHECK(kept(1, 1) == 61);
  const Array no_rows = Array::empty({0, 3}, f64);
  CHECK(no_rows.view<double>().size() == 0);
}

TEST_CASE("array: copies and views share memory; only an array with a single reference is reusable") {
  Array x = core::ones({4}, f32);
  CHECK(x.reusable());
  const Array y = x;  // NOLINT(performance-unnecessary-copy-initialization): the copy is tested
  CHECK(!x.reusable());
  CHECK(x.shares_memory_with(y));
  const Array part = core::slice(core::ones({4}, f32), 0, 1, 3);
  CHECK(part.reusable());  // the other array no longer exists
  CHECK(!core::expand(core::ones({1}, f32), {3}).reusable());
}

TEST_CASE("array: errors state what was expected and what was given") {
  const Array x = core::ones({2, 3}, f32);
  CHECK_THROWS_AS(x.data<double>(), DTypeError);
  CHECK_THROWS_WITH(x.data<double>(),
                    "data: wrong element type\n"
                    "  expected: f64\n"
                    "  got:      f32 [2, 3]");
  CHECK_THROWS_AS(x.item(), ShapeError);
  CHECK_THROWS_AS(Array().item(), ValueError);
  CHECK_THROWS_AS(x.shape(2), ShapeError);
  CHECK(x.shape(-1) == 3);
  CHECK_THROWS_AS(Array::empty({2, -1}, f32), ShapeError);
  constexpr auto huge = std::numeric_limits<std::int64_t>::max() / 2;
  CHECK_THROWS_AS(Array::empty({huge, 3}, f64), ShapeError);
  CHECK(Array::empty({huge, 0, huge}, f64).size() == 0);
}

TEST_CASE("array: shapes of any number of axes") {
  Shape many(9, 1);
  many[8] = 5;
  const Array x = core::ones(many, f64);
  CHECK(x.ndim() == 9);
  CHECK(core::add(x, x).data<double>()[4] == 2);
  Shape copy = many;
  copy.insert(0, 7);
  copy.erase(1);
  CHECK(copy.size() == 9);
  CHECK(copy[0] == 7);
  CHECK(to_string(Shape{2, 3}) == "[2, 3]");
}
