// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/data/formats/idx.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

using namespace newtape;
using data::IdxType;
using data::read_idx;
using data::write_idx;

using F = std::vector<float>;
using D = std::vector<double>;
using I = std::vector<std::int64_t>;

TEST_CASE("read_idx reads every element type") {
  const auto bytes = read_idx(test_file("u8.idx"), {.dtype = i64});
  CHECK(bytes.shape() == Shape{2, 2, 3});
  CHECK(values<std::int64_t>(bytes) == I{0, 1, 2, 3, 127, 128, 200, 254, 255, 9, 8, 7});
  CHECK(values<std::int64_t>(read_idx(test_file("u8.idx.gz"), {.dtype = i64})) == values<std::int64_t>(bytes));

  CHECK(values<std::int64_t>(read_idx(test_file("i8.idx"), {.dtype = i64})) == I{-128, -1, 0, 1, 127});
  CHECK(read_idx(test_file("i16.idx")).shape() == Shape{2, 3});
  CHECK(values<std::int64_t>(read_idx(test_file("i16.idx"), {.dtype = i64})) == I{-32768, -2, 258, 0, 3, 32767});
  CHECK(values<std::int64_t>(read_idx(test_file("i32.idx"), {.dtype = i64})) ==
        I{-2147483648LL, -65536, 0x01020304, 2147483647});
  CHECK(values<float>(read_idx(test_file("f32.idx"))) == F{0.5F, -1.25F, 3e38F, 1e-40F});
  CHECK(values<double>(read_idx(test_file("f64.idx"))) == D{0.1, -1e300});

  const auto scalar = read_idx(test_file("scalar.idx"));
  CHECK(scalar.shape() == Shape{});
  CHECK(scalar.item() == 2.5);
  const auto empty = read_idx(test_file("empty.idx"));
  CHECK(empty.shape() == Shape{0, 28, 28});
  CHECK(empty.size() == 0);
}

TEST_CASE("read_idx keeps the type of the file") {
  const auto expect = [](const char* file, DType dtype) {
    INFO(file);
    const Array x = read_idx(test_file(file));
    CHECK(x.dtype() == dtype);
    CHECK(same_bits(core::cast(x, f64), read_idx(test_file(file), {.dtype = f64})));
    CHECK(same_bits(core::cast(core::cast(x, f64), dtype), x));
  };
  expect("u8.idx", u8);
  expect("i8.idx", i8);
  expect("i16.idx", i16);
  expect("i32.idx", i32);
  expect("f32.idx", f32);
  expect("f64.idx", f64);
  // Bytes are scaled as doubles, and rounded once.
  const Array bytes = read_idx(test_file("u8.idx"));
  const Array scaled = read_idx(test_file("u8.idx"), {.scale = 1 / 255.});
  for (std::int64_t i = 0; i < bytes.size(); ++i) {
    CHECK(scaled.data<float>()[i] == static_cast<float>(bytes.data<std::uint8_t>()[i] * (1 / 255.)));
  }
}

TEST_CASE("read_idx converts and scales") {
  const auto images = read_idx(test_file("u8.idx.gz"), {.dtype = f32, .scale = 1 / 255.});
  CHECK(values<float>(images)[8] == 1.0F);
  CHECK(values<float>(images)[4] == 127 / 255.F);
  CHECK(read_idx(test_file("u8.idx"), {.scale = 0.5}).dtype() == f32);
  CHECK(read_idx(test_file("f64.idx"), {.scale = 0.5}).dtype() == f64);
  CHECK(values<double>(read_idx(test_file("u8.idx"), {.dtype = f64}))[6] == 200);
  CHECK(values<std::int64_t>(read_idx(test_file("scalar.idx"), {.dtype = i64})) == I{2});
  CHECK(values<bool>(read_idx(test_file("i8.idx"), {.dtype = boolean})) ==
        std::vector<bool>{true, true, false, true, true});

  CHECK_THROWS_WITH(read_idx(test_file("u8.idx"), {.dtype = i64, .scale = 2}), contains("dtype i64, scale 2"));
  CHECK_THROWS_AS(read_idx(test_file("u8.idx"), {.dtype = i64, .scale = 2}), ValueError);
  CHECK_THROWS_WITH(read_idx(test_file("f64.idx"), {.dtype = i64}),
                    contains("element 1 does not fit dtype i64") && contains("-1e+300 at byte 20"));
}

TEST_CASE("what write_idx writes, read_idx reads") {
  const TemporaryDirectory tmp;
  for (const auto* name : {"a.idx", "a.idx.gz"}) {
    for (const auto* file :
         {"u8.idx", "i8.idx", "i16.idx", "i32.idx", "f32.idx", "f64.idx", "scalar.idx", "empty.idx"}) {
      CAPTURE(name, file);
      const auto original = read_bytes(test_file(file));
      const auto x = read_idx(test_file(file));
      write_idx(tmp / name, x, static_cast<IdxType>(original[2]));
      const auto again = read_idx(tmp / name);
      CHECK(again.shape() == x.shape());
      if (name == std::string("a.idx")) CHECK(read_bytes(tmp / name) == original);
    }
  }
  CHECK(tmp.file_count() == 2);  // no temporary file remains

  const auto x = read_idx(test_file("u8.idx"));
  write_idx(tmp / "t.idx", core::transpose(x, 0, 2));
  const auto t = read_idx(tmp / "t.idx");
  CHECK(t.shape() == Shape{3, 2, 2});
  CHECK(values<std::int64_t>(core::cast(t, i64)) == I{0, 200, 3, 9, 1, 254, 127, 8, 2, 255, 128, 7});

  CHECK_THROWS_WITH(write_idx(tmp / "a.idx", x, IdxType::i8),
                    contains("element 5 does not fit") && contains("from -128 to 127") && contains("128"));
  const auto nan = Array(xt::xarray<double>{1.0, std::numeric_limits<double>::quiet_NaN()});
  CHECK_THROWS_AS(write_idx(tmp / "a.idx", nan, IdxType::u8), ValueError);
  CHECK_THROWS_AS(write_idx(tmp / "a.idx", Array(xt::xarray<double>{1.5}), IdxType::u8), ValueError);
  CHECK_THROWS_AS(write_idx(tmp / "a.idx", Array()), ValueError);
  CHECK_THROWS_WITH(write_idx(tmp / "none/a.idx", x), contains("none/a.idx") && contains("No such file"));
}

namespace {

std::string header(std::initializer_list<std::uint32_t> lengths, char type = 0x08) {
  std::string bytes{'\0', '\0', type, static_cast<char>(lengths.size())};
  for (const auto n : lengths) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(n >> shift));
  }
  return bytes;
}

std::string idx_error(const TemporaryDirectory& tmp, const std::string& bytes) {
  write_bytes(tmp / "bad.idx", bytes);
  const auto before = allocator::stats().live_bytes;
  auto message = message_of<IoError>([&] { read_idx(tmp / "bad.idx"); });
  CHECK(allocator::stats().live_bytes == before);
  CHECK_THAT(message, contains("read_idx: '" + (tmp / "bad.idx") + "': "));
  return message;
}

}  // namespace

TEST_CASE("read_idx reports errors in a file with their position") {
  const TemporaryDirectory tmp;
  CHECK_THAT(message_of<IoError>([&] { read_idx(tmp / "none"); }), contains("none") && contains("No such file"));
  CHECK_THAT(message_of<IoError>([&] { read_idx(tmp / ""); }), contains("Is a directory"));
  CHECK_THAT(idx_error(tmp, ""), contains("not an IDX file") && contains("0 bytes"));
  CHECK_THAT(idx_error(tmp, "PK\3\4..."), contains("0x504b") && contains("byte 0"));
  for (const char code : {0x00, 0x07, 0x0A, 0x0F, 0x7F}) {
    CHECK_THAT(idx_error(tmp, header({1}, code) + "x"), contains("unknown element type") && contains("byte 2"));
  }
  CHECK_THAT(idx_error(tmp, header({2, 3}).substr(0, 9)), contains("2 lengths, up to byte 12") && contains("byte 9"));
  CHECK_THAT(idx_error(tmp, header({2, 3}) + "12345"),
             contains("6 bytes from byte 12 on: [2, 3] of u8") && contains("the end of the file at byte 17"));
  CHECK_THAT(idx_error(tmp, header({2, 3}) + "1234567"),
             contains("trailing bytes after the last element") && contains("byte 18"));
  CHECK_THAT(idx_error(tmp, header({0, 3}) + "1"), contains("0 bytes from byte 12 on") && contains("byte 12"));
}

TEST_CASE("an IDX header with a wrong size raises an error without allocating") {
  const TemporaryDirectory tmp;
  const auto huge = 0xFFFFFFFFU;
  CHECK_THAT(idx_error(tmp, header({huge}, 0x0E) + "12345678"), contains("34359738360 bytes") && contains("byte 16"));
  CHECK_THAT(idx_error(tmp, header({huge, huge}) + "12"), contains("too large") || contains("truncated elements"));
  CHECK_THAT(idx_error(tmp, header({huge, huge, huge, huge, huge}) + "12"), contains("too large"));
  CHECK_THAT(idx_error(tmp, header({0x80000000U, 0x80000000U, 4}, 0x0C)), contains("too large"));
  write_bytes(tmp / "zero.idx", header({huge, 0, huge, huge}));
  CHECK(read_idx(tmp / "zero.idx").size() == 0);
}

TEST_CASE("an IDX file truncated anywhere is an error") {
  const TemporaryDirectory tmp;
  for (const auto* name : {"u8.idx", "i16.idx", "f64.idx", "scalar.idx", "empty.idx", "u8.idx.gz"}) {
    const auto whole = read_bytes(test_file(name));
    for (std::size_t n = 0; n < whole.size(); ++n) {
      CAPTURE(name, n);
      write_bytes(tmp / "cut", whole.substr(0, n));
      CHECK_THROWS_AS(read_idx(tmp / "cut"), IoError);
    }
  }
  // gzip also detects corruption by a checksum.
  auto damaged = read_bytes(test_file("u8.idx.gz"));
  damaged[damaged.size() - 6] ^= 1;
  write_bytes(tmp / "cut", damaged);
  CHECK_THROWS_WITH(read_idx(tmp / "cut"), contains("truncated or corrupt gzip data"));
}
