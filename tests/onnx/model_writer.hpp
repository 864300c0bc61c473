// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/shape.hpp>

#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

/// Small ONNX files for tests: protobuf messages as bytes.
namespace model_writer {

/// A protobuf message.
class Message {
 public:
  Message& integer(int field, std::int64_t value) {
    tag(field, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& real(int field, float value) {
    tag(field, 5);
    bytes.append(reinterpret_cast<const char*>(&value), 4);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    bytes.append(value);
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes); }

  std::string bytes;

 private:
  void tag(int field, int wire) { varint(static_cast<std::uint64_t>(field) << 3 | static_cast<unsigned>(wire)); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
    bytes.push_back(static_cast<char>(value));
  }
};

template <class T>
Message tensor(std::string_view name, std::initializer_list<std::int64_t> dims, std::vector<T> values) {
  Message m;
  for (const auto d : dims) m.integer(1, d);
  m.integer(2, sizeof(T) == 4 ? 1 : 7).text(8, name);
  return m.text(9, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

/// A tensor of float32, or of another type, with -1 for an axis of any length.
inline Message port(std::string_view name, std::initializer_list<std::int64_t> dims, std::int64_t type = 1) {
  Message shape;
  for (const auto d : dims) {
    Message dim;
    shape.message(1, d < 0 ? dim.text(2, "n") : dim.integer(1, d));
  }
  return Message().text(1, name).message(2, Message().message(1, Message().integer(1, type).message(2, shape)));
}

inline Message attribute(std::string_view name, std::int64_t value) {
  return Message().text(1, name).integer(3, value).integer(20, 2);
}
inline Message attribute(std::string_view name, float value) {
  return Message().text(1, name).real(2, value).integer(20, 1);
}
inline Message attribute(std::string_view name, std::string_view value) {
  return Message().text(1, name).text(4, value).integer(20, 3);
}
inline Message attribute(std::string_view name, const Message& graph) {
  return Message().text(1, name).message(6, graph).integer(20, 5);
}

inline Message node(std::string_view op, std::initializer_list<std::string_view> inputs,
                    std::initializer_list<std::string_view> outputs, std::initializer_list<Message> attributes = {},
                    std::string_view domain = "") {
  Message m;
  for (const auto i : inputs) m.text(1, i);
  for (const auto o : outputs) m.text(2, o);
  m.text(3, std::string("the_") + std::string(op)).text(4, op);
  for (const auto& a : attributes) m.message(5, a);
  return domain.empty() ? m : m.text(7, domain);
}

struct Graph {
  std::vector<Message> nodes = {}, initializers = {}, inputs = {}, outputs = {};
  Message message() const {
    Message m;
    for (const auto& n : nodes) m.message(1, n);
    m.text(2, "graph");
    for (const auto& t : initializers) m.message(5, t);
    for (const auto& i : inputs) m.message(11, i);
    for (const auto& o : outputs) m.message(12, o);
    return m;
  }
};

inline Message opset(std::string_view domain, std::int64_t version) {
  Message m;
  if (!domain.empty()) m.text(1, domain);
  return m.integer(2, version);
}

inline std::string model(const Graph& graph, std::int64_t version = 17, std::initializer_list<Message> functions = {}) {
  Message m = Message().integer(1, 8).text(2, "tests").message(7, graph.message()).message(8, opset("", version));
  m.message(8, opset("local", 1));
  for (const auto& f : functions) m.message(25, f);
  return m.bytes;
}

}  // namespace model_writer
