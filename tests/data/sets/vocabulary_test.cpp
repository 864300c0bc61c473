// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/data/sets/vocabulary.hpp>

using namespace newtape;
using data::CharVocabulary;
using Numbers = std::vector<std::int64_t>;

TEST_CASE("a vocabulary numbers the characters in the order of their code points") {
  const CharVocabulary v("hello, world\n");
  CHECK(v.size() == 10);
  CHECK(v.characters() == "\n ,dehlorw");
  const Array numbers = v.encode("howl");
  CHECK(numbers.dtype() == i64);
  CHECK(numbers.shape() == Shape{4});
  CHECK(values<std::int64_t>(numbers) == Numbers{5, 7, 9, 6});
  CHECK(v.decode(numbers) == "howl");
  CHECK(CharVocabulary(v.characters()).encode("world").size() == 5);
  CHECK(v.encode("").shape() == Shape{0});
  CHECK(v.decode(v.encode("")).empty());
  CHECK(CharVocabulary("").size() == 0);
}

TEST_CASE("decode takes arrays of any shape and layout") {
  const CharVocabulary v("abcdef");
  const Array square(xt::xarray<std::int64_t>{{0, 1, 2}, {3, 4, 5}});
  CHECK(v.decode(square) == "abcdef");
  CHECK(v.decode(core::transpose(square, 0, 1)) == "adbecf");
  CHECK(v.decode(core::full({}, 1, i64)) == "b");
}

TEST_CASE("a character of a vocabulary may take one to four bytes") {
  // U+24, U+A2, U+20AC and U+10348 with their bytes according to RFC 3629.
  const std::string text = "$\xc2\xa2\xe2\x82\xac\xf0\x90\x8d\x88";
  const CharVocabulary v(text);
  CHECK(v.size() == 4);
  CHECK(v.characters() == text);
  CHECK(values<std::int64_t>(v.encode("\xe2\x82\xac$\xf0\x90\x8d\x88\xc2\xa2")) == Numbers{2, 0, 3, 1});
  CHECK(v.decode(v.encode(text)) == text);
  // The first and last code points of each length.
  for (const char* end : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                          "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    CHECK(CharVocabulary(end).characters() == end);
  }
}

TEST_CASE("a vocabulary reports invalid UTF-8, unknown characters and numbers out of range") {
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xe2\x82z", "\xc2"}) {
    CHECK_THROWS_WITH(CharVocabulary(std::string("ab") + bad),
                      contains("CharVocabulary: the text is not UTF-8 at byte 2"));
  }
  const CharVocabulary v("abc");
  CHECK_THROWS_WITH(v.encode("a\xc2"), contains("encode: the text is not UTF-8 at byte 1"));
  CHECK_THROWS_WITH(v.encode("ab\xc3\xa9"), contains("byte 2 is not in the vocabulary") && contains("U+00E9"));
  CHECK_THROWS_WITH(v.decode(Array(xt::xarray<std::int64_t>{0, 3})), contains("number 1") && contains("from 0 to 2"));
  CHECK_THROWS_WITH(v.decode(core::full({1}, -1, i64)), contains("-1"));
  CHECK_THROWS_WITH(v.decode(Array()), contains("the array is undefined"));
  CHECK_THROWS_AS(v.decode(core::full({1}, 0, f64)), DTypeError);
}
