// SPDX-License-Identifier: BSD-3-Clause
// Expected texts are NumPy 1.24's with set_printoptions(precision=4), unless a comment says otherwise.
#include "catch.hpp"
#include "layouts.hpp"

#include <newtape/core/array/print.hpp>

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <sstream>

using namespace newtape;
using namespace layouts;

namespace {

Array row(const std::vector<double>& values, DType dtype = f64) {
  return make({static_cast<std::int64_t>(values.size())}, values, dtype);
}

/// 0, step, 2 step, ...
Array steps(const Shape& shape, double step, DType dtype = f64) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) * step;
  return make(shape, values, dtype);
}

}  // namespace

TEST_CASE("Floats share the fewest digits that show them", "[print]") {
  CHECK(to_string(row({1, 2.5, -3.25})) == "[ 1.    2.5  -3.25]");
  CHECK(to_string(row({1, 2, 3})) == "[1. 2. 3.]");
  CHECK(to_string(row({1 / 3., 2 / 3., 1})) == "[0.3333 0.6667 1.    ]");
  CHECK(to_string(row({0.1, 0.2, 1 / 3.}, f32)) == "[0.1    0.2    0.3333]");
  CHECK(to_string(row({9.99999, 0.5})) == "[10.   0.5]");
  CHECK(to_string(row({-0.0, 0})) == "[-0.  0.]");
}

TEST_CASE("Very large, very small and very different numbers get exponents", "[print]") {
  CHECK(to_string(row({1e8, 1})) == "[1.e+08 1.e+00]");
  CHECK(to_string(row({1e-5, 1})) == "[1.e-05 1.e+00]");
  CHECK(to_string(row({0, 1e-5})) == "[0.e+00 1.e-05]");
  CHECK(to_string(row({1e-10, 2.5e-10})) == "[1.0e-10 2.5e-10]");
  CHECK(to_string(row({1e100, 1e-100})) == "[1.e+100 1.e-100]");
  CHECK(to_string(row({1.5e10, -2.25e12})) == "[ 1.50e+10 -2.25e+12]");
  CHECK(to_string(row({12345678, 1})) == "[1.2346e+07 1.0000e+00]");
  // NumPy also uses exponents here: its limit is a ratio of 1000, ours a million.
  CHECK(to_string(row({0.1, 100.25, -7})) == "[  0.1  100.25  -7.  ]");
}

TEST_CASE("NaN and infinities among numbers", "[print]") {
  CHECK(to_string(row({NAN, inf, -inf, 1.5})) == "[ nan  inf -inf  1.5]");
  CHECK(to_string(row({NAN, 1, 2})) == "[nan  1.  2.]");
  CHECK(to_string(row({inf, -inf})) == "[ inf -inf]");
}

TEST_CASE("Integers and booleans print as such, of any magnitude", "[print]") {
  CHECK(to_string(row({1, -20, 300}, i64)) == "[  1 -20 300]");
  CHECK(to_string(row({1, 0}, boolean)) == "[ True False]");
  CHECK(to_string(make({2, 2}, {1, 0, 0, 0}, boolean)) == "[[ True False]\n [False False]]");
  Array x = Array::empty({2}, i64);
  x.data<std::int64_t>()[0] = (std::int64_t{1} << 62) + 1;
  x.data<std::int64_t>()[1] = -1;
  CHECK(to_string(x) == "[4611686018427387905                  -1]");
}

TEST_CASE("0-d arrays print as numbers", "[print]") {
  CHECK(to_string(make({}, {2.5})) == "2.5");
  CHECK(to_string(make({}, {3})) == "3.");  // a 0-d array's str is "3.0"; its array2string is this
  CHECK(to_string(make({}, {1e-7})) == "1.e-07");
  CHECK(to_string(make({}, {1 / 3.})) == "0.3333");
  CHECK(to_string(make({}, {7}, i64)) == "7");
  CHECK(to_string(make({}, {1}, boolean)) == "True");
}

TEST_CASE("Axes nest in brackets, with blank lines between blocks", "[print]") {
  CHECK(to_string(make({2, 2}, {1.5, 2, 3, -4})) == "[[ 1.5  2. ]\n [ 3.  -4. ]]");
  CHECK(to_string(steps({2, 3, 2}, 1, i64)) == "[[[ 0  1]\n  [ 2  3]\n  [ 4  5]]\n\n [[ 6  7]\n  [ 8  9]\n  [10 11]]]");
  CHECK(to_string(steps({2, 2, 2, 1}, 1, i64)) ==
        "[[[[0]\n   [1]]\n\n  [[2]\n   [3]]]\n\n\n [[[4]\n   [5]]\n\n  [[6]\n   [7]]]]");
  CHECK(to_string(Array::empty({0}, f64)) == "[]");
  CHECK(to_string(Array::empty({2, 0}, f64)) == "[] (shape [2, 0])");  // NumPy omits the shape
}

TEST_CASE("Long rows break, without spaces at the ends of lines", "[print]") {
  CHECK(to_string(steps({30}, 1.5)) ==
        "[ 0.   1.5  3.   4.5  6.   7.5  9.  10.5 12.  13.5 15.  16.5 18.  19.5\n"
        " 21.  22.5 24.  25.5 27.  28.5 30.  31.5 33.  34.5 36.  37.5 39.  40.5\n"
        " 42.  43.5]");
  CHECK(to_string(steps({2, 30}, 1 / 7.)) ==
        "[[0.     0.1429 0.2857 0.4286 0.5714 0.7143 0.8571 1.     1.1429 1.2857\n"
        "  1.4286 1.5714 1.7143 1.8571 2.     2.1429 2.2857 2.4286 2.5714 2.7143\n"
        "  2.8571 3.     3.1429 3.2857 3.4286 3.5714 3.7143 3.8571 4.     4.1429]\n"
        " [4.2857 4.4286 4.5714 4.7143 4.8571 5.     5.1429 5.2857 5.4286 5.5714\n"
        "  5.7143 5.8571 6.     6.1429 6.2857 6.4286 6.5714 6.7143 6.8571 7.\n"
        "  7.1429 7.2857 7.4286 7.5714 7.7143 7.8571 8.     8.1429 8.2857 8.4286]]");
}

TEST_CASE("Large arrays show their corners", "[print]") {
  CHECK(to_string(steps({2000}, 1, i64)) == "[   0    1    2 ... 1997 1998 1999]");
  CHECK(to_string(steps({3, 1000}, 1, i64)) ==
        "[[   0    1    2 ...  997  998  999]\n [1000 1001 1002 ... 1997 1998 1999]\n [2000 2001 2002 ... 2997 2998 "
        "2999]]");
  CHECK(to_string(steps({1000, 2}, 1, i64)) ==
        "[[   0    1]\n [   2    3]\n [   4    5]\n ...\n [1994 1995]\n [1996 1997]\n [1998 1999]]");
  CHECK(to_string(steps({10}, 1, i64), {.threshold = 5, .edge_items = 2}) == "[0 1 ... 8 9]");
}

TEST_CASE("Views print their own elements", "[print]") {
  const Array x = steps({2, 3}, 1, i64);
  CHECK(to_string(core::transpose(x, 0, 1)) == "[[0 3]\n [1 4]\n [2 5]]");
  CHECK(to_string(core::expand(make({1}, {1.5}), {2, 2})) == "[[1.5 1.5]\n [1.5 1.5]]");
  CHECK(to_string(core::slice(x, 1, 0, 3, 2)) == "[[0 2]\n [3 5]]");
}

TEST_CASE("Streams and fmt print arrays", "[print]") {
  const Array x = row({1 / 3., 2});
  std::ostringstream os;
  os << x;
  CHECK(os.str() == "[0.3333 2.    ]");
  CHECK(fmt::format("x = {}", x) == "x = [0.3333 2.    ]");
  CHECK(fmt::format("{:.2}", x) == "[0.33 2.  ]");
  CHECK(fmt::format("{:.0}", x) == "[0. 2.]");
  CHECK(fmt::format("{} {}", Shape{2, 3}, f32) == "[2, 3] f32");
  CHECK(to_string(Array()) == "(undefined)");
}
