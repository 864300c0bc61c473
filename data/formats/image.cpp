// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/data/formats/image_check.hpp>
#include <newtape/data/formats/pnm.hpp>

#include <algorithm>
#include <limits>
#include <memory>

#include <cstdlib>

#if defined(NEWTAPE_HAVE_STB)
#define STB_IMAGE_STATIC
// Zeroed: the JPEG decoder uses Huffman tables that a corrupt picture references but does not define.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(p, size) std::realloc(p, size)
#define STBI_FREE(p) std::free(p)
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG  // on corrupt input the other decoders run for minutes or read out of bounds
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#include <stb_image.h>
#endif

namespace newtape::data {

namespace {

Array decode(const detail::Input& file, const std::string& bytes);

}  // namespace

Array read_image(const std::string& path) {
  detail::Input file("read_image", path);
  const std::string bytes = file.read_all();
  const auto starts = [&](std::string_view magic) { return bytes.compare(0, magic.size(), magic) == 0; };
  if (starts("P5") || starts("P6")) return detail::read_pnm(file, bytes);
  if (starts("\x89PNG\r\n\x1a\n")) {
    detail::check_png(file, bytes);
  } else if (starts("\xff\xd8")) {
    detail::check_jpeg(file, bytes);
  } else if (starts("BM")) {
    detail::check_bmp(file, bytes);
  } else {
    file.fail("byte 0: unknown image format", "a PNG, JPEG, BMP, PGM or PPM picture");
  }
  return decode(file, bytes);
}

#if defined(NEWTAPE_HAVE_STB)

namespace {

Array decode(const detail::Input& file, const std::string& bytes) {
  if (bytes.size() > std::numeric_limits<int>::max()) file.fail("the file is too large");
  int width = 0;
  int height = 0;
  int channels = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> pixels(
      stbi_load_from_memory(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()),
                            &width, &height, &channels, 1),
      stbi_image_free);
  if (pixels == nullptr) file.fail("the picture cannot be decoded", {}, stbi_failure_reason());
  Array image = Array::empty({height, width}, f32);
  std::transform(pixels.get(), pixels.get() + image.size(), image.data<float>(),
                 [](unsigned char v) { return static_cast<float>(v) / 255.0F; });
  return image;
}

}  // namespace

#else

namespace {

Array decode(const detail::Input& file, const std::string&) {
  file.fail("cannot be decoded", "Newtape built with stb (libstb-dev)", "built without stb");
}

}  // namespace

#endif

}  // namespace newtape::data
