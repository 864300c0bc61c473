// SPDX-License-Identifier: BSD-3-Clause
// Augments colour pictures, decoded by the loader's workers, and writes a sheet with eight random versions of each.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

#include <cmath>
#include <filesystem>

namespace nt = newtape;
namespace data = nt::data;

/// A ball above the sea, [3, h, w]: the example needs no files.
nt::Array draw_scene(std::int64_t h, std::int64_t w) {
  nt::Array image = nt::Array::empty({3, h, w}, nt::f32);
  for (std::int64_t i = 0; i < h * w; ++i) {
    const double y = static_cast<double>(i / w) / static_cast<double>(h);
    const double x = static_cast<double>(i % w) / static_cast<double>(w);
    const bool ball = std::hypot(x - 0.4, y - 0.45) < 0.25;
    const double light = ball ? 1 - 2 * std::hypot(x - 0.33, y - 0.37) : y < 0.6 ? 0.6 + 0.6 * y : 0.4;
    const double colours[] = {ball ? light : 0.4 * light, (ball ? 0.3 : 0.8) * light, (ball ? 0.1 : 1) * light};
    for (std::int64_t c = 0; c < 3; ++c) image.data<float>()[c * h * w + i] = static_cast<float>(colours[c]);
  }
  return image;
}

int main(int argc, char** argv) {
  std::string folder;
  std::string sheet = "augmented.png";
  CLI::App app{"Writes a sheet of augmented pictures."};
  app.add_option("folder", folder, "folder/<class>/<picture>; without it, drawn pictures");
  app.add_option("--sheet", sheet, "file to write (.png, .jpg, .ppm)")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  try {
    if (folder.empty()) {
      folder = "drawn_pictures";
      for (int i = 0; i < 4; ++i) {
        std::filesystem::create_directories(fmt::format("{}/scene_{}", folder, i));
        const nt::Array scene = data::adjust_hue(draw_scene(90 + 20 * i, 160 - 15 * i), 0.15 * i);
        data::write_image(fmt::format("{}/scene_{}/0.ppm", folder, i), scene);
      }
    }
    const data::Transform augment =
        data::compose({data::random_resized_crop(96, 96, {.min_area = 0.4}), data::random_horizontal_flip(),
                       data::random_rotation(15),
                       data::color_jitter({.brightness = 0.3, .contrast = 0.3, .saturation = 0.5, .hue = 0.05})});
    const auto found = data::image_folder(folder, {.transform = augment});
    fmt::print("{} pictures of {} classes\n", found.files.size(), found.classes.size());

    // At most eight pictures, eight times each; every time is another draw.
    const auto n = std::min<std::int64_t>(found.set.size(), 8);
    const nt::Array rows = nt::core::cast(nt::core::arange(8 * n, nt::f64) * 0.125, nt::i64);
    data::Loader loader(found.set[rows], {.batch_size = 8, .workers = 2});
    std::vector<nt::Array> batches;
    for (auto& [images, labels] : loader) batches.push_back(images);
    const nt::Array images = nt::core::concatenate(batches);
    data::write_image(sheet, data::make_grid(images, {.columns = 8}));

    const auto version = [&](std::int64_t i) { return nt::core::select(images, 0, i); };
    const double change = nt::core::mean(nt::core::abs(version(0) - version(1))).item();
    fmt::print("{}: two versions of the first picture differ by {:.3f} in the mean\n", sheet, change);
    return change > 0.01 ? 0 : 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
