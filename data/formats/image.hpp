// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>

#include <string>
#include <string_view>

namespace newtape::data {

/// Channels of an image that is read: one has no channel axis, [h, w]; the others are 2, 3 or 4 channels, alpha last.
/// Grey is 0.299 r + 0.587 g + 0.114 b (ITU-R BT.601), alpha is dropped, not blended, and opaque where there is none.
enum class ImageMode {
  grey,
  grey_alpha,
  rgb,
  rgb_alpha,
  unchanged,  ///< those of the file; palettes and CMYK are RGB
};

/// Where the channel axis is: [c, h, w], as the layers of nn take images, or [h, w, c].
enum class ImageLayout { channels_first, channels_last };

/// Options of read_image and decode_image.
struct ReadImageOptions {
  ImageMode mode = ImageMode::grey;
  ImageLayout layout = ImageLayout::channels_first;
  DType dtype = f32;                                ///< f32 or f64, values in [0, 1]; u8: bytes from 0 to 255
  bool apply_exif_orientation = false;              ///< turns and mirrors as the camera noted (JPEG, PNG)
  std::int64_t max_pixels = std::int64_t{1} << 27;  ///< larger images are an IoError
};

/// Reads a PNG, JPEG, BMP, PGM or PPM image: by default as grey, f32 [h, w] in [0, 1]; samples of 16 bits keep their
/// digits. IoError with the offset for other, corrupt or truncated files, and for PNG and JPEG if Newtape was built
/// without libpng or libjpeg. Memory is taken in proportion to the pixels that the file's size can hold.
Array read_image(const std::string& path, const ReadImageOptions& options = {});
/// The same from the bytes of a file, which errors call `name`.
Array decode_image(std::string_view bytes, const ReadImageOptions& options = {}, const std::string& name = "bytes");

/// Options of the functions that write images.
struct WriteImageOptions {
  ImageLayout layout = ImageLayout::channels_first;
  int quality = 75;  ///< of JPEG, 1 to 100 (ValueError)
};

/// The bytes of a PNG file, 8 bits a sample: an image [h, w], or [c, h, w] of 1 to 4 channels as in ImageMode, with values
/// in [0, 1], others are cut off, NaN is 0; or of u8, from 0 to 255. ShapeError.
std::string encode_png(const ArrayLike& image, const WriteImageOptions& options = {});
/// The same as JPEG, without alpha: 1 or 3 channels, colour at half the resolution. IoError if built without libjpeg.
std::string encode_jpeg(const ArrayLike& image, const WriteImageOptions& options = {});
/// The same as PGM (1 channel) or PPM (3 channels).
std::string encode_pnm(const ArrayLike& image, const WriteImageOptions& options = {});

/// Writes an image as PNG, JPEG, PGM or PPM, as the end of the path says (.png, .jpg, .jpeg, .pgm, .ppm, .pnm; ValueError
/// for others). The file is replaced atomically. ShapeError, IoError.
void write_image(const std::string& path, const ArrayLike& image, const WriteImageOptions& options = {});
/// The same as PNG or JPEG, whatever the path's end.
void write_png(const std::string& path, const ArrayLike& image, const WriteImageOptions& options = {});
void write_jpeg(const std::string& path, const ArrayLike& image, const WriteImageOptions& options = {});

}  // namespace newtape::data
