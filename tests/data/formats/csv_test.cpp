// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/index.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/data/formats/csv.hpp>

#include <algorithm>
#include <clocale>
#include <cmath>
#include <limits>
#include <sstream>

using namespace newtape;
using data::Csv;
using data::CsvOptions;
using data::read_csv;
using data::write_csv;
using Header = data::CsvOptions::Header;

using Names = std::vector<std::string>;
using D = std::vector<double>;
using I = std::vector<std::int64_t>;

namespace {

Csv parse(const std::string& text, const CsvOptions& options = {}) {
  std::istringstream stream(text);
  return read_csv(stream, options);
}

std::string write(const Csv& table, const CsvOptions& options = {}) {
  std::ostringstream stream;
  write_csv(stream, table, options);
  return stream.str();
}

std::string csv_error(const std::string& text, const CsvOptions& options = {}) {
  return message_of<IoError>([&] { parse(text, options); });
}

const double missing = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

/// [n, 1]
template <class T>
Array column(std::initializer_list<T> x) {
  return core::unsqueeze(Array(xt::xarray<T>(x)), 1);
}

/// Equal bits, or both NaN.
bool same(const D& a, const D& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) {
           return (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
         });
}

}  // namespace

TEST_CASE("read_csv reads a table with quotes, text, missing values, CRLF and a byte order mark") {
  for (const auto* file : {"iris.csv", "iris.csv.gz"}) {
    const auto table = read_csv(test_file(file));
    CHECK(table.columns == Names{"sepal length", "petal length", "species", "a \"quoted\", name"});
    CHECK(table.values.shape() == Shape{4, 4});
    CHECK(same(values<double>(table.values),
               {5.1, 1.4, 0, 1, 7.0, missing, 1, -2.5e-3, 6.3, 6.0, 2, 4, 4.9, missing, 0, missing}));
    CHECK(table.categories == std::vector<Names>{{}, {}, {"setosa", "versicolor, the\nsecond", "virginica"}, {}});
    CHECK(table.rows() == 4);
    CHECK(table.index("species") == 2);
    const auto column = table["sepal length"];
    CHECK(column.shape() == Shape{4});
    CHECK(core::select(column, 0, 2).item() == 6.3);
    CHECK_THROWS_WITH(table["weight"], contains("'weight'") && contains("petal length"));
    CHECK_THROWS_AS(table["weight"], ValueError);
  }
  const auto some = read_csv(test_file("iris.csv"), {.columns = {"species", "sepal length"}, .dtype = f32});
  CHECK(some.columns == Names{"species", "sepal length"});
  CHECK(values<float>(some.values) == std::vector<float>{0, 5.1F, 1, 7.0F, 2, 6.3F, 0, 4.9F});
  CHECK(some.categories[0].size() == 3);
}

TEST_CASE("read_csv distinguishes a header from data") {
  CHECK(parse("1,2\n3,4\n").columns == Names{"0", "1"});
  CHECK(parse("1,2\n3,4\n").values.shape() == Shape{2, 2});
  CHECK(parse("a,b\n3,4\n").columns == Names{"a", "b"});
  CHECK(parse("a,1\n3,4\n").columns == Names{"0", "1"});  // a number among the names: data
  CHECK(parse("a,1\n3,4\n", {.header = Header::yes}).columns == Names{"a", "1"});
  CHECK(parse("a,b\nc,d\n", {.header = Header::no}).values.shape() == Shape{2, 2});
  CHECK(parse(",x\n1,2\n").columns == Names{"", "x"});
  CHECK(parse("a,b\n").values.shape() == Shape{0, 2});
  CHECK(parse("a,b").rows() == 0);
}

TEST_CASE("read_csv reads numbers as Python does, in any locale") {
  const auto numbers = [](const std::string& text) { return values<double>(parse(text).values); };
  CHECK(same(numbers("1,-2.5,+3,.5,5.,1e3,1E-3,-0"), {1, -2.5, 3, 0.5, 5, 1000, 1e-3, -0.0}));
  CHECK(
      same(numbers("inf,-inf,Infinity,1e999,-1e999,1e-999"), {infinity, -infinity, infinity, infinity, -infinity, 0}));
  CHECK(same(numbers("0.1,123456789.123456789,4.9e-324,1.7976931348623157e308"),
             {0.1, 123456789.123456789, 4.9e-324, 1.7976931348623157e308}));
  CHECK(values<float>(parse("1e39,0.1", {.dtype = f32}).values) == std::vector<float>{HUGE_VALF, 0.1F});
  // Inputs that std::strtod would accept, completely or in part.
  for (const auto* text : {"0x10", "1,5", "1.5.2", "--1", "+-1", "1e", "e5", "1 2", "$1"}) {
    CAPTURE(text);
    CHECK(parse(std::string("x;y\n") + text + ";1\n", {.separator = ';'}).categories[0].size() == 1);
  }
  if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") != nullptr) {
    CHECK(same(numbers("1.5,2"), {1.5, 2}));
    CHECK(write(parse("1.5,2")) == "1.5,2\n");
    std::setlocale(LC_NUMERIC, "C");
  }
}

TEST_CASE("read_csv fills integer and boolean tables exactly") {
  const auto big = parse("9223372036854775807,-9223372036854775808,1e3,2.0\n", {.dtype = i64});
  CHECK(values<std::int64_t>(big.values) == I{9223372036854775807, -9223372036854775807 - 1, 1000, 2});
  CHECK(values<bool>(parse("1,0\n", {.dtype = boolean}).values) == std::vector<bool>{true, false});
  const auto flags = parse("x,y\ntrue,1\nfalse,0\n", {.dtype = boolean});
  CHECK(values<bool>(flags.values) == std::vector<bool>{true, true, false, false});
  CHECK(values<std::int64_t>(parse("a\nx\n1.5\n", {.dtype = i64}).values) ==
        I{1, 0});  // text, so no number is out of range

  CHECK_THAT(csv_error("a,b\n1,2\n3,1.5\n", {.dtype = i64}), contains("line 3, column 3") && contains("'1.5'"));
  CHECK_THAT(csv_error("9223372036854775808\n", {.dtype = i64}), contains("does not fit the dtype"));
  CHECK_THAT(csv_error("a,b\n1,\n", {.dtype = i64}), contains("line 2, column 3: missing value"));
  CHECK_THAT(csv_error("1\n2\n", {.dtype = boolean}), contains("line 2, column 1") && contains("boolean values"));
  CHECK_THAT(csv_error("a\nx\ny\nz\n", {.dtype = boolean}), contains("column 'a'") && contains("too many categories"));
}

TEST_CASE("read_csv follows its options") {
  CHECK(values<double>(parse("1;2\n", {.separator = ';'}).values) == D{1, 2});
  CHECK(values<double>(parse("1\t 2\n", {.separator = '\t'}).values) == D{1, 2});
  CHECK(parse("'a,b',c\n1,2\n", {.quote = '\''}).columns == Names{"a,b", "c"});
  CHECK(parse("a,b\n\"x,1\n", {.quote = '\0'}).categories[0] == Names{"\"x"});
  CHECK(same(values<double>(parse("-999,NA\n", {.missing = {"-999", "NA"}}).values), {missing, missing}));
  CHECK(parse("a\nNA\n", {.missing = {}}).categories[0] == Names{"NA"});
  CHECK(same(values<double>(parse("a,b\nx,1\n,2\n\"\",3\n").values), {0, 1, missing, 2, missing, 3}));
  CHECK(parse("a\rb\r1", {.header = Header::no}).rows() == 3);  // old Mac line endings

  CHECK_THROWS_WITH(parse("a,b\n1,2\n", {.columns = {"a", "c"}}), contains("'c'") && contains("a, b"));
  CHECK_THROWS_AS(parse("a,b\n1,2\n", {.columns = {"c"}}), ValueError);
  CHECK_THROWS_AS(parse("a\n", {.separator = '\n'}), ValueError);
  CHECK_THROWS_AS(parse("a\n", {.separator = '"'}), ValueError);
}

TEST_CASE("read_csv reports the line and column of errors") {
  CHECK_THAT(message_of<IoError>([] { read_csv(std::string("/none.csv")); }), contains("/none.csv"));
  CHECK_THAT(csv_error(""), contains("the table is empty"));
  CHECK_THAT(csv_error("\n \n\n"), contains("the table is empty"));
  CHECK_THAT(csv_error("a,b,c\n1,2,3\n\n4,5\n"), contains("line 4, column 4: too few fields in the row") &&
                                                     contains("3 fields, as in line 1") && contains("got:      2"));
  CHECK_THAT(csv_error("1,2\n3,4,5,6\n"), contains("line 2, column 5: too many fields in the row"));
  CHECK_THAT(csv_error("a,b\n\"x\ny\",1\n2\n"), contains("line 4, column 2"));  // a quoted line break counts
  CHECK_THAT(csv_error("a,b\r\n1,2\r\n3\r\n"), contains("line 3, column 2"));
  CHECK_THAT(csv_error("a,b\n1,\"two\n3,4\n"), contains("line 2, column 3: unterminated quoted field"));
  CHECK_THAT(csv_error("a,b\n1,\"two\"3\n"),
             contains("line 2, column 8: text follows a closing quote") && contains("'3'"));
  CHECK_THAT(csv_error(std::string("\xFF\xFE"
                                   "a\0",
                                   4)),
             contains("UTF-16"));
}

TEST_CASE("what write_csv writes, read_csv reads") {
  const auto iris = read_csv(test_file("iris.csv"));
  const TemporaryDirectory tmp;
  for (const auto* name : {"t.csv", "t.csv.gz"}) {
    write_csv(tmp / name, iris);
    const auto again = read_csv(tmp / name);
    CHECK(again.columns == iris.columns);
    CHECK(again.categories == iris.categories);
    CHECK(same(values<double>(again.values), values<double>(iris.values)));
  }
  CHECK(read_bytes(tmp / "t.csv.gz").substr(0, 2) == "\x1f\x8b");
  CHECK(tmp.file_count() == 2);

  const D hard = {
      0.1, 1.0 / 3, 1e-308, 5e-324, -0.0, infinity, -infinity, missing, 1.7976931348623157e308, 123456789012345678.0};
  Csv table{{"x"}, Array::empty({10, 1}, f64), {}};
  std::copy(hard.begin(), hard.end(), table.values.data<double>());
  CHECK(same(values<double>(parse(write(table)).values), hard));

  const Csv plain{{"0", "1"}, Array(xt::xarray<std::int64_t>{{1, -2}, {3, 4}}), {}};
  CHECK(write(plain) == "1,-2\n3,4\n");
  CHECK(write(plain, {.separator = ';', .header = Header::yes}) == "0;1\n1;-2\n3;4\n");
  CHECK(write({{}, core::transpose(plain.values, 0, 1), {}}) == "1,3\n-2,4\n");
  CHECK(write({{"f"}, column({true, false}), {}}) == "f\n1\n0\n");
  CHECK(write({{"a"}, column({1.0, 0.0}), {{" x", "y\"z"}}}) == "a\n\"y\"\"z\"\n\" x\"\n");

  CHECK_THROWS_AS(write({{}, Array(), {}}), ShapeError);
  CHECK_THROWS_AS(write({{}, Array(xt::xarray<double>{1.0}), {}}), ShapeError);
  CHECK_THROWS_AS(write({{"a", "b"}, column({1.0}), {}}), ShapeError);
  CHECK_THROWS_WITH(write({{"a"}, column({2.0}), {{"x", "y"}}}),
                    contains("row 0, column 0: category code out of range") && contains("below 2"));
}

TEST_CASE("a gzipped CSV file truncated anywhere is an error") {
  const TemporaryDirectory tmp;
  const auto whole = read_bytes(test_file("iris.csv.gz"));
  // The first byte alone is plain text.
  for (std::size_t n = 2; n < whole.size(); ++n) {
    CAPTURE(n);
    write_bytes(tmp / "cut.csv.gz", whole.substr(0, n));
    CHECK_THROWS_AS(read_csv(tmp / "cut.csv.gz"), IoError);
  }
}

TEST_CASE("read_csv never crashes on any text") {
  const std::string alphabet = "a1,.\"\n\r -e\t";
  std::uint64_t state = 1;
  for (int trial = 0; trial < 20000; ++trial) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      text += alphabet[(state >> 33) % alphabet.size()];
    }
    try {
      const auto table = parse(text);
      REQUIRE(table.values.shape(1) == static_cast<std::int64_t>(table.columns.size()));
    } catch (const IoError&) {
    }
  }
}

TEST_CASE("csv: one entry that is no number among many is an error that says where") {
  std::string text = "age,name\n";
  for (int i = 0; i < 10; ++i) text += std::to_string(20 + i) + ",x" + std::to_string(i) + "\n";
  const std::string odd = text + "3O,y\n";
  CHECK_THAT(csv_error(odd), contains("line 12") && contains("'age'") && contains("'3O'") && contains("missing"));
  CHECK(parse(odd, {.text = {"age"}}).categories[0].size() == 11);
  CHECK(std::isnan(parse(odd, {.missing = {"3O"}})["age"].data<double>()[0]) == false);
  // Two of them, or few numbers: categories.
  CHECK(parse(odd + "4O,z\n").categories[0].size() == 12);
  CHECK(parse("a\n1\n2\nx\n").categories[0].size() == 3);
  CHECK(parse(text).categories[0].empty());
  // Numbers as categories.
  CHECK(parse("a\n1\n2\n1\n", {.text = {"a"}}).categories[0] == Names{"1", "2"});
  CHECK_THROWS_AS(parse(text, {.text = {"wrong"}}), ValueError);
}
