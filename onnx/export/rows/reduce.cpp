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

/// How many numbers the axes have, in the dtype of the operand: the batch may be among them.
std::string count_of(ExportCall& c, const Dims& axes) {
  const auto lengths = c.g.node("Gather", {c.g.node("Shape", {c.in[0]}), c.g.integers(axes)});
  const auto product = c.g.node("ReduceProd", {lengths}, {{"keepdims", std::int64_t{0}}});
  return c.g.node("Cast", {product}, {{"to", static_cast<std::int64_t>(element_of_dtype(c.dtype()))}});
}

/// The sum of squared distances from the mean, over the number of elements less `correction`.
std::string variance(ExportCall& c) {
  Dims axes = c.dims("axes");
  for (auto& axis : axes) axis = axis < 0 ? axis + c.ndim() : axis;
  if (axes.empty()) c.refuse("a variance over no axis");
  const auto centre = c.g.node("ReduceMean", {c.in[0]}, {{"axes", axes}, {"keepdims", std::int64_t{1}}});
  const auto d = c.g.node("Sub", {c.in[0], centre});
  const auto sum =
      c.g.node("ReduceSum", {c.g.node("Mul", {d, d}), c.g.integers(axes)}, {{"keepdims", c.integer("keepdims")}});
  return c.g.node("Div", {sum, c.g.node("Sub", {count_of(c, axes), c.number(c.real("correction"))})});
}
void var_row(ExportCall& c) { c.emit("Identity", {variance(c)}); }
void std_row(ExportCall& c) { c.emit("Sqrt", {variance(c)}); }

/// Of orders other than 1 and infinity, which are sums and extremes.
void norm_row(ExportCall& c) {
  const Dims axes = c.dims("axes");
  const double p = c.real("p");
  const auto size = [&] { return c.g.node("Abs", {c.in[0]}); };
  if (axes.empty()) return c.emit("Identity", {size()});
  if (p == 2) return c.emit_same("ReduceL2", {{"axes", axes}, {"keepdims", c.integer("keepdims")}});
  const auto sum = c.g.node("ReduceSum", {c.g.node("Pow", {size(), c.number(p)}), c.g.integers(axes)},
                            {{"keepdims", c.integer("keepdims")}});
  c.emit("Pow", {sum, c.number(1 / p)});
}

/// All elements, as TopK orders them: equal ones in the order in which they are.
void sort_row(ExportCall& c, const ExportCall::Names& out) {
  if (c.ndim() == 0) c.refuse("a number as operand");
  const auto axis = c.integer("axis") < 0 ? c.integer("axis") + c.ndim() : c.integer("axis");
  const auto length = c.g.node("Shape", {c.in[0]}, {{"start", axis}, {"end", axis + 1}});
  c.g.add("TopK", {c.in[0], length}, out,
          {{"axis", axis}, {"largest", c.integer("descending")}, {"sorted", std::int64_t{1}}});
}

constexpr ExportRow table[] = {
    {"all", boolean_reduction<min>},
    {"any", boolean_reduction<max>},
    {"argmax", arg_extreme_row<argmax>},
    {"argmin", arg_extreme_row<argmin>},
    {"argsort",
     [](ExportCall& c) {
       sort_row(c, {c.g.fresh("sorted"), c.out[0]});
     }},
    {"cumsum",
     [](ExportCall& c) {
       c.emit("CumSum", {c.in[0], c.g.integer(c.integer("axis"))});
     }},
    {"log_softmax", along_axis_row<log_softmax>},
    {"logsumexp", reduction<logsumexp>},
    {"max", reduction<max>},
    {"mean", reduction<mean>},
    {"min", reduction<min>},
    {"norm", norm_row},
    {"prod", reduction<prod>},
    {"softmax", along_axis_row<softmax>},
    {"sort", [](ExportCall& c) { sort_row(c, c.out); }},
    {"std", std_row},
    {"sum", sum_row},
    {"topk", topk_row},
    {"var", var_row},
};

}  // namespace reduce_writers
}  // namespace

ExportRows reduce_export_rows() { return reduce_writers::table; }

}  // namespace newtape::onnx::detail
