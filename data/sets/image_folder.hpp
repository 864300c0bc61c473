// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/image.hpp>
#include <newtape/data/loading/dataset.hpp>

#include <string>
#include <vector>

namespace newtape::data {

struct ImageFolderOptions {
  ReadImageOptions read = {.mode = ImageMode::rgb};  ///< how the images are decoded
  /// Applied to each image on its own, as a batch {"images" [1, c, h, w], "labels" [1]}, e.g. `compose({resize(256),
  /// center_crop(224, 224)})`: after it, the images of a batch must have one size.
  Transform transform = {};
};

/// A data set of image files: the result of image_folder.
struct ImageFolder {
  Dataset set;                       ///< batches "images" [n, c, h, w], "labels" i64 [n]
  std::vector<std::string> classes;  ///< folder names, sorted: label k denotes classes[k]
  std::vector<std::string> files;    ///< path of each image
  Array labels;                      ///< i64 [n], e.g. for stratified_split
};

/// The images directory/<class>/<image>, in sorted order, decoded when a batch is made, by the loader's workers; files
/// other than .png, .jpg, .jpeg, .bmp, .pgm and .ppm are ignored. The set stores "index" and "labels" only. IoError if
/// there are no images; when a batch is made, IoError naming a file that cannot be read, ShapeError for different sizes.
ImageFolder image_folder(const std::string& directory, const ImageFolderOptions& options = {});

}  // namespace newtape::data
