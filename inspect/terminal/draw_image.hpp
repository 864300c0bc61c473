// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array_like.hpp>
#include <newtape/inspect/terminal/terminal.hpp>

#include <span>
#include <string>

namespace newtape::inspect {

/// Options of draw_image and draw_images.
struct DrawImageOptions {
  int columns = 28;                   ///< at most, for one image
  Colour colour = Colour::automatic;  ///< of the standard output: without colour, pixels are characters " .:-=+*#%@"
};

/// A grey image [h, w] (0 dark, 1 bright, NaN as 0) as terminal text: two pixel rows per line. ShapeError unless it has
/// two axes, ValueError unless columns >= 1.
std::string draw_image(const ArrayLike& image, const DrawImageOptions& options = {});
/// Several images side by side, captions below.
std::string draw_images(std::span<const Array> images, std::span<const std::string> captions,
                        const DrawImageOptions& options = {});

}  // namespace newtape::inspect
