// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/data/formats/image_formats.hpp>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace newtape::data {
namespace {

void check_read_options(const char* op, const ReadImageOptions& options) {
  if (!is_floating(options.dtype) && options.dtype != u8) {
    raise<DTypeError>(std::string(op) + ": wrong dtype for images", "f32, f64 or u8", std::string(name(options.dtype)));
  }
  if (options.max_pixels < 1) {
    raise<ValueError>(std::string(op) + ": invalid max_pixels", "at least 1", std::to_string(options.max_pixels));
  }
}

Array decode(const detail::Input& file, std::string_view bytes, const ReadImageOptions& options) {
  const auto starts = [&](std::string_view magic) { return bytes.substr(0, magic.size()) == magic; };
  if (starts("P5") || starts("P6")) return detail::read_pnm(file, bytes, options);
  if (starts("\x89PNG\r\n\x1a\n")) return detail::read_png(file, bytes, options);
  if (starts("\xff\xd8")) return detail::read_jpeg(file, bytes, options);
  if (starts("BM")) return detail::read_bmp(file, bytes, options);
  file.fail("byte 0: unknown image format", "a PNG, JPEG, BMP, PGM or PPM picture");
}

void write_whole(const char* op, const std::string& path, const std::string& bytes) {
  detail::Output file(op, path);
  file.write(bytes);
  file.commit();
}

}  // namespace

Array read_image(const std::string& path, const ReadImageOptions& options) {
  check_read_options("read_image", options);
  detail::Input file("read_image", path);
  return decode(file, file.read_all(), options);
}

Array decode_image(std::string_view bytes, const ReadImageOptions& options, const std::string& name) {
  check_read_options("decode_image", options);
  return decode(detail::Input("decode_image", name, {}), bytes, options);
}

void write_png(const std::string& path, const ArrayLike& image, const WriteImageOptions& options) {
  write_whole("write_png", path, encode_png(image, options));
}

void write_jpeg(const std::string& path, const ArrayLike& image, const WriteImageOptions& options) {
  write_whole("write_jpeg", path, encode_jpeg(image, options));
}

void write_image(const std::string& path, const ArrayLike& image, const WriteImageOptions& options) {
  std::string end = path.substr(std::min(path.rfind('.'), path.size()));
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (end == ".png") return write_whole("write_image", path, encode_png(image, options));
  if (end == ".jpg" || end == ".jpeg") return write_whole("write_image", path, encode_jpeg(image, options));
  if (end == ".pgm" || end == ".ppm" || end == ".pnm") {
    return write_whole("write_image", path, encode_pnm(image, options));
  }
  raise<ValueError>("write_image: unknown format", "a path that ends in .png, .jpg, .jpeg, .pgm, .ppm or .pnm", path);
}

}  // namespace newtape::data
