// SPDX-License-Identifier: BSD-3-Clause
// Functions that keep integers, as in NumPy and PyTorch, keep all digits of numbers that no float holds.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/einsum.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/repeat.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/sort.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/ops/triangle.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace newtape {
namespace {

constexpr std::int64_t large = (std::int64_t{1} << 53) + 1;  // rounded by f64, and more so by f32
constexpr auto least = std::numeric_limits<std::int64_t>::min();
constexpr auto most = std::numeric_limits<std::int64_t>::max();

std::vector<std::int64_t> numbers_in(const Tensor& x) {
  const Tensor flat = ravel(x);
  const auto* p = flat.value().data<std::int64_t>();
  return {p, p + flat.size()};
}

struct Exact {
  std::string name;
  std::function<Tensor(const Tensor&)> f;  ///< of [large, -large, large + 2]
  std::vector<std::int64_t> value;
};

std::vector<Exact> exact_functions() {
  constexpr auto a = large;
  return {
      {"floor", [](auto& x) { return floor(x); }, {a, -a, a + 2}},
      {"ceil", [](auto& x) { return ceil(x); }, {a, -a, a + 2}},
      {"trunc", [](auto& x) { return trunc(x); }, {a, -a, a + 2}},
      {"round", [](auto& x) { return round(x); }, {a, -a, a + 2}},
      {"round to 3 digits", [](auto& x) { return round(x, 3); }, {a, -a, a + 2}},
      // 2^53 = 9'007'199'254'740'992
      {"round to tens",
       [](auto& x) { return round(x, -1); },
       {9'007'199'254'740'990, -9'007'199'254'740'990, 9'007'199'254'741'000}},
      {"round to thousands",
       [](auto& x) { return round(x, -3); },
       {9'007'199'254'741'000, -9'007'199'254'741'000, 9'007'199'254'741'000}},
      {"abs", [](auto& x) { return abs(x); }, {a, a, a + 2}},
      {"sign", [](auto& x) { return sign(x); }, {1, -1, 1}},
      {"neg", [](auto& x) { return -x; }, {-a, a, -a - 2}},
      {"clamp", [](auto& x) { return clamp(x, -a + 1, a + 1); }, {a, -a + 1, a + 1}},
      {"clamp below", [](auto& x) { return clamp(x, a + 1); }, {a + 1, a + 1, a + 2}},
      {"clamp above", [](auto& x) { return clamp(x, std::nullopt, a + 1); }, {a, -a, a + 1}},
      {"maximum", [](auto& x) { return maximum(x, a + 1); }, {a + 1, a + 1, a + 2}},
      {"where", [](auto& x) { return where(x > a, x, a); }, {a, a, a + 2}},
      {"comparison", [](auto& x) { return where(x == a, 1, 0); }, {1, 0, 0}},
      {"number + x", [](auto& x) { return a + x; }, {2 * a, 0, 2 * a + 2}},
      {"x - number", [](auto& x) { return x - a; }, {0, -2 * a, 2}},
      {"x * number", [](auto& x) { return x * (a + 1) - x * a; }, {a, -a, a + 2}},
      {"remainder", [](auto& x) { return remainder(x, 10); }, {3, 7, 5}},
      {"fmod", [](auto& x) { return fmod(x, 10); }, {3, -3, 5}},
      {"floor_divide",
       [](auto& x) { return floor_divide(x, 10); },
       {900'719'925'474'099, -900'719'925'474'100, 900'719'925'474'099}},
      {"pow", [](auto& x) { return pow(x, 1); }, {a, -a, a + 2}},
      {"square", [](auto& x) { return square(x) - pow(x, 2); }, {0, 0, 0}},
      {"sum", [](auto& x) { return sum(x); }, {a + 2}},
      {"prod", [](auto& x) { return prod(x[Slice(0, 1)]); }, {a}},
      {"max", [](auto& x) { return max(x); }, {a + 2}},
      {"min", [](auto& x) { return min(x); }, {-a}},
      {"aminmax", [](auto& x) { return aminmax(x).max; }, {a + 2}},
      {"argmax", [](auto& x) { return argmax(x); }, {2}},
      {"sort", [](auto& x) { return sort(x).values; }, {-a, a, a + 2}},
      {"argsort", [](auto& x) { return argsort(x); }, {1, 0, 2}},
      {"topk", [](auto& x) { return topk(x, 1).values; }, {a + 2}},
      {"kthvalue", [](auto& x) { return kthvalue(x, 2).values; }, {a}},
      {"unique", [](auto& x) { return unique(x).values; }, {-a, a, a + 2}},
      {"searchsorted", [](auto& x) { return searchsorted(sort(x).values, x); }, {1, 0, 2}},
      {"cumsum", [](auto& x) { return cumsum(x, 0); }, {a, 0, a + 2}},
      {"cumprod", [](auto& x) { return cumprod(x[Slice(0, 1)], 0); }, {a}},
      {"cummax", [](auto& x) { return cummax(x, 0).values; }, {a, a, a + 2}},
      {"nansum", [](auto& x) { return nansum(x); }, {a + 2}},
      {"nan_to_num", [](auto& x) { return nan_to_num(x); }, {a, -a, a + 2}},
      {"flip", [](auto& x) { return flip(x); }, {a + 2, -a, a}},
      {"pad",
       [](auto& x) {
         return pad(x, {{0, 1}}, PaddingMode::constant, 1);
       },
       {a, -a, a + 2, 1}},
      {"tril",
       [](auto& x) {
         return tril(expand(x, {1, 3}));
       },
       {a, 0, 0}},
      {"concatenate",
       [](auto& x) {
         return concatenate({x, x});
       },
       {a, -a, a + 2, a, -a, a + 2}},
      {"take",
       [](auto& x) {
         return take(x, tensor({2, 0}));
       },
       {a + 2, a}},
      {"masked_fill", [](auto& x) { return masked_fill(x, x < 0, a + 1); }, {a, a + 1, a + 2}},
      {"scatter_add",
       [](auto& x) {
         return scatter_add(zeros({1}, i64), 0, tensor({0, 0, 0}), x);
       },
       {a + 2}},
      {"matmul",
       [](auto& x) {
         return matmul(x, tensor({1, 0, 0}));
       },
       {a}},
      {"einsum", [](auto& x) { return einsum("i->", {x}); }, {a + 2}},
      {"outer",
       [](auto& x) {
         return einsum("i,j->ij", {x, tensor({1})});
       },
       {a, -a, a + 2}},
      {"bitwise", [](auto& x) { return (x & 3) | (x ^ x); }, {1, 3, 3}},
  };
}

TEST_CASE("functions that keep integers keep all their digits") {
  const Tensor x = tensor(std::vector<std::int64_t>{large, -large, large + 2});
  for (const auto& e : exact_functions()) {
    INFO(e.name);
    const Tensor y = e.f(x);
    REQUIRE(y.dtype() == i64);
    CHECK(numbers_in(y) == e.value);
  }
}

TEST_CASE("integers are rounded to powers of ten exactly, halves to even multiples") {
  const auto rounded = [](std::int64_t x, int decimals) {
    return round(tensor(std::vector<std::int64_t>{x}), decimals).item<std::int64_t>();
  };
  CHECK(rounded(15, -1) == 20);
  CHECK(rounded(25, -1) == 20);
  CHECK(rounded(-15, -1) == -20);
  CHECK(rounded(-25, -1) == -20);
  CHECK(rounded(26, -1) == 30);
  CHECK(rounded(most, -18) == 9'000'000'000'000'000'000);
  CHECK(rounded(least, -18) == -9'000'000'000'000'000'000);
  CHECK(rounded(4'999'999'999'999'999'999, -19) == 0);
  // 10^19 and -10^19 modulo 2^64
  CHECK(rounded(most, -19) == static_cast<std::int64_t>(10'000'000'000'000'000'000U));
  CHECK(rounded(most, -20) == 0);
  CHECK(rounded(most, std::numeric_limits<int>::min()) == 0);
  CHECK(rounded(most, std::numeric_limits<int>::max()) == most);
}

TEST_CASE("rounding to more digits than a float has changes nothing") {
  for (const DType t : {f32, f64}) {
    const Tensor x = tensor({1.5, -2.25, 1e30, 0.0}, t);
    for (const int decimals : {30, 39, 308, 400}) {
      INFO(decimals);
      CHECK(allclose(round(x, decimals), x, t == f32 ? 4e-7 : 1e-15, 0));
    }
    for (const int decimals : {-39, -308, -400}) CHECK(array_equal(round(x, decimals), zeros_like(x)));
    CHECK(std::isinf(round(tensor(INFINITY, t), 2).item()));
    CHECK(std::isnan(round(tensor(NAN, t), -2).item()));
    CHECK(std::isnan(round(tensor(NAN, t), 400).item()));
  }
}

TEST_CASE("a C++ integer is not rounded by being a number") {
  const Tensor x = zeros({1}, i64);
  CHECK((x + large).item<std::int64_t>() == large);
  CHECK((x + most).item<std::int64_t>() == most);
  CHECK((x + least).item<std::int64_t>() == least);
  CHECK((tensor({0.0}) + large).dtype() == f32);
  CHECK((tensor({0.0}, f64) + large).item() == 0x1p53);
  CHECK(full({2}, large, i64)[1].item<std::int64_t>() == large);
  CHECK(full({2}, most, i64)[1].item<std::int64_t>() == most);
  CHECK(full({}, large).dtype() == f32);
  CHECK(numbers_in(arange(large, large + 3)) == std::vector<std::int64_t>{large, large + 1, large + 2});
  CHECK(numbers_in(arange(most, most - 3, -2)) == std::vector<std::int64_t>{most, most - 2});
  CHECK(numbers_in(arange(least, most, most)) == std::vector<std::int64_t>{least, -1, most - 1});
  CHECK(arange(5, 5).size() == 0);
  CHECK(arange(5, 1).size() == 0);
  CHECK(numbers_in(arange(0, 7, 3)) == std::vector<std::int64_t>{0, 3, 6});
  CHECK_THROWS_WITH(arange(0, 5, 0), contains("arange: the number of steps must be finite"));
}

TEST_CASE("numbers that an integer dtype does not hold are errors of the function that was called") {
  const std::vector<std::pair<std::string, std::function<void()>>> calls{
      {"tensor",
       [] {
         tensor({1.0, NAN}, i64);
       }},
      {"tensor",
       [] {
         tensor({{1.0, 2.0}, {3.0, 1e300}}, i64);
       }},
      {"tensor", [] { tensor(INFINITY, i64); }},
      {"tensor",
       [] {
         tensor(std::vector<double>{1, -1e19}, i64);
       }},
      {"full", [] { full({2}, NAN, i64); }},
      {"full", [] { full({2}, 300, u8); }},
      {"full_like", [] { full_like(zeros({2}, i64), 0.5); }},
      {"linspace", [] { linspace(0, 1e300, 3, i64); }},
      {"logspace", [] { logspace(0, 30, 31, 10, i64); }},
      {"arange", [] { arange(0.0, 1e300, 1e299, i64); }},
      {"pad",
       [] {
         pad(zeros({2}, i64), {{0, 1}}, PaddingMode::constant, 0.5);
       }},
  };
  for (const auto& [name, call] : calls) {
    INFO(name);
    try {
      call();
      FAIL_CHECK("no error");
    } catch (const std::invalid_argument& e) {
      CHECK(std::string(e.what()).find(name + ": ") == 0);
    }
  }
  CHECK(numbers_in(tensor({1.5, -2.5}, i64)) == std::vector<std::int64_t>{1, -2});  // as in PyTorch
  CHECK(tensor({1.5, NAN}).to(i64)[1].item<std::int64_t>() == least);               // elements: defined
}

TEST_CASE("repetitions to more elements than an i64 counts are errors") {
  constexpr std::int64_t half = std::int64_t{1} << 62;
  const Tensor x = ones({4});
  CHECK_THROWS_WITH(tile(x, {half}), contains("tile: the result is too large"));
  CHECK_THROWS_WITH(repeat_interleave(x, half), contains("repeat_interleave: the result is too large"));
  const Tensor counts = tensor(std::vector<std::int64_t>(4, half));
  CHECK_THROWS_WITH(repeat_interleave(x, counts), contains("repeat_interleave: the result is too large"));
  CHECK_THROWS_AS(one_hot(tensor(most)), ValueError);
  CHECK_THROWS_AS(bincount(tensor({most})), ValueError);
  CHECK_THROWS_AS(bincount(tensor({most}), tensor({1.0})), ValueError);
  CHECK(split(x, most).size() == 1);
  CHECK(chunk(x, most).size() == 4);
  CHECK(roll(x, least, 0).shape() == x.shape());
}

}  // namespace
}  // namespace newtape
