// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/inspect/terminal/draw_image.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

namespace newtape::inspect {
namespace {

/// Each line shows two adjacent rows of pixels, every `step`-th of them: in 24 greys, or by how dense a character is.
std::vector<std::string> image_lines(const Array& image, std::int64_t step, bool colour) {
  const Array grey = core::contiguous(core::cast(image, f64));
  const auto h = grey.shape(0);
  const auto w = grey.shape(1);
  const auto brightness = [&](std::int64_t y, std::int64_t x) {
    const double v = y < h ? grey.data<double>()[y * w + x] : 0;
    return std::isnan(v) ? 0 : std::clamp(v, 0.0, 1.0);
  };
  constexpr std::string_view density = " .:-=+*#%@";
  std::vector<std::string> lines;
  for (std::int64_t y = 0; y < h; y += 2 * step) {
    std::string line;
    for (std::int64_t x = 0; x < w; x += step) {
      const double upper = brightness(y, x);
      const double lower = brightness(y + step, x);
      if (colour) {
        const auto shade = [](double v) {
          return 232 + static_cast<int>(v * 23);
        };  // grey ramp of 256-colour terminals
        line += fmt::format("\033[38;5;{};48;5;{}m\u2580", shade(upper), shade(lower));
      } else {
        const double both = y + step < h ? (upper + lower) / 2 : upper;
        line += density[static_cast<std::size_t>(std::lround(both * static_cast<double>(density.size() - 1)))];
      }
    }
    lines.push_back(colour ? line + "\033[0m" : line);
  }
  return lines;
}

std::int64_t pixel_step(const Array& image, int columns) {
  if (image.ndim() != 2) {
    raise<ShapeError>("draw_image: the image must have two axes", "[h, w]", to_string(image.shape()));
  }
  if (columns < 1) raise<ValueError>("draw_image: there must be columns", "1 or more", std::to_string(columns));
  return std::max<std::int64_t>(1, (image.shape(1) + columns - 1) / columns);
}

}  // namespace

std::string draw_image(const ArrayLike& image, const DrawImageOptions& options) {
  const auto step = pixel_step(image, options.columns);
  std::string text;
  for (const auto& line : image_lines(image, step, detail::use_colour(options.colour, stdout))) text += line + "\n";
  return text;
}

std::string draw_images(std::span<const Array> images, std::span<const std::string> captions,
                        const DrawImageOptions& options) {
  const bool colour = detail::use_colour(options.colour, stdout);
  std::vector<std::string> lines;
  std::string below;
  std::size_t left = 0;  // columns of the images so far
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto step = pixel_step(images[i], options.columns);
    const auto one = image_lines(images[i], step, colour);
    if (lines.size() < one.size()) lines.resize(one.size(), std::string(left, ' '));
    const auto width = static_cast<std::size_t>((images[i].shape(1) + step - 1) / step);
    for (std::size_t k = 0; k < lines.size(); ++k) {
      lines[k] += (k < one.size() ? one[k] : std::string(width, ' ')) + "  ";
    }
    left += width + 2;
    const std::string caption = detail::cut_to_width(i < captions.size() ? captions[i] : std::string(), width);
    below += caption + std::string(width - detail::text_width(caption) + 2, ' ');
  }
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text + below + "\n";
}

}  // namespace newtape::inspect
