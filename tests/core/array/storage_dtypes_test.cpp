// SPDX-License-Identifier: BSD-3-Clause
// Storage dtypes: conversions as NumPy's, and everything that moves elements against the same in i64.
#include "arrays.hpp"
#include "catch.hpp"
#include "layouts.hpp"
#include "reference.hpp"

#include <newtape/core/array/print.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/sort.hpp>
#include <newtape/core/xtensor.hpp>

#include <functional>
#include <string>
#include <vector>

using namespace newtape;

namespace {

/// Contiguous, transposed, every second element, and broadcast along the first axis.
std::vector<Array> in_layouts(const Array& x) {
  const Array wide = core::stack(std::vector<Array>{x, x}, -1);
  return {x, core::transpose(core::contiguous(core::transpose(x, 0, 1)), 0, 1), core::select(wide, -1, 1),
          core::expand(core::slice(x, 0, 0, 1), x.shape())};
}

}  // namespace

TEST_CASE("dtypes: sizes, names, kinds and C++ types", "[dtypes]") {
  std::int64_t number = 0;
  for (const DType t : all_dtypes) {
    CHECK(static_cast<std::int64_t>(t) == number++);
    const int kinds = int{is_floating(t)} + int{is_half(t)} + int{is_integer(t)} + int{t == boolean};
    CHECK(kinds == 1);
  }
  const auto check = []<class T>(T, DType t, std::string_view text) {
    CHECK(element_dtype<T> == t);
    CHECK(item_size(t) == sizeof(T));
    CHECK(name(t) == text);
    const Array x = core::zeros({3}, t);
    CHECK(static_cast<double>(x.data<T>()[2]) == 0);
  };
  check(std::uint8_t{}, u8, "u8");
  check(std::int8_t{}, i8, "i8");
  check(std::int16_t{}, i16, "i16");
  check(std::int32_t{}, i32, "i32");
  check(std::uint16_t{}, u16, "u16");
  check(std::uint32_t{}, u32, "u32");
  check(std::uint64_t{}, u64, "u64");
  check(float16{}, f16, "f16");
  check(bfloat16{}, bf16, "bf16");
  CHECK_THROWS_AS(core::zeros({1}, u8).data<std::int8_t>(), DTypeError);
}

TEST_CASE("dtypes: every conversion as NumPy's astype, in any layout", "[dtypes]") {
  const Reference reference("core/astype.txt");
  std::int64_t pairs = 0;
  for (const DType from : all_dtypes) {
    const bool fractions = is_floating(from) || is_half(from);
    Array x = fractions ? core::cast(reference(std::string(name(from))), from)
                        : core::cast(core::cast(reference("i64"), i64), from);
    for (const DType to : all_dtypes) {
      const std::string pair = std::string(name(from)) + "-" + std::string(name(to));
      const auto& names = reference.names();
      if (std::find(names.begin(), names.end(), pair) == names.end()) continue;
      INFO(pair);
      ++pairs;
      const Array& want = reference(pair);
      const Array y = core::cast(x, to);
      CHECK(y.dtype() == to);
      CHECK(same_bits(core::cast(y, f64), want));
      for (const Array& strided : in_layouts(core::reshape(x, {-1, 1}))) {
        CHECK(same_bits(core::cast(strided, to), core::cast(core::copy(strided), to)));
      }
    }
  }
  CHECK(pairs == 12 * 12 + 9 + 10);  // NumPy has no bf16, PyTorch 1.13 no unsigned integers beyond u8
}

TEST_CASE("dtypes: large arrays convert as small ones do", "[dtypes]") {
  const Array x = core::arange(100'003, i64, -50'000);
  for (const DType from : all_dtypes) {
    const Array a = core::cast(x, from);
    for (const DType to : all_dtypes) {
      INFO(name(from) << " to " << name(to));
      const Array y = core::cast(a, to);
      for (const std::int64_t at : {0, 1, 1023, 1024, 50'000, 65'535, 100'002}) {
        const Array one = core::cast(core::copy(core::slice(a, 0, at, at + 1)), to);
        CHECK(same_bits(core::slice(y, 0, at, at + 1), one));
      }
    }
  }
}

TEST_CASE("dtypes: whatever moves elements moves those of every dtype", "[dtypes]") {
  using Move = std::function<Array(const Array&)>;
  const Array at(xt::xarray<int>{2, 0, -1});
  const Array table(xt::xarray<int>{{1, 0, 3, 2, 2}, {0, 0, 4, 1, 3}, {3, 3, 3, 0, 0}, {1, 2, 3, 4, 0}});
  const Array mask = core::less(core::reshape(core::arange(20, f32), {4, 5}), core::full({4, 5}, 7, f32));
  const std::vector<std::pair<const char*, Move>> moves{
      {"copy", [](const Array& x) { return core::copy(x); }},
      {"contiguous", [](const Array& x) { return core::contiguous(core::transpose(x, 0, 1)); }},
      {"reshape",
       [](const Array& x) {
         return core::reshape(core::transpose(x, 0, 1), {2, 10});
       }},
      {"slice", [](const Array& x) { return core::slice(x, 1, 4, 0, -2); }},
      {"select", [](const Array& x) { return core::select(x, 1, 3); }},
      {"expand",
       [](const Array& x) {
         return core::copy(core::expand(x, {3, 4, 5}));
       }},
      {"diagonal", [](const Array& x) { return core::copy(core::diagonal(x, 1)); }},
      {"diag_embed", [](const Array& x) { return core::diag_embed(core::select(x, 0, 1), 0, 5, 5); }},
      {"concatenate",
       [](const Array& x) {
         return core::concatenate(std::vector<Array>{x, x}, 1);
       }},
      {"concatenate rows",
       [](const Array& x) {
         return core::concatenate(std::vector<Array>{x, x}, 0);
       }},
      {"stack",
       [](const Array& x) {
         return core::stack(std::vector<Array>{x, x}, 1);
       }},
      {"roll", [](const Array& x) { return core::roll(x, 2, 1); }},
      {"take", [&](const Array& x) { return core::take(x, at, 1); }},
      {"take rows", [&](const Array& x) { return core::take(x, at, 0); }},
      {"gather", [&](const Array& x) { return core::gather(x, 1, table); }},
      {"index_copy", [&](const Array& x) { return core::index_copy(x, 0, at, core::slice(x, 0, 1, 4)); }},
      {"where", [&](const Array& x) { return core::where(mask, x, core::full({}, 9, x.dtype())); }},
      {"where swapped", [&](const Array& x) { return core::where(mask, core::full({}, 9, x.dtype()), x); }},
      {"flatnonzero", [](const Array& x) { return core::flatnonzero(x); }},
      {"full_like", [](const Array& x) { return core::full_like(x, 3); }},
      {"assign",
       [](const Array& x) {
         Array y = core::zeros({5, 4}, x.dtype());
         Array turned = core::transpose(y, 0, 1);
         core::assign(turned, x);
         return y;
       }},
      {"unslice",
       [](const Array& x) {
         core::Window window(Shape{6, 7}, 2);
         window.narrow("pad", 0, {1, 5});
         window.narrow("pad", 1, {2, 7});
         return core::unslice(x, window, 7);
       }},
  };
  const Array numbers = core::reshape(core::arange(20, i64), {4, 5});
  for (const DType t : all_dtypes) {
    if (t == boolean) continue;  // does not hold the numbers
    for (const Array& x : in_layouts(core::cast(numbers, t))) {
      for (const auto& [what, move] : moves) {
        INFO(what << " of " << name(t));
        const Array y = move(x);
        CHECK(y.dtype() == (what == std::string("flatnonzero") ? i64 : t));
        CHECK(same_bits(core::cast(y, i64), move(core::cast(x, i64))));
      }
    }
  }
}

TEST_CASE("dtypes: creation, items, and xtensor", "[dtypes]") {
  for (const DType t : all_dtypes) {
    INFO(name(t));
    CHECK(same_bits(core::cast(core::full({3}, 1, t), f64), core::ones({3}, f64)));
    CHECK(same_bits(core::cast(core::eye(3, t), f64), core::eye(3, f64)));
    if (t != boolean) CHECK(same_bits(core::cast(core::arange(5, t, 2, 3), f64), core::arange(5, f64, 2, 3)));
    CHECK(core::ones({1}, t).item<int>() == 1);
    CHECK(core::ones({1}, t).item() == 1.0);
  }
  CHECK(core::full({}, 1.5, f16).item() == 1.5);
  CHECK(core::cast(core::full({}, -1, i64), u8).item<int>() == 255);
  CHECK_THROWS_WITH(core::full({}, -1, u8),
                    contains("full: the number is beyond the range of u8") && contains("0 to 2^8 - 1"));
  CHECK(core::cast(core::full({}, -1, i64), u64).item<std::uint64_t>() == ~std::uint64_t{0});

  const Array bytes(xt::xarray<std::uint8_t>{{1, 2}, {3, 255}});
  CHECK(bytes.dtype() == u8);
  CHECK(bytes.view<std::uint8_t>()(1, 1) == 255);
  CHECK(xt::sum(core::transpose(bytes, 0, 1).view<std::uint8_t>())() == 261);
  CHECK(Array(xt::xarray<std::int8_t>{-1}).dtype() == i8);
  CHECK(Array(xt::xarray<std::int16_t>{-1}).dtype() == i16);
  CHECK(Array(xt::xarray<std::uint16_t>{1}).dtype() == u16);
  CHECK(Array(xt::xarray<int>{-1}).dtype() == i64);
  CHECK(Array(xt::xarray<std::uint32_t>{1}).dtype() == i64);
  const xt::xarray<float16> halves{float16(0.5F), float16(-2)};
  CHECK(Array(halves).dtype() == f16);
  CHECK(static_cast<float>(Array(halves).view<float16>()(1)) == -2);
  CHECK(Array(xt::xarray<bfloat16>{bfloat16(3)}).item() == 3.0);
}

TEST_CASE("dtypes: comparisons", "[dtypes]") {
  for (const DType t : {u8, i8, i16, i32, u16, u32, f16, bf16}) {
    INFO(name(t));
    const Array x = core::arange(5, t);
    const Array two = core::full({}, 2, t);
    CHECK(same_bits(core::less(x, two), core::less(core::arange(5, i64), core::full({}, 2, i64))));
    CHECK(same_bits(core::equal(x, two), core::equal(core::arange(5, i64), core::full({}, 2, i64))));
  }
}

TEST_CASE("dtypes: printing", "[dtypes]") {
  CHECK(to_string(Array(xt::xarray<std::uint8_t>{0, 7, 255})) == "[  0   7 255]");
  CHECK(to_string(Array(xt::xarray<std::int8_t>{-128, 7})) == "[-128    7]");
  CHECK(to_string(core::cast(core::full({1}, -1, i64), u64)) == "[18446744073709551615]");
  CHECK(to_string(Array(xt::xarray<float16>{float16(0.5F), float16(-1.25F)})) == "[ 0.5  -1.25]");
  CHECK(to_string(core::full({2}, 2, bf16)) == "[2. 2.]");
  CHECK(to_string(core::transpose(Array(xt::xarray<std::int16_t>{{1, 2}, {3, 4}}), 0, 1)) == "[[1 3]\n [2 4]]");
}

TEST_CASE("dtypes: arithmetic on storage dtypes is an error that names the conversion", "[dtypes]") {
  for (const DType t : all_dtypes) {
    if (!is_storage(t)) continue;
    const Array x = core::ones({3}, t);
    const std::vector<std::pair<const char*, std::function<void()>>> calls{
        {"add", [&] { core::add(x, x); }},
        {"exp", [&] { core::exp(x); }},
        {"neg", [&] { core::neg(x); }},
        {"clip", [&] { core::clip(x, x, x); }},
        {"isnan", [&] { core::isnan(x); }},
        {"sum", [&] { core::sum(x); }},
        {"mean", [&] { core::mean(x); }},
        {"max", [&] { core::max(x); }},
        {"sort", [&] { core::sort(x, 0); }},
        {"index_add", [&] { core::index_add(x, 0, Array(xt::xarray<int>{0}), core::slice(x, 0, 0, 1)); }},
    };
    for (const auto& [op, call] : calls) {
      INFO(op << " of " << name(t));
      try {
        call();
        FAIL_CHECK("no error");
      } catch (const DTypeError& e) {
        CHECK_THAT(e.what(), Catch::Matchers::Contains(std::string(op) + ":") && Catch::Matchers::Contains("to(f32)") &&
                                 Catch::Matchers::Contains(std::string(name(t))));
      }
    }
  }
}

TEST_CASE("dtypes: integers of any size are indices", "[dtypes]") {
  const Array x = core::reshape(core::arange(20, f32), {4, 5});
  const Array want = core::take(x, Array(xt::xarray<int>{3, 0}), 1);
  for (const DType t : {i64, u8, i8, i16, i32, u16, u32, u64}) {
    CHECK(same_bits(core::take(x, core::cast(Array(xt::xarray<int>{3, 0}), t), 1), want));
  }
  CHECK(same_bits(core::take(x, core::cast(Array(xt::xarray<int>{-2, 0}), i8), 1), want));
  for (const DType t : {f32, boolean, f16}) CHECK_THROWS_AS(core::take(x, core::zeros({2}, t), 1), DTypeError);
}
