// SPDX-License-Identifier: BSD-3-Clause
// Readers and writers of files under faults of memory and disk.
#include "data/files.hpp"
#include "faults.hpp"

#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/build_info.hpp>
#include <newtape/data/formats/bal.hpp>
#include <newtape/data/formats/checkpoint.hpp>
#include <newtape/data/formats/csv.hpp>
#include <newtape/data/formats/idx.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/data/formats/npy.hpp>
#include <newtape/data/formats/safetensors.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/data/loading/transforms.hpp>
#include <newtape/data/sets/cifar.hpp>
#include <newtape/data/sets/image_folder.hpp>
#include <newtape/data/sets/vocabulary.hpp>

#include <algorithm>

using faults::bytes_of;
using faults::Resource;
using faults::survives;

namespace newtape {
namespace {

/// A format with a writer and a reader, for the file `name`.
struct Format {
  std::string name;
  std::function<void(const std::string&)> write;
  std::function<std::string(const std::string&)> read;
};

std::vector<Format> formats() {
  const Array x = core::arange(600, f32);
  const Array table = core::reshape(core::arange(60, f64), {20, 3});
  const Array picture = core::reshape(core::arange(192, i64), {16, 12});
  const NamedArrays named{{"weight", x}, {"bias", table}};
  const auto bundle = data::bundle_adjustment_like({.cameras = 3, .points = 10, .seen = 2});
  return {
      {"bal.txt", [=](const std::string& p) { data::write_bal(p, bundle); },
       [](const std::string& p) { return bytes_of(data::read_bal(p).points); }},
      {"x.npy", [=](const std::string& p) { data::write_npy(p, x); },
       [](const std::string& p) { return bytes_of(data::read_npy(p)); }},
      {"x.npz", [=](const std::string& p) { data::write_npz(p, named); },
       [](const std::string& p) { return bytes_of(data::read_npz(p).arrays); }},
      {"packed.npz", [=](const std::string& p) { data::write_npz(p, named, true); },
       [](const std::string& p) { return bytes_of(data::read_npz(p).arrays); }},
      {"x.safetensors",
       [=](const std::string& p) {
         data::save_safetensors(p, named, {{"a", "b"}});
       },
       [](const std::string& p) { return bytes_of(data::load_safetensors(p).arrays); }},
      {"run.checkpoint",
       [=](const std::string& p) {
         data::save_checkpoint(p, {{{"model", named}, {"optimizer", named}}, {{"a", "b"}}});
       },
       [](const std::string& p) { return bytes_of(data::load_checkpoint(p)["optimizer"]); }},
      {"x.idx", [=](const std::string& p) { data::write_idx(p, picture); },
       [](const std::string& p) { return bytes_of(data::read_idx(p)); }},
      {"x.idx.gz", [=](const std::string& p) { data::write_idx(p, picture); },
       [](const std::string& p) { return bytes_of(data::read_idx(p)); }},
      {"x.csv",
       [=](const std::string& p) {
         data::write_csv(p, {{"a", "b", "c"}, table, {{}, {}, {}}});
       },
       [](const std::string& p) { return bytes_of(data::read_csv(p).values); }},
  };
}

/// Formats of images, those that this build reads.
std::vector<Format> image_formats() {
  const Array picture = core::div(core::reshape(core::arange(576, f32), {3, 16, 12}), core::full({}, 576, f32));
  std::vector<Format> all;
  for (const std::string name : {"x.png", "x.jpg", "x.ppm"}) {
    const auto& parts = build_info().parts;
    const auto has = [&](const char* part) { return std::find(parts.begin(), parts.end(), part) != parts.end(); };
    if ((name == "x.png" && !has("libpng")) || (name == "x.jpg" && !has("libjpeg"))) continue;
    all.push_back({name, [=](const std::string& p) { data::write_image(p, picture); },
                   [](const std::string& p) {
                     return bytes_of(
                         data::read_image(p, {.mode = data::ImageMode::rgb, .apply_exif_orientation = true}));
                   }});
  }
  return all;
}

std::vector<Format> all_formats() {
  auto all = formats();
  for (auto& format : image_formats()) all.push_back(std::move(format));
  return all;
}

TEST_CASE("faults: readers of files, as memory fails") {
  for (const auto& format : all_formats()) {
    const TemporaryDirectory folder;
    const std::string path = folder / format.name;
    format.write(path);
    survives({.name = "read " + format.name, .run = [&] { return format.read(path); }}, Resource::memory);
  }
}

/// Writing over an older file: it is replaced as a whole or not at all, and nothing else is left behind.
void writer_survives(const Format& format, Resource resource) {
  const TemporaryDirectory folder;
  const std::string path = folder / format.name;
  const std::string older = "an older file";
  const TemporaryDirectory elsewhere;
  format.write(elsewhere / format.name);
  const std::string newer = format.read(elsewhere / format.name);
  const auto run = [&] {
    format.write(path);
    return std::string("written");
  };
  const auto damage = [&]() -> std::string {
    if (folder.file_count() != 1) return "another file is left behind";
    return read_bytes(path) == older || format.read(path) == newer ? "" : "neither the older file nor the newer";
  };
  survives({"write " + format.name, run, [&] { write_bytes(path, older); }, damage}, resource);
}

TEST_CASE("faults: readers of formats without a writer, as memory fails") {
  const TemporaryDirectory folder;
  write_bytes(folder / "x.bin", std::string(2 * 3073, '\1'));
  const std::int64_t both[] = {1, 0};
  const auto read = [&](const std::string& name) {
    if (name == "x.bin") {
      return bytes_of(data::read_cifar({folder / name}, data::CifarFormat::cifar10).gather(both)["images"]);
    }
    return bytes_of(data::read_image(test_file(name), {.mode = data::ImageMode::rgb_alpha}));
  };
  for (const std::string name : {"x.bin", "masks_alpha.bmp", "palette.bmp"}) {
    survives({.name = "read " + name, .run = [&] { return read(name); }}, Resource::memory);
  }
}

TEST_CASE("faults: pictures read from folders by workers and augmented, as memory fails") {
  const TemporaryDirectory folder;
  std::filesystem::create_directory(folder / "a");
  for (const auto& format : image_formats()) format.write((folder / "a/") + format.name);
  const data::Transform augment =
      data::compose({data::random_resized_crop(6, 6), data::random_rotation(10), data::color_jitter({.hue = 0.1})});
  for (const int workers : {0, 2}) {
    const auto run = [&] {
      const auto found = data::image_folder(folder / "", {.transform = augment});
      std::string all;
      data::Loader loader(found.set, {.batch_size = 2, .workers = workers});
      for (const auto& batch : loader) all += bytes_of(batch["images"]) + bytes_of(batch["labels"]);
      return all;
    };
    survives({.name = "image_folder by " + std::to_string(workers) + " workers", .run = run}, Resource::memory, 150);
  }
}

TEST_CASE("faults: writers of files, as memory fails") {
  for (const auto& format : all_formats()) writer_survives(format, Resource::memory);
}

TEST_CASE("faults: writers of files, as the disk fails") {
  for (const auto& format : all_formats()) writer_survives(format, Resource::disk);
}

}  // namespace
}  // namespace newtape
