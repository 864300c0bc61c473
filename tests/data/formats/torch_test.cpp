// SPDX-License-Identifier: BSD-3-Clause
// Files of torch.save, written by tests/files/data/torch/make.py.
#include "arrays.hpp"
#include "catch.hpp"
#include "data/files.hpp"
#include "reference.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/torch.hpp>
#include <newtape/data/formats/torch_state.hpp>

#include <filesystem>
#include <set>

using namespace newtape;
using data::load_torch;

namespace {

std::string torch_error(const std::string& path) {
  return message_of<IoError>([&] { load_torch(path); });
}

/// Every tensor of the file has the values that PyTorch printed, and there are no others.
void check_file(const std::string& file, const std::string& prefix) {
  const auto loaded = load_torch(test_file("torch/" + file));
  const Reference reference("data/torch/values.txt");
  std::set<std::string> expected;
  for (const auto& name : reference.names()) {
    if (name.starts_with(prefix + "/")) expected.insert(name.substr(prefix.size() + 1));
  }
  CHECK(loaded.arrays.size() == expected.size());
  for (const auto& name : expected) {
    INFO(file << ": " << name);
    REQUIRE(loaded.contains(name));
    CHECK(same_bits(core::cast(loaded[name], f64), reference(prefix + "/" + name)));
  }
}

}  // namespace

TEST_CASE("load_torch reads a state dict", "[dtypes]") {
  check_file("state_dict.pt", "state_dict");
  const auto file = load_torch(test_file("torch/state_dict.pt"));
  CHECK(file.arrays[0].first == "0.weight");
  CHECK(file["0.weight"].dtype() == f32);
  CHECK(file["1.num_batches_tracked"].dtype() == i64);
  CHECK_THROWS_WITH(file["2.weight"], contains("2.weight") && contains("0.weight, 0.bias"));
}

TEST_CASE("load_torch reads nested dicts, lists, views and shared storages of either protocol", "[dtypes]") {
  for (const auto* name : {"nested_2.pt", "nested_4.pt"}) {
    check_file(name, "nested");
    const auto file = load_torch(test_file(std::string("torch/") + name));
    CHECK(file["views.1"].shares_memory_with(file["views.0"]));
    CHECK(file["views.1"].strides() == Strides{1, 4});
    CHECK(file["views.3"].shape() == Shape{});
    CHECK_FALSE(file["parameter"].shares_memory_with(file["views.0"]));
    const auto& about = file.metadata;
    CHECK(about.at("epoch") == "7");
    CHECK(about.at("loss") == "0.25");
    CHECK(about.at("name") == "caf\u00e9");
    CHECK(about.at("done") == "true");
    CHECK(about.at("large") == "-1099511627776");
    CHECK(about.at("size.1") == "3");
    CHECK(about.at("optimizer.param_groups.0.lr") == "0.1");
    CHECK(about.count("nothing") == 0);
  }
}

TEST_CASE("load_torch keeps every dtype, or widens", "[dtypes]") {
  check_file("dtypes.pt", "dtypes");
  const auto file = load_torch(test_file("torch/dtypes.pt"));
  const auto wide = load_torch(test_file("torch/dtypes.pt"), {.widen = true});
  const std::tuple<const char*, DType, DType> expected[] = {
      {"float32", f32, f32}, {"float64", f64, f64},     {"float16", f16, f32}, {"bfloat16", bf16, f32},
      {"int64", i64, i64},   {"int32", i32, i64},       {"int16", i16, i64},   {"int8", i8, i64},
      {"uint8", u8, i64},    {"bool", boolean, boolean}};
  for (const auto& [name, kept, widened] : expected) {
    INFO(name);
    CHECK(file[name].dtype() == kept);
    CHECK(wide[name].dtype() == widened);
    CHECK(same_bits(core::cast(file[name], f64), core::cast(wide[name], f64)));
  }
  CHECK(load_torch(test_file("torch/tensor.pt"))["tensor"].shape() == Shape{2});
}

TEST_CASE("load_torch executes nothing, and names what it refuses", "[dtypes]") {
  CHECK_THAT(torch_error(test_file("torch/command.pt")),
             contains("a global is not allowed") && contains("'posix system'") && contains("byte "));
  CHECK_THAT(torch_error(test_file("torch/module.pt")), contains("'torch.nn.modules.linear Linear'"));
  CHECK_THAT(torch_error(test_file("torch/complex.pt")), contains("ComplexFloatStorage"));
  CHECK_THAT(torch_error(test_file("torch/legacy.pt")), contains("before 1.6") && contains("torch.save(torch.load"));
  CHECK_THAT(torch_error(test_file("torch/beyond.pt")),
             contains("a tensor reaches beyond its storage") && contains("2 elements") && contains("[3]"));
  CHECK_THAT(torch_error(test_file("u8.idx")), contains("cannot be opened as an archive"));
  CHECK_THAT(torch_error(test_file("missing.pt")), contains("missing.pt"));
}

TEST_CASE("load_torch: a truncated or corrupted file gives an IoError or other tensors, never a crash", "[dtypes]") {
  const TemporaryDirectory folder;
  const std::string path = folder / "x.pt";
  const std::string whole = read_bytes(test_file("torch/state_dict.pt"));
  for (std::size_t n = 0; n < whole.size(); n += 7) {
    INFO("cut after " << n << " bytes");
    write_bytes(path, whole.substr(0, n));
    CHECK_THAT(torch_error(path), contains(path));
  }
  for (std::size_t at = 0; at < whole.size(); at += 3) {
    INFO("byte " << at << " changed");
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    write_bytes(path, bad);
    torch_error(path);
  }
}

namespace {

Array zeros_of(const data::detail::TorchStorage& s) { return core::zeros({s.size}, s.dtype); }

std::string pickle_error(const std::string& bytes) {
  return message_of<IoError>([&] { data::detail::read_torch_state(bytes, "x", zeros_of); });
}

}  // namespace

TEST_CASE("a pickle cut anywhere gives an IoError that names the byte", "[dtypes]") {
  const std::string whole = read_bytes(test_file("torch/nested_2.pkl"));
  CHECK(data::detail::read_torch_state(whole, "x", zeros_of).arrays.size() > 10);
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_THAT(pickle_error(whole.substr(0, n)), contains("x: byte "));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 3, 6}) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      pickle_error(bad);
    }
  }
}

TEST_CASE("pickles that contain themselves or multiply are refused", "[dtypes]") {
  CHECK_THAT(pickle_error("\x80\x02]q\x01h\x01"
                          "a."),
             contains("nested too deeply"));  // a = []; a.append(a)
  std::string wide = "\x80\x02]q";
  wide += '\0';
  for (char level = 1; level < 40; ++level) {  // each list twice in the next: 2^40 entries
    wide += "](h";
    wide += static_cast<char>(level - 1);
    wide += "h";
    wide += static_cast<char>(level - 1);
    wide += "eq";
    wide += level;
  }
  CHECK_THAT(pickle_error(wide + "."), contains("the pickle ends early"));
  CHECK_THAT(pickle_error(std::string("\x80\x02(", 3) + wide.substr(2) + "t."), contains("too many entries"));
  CHECK_THAT(pickle_error("\x80\x02"
                          "cos\nsystem\nU\x02ls\x85R."),
             contains("'os system'") && contains("byte 2"));
  CHECK_THAT(pickle_error("\x80\x02i"), contains("unknown opcode") && contains("0x69"));
}
