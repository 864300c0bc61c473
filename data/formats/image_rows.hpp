// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/image.hpp>

#include <cstdint>

namespace newtape::data::detail {

class Input;

/// What a header says of an image.
struct ImageHeader {
  std::int64_t width = 0, height = 0;
  int channels = 1;              ///< of the rows: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha
  std::int64_t max_value = 255;  ///< of a sample
  int orientation = 1;           ///< 1 to 8, of EXIF
};

/// ImageMode's channels; those of the file for `unchanged`.
int channels_of(ImageMode mode, int channels_of_file);

/// Rejects an image of more than max_pixels, or of none.
void check_pixels(const Input& file, std::int64_t width, std::int64_t height, const ReadImageOptions& options);

/// The array of an image, filled row by row, as a decoder gives them; converts channels, dtype, layout and orientation
/// on the way, so that no other copy of the image is needed.
class ImageRows {
 public:
  /// Checks the size and allocates.
  ImageRows(const Input& file, const ImageHeader& header, const ReadImageOptions& options);

  /// Row y of the file: width * channels samples.
  void store(std::int64_t y, const std::uint8_t* samples);
  void store(std::int64_t y, const std::uint16_t* samples);

  Array take() { return std::move(image_); }

 private:
  template <class Sample>
  void store_as_dtype(std::int64_t y, const Sample* samples);

  ImageHeader header_;
  int channels_;  ///< of the array
  std::int64_t first_, step_y_, step_x_, step_channel_;
  Array image_;
};

}  // namespace newtape::data::detail
