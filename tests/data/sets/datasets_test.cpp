// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/xtensor.hpp>
#include <newtape/data/formats/idx.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/sets/datasets.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace newtape;

namespace {

std::vector<int> class_counts(const Array& labels) {
  std::vector<int> counts(10);
  for (const auto label : values<std::int64_t>(labels)) ++counts.at(static_cast<std::size_t>(label));
  return counts;
}

/// The sum of the integers stored in the file, recovered from the values scaled to [0, 1].
std::int64_t stored_sum(const Array& images, float largest) {
  const auto* p = images.data<float>();
  return std::accumulate(p, p + images.size(), std::int64_t{0},
                         [&](std::int64_t sum, float x) { return sum + std::lrint(x * largest); });
}

class Environment {
 public:
  explicit Environment(const std::string& value) { ::setenv("NEWTAPE_DATA", value.c_str(), 1); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { ::unsetenv("NEWTAPE_DATA"); }
};

}  // namespace

TEST_CASE("digits are those of the UCI repository") {
  const auto [train, test] = data::digits();
  CHECK(train.array("images").shape() == Shape{1500, 8, 8});
  CHECK(train.array("images").dtype() == f32);
  CHECK(test.array("images").shape() == Shape{297, 8, 8});
  CHECK(test.array("labels").shape() == Shape{297});
  auto counts = class_counts(train.array("labels"));
  const auto test_counts = class_counts(test.array("labels"));
  CHECK(test_counts == std::vector<int>{27, 31, 27, 30, 33, 30, 30, 30, 28, 31});
  for (std::size_t i = 0; i < 10; ++i) counts[i] += test_counts[i];
  CHECK(counts == std::vector<int>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180});
  CHECK(stored_sum(train.array("images"), 16) + stored_sum(test.array("images"), 16) == 561718);

  const auto [image, label] = train[0];
  CHECK(label.item() == 0);
  const std::vector<float> rows = {0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0};
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(image.data<float>()[i] == rows[i] / 16);
}

TEST_CASE("the tables are as published") {
  struct Case {
    data::Table table;
    Shape shape;
    std::string first_name;
    std::vector<int> counts;    // per class
    std::vector<double> means;  // first, second and last feature, from the published summaries
  };
  const std::vector<Case> cases = {
      {data::iris(), {150, 4}, "sepal_length", {50, 50, 50}, {5.843333, 3.057333, 1.199333}},
      {data::wine(), {178, 13}, "alcohol", {59, 71, 48}, {13.000618, 2.336348, 746.893258}},
      {data::breast_cancer(), {569, 30}, "mean_radius", {212, 357}, {14.127292, 19.289649, 0.083946}},
      {data::diabetes(), {442, 10}, "age", {}, {48.518100, 1.468326, 91.260181}},
  };
  for (const auto& c : cases) {
    INFO(c.first_name);
    CHECK(c.table.features().shape() == c.shape);
    CHECK(c.table.features().dtype() == f64);
    CHECK(c.table.target().shape() == Shape{c.shape[0]});
    CHECK(c.table.feature_names.size() == static_cast<std::size_t>(c.shape[1]));
    CHECK(c.table.feature_names[0] == c.first_name);
    const auto features = values<double>(c.table.features());
    for (std::size_t k = 0; k < 3; ++k) {
      const auto d = static_cast<std::size_t>(c.shape[1]);
      const auto column = k < 2 ? k : d - 1;
      double sum = 0;
      for (std::size_t i = column; i < features.size(); i += d) sum += features[i];
      CHECK(sum / static_cast<double>(c.shape[0]) == Approx(c.means[k]).margin(5.1e-7));
    }
    if (c.counts.empty()) continue;
    CHECK(c.table.target_names.size() == c.counts.size());
    auto counts = class_counts(c.table.target());
    counts.resize(c.counts.size());
    CHECK(counts == c.counts);
  }
  const auto progression = values<double>(data::diabetes().target());
  CHECK(std::accumulate(progression.begin(), progression.end(), 0.0) == 67243);
  CHECK(data::diabetes().target_names == std::vector<std::string>{"progression"});
  CHECK(data::iris(f32).features().dtype() == f32);

  const auto sunspots = data::sunspots();
  CHECK(sunspots.size() == 309);
  CHECK(sunspots.array("year").data<double>()[308] == 2008);
  const auto numbers = values<double>(sunspots.array("number"));
  CHECK(*std::max_element(numbers.begin(), numbers.end()) == 190.2);  // the maximum of 1957
  CHECK(numbers[257] == 190.2);
}

TEST_CASE("Fashion-MNIST, if installed, is as published") {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    CHECK_THROWS_WITH(data::fashion_mnist(), contains("apt install dataset-fashion-mnist"));
    return;
  }
  const auto [train, test] = data::fashion_mnist();
  CHECK(train.array("images").shape() == Shape{60000, 28, 28});
  CHECK(train.array("images").dtype() == u8);
  CHECK(test.array("images").shape() == Shape{10000, 28, 28});
  const auto labels = values<std::int64_t>(train.array("labels"));
  CHECK(std::vector<std::int64_t>(labels.begin(), labels.begin() + 5) == std::vector<std::int64_t>{9, 0, 0, 3, 0});
  CHECK(class_counts(train.array("labels")) == std::vector<int>(10, 6000));
  CHECK(class_counts(test.array("labels")) == std::vector<int>(10, 1000));
  const auto batch = train.all();
  CHECK(batch["images"].dtype() == f32);
  CHECK(stored_sum(batch["images"], 255) == 3431114169);
  CHECK(stored_sum(test.all()["images"], 255) == 573469082);
  const auto* pixels = batch["images"].data<float>();
  const auto [low, high] = std::minmax_element(pixels, pixels + batch["images"].size());
  CHECK(*low == 0);
  CHECK(*high == 1);

  data::Loader loader(train, {.batch_size = 128, .shuffle = true});
  CHECK(loader.size() == 469);
  std::vector<int> counts(10);
  for (const auto& [x, y] : loader) {
    REQUIRE(x.shape() == Shape{y.shape(0), 28, 28});
    for (const auto label : values<std::int64_t>(y)) ++counts[static_cast<std::size_t>(label)];
  }
  CHECK(counts == std::vector<int>(10, 6000));
}

TEST_CASE("the data sets are searched in all directories, and errors say what to install") {
  const TemporaryDirectory tmp;
  CHECK_THROWS_WITH(data::fashion_mnist(tmp / ""), contains("apt install dataset-fashion-mnist") &&
                                                       contains("train-images-idx3-ubyte.gz") && contains(tmp / ""));
  const Array images(xt::xarray<std::int64_t>{{{0, 255}}, {{51, 0}}});
  const auto write = [&](const Array& labels) {
    for (const auto* part : {"train", "t10k"}) {
      data::write_idx(tmp / (std::string(part) + "-images-idx3-ubyte"), images, data::IdxType::u8);
      data::write_idx(tmp / (std::string(part) + "-labels-idx1-ubyte"), labels, data::IdxType::u8);
    }
  };
  write(Array(xt::xarray<std::int64_t>{3, 9}));
  CHECK(values<float>(data::fashion_mnist(tmp / "").train.all()["images"]) == std::vector<float>{0, 1, 51 / 255.F, 0});
  {
    const Environment here(tmp / "");
    CHECK(data::fashion_mnist().test.size() == 2);
    CHECK(data::digits().test.size() == 297);  // not found there, so read from the library's data
    write_bytes(tmp / "digits.csv", "1,2,3\n");
    CHECK_THROWS_WITH(data::digits(), contains("digits.csv") && contains("[1, 3]"));
    write_bytes(tmp / "iris.csv", "a,b\n1,2\n");
    CHECK_THROWS_WITH(data::iris(), contains("iris.csv") && contains("[150, 5]") && contains("[1, 2]"));
    write_bytes(tmp / "sunspots.csv", "a,b\n1,2\n");
    CHECK_THROWS_WITH(data::sunspots(), contains("sunspots.csv") && contains("309"));
  }
  write(Array(xt::xarray<std::int64_t>{3}));
  CHECK_THROWS_WITH(data::fashion_mnist(tmp / ""), contains("do not match") && contains("[1]"));
  write(Array(xt::xarray<std::int64_t>{3, 10}));
  CHECK_THROWS_WITH(data::fashion_mnist(tmp / ""), contains("label 1 out of range") && contains("10"));
}

TEST_CASE("the text is the first volume of the novel") {
  const std::string text = data::pride_and_prejudice();
  CHECK(text.size() == 231267);
  CHECK_THAT(text, Catch::Matchers::StartsWith("PRIDE AND PREJUDICE\n\nBy Jane Austen\n") &&
                       Catch::Matchers::Contains("It is a truth universally acknowledged, that a single man in "
                                                 "possession\nof a good fortune, must be in want of a wife.\n") &&
                       Catch::Matchers::EndsWith("\"I leave it to yourself to determine,\" said Mr. Bennet.\n"));
  std::size_t at = 0;
  for (int chapter = 1; chapter <= 23; ++chapter) {
    at = text.find("\nChapter " + std::to_string(chapter) + "\n", at + 1);
    REQUIRE(at != std::string::npos);
  }
  CHECK(text.find("\nChapter", at + 1) == std::string::npos);
}
