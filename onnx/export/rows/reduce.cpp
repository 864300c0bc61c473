// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/export/export_call.hpp>

#include <algorithm>

namespace newtape::onnx::detail {
namespace {
namespace reduce_writers {

/// The axes are an attribute of all reductions of opset 17 but ReduceSum.
template <const char* op>
void reduction(ExportCall& c) {
  if (c.dtype() == boolean) c.refuse("this reduction of booleans");
  const Dims axes = c.dims("axes");
  if (axes.empty()) return c.emit_same("Identity");
  c.emit_same(op, {{"axes", axes}, {"keepdims", c.integer("keepdims")}});
}
constexpr char mean[] = "ReduceMean", prod[] = "ReduceProd", max[] = "ReduceMax", min[] = "ReduceMin",
               logsumexp[] = "ReduceLogSumExp";

void sum_row(ExportCall& c) {
  const Dims axes = c.dims("axes");
  const auto to_i64 = [](ExportCall& call) {
    return call.g.node("Cast", {call.in[0]}, {{"to", static_cast<std::int64_t>(ElementType::int64)}});
  };
  const std::string x = c.dtype() == boolean ? to_i64(c) : c.in[0];
  if (axes.empty()) return c.emit("Identity", {x});
  c.emit("ReduceSum", {x, c.g.integers(axes)}, {{"keepdims", c.integer("keepdims")}});
}

/// Of booleans, as integers: ONNX reduces booleans from opset 20 on.
template <const char* op>
void boolean_reduction(ExportCall& c) {
  const auto type = [](ElementType t) { return static_cast<std::int64_t>(t); };
  const auto x = c.g.node("Cast", {c.in[0]}, {{"to", type(ElementType::int32)}});
  const Dims axes = c.dims("axes");
  const auto y = axes.empty() ? x : c.g.node(op, {x}, {{"axes", axes}, {"keepdims", c.integer("keepdims")}});
  c.emit("Cast", {y}, {{"to", type(ElementType::boolean)}});
}

template <const char* op>
void arg_extreme_row(ExportCall& c) {
  c.emit_same(op, {{"axis", c.integer("axis")}, {"keepdims", c.integer("keepdims")}});
}
constexpr char argmax[] = "ArgMax", argmin[] = "ArgMin";

template <const char* op>
void along_axis_row(ExportCall& c) {
  if (c.ndim() == 0) c.refuse("a number as operand");
  c.emit_same(op, {{"axis", c.integer("axis")}});
}
constexpr char softmax[] = "Softmax", log_softmax[] = "LogSoftmax";

void topk_row(ExportCall& c) {
  c.emit("TopK", {c.in[0], c.g.integers({c.integer("k")})},
         {{"axis", c.integer("axis")}, {"largest", c.integer("largest")}, {"sorted", c.integer("sorted")}});
}

constexpr ExportRow table[] = {
    {"all", boolean_reduction<min>},
    {"any", boolean_reduction<max>},
    {"argmax", arg_extreme_row<argmax>},
    {"argmin", arg_extreme_row<argmin>},
    {"cumsum",
     [](ExportCall& c) {
       c.emit("CumSum", {c.in[0], c.g.integer(c.integer("axis"))});
     }},
    {"log_softmax", along_axis_row<log_softmax>},
    {"logsumexp", reduction<logsumexp>},
    {"max", reduction<max>},
    {"mean", reduction<mean>},
    {"min", reduction<min>},
    {"prod", reduction<prod>},
    {"softmax", along_axis_row<softmax>},
    {"sum", sum_row},
    {"topk", topk_row},
};

}  // namespace reduce_writers
}  // namespace

ExportRows reduce_export_rows() { return reduce_writers::table; }

}  // namespace newtape::onnx::detail
