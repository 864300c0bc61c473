// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/loading/transforms.hpp>
#include <newtape/data/sets/cifar.hpp>
#include <newtape/data/sets/find_file.hpp>
#include <newtape/data/sets/labels.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace newtape::data {
namespace {

constexpr std::size_t image_bytes = std::size_t{3} * 32 * 32;

TrainTest read_sets(const std::string& name, const std::string& directory, const std::string& folder,
                    const std::vector<std::string>& files, CifarFormat format) {
  std::vector<std::string> directories = {directory};
  if (directory.empty()) {
    const auto data = detail::data_directory();
    directories = data.empty() ? std::vector<std::string>{"."} : std::vector<std::string>{data + "/" + folder, data};
  }
  std::vector<std::string> paths;
  for (const auto& file : files) {
    paths.push_back(detail::find_file(directories, file));
    if (!paths.back().empty()) continue;
    raise<IoError>(name + ": the data are not there",
                   fmt::format("{} in {}; unpack {}-binary.tar.gz of www.cs.toronto.edu/~kriz/cifar.html and set "
                               "NEWTAPE_DATA to the directory above it",
                               file, fmt::join(directories, " or "), name == "cifar10" ? "cifar-10" : "cifar-100"),
                   "no such file");
  }
  const std::string test = paths.back();
  paths.pop_back();
  return {read_cifar(paths, format), read_cifar({test}, format)};
}

}  // namespace

const char* const cifar10_classes[10] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                         "dog",      "frog",       "horse", "ship", "truck"};

Dataset read_cifar(const std::vector<std::string>& paths, CifarFormat format) {
  const std::vector<int> classes = format == CifarFormat::cifar10 ? std::vector<int>{10} : std::vector<int>{20, 100};
  const std::size_t record = classes.size() + image_bytes;
  std::string images;
  std::vector<std::vector<std::int64_t>> labels(classes.size());
  for (const auto& path : paths) {
    detail::Input file("read_cifar", path);
    const std::string bytes = file.read_all();
    if (bytes.empty() || bytes.size() % record != 0) {
      file.fail(fmt::format("byte {}: truncated image", bytes.size()),
                fmt::format("images of {} bytes, at least one", record), fmt::format("{} bytes", bytes.size()));
    }
    for (std::size_t at = 0; at < bytes.size(); at += record) {
      for (std::size_t k = 0; k < classes.size(); ++k) {
        const int label = static_cast<unsigned char>(bytes[at + k]);
        if (label >= classes[k]) {
          file.fail(fmt::format("byte {}: label of image {} out of range", at + k, at / record),
                    fmt::format("below {}", classes[k]), std::to_string(label));
        }
        labels[k].push_back(label);
      }
      images.append(bytes, at + classes.size(), image_bytes);
    }
  }
  Array pixels = Array::empty({static_cast<std::int64_t>(labels[0].size()), 3, 32, 32}, u8);
  std::copy(images.begin(), images.end(), reinterpret_cast<char*>(pixels.data<std::uint8_t>()));
  std::vector<Array> arrays{std::move(pixels), detail::index_array(labels.back())};
  std::vector<std::string> names{"images", "labels"};
  if (labels.size() > 1) {
    arrays.push_back(detail::index_array(labels[0]));
    names.emplace_back("coarse_labels");
  }
  return Dataset(std::move(arrays), std::move(names)).map(to_float());
}

TrainTest cifar10(const std::string& directory) {
  return read_sets("cifar10", directory, "cifar-10-batches-bin",
                   {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
                    "test_batch.bin"},
                   CifarFormat::cifar10);
}

TrainTest cifar100(const std::string& directory) {
  return read_sets("cifar100", directory, "cifar-100-binary", {"train.bin", "test.bin"}, CifarFormat::cifar100);
}

}  // namespace newtape::data
