// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "model_writer.hpp"

#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/format/proto.hpp>
#include <newtape/onnx/format/tensor.hpp>
#include <newtape/onnx/onnx.hpp>

#include <cmath>

namespace nt = newtape;
namespace onnx = newtape::onnx;
using model_writer::Message;

namespace {

onnx::format::TensorProto read(const std::string& bytes) {
  const onnx::format::Origin origin{"test", bytes.data()};
  return onnx::format::read_tensor(origin, bytes);
}

}  // namespace

TEST_CASE("packed and single numbers are read alike") {
  // float_data: field 4; int64_data: field 7; -1 takes ten bytes.
  const float numbers[] = {1.5F, -2};
  const Message packed = Message().text(4, {reinterpret_cast<const char*>(numbers), 8}).text(7, {"\x05\xAC\x02", 3});
  const Message single = Message().real(4, 1.5F).real(4, -2).integer(7, 5).integer(7, 300);
  for (const auto& m : {packed, single}) {
    const auto t = read(m.bytes);
    CHECK(t.floats == std::vector<float>{1.5F, -2});
    CHECK(t.integers == std::vector<std::int64_t>{5, 300});
  }
  CHECK(read(Message().integer(7, -1).bytes).integers == std::vector<std::int64_t>{-1});
}

TEST_CASE("unknown fields are skipped") {
  CHECK(read(Message().text(99, "later").integer(98, 1).real(97, 1).text(8, "name").bytes).name == "name");
}

TEST_CASE("damaged messages are errors with a position") {
  const auto rejects = [](const std::string& bytes, const char* what) {
    CAPTURE(what);
    CHECK_THROWS_AS(read(bytes), nt::IoError);
    CHECK_THROWS_WITH(read(bytes), contains(what));
  };
  rejects("\x08", "cut off");                    // a tag without its number
  rejects(std::string(11, '\xFF'), "too long");  // a tag that does not end
  rejects(
      "\x42\x05"
      "ab",
      "longer than what encloses it");  // five bytes are promised
  rejects(std::string("\x00", 1), "invalid field number");
  rejects("\x0B", "invalid wire type");                            // a group
  rejects("\x0D\x01\x02", "cut off");                              // half a number of 32 bits
  rejects(Message().text(2, "text").bytes, "has the wrong type");  // data_type
  rejects(Message().text(4, "abc").bytes, "has a remainder");      // floats of three bytes
  CHECK_THROWS_WITH(read("\x42\x05"
                         "ab"),
                    contains("test: byte 0 (in TensorProto)"));
}

TEST_CASE("messages may be nested up to a limit") {
  // TypeProto.sequence_type.elem_type within itself.
  Message type = Message().message(1, Message().integer(1, 1));
  for (int i = 0; i < 200; ++i) type = Message().message(4, Message().message(1, type));
  const auto bytes = Message().message(7, Message().message(11, Message().text(1, "x").message(2, type))).bytes;
  CHECK_THROWS_WITH(onnx::load_bytes(bytes), contains("nested too deeply"));
}

TEST_CASE("sizes of tensors are checked before anything is allocated") {
  const auto value = [](const std::string& bytes) {
    const auto file = std::make_shared<const onnx::format::MappedFile>(bytes);
    const onnx::format::Origin origin{"test", file->bytes().data()};
    onnx::format::TensorReader reader(origin, file, "");
    return reader.value(onnx::format::read_tensor(origin, file->bytes()));
  };
  const auto of = [](std::initializer_list<std::int64_t> dims) {
    Message m;
    for (const auto d : dims) m.integer(1, d);
    return m.integer(2, 1);
  };
  CHECK_THROWS_WITH(value(of({1000000, 1000000}).real(4, 1).bytes), contains("the data do not fit"));
  CHECK_THROWS_WITH(value(of({std::int64_t{1} << 40, std::int64_t{1} << 40}).bytes), contains("too many elements"));
  CHECK_THROWS_WITH(value(of({-1}).bytes), contains("a negative length"));
  CHECK_THROWS_WITH(value(of({2}).text(9, "abc").bytes), contains("the data do not fit"));
  CHECK_THROWS_WITH(value(Message().integer(2, 99).bytes), contains("unsupported type"));
  CHECK(value(of({0, std::int64_t{1} << 40}).bytes).tensor().size() == 0);
}
