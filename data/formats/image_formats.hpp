// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/image.hpp>

#include <string_view>
#include <vector>

/// The formats of images, each in a file of its own. All errors of readers are IoErrors that name `file` and the offset.
namespace newtape::data::detail {

class Input;

/// PNG, by libpng.
Array read_png(const Input& file, std::string_view bytes, const ReadImageOptions& options);
/// JPEG, by libjpeg.
Array read_jpeg(const Input& file, std::string_view bytes, const ReadImageOptions& options);
/// BMP without compression.
Array read_bmp(const Input& file, std::string_view bytes, const ReadImageOptions& options);
/// PGM (P5) or PPM (P6) with one or two bytes per sample.
Array read_pnm(const Input& file, std::string_view bytes, const ReadImageOptions& options);

/// Samples of 8 bits: the channels of a pixel side by side, rows from the top.
struct Samples {
  std::int64_t height = 0, width = 0;
  int channels = 1;
  std::vector<unsigned char> bytes = {};

  std::size_t row_bytes() const { return static_cast<std::size_t>(width * channels); }
  const unsigned char* row(std::int64_t y) const { return bytes.data() + static_cast<std::size_t>(y) * row_bytes(); }
};

/// Rounds an image [h, w] or [c, h, w] in [0, 1]; ShapeError naming `op` unless it has an allowed number of channels:
/// 1 to 4, or if not `alpha` 1 or 3.
Samples to_samples(std::string_view op, const ArrayLike& image, ImageLayout layout, bool alpha);

}  // namespace newtape::data::detail
