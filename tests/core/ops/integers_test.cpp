// SPDX-License-Identifier: BSD-3-Clause
// Integers wrap around modulo 2^64, and floats that are no i64 are -2^63, on every instruction set. The wanted numbers are
// computed in 128 bits.
#include "arrays.hpp"
#include "catch.hpp"

#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/scan.hpp>
#include <newtape/core/ops/sort.hpp>
#include <newtape/core/ops/special.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

using namespace newtape;

namespace {

__extension__ using Wide = __int128;
using Integers = std::vector<std::int64_t>;

constexpr auto lowest_i64 = std::numeric_limits<std::int64_t>::min();
constexpr auto highest_i64 = std::numeric_limits<std::int64_t>::max();

Array of_integers(const Integers& v) {
  Array x = Array::empty({static_cast<std::int64_t>(v.size())}, i64);
  std::copy(v.begin(), v.end(), x.data<std::int64_t>());
  return x;
}
Integers integers_in(const Array& x) {
  const Array dense = core::contiguous(x);
  return {dense.data<std::int64_t>(), dense.data<std::int64_t>() + dense.size()};
}
/// The number modulo 2^64, as an i64.
std::int64_t modulo(Wide x) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(x)); }

/// Large numbers, as many as several blocks of the kernels hold.
Integers large_numbers(std::size_t n) {
  Integers v(n);
  std::uint64_t state = 12345;
  for (auto& x : v) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    x = static_cast<std::int64_t>(state);
  }
  return v;
}

std::int64_t wanted_sum(const Integers& v) {
  std::int64_t sum = 0;
  for (const auto x : v) sum = modulo(Wide{sum} + x);
  return sum;
}
std::int64_t wanted_product(const Integers& v) {
  std::int64_t y = 1;
  for (const auto x : v) y = modulo(Wide{y} * x);
  return y;
}

}  // namespace

TEST_CASE("elementwise: reductions and scans of integers wrap around") {
  for (const std::size_t n : {1, 2, 63, 64, 129, 4097, 70'000}) {
    INFO(n);
    Integers v = large_numbers(n);
    for (auto& x : v) x |= 1;  // odd, so that products are not 0
    const Array x = of_integers(v);
    CHECK(core::sum(x).item<std::int64_t>() == wanted_sum(v));
    CHECK(core::prod(x).item<std::int64_t>() == wanted_product(v));
    Integers sums, products, squares;
    std::int64_t sum = 0;
    std::int64_t product = 1;
    for (const auto i : v) {
      sums.push_back(sum = modulo(Wide{sum} + i));
      products.push_back(product = modulo(Wide{product} * i));
      squares.push_back(modulo(Wide{i} * i));
    }
    CHECK(integers_in(core::cumsum(x, 0)) == sums);
    CHECK(integers_in(core::cumprod(x, 0)) == products);
    CHECK(integers_in(core::square(x)) == squares);
  }
  // Columns, and axes that are broadcast: an element counts as often as it is repeated.
  const Integers v = large_numbers(600);
  const Array columns = core::sum(core::reshape(of_integers(v), {200, 3}), 0);
  for (std::size_t j = 0; j < 3; ++j) {
    Integers column;
    for (std::size_t i = j; i < v.size(); i += 3) column.push_back(v[i]);
    CHECK(integers_in(columns)[j] == wanted_sum(column));
  }
  for (const std::int64_t times : {1, 2, 3, 7, 64, 1000}) {
    INFO(times);
    const Integers odd{v[0] | 1, v[1] | 1};
    const Array repeated = core::expand(core::reshape(of_integers(odd), {2, 1}), {2, times});
    for (std::size_t i = 0; i < 2; ++i) {
      const Integers row(static_cast<std::size_t>(times), odd[i]);
      CHECK(integers_in(core::sum(repeated, 1))[i] == wanted_sum(row));
      CHECK(integers_in(core::prod(repeated, 1))[i] == wanted_product(row));
    }
  }
  // 2^40 repetitions take no longer than one.
  CHECK(core::prod(core::expand(core::full({1}, 3, i64), {std::int64_t{1} << 40})).item<std::int64_t>() == [] {
    std::int64_t y = 3;
    for (int i = 0; i < 40; ++i) y = modulo(Wide{y} * y);
    return y;
  }());
}

TEST_CASE("elementwise: products, powers and scattered sums of integers wrap around") {
  const Integers a{highest_i64, 3, lowest_i64, -7};
  const Integers b{highest_i64, lowest_i64, 5, -1};
  std::int64_t dot = 0;
  for (std::size_t i = 0; i < 4; ++i) dot = modulo(Wide{dot} + Wide{modulo(Wide{a[i]} * b[i])});
  CHECK(
      core::matmul(core::reshape(of_integers(a), {1, 4}), core::reshape(of_integers(b), {4, 1})).item<std::int64_t>() ==
      dot);

  const Array twice = of_integers({0, 0});
  const Array sums = core::index_add(core::zeros({1}, i64), 0, twice, of_integers({highest_i64, highest_i64}));
  CHECK(sums.item<std::int64_t>() == -2);
  CHECK(core::gather_adjoint(of_integers({lowest_i64, lowest_i64}), 0, twice, 1).item<std::int64_t>() == 0);

  const auto power = [](std::int64_t x, std::int64_t n) {
    return core::pow(core::full({1}, static_cast<double>(x), i64), of_integers({n})).item<std::int64_t>();
  };
  for (const std::int64_t x : {-3, -1, 0, 1, 2, 10, 12'345}) {
    std::int64_t want = 1;
    for (std::int64_t n = 0; n < 70; ++n, want = modulo(Wide{want} * x)) CHECK(power(x, n) == want);
  }
  CHECK(power(-1, highest_i64) == -1);
  CHECK_THROWS_WITH(power(2, -1), contains("pow: an integer to a negative integer power"));
  CHECK(core::pow(core::ones({}, boolean), core::zeros({}, boolean)).item<std::int64_t>() == 1);

  CHECK(core::abs(of_integers({lowest_i64})).item<std::int64_t>() == lowest_i64);
  CHECK_THROWS_WITH(core::bincount(of_integers({highest_i64}), 0), contains("bincount: the number is too large"));
}

TEST_CASE("elementwise: floats that are no i64 are converted to -2^63") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  struct Conversion {
    double from;
    std::int64_t to;
  };
  const std::vector<Conversion> cases{{0.9, 0},
                                      {-0.9, 0},
                                      {-2.5, -2},
                                      {0x1p62, std::int64_t{1} << 62},
                                      {-0x1p63, lowest_i64},
                                      {0x1p63, lowest_i64},
                                      {1e300, lowest_i64},
                                      {-1e300, lowest_i64},
                                      {nan, lowest_i64},
                                      {infinite, lowest_i64},
                                      {-infinite, lowest_i64}};
  for (const DType from : {f32, f64, f16, bf16}) {
    for (const auto& c : cases) {
      INFO(name(from) << " " << c.from);
      Array one = Array::empty({67}, f64);  // whole vectors and a remainder
      std::fill_n(one.data<double>(), 67, c.from);
      const Array x = core::cast(one, from);
      const bool kept = from != f16 || std::abs(c.from) < 65'504 || !std::isfinite(c.from);
      const std::int64_t want = kept ? c.to : lowest_i64;  // 2^62 is an infinity of f16
      CHECK(integers_in(core::cast(x, i64)) == Integers(67, want));
      // Lower bits of -2^63: 0, and 2^63 for u64.
      if (want != lowest_i64) continue;
      for (const DType to : {u8, i8, i16, i32, u16, u32}) {
        CHECK(integers_in(core::cast(core::cast(x, to), i64)) == Integers(67, 0));
      }
    }
  }
  const auto to_u64 = [](double x) { return *core::cast(core::number(x, f64), u64).data<std::uint64_t>(); };
  CHECK(to_u64(0x1p63) == std::uint64_t{1} << 63);
  CHECK(to_u64(0x1.8p63) == std::uint64_t{3} << 62);
  CHECK(to_u64(-1) == std::numeric_limits<std::uint64_t>::max());
  CHECK(to_u64(nan) == std::uint64_t{1} << 63);
}

TEST_CASE("a number that an integer dtype does not hold is an error") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  for (const DType t : {i64, u8, i8, i16, i32, u16, u32, u64}) {
    INFO(name(t));
    CHECK_THROWS_AS(core::full({2}, nan, t), DTypeError);
    CHECK_THROWS_AS(core::full({2}, infinite, t), DTypeError);
    CHECK_THROWS_AS(core::full({2}, 0.5, t), DTypeError);
    CHECK_THROWS_AS(core::full({2}, 1e300, t), ValueError);
    CHECK(core::full({2}, 100, t).dtype() == t);
  }
  CHECK_THROWS_WITH(core::full({}, 256, u8), contains("full: the number is beyond the range of u8"));
  CHECK_THROWS_WITH(core::full({}, -1, u16), contains("beyond the range of u16"));
  CHECK_THROWS_AS(core::full({}, 128, i8), ValueError);
  CHECK(core::full({}, -128, i8).item<int>() == -128);
  CHECK(core::full({}, -0x1p63, i64).item<std::int64_t>() == lowest_i64);
  CHECK_THROWS_AS(core::full({}, 0x1p63, i64), ValueError);
  CHECK_THROWS_WITH(core::arange(3, i64, 0, 1e300), contains("arange: the number is not an integer of 64 bits"));
  CHECK(core::full({}, infinite, f32).item<float>() == infinite);
}

TEST_CASE("item: an integer type that does not hold the number is an error") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double x : {nan, -nan, 1e300, -1e300, 0x1p63, static_cast<double>(INFINITY)}) {
    INFO(x);
    CHECK_THROWS_WITH(core::number(x, f64).item<std::int64_t>(), contains("item: the number is beyond the range"));
    CHECK_THROWS_AS(core::number(x, f32).item<int>(), ValueError);
    CHECK(core::number(x, f64).item<bool>());
  }
  CHECK(core::number(-2.7, f64).item<int>() == -2);
  CHECK(core::number(-0x1p63, f32).item<std::int64_t>() == lowest_i64);
  CHECK_THROWS_AS(of_integers({300}).item<std::uint8_t>(), ValueError);
  CHECK_THROWS_AS(of_integers({-1}).item<std::uint64_t>(), ValueError);
  CHECK_THROWS_AS(of_integers({std::int64_t{1} << 40}).item<int>(), ValueError);
  CHECK(of_integers({255}).item<std::uint8_t>() == 255);
  const Array above = core::cast(core::number(0x1p63, f64), u64);
  CHECK(above.item<std::uint64_t>() == std::uint64_t{1} << 63);
  CHECK_THROWS_AS(above.item<std::int64_t>(), ValueError);
}

TEST_CASE("shapes with more elements than an i64 counts are an error, unless an axis is empty") {
  constexpr std::int64_t big = std::int64_t{1} << 40;
  const Array one = core::ones({1, 1}, f32);
  CHECK(element_count({big, big}) == highest_i64);
  CHECK(element_count({big, big, 0}) == 0);
  CHECK(element_count({0, big, big}) == 0);
  CHECK_THROWS_WITH(core::zeros({big, big}, f32), contains("the shape is too large"));
  CHECK_THROWS_WITH(core::expand(one, {big, big}), contains("the shape is too large"));
  CHECK_THROWS_AS(core::reshape(core::zeros({0}, f32), {std::int64_t{1} << 32, std::int64_t{1} << 32}), ShapeError);
  for (const Shape& shape : {Shape{big, big, 0}, Shape{0, big, big}, Shape{big, 0, big}}) {
    const Array nothing = core::zeros(shape, i64);
    CHECK(nothing.size() == 0);
    CHECK(core::add(nothing, nothing).size() == 0);
    CHECK(core::cumsum(nothing, 1).size() == 0);
    CHECK(core::take(nothing, of_integers({}), 1).size() == 0);
    CHECK(core::sum(nothing).item<std::int64_t>() == 0);
  }
}

TEST_CASE("functions of floats do not round a constant to the dtype of integers") {
  const Array x = of_integers({0, 1, 2});
  for (const double factor : {0.5, 1.5}) {
    const Array y = core::gaussian(x, factor);
    CHECK(y.dtype() == f32);
    for (int i = 0; i < 3; ++i) CHECK(y.data<float>()[i] == Approx(std::exp(-factor * i * i)).epsilon(4e-7));
  }
  CHECK(core::polygamma(1, x).dtype() == f32);
  CHECK(core::sinc(x, 1).dtype() == f32);
}
