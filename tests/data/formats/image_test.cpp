// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"
#include "peak_memory.hpp"

#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/runtime/build_info.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/data/formats/npy.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>

using namespace newtape;

using data::ImageLayout;
using data::ImageMode;
using data::ReadImageOptions;

namespace {

// In the order of files/data/make_pictures.py.
const std::vector<std::string> pictures{"rgb.png",         "grey.png",      "bits.png",
                                        "palette.png",     "alpha.png",     "wide.png",
                                        "interlaced.png",  "rgb.jpg",       "progressive.jpg",
                                        "grey.jpg",        "rgb.bmp",       "palette.bmp",
                                        "rgb.ppm",         "grey.pgm",      "wide.ppm",
                                        "wide.pgm",        "fading.png",    "grey_alpha.png",
                                        "see_through.png", "wide_grey.png", "wide_interlaced.png",
                                        "half_wide.jpg",   "cmyk.jpg",      "optimized.jpg",
                                        "masks_565.bmp",   "five.bmp",      "masks_alpha.bmp",
                                        "bits.bmp",        "small.pgm"};

/// Whether the formats of these names can be read: PNG and JPEG need libraries.
bool readable(const std::string& name) {
  const auto& parts = build_info().parts;
  const auto has = [&](const char* part) { return std::find(parts.begin(), parts.end(), part) != parts.end(); };
  return (!name.ends_with(".png") || has("libpng")) && (!name.ends_with(".jpg") || has("libjpeg"));
}

std::vector<std::string> readable_pictures() {
  std::vector<std::string> names;
  std::copy_if(pictures.begin(), pictures.end(), std::back_inserter(names), readable);
  return names;
}

std::string image_error(const std::string& path) {
  return message_of<IoError>([&] { data::read_image(path); });
}

/// What Pillow reads, [h, w] or [h, w, 3].
std::vector<float> reference(const std::string& array, const std::string& name) {
  const auto index = std::find(pictures.begin(), pictures.end(), name) - pictures.begin();
  return values<float>(core::contiguous(core::select(data::read_npy(test_file(array)), 0, index)));
}

/// Largest difference of the elements.
double distance(const Array& a, const std::vector<float>& b) {
  const auto x = values<float>(core::contiguous(a));
  REQUIRE(x.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(double{x[i]} - b[i]));
  return largest;
}

/// Grey and colour of the references differ from exact ones by at most their rounding to 8 bits, or to fewer in the file.
double rounding(const std::string& name) {
  if (name == "small.pgm") return 0.5 / 100 + 0.5 / 255;
  if (name == "masks_565.bmp" || name == "five.bmp") return 1.0 / 255;
  return 1.0 / 255 + 1e-6;
}

}  // namespace

TEST_CASE("a picture is unchanged after writing and reading PNG, PGM and PPM") {
  const TemporaryDirectory folder;
  for (const std::int64_t channels : {1, 2, 3, 4}) {
    for (const auto layout : {ImageLayout::channels_first, ImageLayout::channels_last}) {
      const bool last = layout == ImageLayout::channels_last;
      Shape shape{3, 4};
      if (channels > 1) shape.insert(last ? 2 : 0, channels);
      const Array levels = core::remainder(core::mul(core::arange(12 * channels, f32), core::full({}, 37, f32)),
                                           core::full({}, 256, f32));
      const Array image = core::div(core::reshape(levels, shape), core::full({}, 255, f32));
      for (const std::string name : {"x.png", "x.pgm"}) {
        if (!readable(name) || (name == "x.pgm" && channels % 2 == 0)) continue;
        INFO(name << " of " << channels << " channels, last: " << last);
        data::write_image(folder / name, image, {.layout = layout});
        const ReadImageOptions options{.mode = ImageMode::unchanged, .layout = layout};
        const Array back = data::read_image(folder / name, options);
        REQUIRE(back.shape() == shape);
        CHECK(values<float>(back) == values<float>(image));
        const Array same = data::decode_image(read_bytes(folder / name), options);
        CHECK(values<float>(same) == values<float>(image));
        const Array f = data::read_image(folder / name, {.mode = ImageMode::unchanged, .layout = layout, .dtype = f64});
        CHECK(f.dtype() == f64);
        CHECK(f.data<double>()[1] == 37 / 255.0);
      }
    }
  }
}

TEST_CASE("read_image reads files of other programs as Pillow does: PNG, JPEG, BMP, PGM and PPM, grey and in colour") {
  REQUIRE(data::read_npy(test_file("pictures.npy")).shape(0) == static_cast<std::int64_t>(pictures.size()));
  for (const auto& name : readable_pictures()) {
    INFO(name);
    const Array image = data::read_image(test_file(name));
    REQUIRE(image.shape() == Shape{9, 13});
    // Pillow's grey is that of rounded colours, libjpeg's the luma of the file.
    const double allowed = name.ends_with(".jpg") ? 0.02 : rounding(name);
    CHECK(distance(image, reference("pictures.npy", name)) < allowed);

    const Array rgb = data::read_image(test_file(name), {.mode = ImageMode::rgb, .layout = ImageLayout::channels_last});
    REQUIRE(rgb.shape() == Shape{9, 13, 3});
    CHECK(distance(rgb, reference("pictures_rgb.npy", name)) < rounding(name));
    const Array planes = data::read_image(test_file(name), {.mode = ImageMode::rgb});
    REQUIRE(planes.shape() == Shape{3, 9, 13});
    CHECK(values<float>(core::contiguous(core::permute(planes, {1, 2, 0}))) == values<float>(rgb));
    const Array alpha = data::read_image(test_file(name), {.mode = ImageMode::rgb_alpha});
    CHECK(alpha.shape() == Shape{4, 9, 13});
    const Array grey_alpha = data::read_image(test_file(name), {.mode = ImageMode::grey_alpha});
    CHECK(grey_alpha.shape() == Shape{2, 9, 13});
    CHECK(values<float>(core::contiguous(core::select(grey_alpha, 0, 0))) == values<float>(image));
  }
}

TEST_CASE("read_image gives bytes if asked to, the rounded values of the floats; writers take them as they are") {
  const TemporaryDirectory folder;
  for (const auto& name : readable_pictures()) {
    INFO(name);
    for (const auto mode : {ImageMode::grey, ImageMode::rgb_alpha, ImageMode::unchanged}) {
      const Array bytes = data::read_image(test_file(name), {.mode = mode, .dtype = u8});
      const Array floats = data::read_image(test_file(name), {.mode = mode, .dtype = f64});
      REQUIRE(bytes.dtype() == u8);
      REQUIRE(bytes.shape() == floats.shape());
      double largest = 0;
      for (std::int64_t i = 0; i < bytes.size(); ++i) {
        largest = std::max(largest, std::abs(bytes.data<std::uint8_t>()[i] - 255 * floats.data<double>()[i]));
      }
      CHECK(largest < 0.5 + 1e-9);
      if (mode != ImageMode::rgb_alpha || !readable("x.png")) continue;
      data::write_image(folder / "x.png", bytes);
      const Array back = data::read_image(folder / "x.png", {.mode = mode, .dtype = u8});
      CHECK(values<std::uint8_t>(back) == values<std::uint8_t>(bytes));
      CHECK(data::encode_png(bytes) == data::encode_png(floats));
    }
  }
}

TEST_CASE("read_image: channels of the file, and alpha where it has some") {
  const auto unchanged = [](const std::string& name) {
    return data::read_image(test_file(name), {.mode = ImageMode::unchanged});
  };
  CHECK(unchanged("rgb.bmp").shape() == Shape{3, 9, 13});
  CHECK(unchanged("grey.pgm").shape() == Shape{9, 13});
  const auto alpha = [](const std::string& name, ImageMode mode) {
    return values<float>(core::contiguous(
        core::select(data::read_image(test_file(name), {.mode = mode}), 0, mode == ImageMode::rgb_alpha ? 3 : 1)));
  };
  CHECK(alpha("rgb.bmp", ImageMode::rgb_alpha) == std::vector<float>(117, 1));
  // The scene's green.
  const auto masked = alpha("masks_alpha.bmp", ImageMode::rgb_alpha);
  for (std::size_t i = 0; i < 117; ++i)
    CHECK(masked[i] == Approx(std::floor(255.0 * static_cast<int>(i / 13) / 8) / 255));
  if (!readable("x.png")) return;
  CHECK(unchanged("grey_alpha.png").shape() == Shape{2, 9, 13});
  CHECK(unchanged("palette.png").shape() == Shape{3, 9, 13});
  CHECK(unchanged("see_through.png").shape() == Shape{4, 9, 13});
  CHECK(unchanged("bits.png").shape() == Shape{9, 13});
  const auto fading = alpha("fading.png", ImageMode::rgb_alpha);
  const auto grey = alpha("grey_alpha.png", ImageMode::grey_alpha);
  for (int i = 0; i < 117; ++i) {
    const double red = std::floor(255.0 * (i % 13) / 12) / 255;
    CHECK(fading[static_cast<std::size_t>(i)] == Approx(1 - red).margin(1e-6));
    CHECK(grey[static_cast<std::size_t>(i)] == Approx(red).margin(1e-6));
  }
  const auto holes = alpha("see_through.png", ImageMode::rgb_alpha);
  CHECK(std::count(holes.begin(), holes.end(), 0.0F) + std::count(holes.begin(), holes.end(), 1.0F) == 117);
  CHECK(std::count(holes.begin(), holes.end(), 0.0F) > 0);
}

namespace {

/// An EXIF block whose only entry is the orientation.
std::string exif_block(int orientation, bool little) {
  const auto number = [&](unsigned v, std::size_t n) {
    std::string bytes;
    for (std::size_t i = 0; i < n; ++i) bytes += static_cast<char>(v >> (8 * (little ? i : n - 1 - i)));
    return bytes;
  };
  return (little ? "II" : "MM") + number(42, 2) + number(8, 4) + number(1, 2) + number(0x0112, 2) + number(3, 2) +
         number(1, 4) + number(static_cast<unsigned>(orientation), 2) + number(0, 2) + number(0, 4);
}

/// rgb.jpg with an EXIF block.
std::string jpeg_with_exif(const std::string& exif) {
  std::string jpeg = read_bytes(test_file("rgb.jpg"));
  const std::string block = std::string("Exif\0\0", 6) + exif;
  return jpeg.insert(2, std::string("\xff\xe1\0", 3) + static_cast<char>(block.size() + 2) + block);
}

}  // namespace

TEST_CASE("read_image applies EXIF's orientation if asked to, as Pillow does") {
  if (!readable("x.jpg")) return;
  const Array expected = data::read_npy(test_file("pictures_turned.npy"));
  for (int orientation = 1; orientation <= 8; ++orientation) {
    INFO("orientation " << orientation);
    const auto wanted = values<float>(core::contiguous(core::select(expected, 0, orientation - 1)));
    for (const bool little : {false, true}) {
      const std::string jpeg = jpeg_with_exif(exif_block(orientation, little));
      const Array image = data::decode_image(
          jpeg, {.mode = ImageMode::rgb, .layout = ImageLayout::channels_last, .apply_exif_orientation = true});
      CHECK(image.shape() == (orientation < 5 ? Shape{9, 13, 3} : Shape{13, 9, 3}));
      CHECK(distance(image, wanted) < 0.25);  // of JPEG, with colours at half the resolution
      const Array planes = data::decode_image(jpeg, {.mode = ImageMode::rgb, .apply_exif_orientation = true});
      CHECK(values<float>(core::contiguous(core::permute(planes, {1, 2, 0}))) == values<float>(image));
      CHECK(data::decode_image(jpeg).shape() == Shape{9, 13});
    }
  }
  if (readable("x.png")) {
    const auto wanted = values<float>(core::contiguous(core::select(expected, 0, 5)));
    const ReadImageOptions options{
        .mode = ImageMode::rgb, .layout = ImageLayout::channels_last, .apply_exif_orientation = true};
    CHECK(distance(data::read_image(test_file("turned.png"), options), wanted) < 1e-6);
    CHECK(data::read_image(test_file("turned.png")).shape() == Shape{9, 13});
  }
  // Damaged blocks count as upright.
  const std::string whole = exif_block(6, true);
  for (std::size_t n = 0; n < whole.size() - 4; ++n) {
    const auto image = data::decode_image(jpeg_with_exif(whole.substr(0, n)), {.apply_exif_orientation = true});
    CHECK(image.shape() == (n < 20 ? Shape{9, 13} : Shape{13, 9}));
  }
  CHECK(data::decode_image(jpeg_with_exif(exif_block(9, true)), {.apply_exif_orientation = true}).shape() ==
        Shape{9, 13});
}

TEST_CASE("read_image: a picture truncated anywhere is an error, and corruption no crash") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x";
  for (const auto& name : readable_pictures()) {
    const std::string whole = read_bytes(test_file(name));
    for (std::size_t n = 0; n < whole.size(); ++n) {
      INFO(name << " cut after " << n << " bytes");
      write_bytes(path, whole.substr(0, n));
      CHECK_THAT(image_error(path), contains("read_image: '" + path) && contains("byte "));
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ 0x21);
      write_bytes(path, bad);
      const auto message = image_error(path);
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
    return image_error(folder / "x");
  };
  CHECK_THAT(claim("rgb.bmp", 18, std::string("\xff\xff\xff\x7f", 4)), contains("byte 14: the rows exceed the file"));
  CHECK_THAT(claim("rgb.bmp", 22, std::string("\0\0\0\x80", 4)), contains("byte 14: the rows exceed the file"));
  CHECK_THAT(claim("rgb.bmp", 18, std::string("\0\0\0\0", 4)), contains("the image is empty"));
  CHECK_THAT(claim("rgb.bmp", 28, "\x05"), contains("byte 28: unknown number of bits a pixel"));
  CHECK_THAT(claim("rgb.bmp", 30, "\x01"), contains("byte 30: compressed BMP"));
  CHECK_THAT(claim("palette.bmp", 46, std::string("\x02\0\0\0", 4)), contains("colour outside of the palette"));
  CHECK_THAT(claim("rgb.ppm", 15, "99 99 #"), contains("byte 385: truncated pixels"));
  CHECK_THAT(claim("wide.pgm", 3, "00 "), contains("byte 3: invalid number in the header"));
  if (!readable("x.png") || !readable("x.jpg")) return;
  // A chunk of a gigabyte; a size with a wrong checksum.
  CHECK_THAT(claim("grey.png", 33, std::string("\x40\0\0\0", 4)), contains("byte 137: the picture cannot be decoded"));
  CHECK_THAT(claim("grey.png", 16, std::string("\0\1\0\0", 4)), contains("libpng: IHDR: CRC error"));
  // The same with the right checksum (computed by Python's zlib).
  const std::string giant("\0\1\0\0\0\1\0\0\x08\0\0\0\0\x49\xef\x6f\x3f", 17);
  CHECK_THAT(claim("grey.png", 16, giant), contains("at most 134217728 pixels (max_pixels)"));
  CHECK_THAT(message_of<IoError>([&] { data::read_image(folder / "x", {.max_pixels = std::int64_t{1} << 40}); }),
             contains("truncated rows") && contains("65536 rows of 65536 bytes"));
  CHECK_THAT(claim("grey.jpg", 94, std::string("\x20\0\x10\0", 4)),
             contains("the image is larger than its data") && contains("4096 x 8192 pixels in 524288 blocks"));
  CHECK_THAT(claim("grey.jpg", 94, "\xff\xff\xff\xff"), contains("libjpeg: Maximum supported image dimension"));
  CHECK_THAT(claim("grey.jpg", 107, std::string(16, '\x11')), contains("libjpeg: Bogus Huffman table definition"));
}

TEST_CASE("JPEG pictures whose colours are in scans of their own are read, but not hundreds of scans") {
  if (!readable("x.jpg")) return;
  // grey.jpg with a header of three components, each of which is its only scan.
  const std::string grey = read_bytes(test_file("grey.jpg"));
  const auto frame = grey.find("\xff\xc0");
  const auto scan = grey.find("\xff\xda");
  REQUIRE(grey.substr(frame + 9, 4) == std::string("\x01\x01\x11\0", 4));
  const auto picture = [&](int scans) {
    std::string jpeg = grey.substr(0, frame) + std::string("\xff\xc0\0\x11", 4) + grey.substr(frame + 4, 5) +
                       std::string("\x03\x01\x11\0\x02\x11\0\x03\x11\0", 10) +
                       grey.substr(frame + 13, scan - frame - 13);
    for (int i = 0; i < scans; ++i) {
      std::string one = grey.substr(scan, grey.size() - scan - 2);
      one[5] = static_cast<char>(1 + i % 3);
      jpeg += one;
    }
    return jpeg + "\xff\xd9";
  };
  // Y, Cb and Cr of the grey picture; its luma is that picture.
  CHECK(values<float>(data::decode_image(picture(3))) == values<float>(data::read_image(test_file("grey.jpg"))));
  CHECK(data::decode_image(picture(3), {.mode = ImageMode::unchanged}).shape() == Shape{3, 9, 13});
  CHECK_NOTHROW(data::decode_image(picture(300)));
  CHECK_THROWS_WITH(data::decode_image(picture(501)), contains("more than 500 scans"));
}

TEST_CASE("images above max_pixels are refused") {
  for (const auto& name : readable_pictures()) {
    INFO(name);
    CHECK_THROWS_WITH(data::read_image(test_file(name), {.max_pixels = 116}), contains("at most 116 pixels"));
    CHECK(data::read_image(test_file(name), {.max_pixels = 117}).size() == 117);
  }
  CHECK_THROWS_AS(data::read_image(test_file("rgb.bmp"), {.max_pixels = 0}), ValueError);
  CHECK_THROWS_AS(data::read_image(test_file("rgb.bmp"), {.dtype = i64}), DTypeError);
}

TEST_CASE("a small file takes little memory, whatever its header claims") {
  if (!readable("x.jpg")) return;
  const PeakMemory peak;
  const ReadImageOptions unlimited{.max_pixels = std::int64_t{1} << 40};
  CHECK_THROWS_AS(data::read_image(test_file("claims_313_megapixels.jpg")), IoError);
  CHECK_THROWS_AS(data::read_image(test_file("claims_313_megapixels.jpg"), unlimited), IoError);
  if (const auto growth = peak.growth()) CHECK(*growth < 8 * (1 << 20));
}

TEST_CASE("JPEG is near to what was written, the nearer the better its quality; other channels are refused") {
  if (!readable("x.jpg")) {
    CHECK_THROWS_WITH(data::encode_jpeg(core::ones({2, 2}, f32)), contains("built without libjpeg"));
    return;
  }
  const TemporaryDirectory folder;
  const Array scene = data::read_image(test_file("rgb.ppm"), {.mode = ImageMode::rgb});
  const auto error = [&](int quality) {
    data::write_image(folder / "x.JPG", scene, {.quality = quality});
    return distance(data::read_image(folder / "x.JPG", {.mode = ImageMode::rgb}), values<float>(scene));
  };
  CHECK(error(100) < error(10));
  CHECK(error(100) < 0.25);
  const Array grey = data::read_image(test_file("grey.pgm"));
  data::write_jpeg(folder / "grey", grey, {.quality = 100});
  // Quantisation by 1 leaves a rounding of each of 64 coefficients of half a level or less, in the mean.
  CHECK(distance(data::read_image(folder / "grey"), values<float>(grey)) < 4.0 / 255);
  CHECK(data::read_image(folder / "grey", {.mode = ImageMode::unchanged}).shape() == Shape{9, 13});
  CHECK_THROWS_AS(data::encode_jpeg(core::ones({4, 2, 2}, f32)), ShapeError);
  CHECK_THROWS_AS(data::encode_jpeg(grey, {.quality = 0}), ValueError);
  CHECK_THROWS_AS(data::encode_jpeg(core::ones({1, 70000}, f32)), ShapeError);
  const std::string noise = data::encode_jpeg(random::uniform({3, 300, 200}), {.quality = 100});  // needs more room
  CHECK(data::decode_image(noise).shape() == Shape{300, 200});
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

TEST_CASE("writers write colours, which other decoders read; NaN and numbers outside [0, 1] are cut off") {
  const TemporaryDirectory folder;
  Array image = core::zeros({1, 4, 3}, f64);
  double* const v = image.data<double>();
  v[0] = 1;  // red
  v[4] = 2;  // green, cut off
  v[8] = 1;  // blue
  v[9] = v[10] = v[11] = NAN;
  for (const std::string name : {"rgb.png", "rgb.ppm"}) {
    if (!readable(name)) continue;
    data::write_image(folder / name, image, {.layout = ImageLayout::channels_last});
    const Array grey = data::read_image(folder / name);
    REQUIRE(grey.shape() == Shape{1, 4});
    // Rec. 601 weights of red, green and blue.
    const double luma[] = {0.299, 0.587, 0.114, 0};
    for (int i = 0; i < 4; ++i) CHECK(grey.data<float>()[i] == Approx(luma[i]).margin(1e-6));
  }
  CHECK_THROWS_AS(data::encode_png(core::ones({2, 2, 5}, f32), {.layout = ImageLayout::channels_last}), ShapeError);
  CHECK_THROWS_WITH(data::encode_png(core::ones({20, 30, 3}, f32)),
                    contains("channels_last") && contains("[20, 30, 3]"));
  CHECK_THROWS_AS(data::encode_png(core::ones({0, 2}, f32)), ShapeError);
  CHECK_THROWS_AS(data::encode_pnm(core::ones({2, 2, 2}, f32)), ShapeError);
  CHECK_THROWS_AS(data::write_image(folder / "x.gif", core::ones({2, 2}, f32)), ValueError);
  CHECK_THROWS_AS(data::write_image(folder / "x", core::ones({2, 2}, f32)), ValueError);
}

TEST_CASE("filters make smooth PNG pictures small") {
  Array slope = Array::empty({3, 64, 64}, f32);
  for (int i = 0; i < 3 * 64 * 64; ++i) slope.data<float>()[i] = static_cast<float>(i % 64 + i / 64 % 64) / 127.0F;
  // Each row of differences repeats one value: far below the 12288 samples.
  CHECK(data::encode_png(slope).size() < 600);
}
