// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/data/sets/image_folder.hpp>

using namespace newtape;

namespace {
/// A PGM picture of a single grey level.
void write_grey(const std::string& path, int h, int w, int grey) {
  write_bytes(path, "P5\n" + std::to_string(w) + " " + std::to_string(h) + "\n255\n" +
                        std::string(static_cast<std::size_t>(h * w), static_cast<char>(grey)));
}
}  // namespace

TEST_CASE("folders of pictures become images with labels") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH(data::image_folder(directory / ""), contains("contains no images"));
  CHECK_THROWS_AS(data::image_folder(directory / "missing"), IoError);
  for (const auto* name : {"dogs", "cats", "empty"}) std::filesystem::create_directory(directory / name);
  write_grey(directory / "dogs/b.pgm", 2, 3, 51);
  write_grey(directory / "dogs/a.PGM", 2, 3, 255);
  write_grey(directory / "cats/c.pgm", 2, 3, 0);
  write_bytes(directory / "cats/readme.txt", "no picture");
  write_bytes(directory / "list.txt", "no folder");

  const auto found = data::image_folder(directory / "");
  CHECK(found.classes == std::vector<std::string>{"cats", "dogs", "empty"});
  CHECK(found.set.array("images").shape() == Shape{3, 2, 3});
  CHECK(values<std::int64_t>(found.set.array("labels")) == std::vector<std::int64_t>{0, 1, 1});
  REQUIRE(found.files.size() == 3);
  CHECK_THAT(found.files[1], contains("a.PGM"));
  const auto pixels = values<float>(found.set.array("images"));
  CHECK(pixels[0] == 0);
  CHECK(pixels[6] == 1);
  CHECK(pixels[12] == Approx(0.2));

  write_grey(directory / "dogs/c.pgm", 3, 3, 1);
  CHECK_THROWS_WITH(data::image_folder(directory / ""), contains("c.pgm") && contains("[2, 3]") && contains("[3, 3]"));
  write_bytes(directory / "dogs/c.pgm", "not a picture");
  CHECK_THROWS_AS(data::image_folder(directory / ""), IoError);
}
