// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "data/files.hpp"
#include "peak_memory.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/data/formats/safetensors.hpp>

#include <sys/resource.h>
#include <sys/stat.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

using namespace newtape;
using data::load_safetensors;
using data::save_safetensors;

using F = std::vector<float>;
using I = std::vector<std::int64_t>;

TEST_CASE("load_safetensors reads every type of a file that another program wrote") {
  const auto file = load_safetensors(test_file("types.safetensors"), {.widen = true});
  CHECK(file.metadata == std::map<std::string, std::string>{{"format", "pt"}, {"note", "ü, \" and \\"}});
  CHECK(file.arrays.size() == 16);
  CHECK(file.arrays[0].first == "flags");
  CHECK(values<bool>(file["flags"]) == std::vector<bool>{true, false, true});
  CHECK(file["f32"].shape() == Shape{2, 2});
  CHECK(values<float>(file["f32"]) == F{1.5F, -2, 3e38F, 1e-40F});
  CHECK(values<double>(file["f64"]) == std::vector<double>{0.1, -1e300});
  CHECK(values<std::int64_t>(file["i64"]) ==
        I{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()});
  const auto half = values<float>(file["f16"]);
  CHECK(half == F{1, -2, 65504, 0x1p-24F, 0, HUGE_VALF, -HUGE_VALF, 0x1.998p-4F});
  CHECK(std::signbit(half[4]));
  CHECK(values<float>(file["bf16"]) == F{1, -3.140625F, HUGE_VALF, 0x1p-130F});
  CHECK(values<std::int64_t>(file["i32"]) == I{-2147483648LL, 2147483647});
  CHECK(values<std::int64_t>(file["i16"]) == I{-32768, 32767});
  CHECK(values<std::int64_t>(file["i8"]) == I{-128, 127});
  CHECK(values<std::int64_t>(file["u8"]) == I{0, 255});
  CHECK(values<std::int64_t>(file["u16"]) == I{65535});
  CHECK(values<std::int64_t>(file["u32"]) == I{4294967295});
  CHECK(values<std::int64_t>(file["u64"]) == I{std::numeric_limits<std::int64_t>::max()});
  CHECK(file["scalar"].shape() == Shape{});
  CHECK(file["scalar"].item() == 7);
  CHECK(file["empty"].shape() == Shape{0, 3});
  CHECK(file["Größe \"x\"\n"].item() == 5);
  CHECK(file.contains("u8"));
  CHECK_FALSE(file.contains("u9"));
  CHECK_THROWS_WITH(file["u9"], contains("'u9'") && contains("flags, f32"));
}

TEST_CASE("safetensors: every dtype of the format is kept, bit for bit", "[dtypes]") {
  const TemporaryDirectory tmp;
  const auto file = load_safetensors(test_file("types.safetensors"));
  const auto widened = load_safetensors(test_file("types.safetensors"), {.widen = true});
  const std::pair<const char*, DType> dtypes[] = {
      {"flags", boolean}, {"f32", f32}, {"f64", f64}, {"i64", i64}, {"f16", f16}, {"bf16", bf16}, {"i32", i32},
      {"i16", i16},       {"i8", i8},   {"u8", u8},   {"u16", u16}, {"u32", u32}, {"u64", u64}};
  for (const auto& [name, dtype] : dtypes) {
    INFO(name);
    CHECK(file[name].dtype() == dtype);
    CHECK(same_bits(core::cast(file[name], widened[name].dtype()), widened[name]));
  }
  save_safetensors(tmp / "again", file.arrays, file.metadata);
  const auto again = load_safetensors(tmp / "again");
  CHECK(again.metadata == file.metadata);
  REQUIRE(again.arrays.size() == file.arrays.size());
  for (const auto& [name, x] : file.arrays) CHECK(same_bits(again[name], x));
  // Every bit pattern of 16 bits, NaN included, and of 8.
  NamedArrays patterns;
  for (const DType t : all_dtypes) {
    if (t == boolean) continue;
    Array x = Array::empty({1 << 16}, t);
    auto* bytes = static_cast<unsigned char*>(x.raw());
    for (std::size_t i = 0; i < (std::size_t{1} << 16) * item_size(t); ++i) {
      bytes[i] = static_cast<unsigned char>(i % item_size(t) % 2 == 0 ? i / item_size(t) : i / item_size(t) >> 8);
    }
    patterns.emplace_back(std::string(name(t)), x);
  }
  save_safetensors(tmp / "patterns", patterns);
  const auto read = load_safetensors(tmp / "patterns");
  for (const auto& [name, x] : patterns) CHECK(same_bits(read[name], x));
}

TEST_CASE("safetensors: the files of an index are read as one", "[dtypes]") {
  const TemporaryDirectory tmp;
  save_safetensors(tmp / "model-1-of-2.safetensors", {{"a", core::full({2}, 1, f16)}, {"b", core::full({3}, 2, f32)}});
  save_safetensors(tmp / "model-2-of-2.safetensors", {{"c", core::full({1}, 3, i32)}});
  const std::string index = tmp / "model.safetensors.index.json";
  const auto write = [&](const std::string& a, const std::string& c) {
    write_bytes(index, R"({"metadata":{"total_size":20,"by":"hand"},"weight_map":{"a":")" + a +
                           R"(","b":"model-1-of-2.safetensors","c":")" + c + "\"}}");
  };
  write("model-1-of-2.safetensors", "model-2-of-2.safetensors");
  const auto all = load_safetensors(index);
  CHECK(all.arrays.size() == 3);
  CHECK(all["a"].dtype() == f16);
  CHECK(all["b"].shape() == Shape{3});
  CHECK(all["c"].item() == 3);
  CHECK(all.metadata == std::map<std::string, std::string>{{"by", "hand"}, {"total_size", "20"}});

  const auto error = [&] { return message_of<IoError>([&] { load_safetensors(index); }); };
  write("model-2-of-2.safetensors", "model-2-of-2.safetensors");
  CHECK_THAT(error(), contains("tensor 'a'"));
  write("../model-1-of-2.safetensors", "model-2-of-2.safetensors");
  CHECK_THAT(error(), contains("tensor 'a'") && contains("in the folder of the index") && contains("../model"));
  write("model-1-of-2.safetensors", "model-3-of-2.safetensors");
  CHECK_THAT(error(), contains("model-3-of-2.safetensors"));
  write_bytes(index, R"({"weight_map":{"a":}})");
  CHECK_THAT(error(), contains("byte 19") && contains("the index is not valid JSON"));
  write_bytes(index, "{}");
  CHECK_THAT(error(), contains("weight_map"));
}

TEST_CASE("what save_safetensors writes, load_safetensors reads, aligned and shared with the file") {
  const TemporaryDirectory tmp;
  const Array flags(xt::xarray<bool>{true, false, true});
  const Array weight(xt::xarray<float>{{1, 2, 3}, {4, 5, 6}});
  const Array step(xt::xarray<std::int64_t>{1234567890123});
  const Array scale(xt::xarray<double>{0.1, -0.0});
  const NamedArrays arrays = {{"flags", flags},
                              {"weight", weight},
                              {"weight.T", core::transpose(weight, 0, 1)},
                              {"größe", step},
                              {"scale", scale},
                              {"empty", Array::empty({2, 0}, f32)},
                              {"scalar", core::select(scale, 0, 0)}};
  save_safetensors(tmp / "m", arrays, {{"epoch", "3"}, {"quote", "\"\n"}});
  CHECK(tmp.file_count() == 1);

  const auto file = load_safetensors(tmp / "m");
  CHECK(file.metadata == std::map<std::string, std::string>{{"epoch", "3"}, {"quote", "\"\n"}});
  REQUIRE(file.arrays.size() == arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    CHECK(file.arrays[i].first == arrays[i].first);
    CHECK(file.arrays[i].second.shape() == arrays[i].second.shape());
    CHECK(file.arrays[i].second.dtype() == arrays[i].second.dtype());
    CHECK(reinterpret_cast<std::uintptr_t>(file.arrays[i].second.raw()) % item_size(file.arrays[i].second.dtype()) ==
          0);
  }
  CHECK(values<bool>(file["flags"]) == values<bool>(flags));
  CHECK(values<float>(file["weight"]) == F{1, 2, 3, 4, 5, 6});
  CHECK(values<float>(file["weight.T"]) == F{1, 4, 2, 5, 3, 6});
  CHECK(file["größe"].item<std::int64_t>() == 1234567890123);
  CHECK(std::signbit(values<double>(file["scale"])[1]));
  CHECK(file["scalar"].item() == 0.1);

  // The layout required by the format.
  const auto bytes = read_bytes(tmp / "m");
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  CHECK((8 + header) % 8 == 0);
  CHECK(bytes[8] == '{');
  CHECK(bytes.substr(8, header).find_last_not_of(' ') == bytes.substr(8, header).rfind('}'));
  CHECK(bytes.size() == 8 + header + 3 + 24 + 24 + 8 + 16 + 0 + 8);

  save_safetensors(tmp / "none", {});
  CHECK(read_bytes(tmp / "none") == std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
  CHECK(load_safetensors(tmp / "none").arrays.empty());
}

TEST_CASE("arrays from a file outlive it, and writing to them does not change it") {
  const TemporaryDirectory tmp;
  save_safetensors(tmp / "m", {{"a", Array(xt::xarray<float>{1, 2})}, {"b", Array(xt::xarray<float>{3, 4})}});
  const auto before = read_bytes(tmp / "m");
  Array a;
  {
    auto file = load_safetensors(tmp / "m");
    a = file.arrays[0].second;
    CHECK_FALSE(a.shares_memory_with(file["b"]));
  }
  CHECK(a.reusable());  // single reference
  a.data<float>()[0] = 10;
  CHECK(read_bytes(tmp / "m") == before);
  save_safetensors(tmp / "m", {{"a", a}});  // over the file that it is mapped from
  CHECK(values<float>(load_safetensors(tmp / "m")["a"]) == F{10, 2});
  std::filesystem::remove(tmp / "m");
  CHECK(values<float>(a) == F{10, 2});
}

TEST_CASE("save_safetensors rejects unrepresentable input, and keeps the old file after a failure") {
  const TemporaryDirectory tmp;
  const Array x(xt::xarray<float>{1, 2});
  save_safetensors(tmp / "m", {{"x", x}});
  const auto before = read_bytes(tmp / "m");
  CHECK_THROWS_WITH(save_safetensors(tmp / "m", {{"x", x}, {"x", x}}), contains("distinct names") && contains("x"));
  CHECK_THROWS_AS(save_safetensors(tmp / "m", {{"__metadata__", x}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(tmp / "m", {{"x", Array()}}), ValueError);
  CHECK_THROWS_WITH(save_safetensors(tmp / "m", {{"\xff", x}}), contains("UTF-8"));
  CHECK_THROWS_AS(save_safetensors(tmp / "m", {{"x", x}}, {{"k", "\xff"}}), ValueError);
  CHECK_THROWS_WITH(save_safetensors(tmp / "no/m", {{"x", x}}), contains("no/m") && contains("No such file"));

  // Simulates a full disk by a limit on file sizes.
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = old;
  small.rlim_cur = 4096;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto message = message_of<IoError>([&] { save_safetensors(tmp / "m", {{"x", Array::empty({10000}, f64)}}); });
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, contains("writing failed") && contains("too large"));
  CHECK(read_bytes(tmp / "m") == before);
  CHECK(tmp.file_count() == 1);
}

TEST_CASE("a replaced file keeps its permissions and its links") {
  const TemporaryDirectory tmp;
  const Array x(xt::xarray<float>{1});
  save_safetensors(tmp / "m", {{"x", x}});
  ::chmod((tmp / "m").c_str(), 0640);
  std::filesystem::create_symlink("m", tmp / "link");
  save_safetensors(tmp / "link", {{"y", x}});
  CHECK(std::filesystem::is_symlink(tmp / "link"));
  CHECK(load_safetensors(tmp / "m").contains("y"));
  struct stat status {};
  ::stat((tmp / "m").c_str(), &status);
  CHECK((status.st_mode & 0777) == 0640);
}

namespace {

std::string framed(const std::string& header, const std::string& data = {}) {
  const std::uint64_t n = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &n, 8);
  return bytes + header + data;
}

std::string safetensors_error(const TemporaryDirectory& tmp, const std::string& bytes) {
  write_bytes(tmp / "bad", bytes);
  const auto before = allocator::stats().live_bytes;
  auto message = message_of<IoError>([&] { load_safetensors(tmp / "bad"); });
  CHECK(allocator::stats().live_bytes == before);
  CHECK_THAT(message, contains("load_safetensors: '" + (tmp / "bad") + "': "));
  return message;
}

/// An entry of four bytes of F32, with one field replaced.
std::string entry(const std::string& dtype = R"("F32")", const std::string& shape = "[1]",
                  const std::string& offsets = "[0,4]") {
  return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

}  // namespace

TEST_CASE("load_safetensors reports errors in a file with their position") {
  const TemporaryDirectory tmp;
  CHECK_THAT(message_of<IoError>([&] { load_safetensors(tmp / "none"); }),
             contains("none") && contains("No such file"));
  CHECK_THAT(message_of<IoError>([&] { load_safetensors(tmp / ""); }), contains("Is a directory"));
  write_bytes(tmp / "good", framed(entry(), "1234"));
  CHECK(load_safetensors(tmp / "good")["w"].size() == 1);

  CHECK_THAT(safetensors_error(tmp, ""), contains("byte 0: the file is too short") && contains("0 bytes"));
  CHECK_THAT(safetensors_error(tmp, std::string(8, '\xFF') + "{}"),
             contains("the header is longer than the file") && contains("18446744073709551615"));
  CHECK_THAT(safetensors_error(tmp, framed("{}").substr(0, 9)), contains("the header is longer than the file"));
  CHECK_THAT(safetensors_error(tmp, framed("")), contains("byte 8: the header is not a JSON object"));
  CHECK_THAT(safetensors_error(tmp, framed("[]")), contains("'{'"));
  CHECK_THAT(safetensors_error(tmp, framed(R"({"w":,})")), contains("byte 13: the header is not valid JSON"));
  CHECK_THAT(safetensors_error(tmp, framed("{} {}")), contains("not valid JSON"));
  CHECK_THAT(safetensors_error(tmp, framed("{\"\xff\":1}")), contains("not valid JSON"));
  CHECK_THAT(safetensors_error(tmp, framed("{\"a\":" + std::string(100000, '['))), contains("nested too deeply"));
  CHECK_THAT(safetensors_error(tmp, framed(R"({"__metadata__":{"a":1}})")), contains("__metadata__") && contains("1"));
  CHECK_THAT(safetensors_error(tmp, framed(R"({"__metadata__":[]})")), contains("__metadata__"));

  CHECK_THAT(safetensors_error(tmp, framed(R"({"w":1})")), contains("tensor 'w': its entry is not an object"));
  CHECK_THAT(safetensors_error(tmp, framed(R"({"w":{"dtype":"F32","shape":[1]}})")),
             contains("byte 9: tensor 'w': its entry has wrong fields") && contains("data_offsets"));
  CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F8_E4M3")"), "1234")),
             contains("tensor 'w': unknown dtype") && contains("F8_E4M3") && contains("BF16"));
  CHECK_THAT(safetensors_error(tmp, framed(entry("32"), "1234")), contains("tensor 'w': unknown dtype"));
  CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F32")", "1"), "1234")),
             contains("tensor 'w': its shape is not a list"));
  for (const auto* length : {"[-1]", "[1.5]", "[\"1\"]", "[9223372036854775808]", "[1e2]", "[null]"}) {
    CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F32")", length), "1234")),
               contains("tensor 'w': a length of its shape"));
  }
  CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F32")", "[4294967296,4294967296]"), "1234")),
             contains("shape is too large"));
  CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F64")", "[2305843009213693952]"), "1234")),
             contains("shape is too large"));
  for (const auto* offsets : {"[0]", "[0,4,8]", "{}", "4"}) {
    CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F32")", "[1]", offsets), "1234")),
               contains("data_offsets are not a pair"));
  }
  for (const auto* offsets : {"[4,0]", "[0,5]", "[4,8]", "[9223372036854775803,9223372036854775807]"}) {
    CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F32")", "[1]", offsets), "1234")),
               contains("tensor 'w': its data_offsets are out of range") && contains("<= 4, the bytes from byte "));
  }
  CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F32")", "[1]", "[-1,3]"), "1234")),
             contains("the begin of its data_offsets"));
  CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F32")", "[2]"), "1234")),
             contains("8 bytes for [2] of F32") && contains("got:      4 bytes"));
  CHECK_THAT(safetensors_error(tmp, framed(entry(R"("F32")", "[0]"), "1234")), contains("0 bytes for [0] of F32"));

  const auto two = [](const std::string& second_name, const std::string& second, const std::string& third) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},")" + second_name +
           R"(":{"dtype":"U8","shape":[4],"data_offsets":[)" + second + "," + third + "]}}";
  };
  write_bytes(tmp / "good", framed(two("b", "4", "8"), "12345678"));
  CHECK(load_safetensors(tmp / "good").arrays.size() == 2);
  CHECK_THAT(safetensors_error(tmp, framed(two("a", "4", "8"), "12345678")),
             contains("duplicate tensor name") && contains("'a'"));
  CHECK_THAT(safetensors_error(tmp, framed(two("b", "3", "7"), "12345678")),
             contains("tensor 'b': its data overlap those of another tensor") && contains("a begin at byte 117") &&
                 contains("got:      byte 116"));
  CHECK_THAT(safetensors_error(tmp, framed(two("b", "5", "9"), "123456789")),
             contains("tensor 'b': there is a gap before its data"));
  CHECK_THAT(safetensors_error(tmp, framed(two("b", "4", "8"), "123456789")), contains("bytes after the last tensor"));
  CHECK_THAT(safetensors_error(tmp, framed(R"({"w":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})")),
             contains("duplicate field") && contains("'dtype'"));
  CHECK_THAT(safetensors_error(tmp, framed(entry(R"("BOOL")", "[4]"), std::string("\1\0\2\1", 4))),
             contains("tensor 'w', byte ") && contains("a boolean is neither 0 nor 1") && contains("got:      2"));
  write_bytes(tmp / "large", framed(entry(R"("U64")", "[1]", "[0,8]"), std::string(8, '\xFF')));
  CHECK(load_safetensors(tmp / "large")["w"].item<std::uint64_t>() == ~std::uint64_t{0});
  CHECK_THROWS_WITH(load_safetensors(tmp / "large", {.widen = true}),
                    contains("tensor 'w', byte ") && contains("18446744073709551615"));
}

TEST_CASE("a safetensors file truncated, extended or corrupted anywhere never crashes") {
  const TemporaryDirectory tmp;
  const auto whole = read_bytes(test_file("types.safetensors"));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    write_bytes(tmp / "cut", whole.substr(0, n));
    CHECK_THROWS_AS(load_safetensors(tmp / "cut"), IoError);
  }
  write_bytes(tmp / "cut", whole + "x");
  CHECK_THROWS_AS(load_safetensors(tmp / "cut"), IoError);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int bit : {0, 5}) {
      auto damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      write_bytes(tmp / "cut", damaged);
      try {
        load_safetensors(tmp / "cut");  // corruption of a name or of the data is not detected
      } catch (const IoError&) {
      }
    }
  }
}

TEST_CASE("a file that is widened takes little more memory than its weights") {
  const TemporaryDirectory files;
  constexpr std::int64_t count = std::int64_t{1} << 25;  // 128 MiB, beside which the process itself takes little
  save_safetensors(files / "half.safetensors", {{"w", core::full({count}, 1.5, bf16)}});
  const PeakMemory peak;
  const auto file = load_safetensors(files / "half.safetensors", {.widen = true});
  CHECK(file["w"].dtype() == f32);
  CHECK(core::min(file["w"]).item() == 1.5);
  CHECK(core::max(file["w"]).item() == 1.5);
  if (const auto growth = peak.growth()) CHECK(*growth <= 1.1 * 4 * count);
}
