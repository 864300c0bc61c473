// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/data/formats/csv.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/idx.hpp>
#include <newtape/data/loading/transforms.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/data/sets/find_file.hpp>
#include <newtape/data/sets/included_data.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace newtape::data {
namespace {

using detail::data_directory;
using detail::find_file;

Dataset read_pair(const std::vector<std::string>& directories, const std::string& prefix, std::int64_t classes) {
  const auto open = [&](const std::string& file, const ReadIdxOptions& options) {
    const auto path = find_file(directories, file);
    if (path.empty()) {
      raise<IoError>(
          "fashion_mnist: the data are not installed",
          fmt::format("{}.gz in {}; on Debian: apt install dataset-fashion-mnist; elsewhere: set NEWTAPE_DATA "
                      "to a directory with the four files of github.com/zalandoresearch/fashion-mnist",
                      file, fmt::join(directories, " or ")),
          "no such file");
    }
    return std::pair(path, read_idx(path, options));
  };
  const auto [image_path, images] = open(prefix + "-images-idx3-ubyte", {.dtype = u8});
  const auto [label_path, labels] = open(prefix + "-labels-idx1-ubyte", {.dtype = i64});
  if (images.ndim() != 3 || labels.ndim() != 1 || images.shape(0) != labels.shape(0)) {
    raise<IoError>(fmt::format("fashion_mnist: '{}' and '{}' do not match", image_path, label_path),
                   "images [n, height, width] and labels [n]",
                   fmt::format("{} and {}", to_string(images.shape()), to_string(labels.shape())));
  }
  const auto* label = labels.data<std::int64_t>();
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    if (label[i] >= classes) {
      raise<IoError>(fmt::format("fashion_mnist: '{}': label {} out of range", label_path, i),
                     fmt::format("a class below {}", classes), std::to_string(label[i]));
    }
  }
  return Dataset{{"images", images}, {"labels", labels}}.map(to_float());
}

/// Path of a file distributed with Newtape.
std::string find_included(const std::string& name, const std::string& file) {
  const auto directories = detail::included_data_directories();
  auto path = find_file(directories, file);
  if (path.empty()) {
    raise<IoError>(name + ": data file of Newtape not found (NEWTAPE_DATA may name its directory)",
                   fmt::format("{}.gz in {}", file, fmt::join(directories, " or ")), "no such file");
  }
  return path;
}

struct IncludedFile {
  std::string path;
  Csv table;
};

/// A table distributed with Newtape.
IncludedFile read_included(const std::string& name, const CsvOptions& options) {
  auto path = find_included(name, name + ".csv");
  Csv table = read_csv(path, options);
  return {std::move(path), std::move(table)};
}

/// A table of `n` rows whose last column is the target: a class if `classes` is not empty, else a number.
Table read_table(const std::string& name, std::int64_t n, std::int64_t d, std::vector<std::string> classes,
                 DType dtype) {
  auto [path, table] = read_included(name, {.header = CsvOptions::Header::yes, .dtype = dtype});
  if (table.values.shape() != Shape{n, d + 1}) {
    raise<IoError>(fmt::format("{}: '{}' has the wrong shape", name, path), to_string(Shape{n, d + 1}),
                   to_string(table.values.shape()));
  }
  Array target = core::contiguous(core::select(table.values, 1, d));
  auto names = std::move(table.columns);
  if (classes.empty()) {
    classes = {names.back()};
  } else {
    target = core::cast(target, i64);
  }
  names.pop_back();
  return {Dataset{{"features", core::contiguous(core::slice(table.values, 1, 0, d))}, {"target", target}},
          std::move(names), std::move(classes)};
}

}  // namespace

const char* const fashion_mnist_classes[10] = {"T-shirt/top", "trouser", "pullover", "dress", "coat",
                                               "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};

TrainTest fashion_mnist(const std::string& directory) {
  std::vector<std::string> directories;
  if (!directory.empty()) {
    directories = {directory};
  } else {
    if (const auto data = data_directory(); !data.empty()) directories = {data + "/fashion-mnist", data};
    directories.emplace_back("/usr/share/datasets/fashion-mnist");
  }
  return {read_pair(directories, "train", 10), read_pair(directories, "t10k", 10)};
}

TrainTest digits() {
  const auto [path, table] = read_included("digits", {.header = CsvOptions::Header::no, .dtype = f32});
  const auto n = table.rows();
  if (table.values.shape(1) != 65 || n <= 297) {
    raise<IoError>(fmt::format("digits: '{}' has the wrong shape", path), "64 pixels and a label in each of 1797 rows",
                   to_string(table.values.shape()));
  }
  const Array pixels = core::slice(table.values, 1, 0, 64) * (1 / 16.);
  const Array labels = core::cast(core::contiguous(core::select(table.values, 1, 64)), i64);
  const Dataset all{{"images", core::reshape(pixels, {n, 8, 8})}, {"labels", labels}};
  auto [train, test] = std::pair(all[Range{0, n - 297}], all[Range{n - 297, n}]);
  return {std::move(train), std::move(test)};
}

Table iris(DType dtype) { return read_table("iris", 150, 4, {"setosa", "versicolor", "virginica"}, dtype); }
Table wine(DType dtype) { return read_table("wine", 178, 13, {"class_0", "class_1", "class_2"}, dtype); }
Table breast_cancer(DType dtype) { return read_table("breast_cancer", 569, 30, {"malignant", "benign"}, dtype); }
Table diabetes(DType dtype) { return read_table("diabetes", 442, 10, {}, dtype); }

Dataset sunspots(DType dtype) {
  const auto [path, table] = read_included("sunspots", {.header = CsvOptions::Header::yes, .dtype = dtype});
  if (table.values.shape() != Shape{309, 2}) {
    raise<IoError>(fmt::format("sunspots: '{}' has the wrong shape", path), "year and number in each of 309 rows",
                   to_string(table.values.shape()));
  }
  return {{"year", core::contiguous(table["year"])}, {"number", core::contiguous(table["number"])}};
}

std::string pride_and_prejudice() {
  const std::string name = "pride_and_prejudice";
  return detail::Input(name, find_included(name, name + ".txt")).read_all();
}

}  // namespace newtape::data
