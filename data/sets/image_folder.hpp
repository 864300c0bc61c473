// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/loading/dataset.hpp>

#include <string>
#include <vector>

namespace newtape::data {

struct ImageFolder {
  Dataset set;                       ///< "images" f32 [n, h, w] in [0, 1], "labels" i64 [n]
  std::vector<std::string> classes;  ///< the folders' names, sorted: label k stands for classes[k]
  std::vector<std::string> files;    ///< where each image came from
};

/// Reads directory/<class>/<picture>, grey, in sorted order; what does not end in .png, .jpg, .jpeg, .bmp or .pgm is
/// left out. IoError when there is none, or when one cannot be read; ShapeError naming one of another size than the
/// first.
ImageFolder image_folder(const std::string& directory);

}  // namespace newtape::data
