// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/data/loading/loader.hpp>
#include <newtape/data/sets/cifar.hpp>

using namespace newtape;

namespace {

/// n records: labels as given by the functions, byte k of image i is (i + k) mod 256.
std::string records(int n, const std::vector<int (*)(int)>& labels) {
  std::string bytes;
  for (int i = 0; i < n; ++i) {
    for (const auto label : labels) bytes += static_cast<char>(label(i));
    for (int k = 0; k < 3072; ++k) bytes += static_cast<char>((i + k) % 256);
  }
  return bytes;
}

int tenth(int i) { return i % 10; }
int twentieth(int i) { return i % 20; }
int hundredth(int i) { return i % 100; }

}  // namespace

TEST_CASE("CIFAR-10 is read from its binary files") {
  const TemporaryDirectory folder;
  CHECK_THROWS_WITH(data::cifar10(folder / ""), contains("data_batch_1.bin") && contains("NEWTAPE_DATA"));
  for (int i = 1; i <= 5; ++i) {
    write_bytes(folder / ("data_batch_" + std::to_string(i) + ".bin"), records(i, {tenth}));
  }
  write_bytes(folder / "test_batch.bin", records(12, {tenth}));
  const auto [train, test] = data::cifar10(folder / "");
  CHECK(train.size() == 15);
  CHECK(test.size() == 12);
  CHECK(values<std::int64_t>(train.array("labels")) ==
        std::vector<std::int64_t>{0, 0, 1, 0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4});
  CHECK(train.array("images").dtype() == u8);
  data::Loader loader(test, {.batch_size = 5, .workers = 2});
  std::int64_t seen = 0;
  for (const auto& batch : loader) {
    const Array& images = batch["images"];
    REQUIRE(images.shape() == Shape{batch["labels"].shape(0), 3, 32, 32});
    for (std::int64_t i = 0; i < images.shape(0); ++i, ++seen) {
      CHECK(batch["labels"].data<std::int64_t>()[i] == seen % 10);
      for (const std::int64_t k : {0, 31, 1024, 3071}) {
        CHECK(images.data<float>()[i * 3072 + k] == static_cast<float>((seen + k) % 256) / 255);
      }
    }
  }
  CHECK(seen == 12);
  CHECK(std::string(data::cifar10_classes[9]) == "truck");
}

TEST_CASE("CIFAR-100 has labels of classes and of groups") {
  const TemporaryDirectory folder;
  write_bytes(folder / "train.bin", records(130, {twentieth, hundredth}));
  write_bytes(folder / "test.bin", records(3, {twentieth, hundredth}));
  const auto [train, test] = data::cifar100(folder / "");
  const std::int64_t some[] = {129, 2};
  const auto batch = train.gather(some);
  CHECK(values<std::int64_t>(batch["labels"]) == std::vector<std::int64_t>{29, 2});
  CHECK(values<std::int64_t>(batch["coarse_labels"]) == std::vector<std::int64_t>{9, 2});
  CHECK(batch["images"].data<float>()[0] == 129.0F / 255);
  CHECK(test.size() == 3);
}

TEST_CASE("damaged CIFAR files are errors with the position") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x.bin";
  const auto error = [&](const std::string& bytes, data::CifarFormat format = data::CifarFormat::cifar10) {
    write_bytes(path, bytes);
    return message_of<IoError>([&] { data::read_cifar({path}, format); });
  };
  const std::string whole = records(3, {tenth});
  CHECK(error(whole).empty());
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{3072}, std::size_t{3074}, whole.size() - 1}) {
    CHECK_THAT(error(whole.substr(0, n)), contains(path) && contains("byte " + std::to_string(n)));
  }
  std::string bad = whole;
  bad[3073] = 10;
  CHECK_THAT(error(bad), contains("byte 3073: label of image 1 out of range") && contains("below 10"));
  CHECK_THAT(error(whole, data::CifarFormat::cifar100), contains("images of 3074 bytes"));
  CHECK_THAT(error(records(1, {tenth, [](int) { return 100; }}), data::CifarFormat::cifar100),
             contains("byte 1: label of image 0 out of range") && contains("below 100"));
  CHECK_THROWS_AS(data::read_cifar({folder / "missing"}, data::CifarFormat::cifar10), IoError);
}
