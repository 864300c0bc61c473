// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/loading/transforms.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

using namespace newtape;
using data::Batch;
using data::Dataset;
using data::Transform;

using F = std::vector<float>;
using I = std::vector<std::int64_t>;

namespace {

/// x[i] = i + 1, so that 0 identifies fill values.
Array counting_from_1(const Shape& shape, DType dtype = f32) {
  Array x = Array::empty(shape, f32);
  std::iota(x.data<float>(), x.data<float>() + x.size(), 1.0F);
  return core::cast(x, dtype);
}

Array transformed(const Transform& t, const Array& x, std::uint64_t seed = 1) {
  Generator g(seed);
  return t(Batch{x}, g)[0];
}

std::vector<double> doubles(const Array& x) { return values<double>(core::contiguous(core::cast(x, f64))); }

}  // namespace

TEST_CASE("transforms are composed in order, and each applies to its array") {
  const auto plus = [](double a) {
    return data::on(0, [a](Array x, Generator&) { return core::add(std::move(x), core::full({}, a, f32)); });
  };
  const auto twice = data::on(0, [](const Array& x, Generator&) { return core::add(x, x); });
  CHECK(values<float>(transformed(data::compose({plus(1), twice, plus(3)}), counting_from_1({2}))) == F{7, 9});
  CHECK(values<float>(transformed(data::compose({}), counting_from_1({2}))) == F{1, 2});
  Generator g;
  const auto second = data::normalize({1}, {2}, 1)(Batch{counting_from_1({2}), counting_from_1({2})}, g);
  CHECK(values<float>(second[0]) == F{1, 2});
  CHECK(values<float>(second[1]) == F{0, 0.5});
  CHECK_THROWS_AS(transformed(data::normalize({1}, {2}, 1), counting_from_1({2})), ValueError);
}

TEST_CASE("normalize works per channel") {
  CHECK(values<float>(transformed(data::normalize({1, 2}, {2, 0.5}), counting_from_1({1, 2, 2}))) == F{0, 0.5, 2, 4});
  CHECK(values<float>(transformed(data::normalize({1}, {2}), counting_from_1({3}))) == F{0, 0.5, 1});
  CHECK_THROWS_WITH(transformed(data::normalize({1, 2}, {2, 1}), counting_from_1({2, 3})), contains("[n, 2, ..]"));
  CHECK_THROWS_AS(transformed(data::normalize({1}, {2}), counting_from_1({3}, i64)), DTypeError);
  CHECK_THROWS_AS(data::normalize({1}, {0}), ValueError);
  CHECK_THROWS_AS(data::normalize({1, 2}, {1}), ValueError);
  CHECK_THROWS_AS(data::normalize({}, {}), ValueError);
}

TEST_CASE("standardization uses the statistics of its training set") {
  using data::Standardize;
  const Dataset train{Array(xt::xarray<double>{{1, 5, 0.1}, {3, 5, 0.1}, {5, 11, 0.1}})};
  const Standardize s(train);
  CHECK(doubles(s.mean()) == std::vector<double>{3, 7, doubles(s.mean())[2]});
  CHECK(doubles(s.std())[0] == Approx(std::sqrt(8 / 3.)));
  CHECK(doubles(s.std())[1] == Approx(std::sqrt(8)));
  CHECK(doubles(s.std())[2] == 1);  // constant
  const Array x(xt::xarray<double>{{3, 7 + std::sqrt(8), 0.1}});
  const auto y = doubles(transformed(s, x));
  CHECK(y[0] == Approx(0).margin(1e-15));
  CHECK(y[1] == Approx(1));
  CHECK(y[2] == Approx(0).margin(1e-15));
  const auto back = doubles(s.invert(s.apply(x)));
  for (std::size_t i = 0; i < 3; ++i) CHECK(back[i] == Approx(doubles(x)[i]));
  CHECK(s.apply(core::select(x, 0, 0)).shape() == Shape{3});
  CHECK(s.apply(core::cast(x, f32)).dtype() == f32);

  // Channels: 1, 2 | 5, 6 and 3, 4 | 7, 8.
  const Dataset images{counting_from_1({2, 2, 1, 2})};
  const Standardize channels(images, {.per = data::Statistics::channel});
  CHECK(channels.mean().shape() == Shape{2, 1, 1});
  CHECK(doubles(channels.mean()) == std::vector<double>{3.5, 5.5});
  CHECK(doubles(channels.std())[0] == Approx(std::sqrt(17 / 4.)));
  const Standardize all(images, {.per = data::Statistics::array});
  CHECK(all.mean().item() == Approx(4.5));
  CHECK(all.std().item() == Approx(std::sqrt(21 / 4.)));
  const Standardize saved(all.mean(), all.std());
  CHECK(doubles(saved.apply(images.array(0))) == doubles(all.apply(images.array(0))));

  CHECK_THROWS_AS(Standardize(Dataset{Array::empty({0, 2}, f32)}), ValueError);
  CHECK_THROWS_AS(Standardize(Dataset{counting_from_1({2}, i64)}), DTypeError);
  CHECK_THROWS_AS(Standardize(Dataset{counting_from_1({2})}, {.per = data::Statistics::channel}), ShapeError);
  CHECK_THROWS_AS(Standardize(all.mean(), channels.mean()), ShapeError);
}

TEST_CASE("one_hot marks the label") {
  const Array labels(xt::xarray<std::int64_t>{2, 0});
  const Array y = transformed(data::one_hot(3, 0), labels);
  CHECK(y.shape() == Shape{2, 3});
  CHECK(values<float>(y) == F{0, 0, 1, 1, 0, 0});
  CHECK(transformed(data::one_hot(3, 0, f64), Array::empty({0, 2}, i64)).shape() == Shape{0, 2, 3});
  CHECK_THROWS_WITH(transformed(data::one_hot(2, 0), labels), contains("from 0 to 1") && contains("2"));
  CHECK_THROWS_AS(transformed(data::one_hot(2, 0), counting_from_1({2})), DTypeError);
  CHECK_THROWS_AS(data::one_hot(0), ValueError);
}

TEST_CASE("noise has the given standard deviation") {
  const Array x = transformed(data::gaussian_noise(0.5), core::full({20000}, 3, f64));
  double sum = 0;
  double squares = 0;
  for (const auto v : values<double>(x)) {
    sum += v - 3;
    squares += (v - 3) * (v - 3);
  }
  CHECK(std::abs(sum / 20000) < 5 * 0.5 / std::sqrt(20000));
  CHECK(squares / 20000 == Approx(0.25).epsilon(0.05));
  CHECK_THROWS_AS(data::gaussian_noise(-1), ValueError);
  CHECK_THROWS_AS(transformed(data::gaussian_noise(1), counting_from_1({2}, i64)), DTypeError);
}

TEST_CASE("crops of the padded image are uniformly distributed and equal for all channels") {
  for (const auto dtype : {f32, f64, i64}) {
    const Array x = counting_from_1({500, 2, 3, 4}, dtype);
    const Array y = transformed(data::random_crop(2, 3, {.padding = 1, .fill = -1}), x);
    REQUIRE(y.shape() == Shape{500, 2, 2, 3});
    CHECK(y.dtype() == dtype);
    const auto from = doubles(x);
    const auto to = doubles(y);
    std::set<std::pair<int, int>> places;
    for (std::size_t i = 0; i < 500; ++i) {
      std::pair<int, int> found{-9, -9};
      for (int top = -1; top <= 2; ++top) {
        for (int left = -1; left <= 2; ++left) {
          bool same = true;
          for (int c = 0; c < 2; ++c) {
            for (int h = 0; h < 2; ++h) {
              for (int w = 0; w < 3; ++w) {
                const int row = top + h;
                const int column = left + w;
                const bool inside = row >= 0 && row < 3 && column >= 0 && column < 4;
                const double wanted = inside ? from[i * 24 + static_cast<std::size_t>(c * 12 + row * 4 + column)] : -1;
                same &= to[i * 12 + static_cast<std::size_t>(c * 6 + h * 3 + w)] == wanted;
              }
            }
          }
          if (same) found = {top, left};
        }
      }
      REQUIRE(found.first > -9);
      places.insert(found);
    }
    CHECK(places.size() == 16);
  }
  // Larger than the image, by padding on all sides.
  const Array whole = transformed(data::random_crop(4, 4, {.padding = 1}), counting_from_1({1, 2, 2}));
  CHECK(values<float>(whole) == F{0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0});
  // Far outside: some crops contain only padding.
  CHECK(transformed(data::random_crop(1, 1, {.padding = 5}), counting_from_1({50, 1, 1})).shape() == Shape{50, 1, 1});
  CHECK(transformed(data::random_crop(2, 2), Array::empty({0, 3, 3}, f32)).shape() == Shape{0, 2, 2});
  CHECK_THROWS_WITH(transformed(data::random_crop(4, 2), counting_from_1({1, 3, 3})),
                    contains("random_crop") && contains("[1, 3, 3]"));
  CHECK_THROWS_AS(transformed(data::random_crop(1, 1), counting_from_1({3, 3})), ShapeError);
  CHECK_THROWS_AS(data::random_crop(0, 1), ValueError);
}

TEST_CASE("flips mirror whole examples, and do not change the data set") {
  const Array x = counting_from_1({1, 2, 2, 3});
  CHECK(values<float>(transformed(data::random_horizontal_flip(1), x)) == F{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10});
  CHECK(values<float>(transformed(data::random_vertical_flip(1), x)) == F{4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9});
  CHECK(values<float>(transformed(data::random_horizontal_flip(0), x)) == values<float>(x));
  CHECK(values<float>(x)[0] == 1);
  CHECK(values<float>(transformed(data::random_vertical_flip(1), core::transpose(counting_from_1({1, 2, 2}), 1, 2))) ==
        F{2, 4, 1, 3});

  const Array many = transformed(data::random_horizontal_flip(0.3), counting_from_1({10000, 1, 2}));
  int flipped = 0;
  for (std::size_t i = 0; i < 10000; ++i) {
    const auto* pair = std::as_const(many).data<float>() + 2 * i;
    flipped += pair[0] > pair[1] ? 1 : 0;
  }
  CHECK(std::abs(flipped - 3000) < 5 * std::sqrt(10000 * 0.21));
  CHECK_THROWS_AS(data::random_horizontal_flip(1.1), ValueError);
  CHECK_THROWS_AS(data::random_vertical_flip(std::nan("")), ValueError);
  CHECK_THROWS_AS(transformed(data::random_vertical_flip(), counting_from_1({3, 3})), ShapeError);
}

TEST_CASE("erasing fills one rectangle, the same in all channels") {
  const Array x = counting_from_1({200, 2, 10, 8});
  const Array y = transformed(data::random_erasing({.p = 0.5, .value = 0}), x);
  CHECK(values<float>(x)[0] == 1);
  int erased = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    std::int64_t top = 10, left = 8, bottom = -1, right = -1, count = 0;
    for (std::int64_t row = 0; row < 10; ++row) {
      for (std::int64_t column = 0; column < 8; ++column) {
        const auto* at = std::as_const(y).data<float>() + ((i * 2) * 10 + row) * 8 + column;
        REQUIRE((at[0] == 0) == (at[80] == 0));
        if (at[0] != 0) {
          REQUIRE(at[0] == static_cast<float>(((i * 2) * 10 + row) * 8 + column + 1));
          continue;
        }
        top = std::min(top, row);
        bottom = std::max(bottom, row);
        left = std::min(left, column);
        right = std::max(right, column);
        ++count;
      }
    }
    if (count == 0) continue;
    ++erased;
    CHECK(count == (bottom - top + 1) * (right - left + 1));
    CHECK(count <= 36);  // a third of 80, rounded up in both directions
  }
  CHECK(std::abs(erased - 100) < 5 * std::sqrt(50));
  CHECK(values<float>(transformed(data::random_erasing({.p = 0}), x)) == values<float>(x));
  CHECK_THROWS_AS(data::random_erasing({.p = 2}), ValueError);
  CHECK_THROWS_AS(data::random_erasing({.min_area = 0.5, .max_area = 0.2}), ValueError);
  CHECK_THROWS_AS(data::random_erasing({.min_ratio = 0}), ValueError);
}

TEST_CASE("transformed batches do not depend on the number of workers") {
  const auto set = Dataset{counting_from_1({64, 6, 6})}.map(
      data::compose({data::random_crop(5, 5, {.padding = 1}), data::random_horizontal_flip(), data::random_erasing(),
                     data::gaussian_noise(0.1)}));
  const auto run = [&](int workers) {
    F all;
    data::Loader loader(set, {.batch_size = 10, .shuffle = true, .workers = workers});
    for (const auto& batch : loader) {
      const auto part = values<float>(batch[0]);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  };
  const auto alone = run(0);
  CHECK(alone.size() == 64 * 25);
  CHECK(run(1) == alone);
  CHECK(run(4) == alone);
}

TEST_CASE("to_float scales bytes when a batch is made; the set keeps them", "[dtypes]") {
  const Array bytes = core::reshape(core::cast(core::arange(256, i64), u8), {4, 8, 8});
  const Dataset set = Dataset{{"images", bytes}}.map(data::to_float());
  CHECK(set.array("images").dtype() == u8);
  const Array all = set.all()["images"];
  REQUIRE(all.dtype() == f32);
  for (std::int64_t i = 0; i < 256; ++i) {
    CHECK(all.data<float>()[i] == static_cast<float>(static_cast<double>(i) * (1 / 255.0)));
  }
  const std::int64_t some[] = {2, 0};
  CHECK(doubles(set.gather(some)["images"])[0] == static_cast<double>(all.data<float>()[128]));
  CHECK(doubles(transformed(data::to_float({.scale = 0.5, .dtype = f64}), core::full({2}, 3, i32))) ==
        std::vector<double>{1.5, 1.5});
  CHECK(doubles(transformed(data::to_float(), core::full({1}, 7, f64))) == std::vector<double>{7});
  CHECK_THROWS_AS(data::to_float({.dtype = u8}), DTypeError);
}

TEST_CASE("image transforms of bytes give what those of floats give", "[dtypes]") {
  const Array bytes = core::reshape(core::cast(core::arange(144, i64), u8), {4, 6, 6});
  const Array floats = core::cast(bytes, f32);
  for (const auto& t : {data::random_crop(6, 6, {.padding = 2, .fill = 9}), data::random_horizontal_flip(),
                        data::random_vertical_flip(), data::random_erasing({.value = 5})}) {
    CHECK(doubles(transformed(t, bytes)) == doubles(transformed(t, floats)));
  }
  const data::Standardize s(Dataset{{"x", bytes}}.map(data::to_float()), {.per = data::Statistics::array});
  const data::Standardize same(Dataset{{"x", transformed(data::to_float(), bytes)}}, {.per = data::Statistics::array});
  CHECK(doubles(s.mean()) == doubles(same.mean()));
}
