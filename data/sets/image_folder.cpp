// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/index.hpp>
#include <newtape/data/loading/lazy.hpp>
#include <newtape/data/sets/image_folder.hpp>
#include <newtape/data/sets/labels.hpp>

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <memory>
#include <numeric>
#include <system_error>
#include <utility>

namespace newtape::data {
namespace {

/// Sorted names of the directory's entries that are wanted. By opendir: libstdc++'s iterator ends the program where memory
/// fails.
std::vector<std::string> sorted(const std::string& directory, bool (*wanted)(const std::string& path)) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  const auto fail = [&] {
    raise<IoError>(fmt::format("image_folder: '{}' cannot be read", directory), "a directory",
                   std::generic_category().message(errno));
  };
  if (open == nullptr) fail();
  std::vector<std::string> found;
  errno = 0;
  while (const dirent* const entry = ::readdir(open.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != ".." && wanted(directory + "/" + name)) found.push_back(std::move(name));
    errno = 0;
  }
  if (errno != 0) fail();
  std::sort(found.begin(), found.end());
  return found;
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_picture(const std::string& path) {
  std::string end = path.substr(std::min(path.rfind('.'), path.size()));
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".png" || end == ".jpg" || end == ".jpeg" || end == ".bmp" || end == ".pgm" || end == ".ppm";
}

/// Reads image `path` and transforms it.
Batch read_example(const std::string& path, std::int64_t label, const ImageFolderOptions& options,
                   Generator& generator) {
  const Array image = read_image(path, options.read);
  Batch batch{core::unsqueeze(image, 0), detail::index_array({label})};
  if (options.transform != nullptr) batch = options.transform(std::move(batch), generator);
  std::vector<Array> arrays;
  for (const auto& a : batch) {
    if (a.ndim() == 0 || a.shape(0) != 1) {
      raise<ShapeError>(fmt::format("image_folder: '{}': the transform must keep one example", path), "[1, ..]",
                        to_string(a.shape()));
    }
    arrays.push_back(core::select(a, 0, 0));
  }
  return Batch(std::move(arrays));
}

}  // namespace

ImageFolder image_folder(const std::string& directory, const ImageFolderOptions& options) {
  ImageFolder result;
  std::vector<std::int64_t> labels;
  const std::string root =
      directory.size() > 1 && directory.back() == '/' ? directory.substr(0, directory.size() - 1) : directory;
  result.classes = sorted(root, is_folder);
  for (std::size_t label = 0; label < result.classes.size(); ++label) {
    const std::string folder = root + "/" + result.classes[label];
    for (const auto& file : sorted(folder, is_picture)) {
      labels.push_back(static_cast<std::int64_t>(label));
      result.files.push_back(folder + "/" + file);
    }
  }
  if (labels.empty()) {
    raise<IoError>(fmt::format("image_folder: '{}' contains no images", directory), "images in one folder per class",
                   fmt::format("{} folders without images", result.classes.size()));
  }
  result.labels = detail::index_array(labels);
  std::vector<std::int64_t> index(labels.size());
  std::iota(index.begin(), index.end(), 0);
  const auto make = [files = result.files, labels, options](std::int64_t i, Generator& generator) {
    const auto at = static_cast<std::size_t>(i);
    return read_example(files[at], labels[at], options, generator);
  };
  result.set = Dataset{{"index", detail::index_array(index)}, {"labels", result.labels}}.map(
      [make, names = LazyOptions{.names = {"images", "labels"}}](const Batch& batch, Generator& generator) {
        const auto* first = batch[0].data<std::int64_t>();
        return detail::make_batch({first, static_cast<std::size_t>(batch[0].size())}, make, names, generator);
      });
  return result;
}

}  // namespace newtape::data
