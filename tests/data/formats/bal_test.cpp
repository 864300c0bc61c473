// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/bal.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace newtape;

namespace {

/// Two cameras, one point, seen by both.
const std::string small_bal =
    "2 1 2\n"
    "0 0     -3.326500e+02 2.620900e+02\n"
    "1 0 1.5 -2\n"
    "0.1\n0.2\n0.3\n1\n2\n3\n500\n-1e-3\n1e-5\n"
    "0\n0\n0\n0\n0\n-6\n400\n0\n0\n"
    "-0.5\n0.25\n1e-1\n";

std::string refused(const TemporaryDirectory& directory, const std::string& text) {
  write_bytes(directory / "bad.txt", text);
  return message_of<IoError>([&] { data::read_bal(directory / "bad.txt"); });
}

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  return text.replace(text.find(part), part.size(), by);
}

}  // namespace

TEST_CASE("read_bal reads the numbers of the format") {
  const TemporaryDirectory directory;
  write_bytes(directory / "small.txt", small_bal);
  const auto b = data::read_bal(directory / "small.txt");
  CHECK(b.cameras.shape() == Shape{2, 9});
  CHECK(b.points.shape() == Shape{1, 3});
  CHECK(b.pixels.shape() == Shape{2, 2});
  const double* camera = b.cameras.data<double>();
  CHECK(std::vector<double>(camera, camera + 9) == std::vector<double>{0.1, 0.2, 0.3, 1, 2, 3, 500, -1e-3, 1e-5});
  CHECK(camera[9 + 5] == -6);
  const double* point = b.points.data<double>();
  CHECK(std::vector<double>(point, point + 3) == std::vector<double>{-0.5, 0.25, 0.1});
  const double* pixel = b.pixels.data<double>();
  CHECK(std::vector<double>(pixel, pixel + 4) == std::vector<double>{-332.65, 262.09, 1.5, -2});
  CHECK(b.camera_index.data<std::int64_t>()[1] == 1);
  CHECK(b.point_index.data<std::int64_t>()[1] == 0);
}

TEST_CASE("write_bal and read_bal keep every bit") {
  const TemporaryDirectory directory;
  const auto b = data::bundle_adjustment_like({.cameras = 7, .points = 30, .seen = 3, .false_matches = 0.2});
  for (const char* name : {"a.txt", "a.txt.gz"}) {
    data::write_bal(directory / name, b);
    const auto again = data::read_bal(directory / name);
    CHECK(same_bits(again.cameras, b.cameras));
    CHECK(same_bits(again.points, b.points));
    CHECK(same_bits(again.pixels, b.pixels));
    CHECK(same_bits(again.camera_index, b.camera_index));
    CHECK(same_bits(again.point_index, b.point_index));
  }
  auto wrong = b;
  wrong.points = core::zeros({5, 3}, f64);
  CHECK_THROWS_AS(data::write_bal(directory / "b.txt", wrong), ValueError);
  wrong.points = core::zeros({30, 2}, f64);
  CHECK_THROWS_AS(data::write_bal(directory / "b.txt", wrong), ShapeError);
  wrong.points = core::zeros({30, 3}, f32);
  CHECK_THROWS_AS(data::write_bal(directory / "b.txt", wrong), DTypeError);
}

TEST_CASE("read_bal names the line of what it refuses") {
  const TemporaryDirectory directory;
  CHECK_THAT(refused(directory, replaced(small_bal, "1 0 1.5", "2 0 1.5")),
             contains("line 3") && contains("the index of a camera, 0 to 1"));
  CHECK_THAT(refused(directory, replaced(small_bal, "1 0 1.5", "1 -1 1.5")), contains("the index of a point, 0 to 0"));
  CHECK_THAT(refused(directory, replaced(small_bal, "\n500", "\n5x0")), contains("line 10") && contains("'5x0'"));
  CHECK_THAT(refused(directory, replaced(small_bal, "-6", "")), contains("the end of the file"));
  CHECK_THAT(refused(directory, small_bal + "7\n"), contains("expected: the end of the file"));
  CHECK_THAT(refused(directory, replaced(small_bal, "2 1 2", "2 1")), contains("expected: the end of the file"));
  CHECK_THAT(refused(directory, replaced(small_bal, "2 1 2", "-2 1 2")), contains("the number of cameras"));
  CHECK_THAT(refused(directory, ""), contains("the number of cameras"));
  CHECK_THAT(refused(directory, "BZh91AY"), contains("bunzip2"));
  // Counts that would take more memory than there is are refused by the file's size.
  for (const std::string counts : {"2000000000 1 2", "2 9000000000000000000 2", "2 1 9000000000000000000"}) {
    CHECK_THAT(refused(directory, replaced(small_bal, "2 1 2", counts)),
               contains("line 1") && contains("bytes or more"));
  }
  // Each prefix of the file.
  for (std::size_t n = 0; n + 8 < small_bal.size(); n += 7) {
    INFO(n);
    CHECK_FALSE(refused(directory, small_bal.substr(0, n)).empty());
  }
}

TEST_CASE("a bundle adjustment that is made up") {
  const auto b = data::bundle_adjustment_like({.cameras = 6, .points = 50, .seen = 4});
  CHECK(b.pixels.shape() == Shape{200, 2});
  // Each point is seen by four different cameras, and lies within the errors of the ball.
  for (std::int64_t i = 0; i < 50; ++i) {
    std::vector<std::int64_t> by(b.camera_index.data<std::int64_t>() + 4 * i,
                                 b.camera_index.data<std::int64_t>() + 4 * i + 4);
    std::sort(by.begin(), by.end());
    CHECK(std::adjacent_find(by.begin(), by.end()) == by.end());
    CHECK((by.front() >= 0 && by.back() < 6));
  }
  CHECK(same_bits(b.pixels, data::bundle_adjustment_like({.cameras = 6, .points = 50, .seen = 4}).pixels));
  CHECK_FALSE(
      same_bits(b.pixels, data::bundle_adjustment_like({.cameras = 6, .points = 50, .seen = 4, .seed = 2}).pixels));
  CHECK_THROWS_AS(data::bundle_adjustment_like({.cameras = 0}), ValueError);
}
