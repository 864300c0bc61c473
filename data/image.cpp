// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/elementwise.hpp>
#include <newtape/data/image.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#if defined(NEWTAPE_HAVE_STB)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG  // some of the other formats have decoders that a few bytes keep busy for minutes
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#include <stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>
#endif

namespace newtape::data {

#if defined(NEWTAPE_HAVE_STB)

Array read_image(const std::string& path) {
  int width = 0;
  int height = 0;
  int channels = 0;
  // What a header claims is not believed where even the best packed picture of that size would be a longer file.
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(path, unknown);
  if (!unknown && stbi_info(path.c_str(), &width, &height, &channels) != 0 &&
      static_cast<double>(width) * height > 8200.0 * static_cast<double>(bytes)) {
    raise<IoError>("read_image: " + path + " breaks off",
                   std::to_string(width) + " x " + std::to_string(height) + " pixels",
                   std::to_string(bytes) + " bytes");
  }
  const std::unique_ptr<unsigned char, void (*)(void*)> pixels(stbi_load(path.c_str(), &width, &height, &channels, 1),
                                                               stbi_image_free);
  if (pixels == nullptr) {
    raise<IoError>("read_image: " + path + " cannot be read", "a PNG, JPEG, BMP or PGM picture", stbi_failure_reason());
  }
  Array image = Array::empty({height, width}, f32);
  std::transform(pixels.get(), pixels.get() + image.size(), image.data<float>(),
                 [](unsigned char v) { return static_cast<float>(v) / 255.0F; });
  return image;
}

void write_png(const std::string& path, const Array& image) {
  if (image.ndim() != 2 || image.size() == 0) {
    raise<ShapeError>("write_png: an image has two axes", "[h, w]", to_string(image.shape()));
  }
  const Array grey = core::contiguous(core::cast(image, f32));
  std::vector<unsigned char> pixels(static_cast<std::size_t>(grey.size()));
  std::transform(grey.data<float>(), grey.data<float>() + grey.size(), pixels.begin(),
                 [](float v) { return static_cast<unsigned char>(std::lround(255.0F * std::clamp(v, 0.0F, 1.0F))); });
  const int width = static_cast<int>(grey.shape(1));
  if (stbi_write_png(path.c_str(), width, static_cast<int>(grey.shape(0)), 1, pixels.data(), width) == 0) {
    raise<IoError>("write_png: " + path + " cannot be written");
  }
}

#else

Array read_image(const std::string& path) {
  raise<IoError>("read_image: " + path + " cannot be read", "a Newtape built with stb (libstb-dev)", "one without");
}

void write_png(const std::string& path, const Array&) {
  raise<IoError>("write_png: " + path + " cannot be written", "a Newtape built with stb (libstb-dev)", "one without");
}

#endif

}  // namespace newtape::data
