// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/loading/dataset.hpp>

#include <string>
#include <vector>

namespace newtape::data {

struct ImageFolder {
  Dataset set;                       ///< "images" f32 [n, h, w] in [0, 1], "labels" i64 [n]
  std::vector<std::string> classes;  ///< folder names, sorted: label k denotes classes[k]
  std::vector<std::string> files;    ///< path of each image
};

/// Reads directory/<class>/<image> as grey, in sorted order; ignores files other than .png, .jpg, .jpeg, .bmp and .pgm.
/// IoError if there are none or one cannot be read; ShapeError naming an image that differs in size from the first.
ImageFolder image_folder(const std::string& directory);

}  // namespace newtape::data
