// SPDX-License-Identifier: BSD-3-Clause
// Readers and writers of files under faults of memory and disk.
#include "data/files.hpp"
#include "faults.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/formats/checkpoint.hpp>
#include <newtape/data/formats/csv.hpp>
#include <newtape/data/formats/idx.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/data/formats/npy.hpp>
#include <newtape/data/formats/safetensors.hpp>
#include <newtape/data/sets/vocabulary.hpp>

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
  return {
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
      {"x.png", [=](const std::string& p) { data::write_png(p, picture); },
       [](const std::string& p) { return bytes_of(data::read_image(p)); }},
  };
}

TEST_CASE("faults: readers of files, as memory fails") {
  for (const auto& format : formats()) {
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

TEST_CASE("faults: writers of files, as memory fails") {
  for (const auto& format : formats()) writer_survives(format, Resource::memory);
}

TEST_CASE("faults: writers of files, as the disk fails") {
  for (const auto& format : formats()) writer_survives(format, Resource::disk);
}

}  // namespace
}  // namespace newtape
