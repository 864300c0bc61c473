// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/data/loading/loader.hpp>
#include <newtape/data/loading/transforms.hpp>
#include <newtape/data/sets/image_folder.hpp>

using namespace newtape;

namespace {
/// A PGM picture of a single grey level.
void write_grey(const std::string& path, int h, int w, int grey) {
  write_bytes(path, "P5\n" + std::to_string(w) + " " + std::to_string(h) + "\n255\n" +
                        std::string(static_cast<std::size_t>(h * w), static_cast<char>(grey)));
}
}  // namespace

TEST_CASE("folders of pictures become images with labels, decoded when a batch is made") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH(data::image_folder(directory / ""), contains("contains no images"));
  CHECK_THROWS_AS(data::image_folder(directory / "missing"), IoError);
  for (const auto* name : {"dogs", "cats", "empty"}) std::filesystem::create_directory(directory / name);
  write_grey(directory / "dogs/b.pgm", 2, 3, 51);
  write_grey(directory / "dogs/a.PGM", 2, 3, 255);
  write_grey(directory / "cats/c.ppm", 2, 3, 0);
  write_bytes(directory / "cats/readme.txt", "no picture");
  write_bytes(directory / "list.txt", "no folder");

  const auto found = data::image_folder(directory / "");
  CHECK(found.classes == std::vector<std::string>{"cats", "dogs", "empty"});
  CHECK(values<std::int64_t>(found.labels) == std::vector<std::int64_t>{0, 1, 1});
  CHECK(values<std::int64_t>(found.set.array("labels")) == std::vector<std::int64_t>{0, 1, 1});
  REQUIRE(found.files.size() == 3);
  CHECK_THAT(found.files[1], contains("a.PGM"));
  for (const int workers : {0, 2}) {
    data::Loader loader(found.set, {.batch_size = 3, .workers = workers});
    const auto it = loader.begin();
    CHECK((*it)["images"].shape() == Shape{3, 3, 2, 3});
    CHECK(values<std::int64_t>((*it)["labels"]) == std::vector<std::int64_t>{0, 1, 1});
    const auto pixels = values<float>((*it)["images"]);
    CHECK(pixels[0] == 0);
    CHECK(pixels[18] == 1);
    CHECK(pixels[53] == 51.0F / 255);
  }
  const auto grey = data::image_folder(directory / "", {.read = {.mode = data::ImageMode::grey, .dtype = f64}});
  const std::int64_t all[] = {0, 1, 2};
  CHECK(grey.set.gather(all)[0].shape() == Shape{3, 2, 3});
  CHECK(grey.set.gather(all)[0].dtype() == f64);

  // Different sizes: an error, unless a transform makes them equal.
  write_grey(directory / "dogs/c.pgm", 3, 3, 1);
  const auto uneven = data::image_folder(directory / "");
  const std::int64_t four[] = {0, 1, 2, 3};
  CHECK_THROWS_WITH(uneven.set.gather(four), contains("example 3") && contains("[3, 2, 3]") && contains("[3, 3, 3]"));
  const data::Transform same = data::compose({data::resize(4, 5), data::one_hot(3)});
  const auto even = data::image_folder(directory / "", {.transform = same});
  const auto batch = even.set.gather(four);
  CHECK(batch["images"].shape() == Shape{4, 3, 4, 5});
  CHECK(batch["labels"].shape() == Shape{4, 3});
  const data::Transform none = [](const data::Batch&, Generator&) { return data::Batch{Array::empty({0, 3}, f32)}; };
  CHECK_THROWS_WITH(data::image_folder(directory / "", {.transform = none}).set.gather(all),
                    contains("must keep one example"));

  write_bytes(directory / "dogs/c.pgm", "not a picture");
  const auto damaged = data::image_folder(directory / "");
  const std::int64_t last[] = {2, 3};
  CHECK_THROWS_AS(damaged.set.gather(last), IoError);
  CHECK_THROWS_WITH(damaged.set.gather(last), contains("example 3: read_image") && contains("c.pgm"));
  CHECK(damaged.set.gather(all).size() == 2);
}
