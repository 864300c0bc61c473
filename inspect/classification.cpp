// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/inspect/classification.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace newtape::inspect {

Array confusion_matrix(const ArrayLike& predicted, const ArrayLike& target, std::int64_t classes) {
  if (predicted.shape() != target.shape() || target.ndim() != 1) {
    raise<ShapeError>("confusion_matrix: predictions and targets must have the same shape",
                      "two arrays of equal shape [n]",
                      to_string(predicted.shape()) + " and " + to_string(target.shape()));
  }
  Array counts = core::zeros({classes, classes}, i64);
  const Array p = core::contiguous(predicted);
  const Array t = core::contiguous(target);
  for (std::int64_t i = 0; i < t.size(); ++i) {
    const auto from = t.data<std::int64_t>()[i];
    const auto to = p.data<std::int64_t>()[i];
    if (from < 0 || from >= classes || to < 0 || to >= classes) {
      raise<ValueError>("confusion_matrix: class out of range", "0 to " + std::to_string(classes - 1),
                        "target " + std::to_string(from) + ", prediction " + std::to_string(to));
    }
    ++counts.data<std::int64_t>()[from * classes + to];
  }
  return counts;
}

double accuracy(const ArrayLike& confusion) {
  const auto counts = confusion.view<std::int64_t>();
  double right = 0;
  double all = 0;
  for (std::size_t i = 0; i < counts.shape(0); ++i) {
    right += static_cast<double>(counts(i, i));
    for (std::size_t j = 0; j < counts.shape(1); ++j) all += static_cast<double>(counts(i, j));
  }
  return all == 0 ? 0 : right / all;
}

std::string format_confusion(const ArrayLike& confusion, std::span<const char* const> names) {
  const auto counts = confusion.view<std::int64_t>();
  const std::size_t n = counts.shape(0);
  const auto name_of = [&](std::size_t i) { return i < names.size() ? std::string(names[i]) : std::to_string(i); };
  std::size_t width = 5;
  for (std::size_t i = 0; i < n; ++i) width = std::max(width, name_of(i).size());
  std::string text = fmt::format("{:>{}} |", "true", width);
  for (std::size_t j = 0; j < n; ++j) text += fmt::format(" {:>5.5}", name_of(j));
  text += " | found\n";
  for (std::size_t i = 0; i < n; ++i) {
    double row = 0;
    text += fmt::format("{:>{}} |", name_of(i), width);
    for (std::size_t j = 0; j < n; ++j) {
      row += static_cast<double>(counts(i, j));
      text += counts(i, j) == 0 ? fmt::format(" {:>5}", ".") : fmt::format(" {:>5}", counts(i, j));
    }
    text += fmt::format(" | {:5.1f}%\n", row == 0 ? 0.0 : 100 * static_cast<double>(counts(i, i)) / row);
  }
  return text;
}

namespace {
/// The lines of the image; every character shows two vertically adjacent pixels in 24 greys.
std::vector<std::string> image_lines(const Array& image, int columns) {
  if (image.ndim() != 2) {
    raise<ShapeError>("draw_image: the image must have two axes", "[h, w]", to_string(image.shape()));
  }
  const Array grey = core::contiguous(core::cast(image, f64));
  const auto h = grey.shape(0);
  const auto w = grey.shape(1);
  const auto step = std::max<std::int64_t>(1, (w + columns - 1) / columns);
  const auto shade = [&](std::int64_t y, std::int64_t x) {
    if (y >= h) return 232;
    const double v = std::min(1.0, std::max(0.0, grey.data<double>()[y * w + x]));
    return 232 + static_cast<int>(v * 23);  // grey ramp of 256-colour terminals
  };
  std::vector<std::string> lines;
  for (std::int64_t y = 0; y < h; y += 2 * step) {
    std::string line;
    for (std::int64_t x = 0; x < w; x += step) {
      line += fmt::format("\033[38;5;{};48;5;{}m\u2580", shade(y, x), shade(y + step, x));
    }
    lines.push_back(line + "\033[0m");
  }
  return lines;
}
}  // namespace

std::string draw_image(const ArrayLike& image, int columns) {
  std::string text;
  for (const auto& line : image_lines(image, columns)) text += line + "\n";
  return text;
}

std::string draw_images(std::span<const Array> images, std::span<const std::string> captions, int columns) {
  std::vector<std::string> lines;
  std::string below;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto one = image_lines(images[i], columns);
    if (lines.size() < one.size()) lines.resize(one.size());
    for (std::size_t k = 0; k < one.size(); ++k) lines[k] += one[k] + "  ";
    const auto w = images[i].shape(1);
    const auto step = std::max<std::int64_t>(1, (w + columns - 1) / columns);
    const auto width = static_cast<std::size_t>((w + step - 1) / step);
    below += fmt::format("{:<{}}  ", (i < captions.size() ? captions[i] : std::string()).substr(0, width), width);
  }
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text + below + "\n";
}

}  // namespace newtape::inspect
