// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/data/formats/npy.hpp>

#include <cmath>
#include <fstream>

using namespace newtape;

TEST_CASE("a grey picture is unchanged after writing and reading PNG") {
  const TemporaryDirectory folder;
  const Array image = core::div(core::reshape(core::arange(12, f32), {3, 4}), core::full({}, 255, f32));
  data::write_png(folder / "grey.png", image);
  const Array back = data::read_image(folder / "grey.png");
  REQUIRE(back.shape() == Shape{3, 4});
  for (int i = 0; i < 12; ++i) CHECK(back.data<float>()[i] == Approx(i / 255.0));
}

namespace {

// In the order of files/data/make_pictures.py.
const std::vector<std::string> pictures{
    "rgb.png",         "grey.png", "bits.png", "palette.png", "alpha.png", "wide.png", "interlaced.png", "rgb.jpg",
    "progressive.jpg", "grey.jpg", "rgb.bmp",  "palette.bmp", "rgb.ppm",   "grey.pgm", "wide.ppm",       "wide.pgm"};

std::string png_error(const std::string& path) {
  return message_of<IoError>([&] { data::read_image(path); });
}

}  // namespace

TEST_CASE("read_image reads files of other programs: PNG, JPEG, BMP, PGM and PPM") {
  const Array expected = data::read_npy(test_file("pictures.npy"));
  REQUIRE(expected.shape() == Shape{static_cast<std::int64_t>(pictures.size()), 9, 13});
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    INFO(pictures[i]);
    const Array image = data::read_image(test_file(pictures[i]));
    REQUIRE(image.shape() == Shape{9, 13});
    // Decoders round differently, most of all those for JPEG.
    const double allowed = contains(".jpg").match(pictures[i]) ? 0.02 : 0.006;
    const auto got = values<float>(image);
    const auto wanted = values<float>(core::contiguous(core::select(expected, 0, static_cast<std::int64_t>(i))));
    for (std::size_t k = 0; k < got.size(); ++k) REQUIRE(std::abs(got[k] - wanted[k]) < allowed);
  }
}

TEST_CASE("read_image: a picture truncated anywhere is an error, and corruption no crash") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x";
  for (const auto& name : pictures) {
    const std::string whole = read_bytes(test_file(name));
    for (std::size_t n = 0; n < whole.size(); ++n) {
      INFO(name << " cut after " << n << " bytes");
      write_bytes(path, whole.substr(0, n));
      CHECK_THAT(png_error(path), contains("read_image: '" + path) && contains("byte "));
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ 0x21);
      write_bytes(path, bad);
      const auto message = png_error(path);
      if (!message.empty()) CHECK_THAT(message, contains(path));
    }
  }
}

TEST_CASE("read_image: wrong headers raise errors with the position") {
  const TemporaryDirectory folder;
  const auto claim = [&](const std::string& name, std::size_t at, const std::string& bytes) {
    std::string bad = read_bytes(test_file(name));
    bad.replace(at, bytes.size(), bytes);
    write_bytes(folder / "x", bad);
    return png_error(folder / "x");
  };
  // A chunk of a gigabyte; a size with a wrong checksum.
  CHECK_THAT(claim("grey.png", 33, std::string("\x40\0\0\0", 4)),
             contains("byte 33: a chunk is longer than the file") && contains("1073741824 bytes"));
  CHECK_THAT(claim("grey.png", 16, std::string("\0\1\0\0", 4)), contains("byte 8: checksum mismatch in a chunk"));
  // The same with the right checksum (computed by Python's zlib).
  CHECK_THAT(claim("grey.png", 16, std::string("\0\1\0\0\0\1\0\0\x08\0\0\0\0\x49\xef\x6f\x3f", 17)),
             contains("truncated rows") && contains("4295032832 bytes"));
  CHECK_THAT(claim("grey.jpg", 94, "\xff\xff\xff\xff"),
             contains("byte 89: the image is larger than its data") && contains("4294836225 pixels"));
  CHECK_THAT(claim("grey.jpg", 107, std::string(16, '\x11')),
             contains("byte 106: too many codes in a Huffman table") && contains("272 codes"));
  CHECK_THAT(claim("rgb.bmp", 18, std::string("\xff\xff\xff\x7f", 4)), contains("byte 14: the rows exceed the file"));
  CHECK_THAT(claim("rgb.ppm", 15, "99 99 #"), contains("byte 385: truncated pixels"));
  CHECK_THAT(claim("wide.pgm", 3, "00 "), contains("byte 3: invalid number in the header"));
}

TEST_CASE("read_image reads a PGM that was written by hand, and names unreadable files") {
  const TemporaryDirectory folder;
  std::ofstream(folder / "a.pgm", std::ios::binary) << "P5\n2 1\n255\n" << '\x00' << '\xff';
  const Array image = data::read_image(folder / "a.pgm");
  REQUIRE(image.shape() == Shape{1, 2});
  CHECK(image.data<float>()[0] == 0);
  CHECK(image.data<float>()[1] == 1);

  std::ofstream(folder / "b.png") << "no picture";
  CHECK_THROWS_WITH(data::read_image(folder / "b.png"), contains("b.png"));
  CHECK_THROWS_AS(data::read_image(folder / "missing.png"), IoError);
  CHECK_THROWS_AS(data::write_png(folder / "c.png", core::ones({3}, f32)), ShapeError);
  CHECK_THROWS_AS(data::write_png(folder / "no/such/folder.png", core::ones({2, 2}, f32)), IoError);
}

TEST_CASE("write_png writes colours, which other decoders read; NaN and numbers outside [0, 1] are cut off") {
  const TemporaryDirectory folder;
  Array image = core::zeros({1, 4, 3}, f64);
  double* const v = image.data<double>();
  v[0] = 1;  // red
  v[4] = 2;  // green, cut off
  v[8] = 1;  // blue
  v[9] = v[10] = v[11] = NAN;
  data::write_png(folder / "rgb.png", image);
  const Array grey = data::read_image(folder / "rgb.png");
  REQUIRE(grey.shape() == Shape{1, 4});
  // Rec. 601 weights of red, green and blue, in 256ths.
  const double luma[] = {77. / 256, 150. / 256, 29. / 256, 0};
  for (int i = 0; i < 4; ++i) CHECK(grey.data<float>()[i] == Approx(luma[i]).margin(1.0 / 255));
  CHECK_THROWS_AS(data::encode_png(core::ones({2, 2, 4}, f32)), ShapeError);
  CHECK_THROWS_AS(data::encode_png(core::ones({0, 2}, f32)), ShapeError);
}
