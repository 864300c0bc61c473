// SPDX-License-Identifier: BSD-3-Clause
// Files written by NumPy (see files/data/make.py), and files for NumPy.
#include "arrays.hpp"
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/data/formats/npy.hpp>

#include <cmath>
#include <limits>
#include <sstream>

using namespace newtape;
using data::read_npy;
using data::read_npz;
using data::write_npy;
using data::write_npz;

using F = std::vector<float>;
using D = std::vector<double>;
using I = std::vector<std::int64_t>;

namespace {
std::string npy_error(const std::string& path) {
  return message_of<IoError>([&] { read_npy(path); });
}
}  // namespace

TEST_CASE("read_npy reads every type that numpy writes") {
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(values<float>(read_npy(test_file("f16.npy"), {.widen = true})) ==
        F{1, -2, 65504, 0x1p-24F, -0.0F, inf, -inf, 0.0999755859375F});
  const auto f = read_npy(test_file("f32.npy"));
  CHECK(f.shape() == Shape{2, 3});
  CHECK(values<float>(f) == F{1.5F, -2, 3e38F, 1e-40F, 0, 0});
  CHECK(std::signbit(f.data<float>()[5]));
  CHECK(values<float>(read_npy(test_file("f32.npy.gz"))) == values<float>(f));
  CHECK(read_npy(test_file("f64.npy")).shape() == Shape{1, 2, 1});
  CHECK(values<double>(read_npy(test_file("f64.npy"))) == D{0.1, -1e300});
  CHECK(values<std::int64_t>(read_npy(test_file("i8.npy"), {.widen = true})) == I{-128, 127});
  CHECK(values<std::int64_t>(read_npy(test_file("i16.npy"), {.widen = true})) == I{-32768, 32767});
  CHECK(read_npy(test_file("i32.npy")).shape() == Shape{2, 1});
  CHECK(values<std::int64_t>(read_npy(test_file("i32.npy"), {.widen = true})) == I{-2147483648LL, 2147483647});
  CHECK(values<std::int64_t>(read_npy(test_file("i64.npy"), {.widen = true})) == I{INT64_MIN, INT64_MAX});
  CHECK(values<std::int64_t>(read_npy(test_file("u8.npy"), {.widen = true})) == I{0, 255});
  CHECK(values<std::int64_t>(read_npy(test_file("u16.npy"), {.widen = true})) == I{0, 65535});
  CHECK(values<std::int64_t>(read_npy(test_file("u32.npy"), {.widen = true})) == I{0, 4294967295});
  CHECK(values<std::int64_t>(read_npy(test_file("u64.npy"), {.widen = true})) == I{0, INT64_MAX});
  CHECK(values<bool>(read_npy(test_file("b1.npy"))) == std::vector<bool>{true, false, true});
  CHECK(values<double>(read_npy(test_file("big_f8.npy"))) == D{0.1, -1e300});
  CHECK(values<std::int64_t>(read_npy(test_file("big_i4.npy"), {.widen = true})) == I{1, -65536});
  CHECK(values<float>(read_npy(test_file("big_f2.npy"), {.widen = true})) == F{1, 0.0999755859375F});
  CHECK(values<double>(read_npy(test_file("version2.npy"))) == D{0, 1, 2});
  CHECK(values<double>(read_npy(test_file("version3.npy"))) == D{0, 1, 2});
  CHECK(read_npy(test_file("scalar.npy")).shape() == Shape{});
  CHECK(read_npy(test_file("scalar.npy")).item() == 2.5);
  CHECK(read_npy(test_file("empty.npy")).shape() == Shape{0, 3});
}

TEST_CASE("read_npy keeps the type of the file, and write_npy writes it, as NumPy does", "[dtypes]") {
  const TemporaryDirectory folder;
  const std::pair<const char*, DType> files[] = {{"i8", i8},      {"i16", i16},    {"i32", i32},   {"i64", i64},
                                                 {"u8", u8},      {"u16", u16},    {"u32", u32},   {"u64", u64},
                                                 {"f16", f16},    {"f32", f32},    {"f64", f64},   {"b1", boolean},
                                                 {"big_f8", f64}, {"big_i4", i32}, {"big_f2", f16}};
  for (const auto& [file, dtype] : files) {
    INFO(file);
    const std::string path = test_file(std::string(file) + ".npy");
    const Array x = read_npy(path);
    CHECK(x.dtype() == dtype);
    write_npy(folder / "x.npy", x);
    CHECK(same_bits(read_npy(folder / "x.npy"), x));
    if (std::string(file).starts_with("big")) continue;
    CHECK(read_bytes(folder / "x.npy") == read_bytes(path));
  }
  CHECK(read_npy(test_file("u64_large.npy")).dtype() == u64);
  CHECK_THROWS_AS(write_npy(folder / "x.npy", core::zeros({1}, bf16)), DTypeError);
}

TEST_CASE("read_npy converts Fortran order to C order") {
  const auto x = read_npy(test_file("fortran.npy"));
  CHECK(x.shape() == Shape{2, 3, 4});
  CHECK(x.is_contiguous());
  F counted(24);
  for (std::size_t i = 0; i < counted.size(); ++i) counted[i] = static_cast<float>(i);
  CHECK(values<float>(x) == counted);
  CHECK(values<float>(read_npy(test_file("fortran_1d.npy"))) == F{0, 1, 2});
}

TEST_CASE("read_npy converts") {
  CHECK(values<double>(read_npy(test_file("f16.npy"), {.dtype = f64}))[3] == 0x1p-24);
  CHECK(values<float>(read_npy(test_file("u8.npy"), {.dtype = f32})) == F{0, 255});
  CHECK(values<bool>(read_npy(test_file("i8.npy"), {.dtype = boolean})) == std::vector<bool>{true, true});
  CHECK(values<double>(read_npy(test_file("u64_large.npy"), {.dtype = f64})) == D{1, 0x1p63});
  CHECK_THROWS_WITH(read_npy(test_file("f16.npy"), {.dtype = i64}), contains("element 5") && contains("byte 138"));
}

TEST_CASE("read_npy rejects unknown types, naming the position") {
  CHECK_THROWS_WITH(read_npy(test_file("u64_large.npy"), {.widen = true}),
                    contains("element 1 does not fit dtype i64") && contains("9223372036854775808 at byte 136"));
  CHECK_THROWS_WITH(read_npy(test_file("i16.npy"), {.dtype = u8}),
                    contains("element 0 does not fit dtype u8") && contains("from 0 to 255") && contains("-32768"));
  for (const auto* name : {"complex.npy", "text.npy", "record.npy"}) {
    CHECK_THAT(npy_error(test_file(name)), contains("invalid header at byte") && contains("f2, f4 or f8"));
  }
  CHECK_THAT(npy_error(test_file("u8.idx")), contains("not an .npy file"));
  CHECK_THAT(npy_error(test_file("missing.npy")), contains("cannot be opened"));
}

TEST_CASE("read_npy: a truncated or corrupted file gives an IoError or another array, never a crash") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x.npy";
  for (const auto* name : {"f32.npy", "fortran.npy", "version2.npy", "b1.npy", "scalar.npy"}) {
    const std::string whole = read_bytes(test_file(name));
    for (std::size_t n = 0; n < whole.size(); ++n) {
      write_bytes(path, whole.substr(0, n));
      INFO(name << " cut after " << n << " bytes");
      CHECK_THAT(npy_error(path), contains("read_npy: '" + path));
    }
    write_bytes(path, whole + "x");
    CHECK_THAT(npy_error(path), contains("trailing bytes after the last element"));
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int bit : {0, 3, 6}) {
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
        write_bytes(path, bad);
        try {
          static_cast<void>(read_npy(path));
        } catch (const IoError& e) {
          CHECK_THAT(e.what(), contains(path));
        }
      }
    }
  }
}

TEST_CASE("read_npy: a header with a wrong size allocates nothing") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x.npy";
  const auto claim = [&](const std::string& shape) {
    std::string text = "{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }";
    text += std::string(117 - text.size(), ' ') + "\n";
    write_bytes(path, std::string("\x93NUMPY\x01\x00\x76\x00", 10) + text + "12345678");
    const auto before = allocator::stats().live_bytes + allocator::stats().cached_bytes;
    const auto message = npy_error(path);
    CHECK(allocator::stats().live_bytes + allocator::stats().cached_bytes <= before + (1 << 16));
    return message;
  };
  CHECK_THAT(claim("(1000000000000,)"),
             contains("truncated elements") && contains("8000000000000 bytes from byte 128 on"));
  CHECK_THAT(claim("(4611686018427387904, 4)"), contains("too large"));
  CHECK_THAT(claim("(9223372036854775808,)"), contains("a length below 2^63"));
  CHECK_THAT(claim("(-1,)"), contains("invalid header at byte"));
  CHECK_THAT(claim("(3"), contains("invalid header"));
  CHECK(read_npy(test_file("scalar.npy")).item() == 2.5);
  CHECK(claim("(1,)").empty());
  CHECK(claim("(1, 1,)").empty());
  CHECK_THAT(claim("(0, 9223372036854775807)"), contains("trailing bytes"));
}

TEST_CASE("write_npy writes the bytes that numpy writes") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x.npy";
  for (const auto* name : {"f32.npy", "f64.npy", "i64.npy", "b1.npy", "scalar.npy", "empty.npy"}) {
    INFO(name);
    write_npy(path, read_npy(test_file(name)));
    CHECK(read_bytes(path) == read_bytes(test_file(name)));
  }
  SECTION("of views, in C order") {
    const auto x = core::transpose(read_npy(test_file("f32.npy")), 0, 1);
    write_npy(path, x);
    CHECK(values<float>(read_npy(path)) == values<float>(core::contiguous(x)));
  }
  SECTION("gzipped") {
    write_npy(path + ".gz", read_npy(test_file("f64.npy")));
    CHECK(values<double>(read_npy(path + ".gz")) == D{0.1, -1e300});
  }
  SECTION("with more axes than a version 1 header can hold") {
    const auto x = core::full(Shape(30000, 1), 2, f32);
    write_npy(path, x);
    CHECK(read_bytes(path)[6] == 2);
    CHECK(read_npy(path).shape() == x.shape());
  }
  CHECK_THROWS_AS(write_npy(path, Array()), ValueError);
  CHECK_THROWS_AS(write_npy(folder / "none/x.npy", core::zeros({1}, f32)), IoError);
}

TEST_CASE("read_npz reads what savez and savez_compressed wrote") {
  for (const auto* name : {"plain.npz", "packed.npz"}) {
    INFO(name);
    const auto file = read_npz(test_file(name));
    CHECK(values<double>(file["b"]) == D{0, 1, 2, 3, 4, 5});
    CHECK(file["b"].shape() == Shape{2, 3});
    CHECK(values<std::int64_t>(file["a"]) == I{1, 2});
    CHECK(file["größe"].item<bool>());
    CHECK(file["layer.weight"].shape() == Shape{3, 1});
    CHECK(file.contains("a"));
    CHECK_FALSE(file.contains("c"));
    CHECK_THROWS_WITH(file["c"], contains("layer.weight") && contains("c"));
  }
  const auto packed = read_npz(test_file("packed.npz"), {.dtype = f32});
  CHECK(packed["zeros"].size() == 100000);
  CHECK(packed["a"].dtype() == f32);
  CHECK(packed.arrays[0].first == "zeros");
}

TEST_CASE("write_npz and read_npz agree") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x.npz";
  const NamedArrays arrays{{"w", Array(xt::xarray<float>{{1, 2}, {3, 4}})},
                           {"größe", core::full({1000}, 7, i64)},
                           {"none", core::zeros({0}, f64)},
                           {"flag", core::full({}, 1, boolean)}};
  for (const bool compressed : {false, true}) {
    write_npz(path, arrays, compressed);
    const auto back = read_npz(path);
    REQUIRE(back.arrays.size() == 4);
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      CHECK(back.arrays[i].first == arrays[i].first);
      CHECK(back.arrays[i].second.dtype() == arrays[i].second.dtype());
      CHECK(back.arrays[i].second.shape() == arrays[i].second.shape());
    }
    CHECK(values<float>(back["w"]) == F{1, 2, 3, 4});
    CHECK(values<std::int64_t>(back["größe"])[999] == 7);
    CHECK((read_bytes(path).size() < 3000) == compressed);
  }
  const auto first = read_bytes(path);
  write_npz(path, arrays, true);
  CHECK(read_bytes(path) == first);
  CHECK_THROWS_WITH(write_npz(path, {{"a", core::zeros({1}, f32)}, {"a", core::zeros({1}, f32)}}), contains("\"a\""));
  CHECK_THROWS_AS(write_npz(path, {{"", core::zeros({1}, f32)}}), ValueError);
  CHECK(read_bytes(path) == first);
  CHECK(folder.file_count() == 1);
  write_npz(path, {});
  CHECK(read_npz(path).arrays.empty());
}

TEST_CASE("read_npz: a corrupt archive gives an IoError or another array, never a crash") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x.npz";
  for (const auto* name : {"plain.npz", "packed.npz"}) {
    const std::string whole = read_bytes(test_file(name));
    const auto read = [&](const std::string& bytes) {
      write_bytes(path, bytes);
      return message_of<IoError>([&] { read_npz(path); });
    };
    for (std::size_t n = 0; n < whole.size(); ++n) {
      INFO(name << " cut after " << n << " bytes");
      CHECK_THAT(read(whole.substr(0, n)), contains("read_npz: '" + path));
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      const auto message = read(bad);
      if (!message.empty()) CHECK_THAT(message, contains(path));
    }
  }
  CHECK_THAT(message_of<IoError>([&] { read_npz(folder / "none.npz"); }), contains("cannot be opened"));
}
