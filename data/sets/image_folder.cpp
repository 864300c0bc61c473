// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/index.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/data/sets/image_folder.hpp>
#include <newtape/data/sets/labels.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace newtape::data {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> sorted(const fs::path& directory, bool (*wanted)(const fs::path&)) {
  std::error_code failed;
  std::vector<fs::path> found;
  for (auto at = fs::directory_iterator(directory, failed); !failed && at != fs::directory_iterator();
       at.increment(failed)) {
    if (wanted(at->path())) found.push_back(at->path());
  }
  if (failed) {
    raise<IoError>(fmt::format("image_folder: '{}' cannot be read", directory.string()), "a directory",
                   failed.message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_picture(const fs::path& path) {
  auto end = path.extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".png" || end == ".jpg" || end == ".jpeg" || end == ".bmp" || end == ".pgm";
}

}  // namespace

ImageFolder image_folder(const std::string& directory) {
  ImageFolder result;
  std::vector<Array> images;
  std::vector<std::int64_t> labels;
  for (const auto& folder : sorted(directory, is_folder)) {
    const auto label = static_cast<std::int64_t>(result.classes.size());
    result.classes.push_back(folder.filename().string());
    for (const auto& file : sorted(folder, is_picture)) {
      images.push_back(read_image(file.string()));
      labels.push_back(label);
      result.files.push_back(file.string());
      if (images.back().shape() != images.front().shape()) {
        raise<ShapeError>(fmt::format("image_folder: '{}' differs in size from the first", file.string()),
                          to_string(images.front().shape()), to_string(images.back().shape()));
      }
    }
  }
  if (images.empty()) {
    raise<IoError>(fmt::format("image_folder: '{}' contains no images", directory), "images in one folder per class",
                   fmt::format("{} folders without images", result.classes.size()));
  }
  result.set = Dataset{{"images", core::stack(images)}, {"labels", detail::index_array(labels)}};
  return result;
}

}  // namespace newtape::data
