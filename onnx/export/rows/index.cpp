// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/export/export_call.hpp>

namespace newtape::onnx::detail {
namespace {
namespace index_writers {

void axis_of_operands(ExportCall& c, std::string_view op) { c.emit_same(op, {{"axis", c.integer("axis")}}); }

/// The classes are the last axis; values are [off, on].
void one_hot_row(ExportCall& c) {
  const auto classes = c.result().shape(-1);
  Array values = Array::empty({2}, f32);
  values.data<float>()[0] = 0;
  values.data<float>()[1] = 1;
  const auto y = c.g.node("OneHot", {c.in[0], c.g.integers({classes}), c.g.constant(values)});
  c.emit("Cast", {y}, {{"to", static_cast<std::int64_t>(element_of_dtype(c.result().dtype()))}});
}

void scatter_add_row(ExportCall& c) {
  if (c.shape(1) != c.shape(2)) c.refuse("a source that is longer than the indices");
  c.emit_same("ScatterElements", {{"axis", c.integer("axis")}, {"reduction", std::string("add")}});
}

constexpr ExportRow table[] = {
    {"gather", [](ExportCall& c) { axis_of_operands(c, "GatherElements"); }},
    {"one_hot", one_hot_row},
    {"scatter", [](ExportCall& c) { axis_of_operands(c, "ScatterElements"); }},
    {"scatter_add", scatter_add_row},
    {"select",
     [](ExportCall& c) {
       c.emit("Gather", {c.in[0], c.g.integer(c.integer("index"))}, {{"axis", c.integer("axis")}});
     }},
    {"take", [](ExportCall& c) { axis_of_operands(c, "Gather"); }},
};

}  // namespace index_writers
}  // namespace

ExportRows index_export_rows() { return index_writers::table; }

}  // namespace newtape::onnx::detail
