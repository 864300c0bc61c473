// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/export/export_call.hpp>

#include <cmath>
#include <numbers>

namespace newtape::onnx::detail {
namespace {
namespace elementwise_writers {

void silu_row(ExportCall& c) { c.emit("Mul", {c.in[0], c.g.node("Sigmoid", {c.in[0]})}); }
void mish_row(ExportCall& c) { c.emit("Mul", {c.in[0], c.g.node("Tanh", {c.g.node("Softplus", {c.in[0]})})}); }
/// x (1 + erf(x / sqrt 2)) / 2.
void gelu_row(ExportCall& c) {
  const auto e = c.g.node("Erf", {c.g.node("Mul", {c.in[0], c.number(1 / std::numbers::sqrt2)})});
  const auto half = c.g.node("Mul", {c.in[0], c.number(0.5)});
  c.emit("Mul", {half, c.g.node("Add", {e, c.number(1)})});
}
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
void gelu_tanh_row(ExportCall& c) {
  const auto& x = c.in[0];
  const auto cube = c.g.node("Mul", {c.g.node("Mul", {x, x}), x});
  const auto sum = c.g.node("Add", {x, c.g.node("Mul", {cube, c.number(0.044715)})});
  const auto t = c.g.node("Tanh", {c.g.node("Mul", {sum, c.number(std::sqrt(2 / std::numbers::pi))})});
  const auto half = c.g.node("Mul", {x, c.number(0.5)});
  c.emit("Mul", {half, c.g.node("Add", {t, c.number(1)})});
}
void clip_row(ExportCall& c) {
  if (c.ndim(1) == 0 && c.ndim(2) == 0) return c.emit_same("Clip");
  c.emit("Min", {c.g.node("Max", {c.in[0], c.in[1]}), c.in[2]});
}
void log_base(ExportCall& c, double base) { c.emit("Mul", {c.g.node("Log", {c.in[0]}), c.number(1 / std::log(base))}); }
void cast_row(ExportCall& c) {
  c.emit_same("Cast", {{"to", static_cast<std::int64_t>(element_of_dtype(c.result().dtype()))}});
}
void isfinite_row(ExportCall& c) {
  c.emit("Not", {c.g.node("Or", {c.g.node("IsNaN", {c.in[0]}), c.g.node("IsInf", {c.in[0]})})});
}
/// Of booleans; others have no operator before opset 18.
template <const char* op>
void bits_row(ExportCall& c) {
  if (c.dtype() != boolean) c.refuse("bitwise operations of integers");
  c.emit_same(op);
}
constexpr char and_op[] = "And", or_op[] = "Or", xor_op[] = "Xor", not_op[] = "Not";

constexpr ExportRow table[] = {
    {"abs", nullptr, "Abs"},
    {"acos", nullptr, "Acos"},
    {"acosh", nullptr, "Acosh"},
    {"add", nullptr, "Add"},
    {"asin", nullptr, "Asin"},
    {"asinh", nullptr, "Asinh"},
    {"atan", nullptr, "Atan"},
    {"atanh", nullptr, "Atanh"},
    {"bitwise_and", bits_row<and_op>},
    {"bitwise_not", bits_row<not_op>},
    {"bitwise_or", bits_row<or_op>},
    {"bitwise_xor", bits_row<xor_op>},
    {"cast", cast_row},
    {"ceil", nullptr, "Ceil"},
    {"clip", clip_row},
    {"cos", nullptr, "Cos"},
    {"cosh", nullptr, "Cosh"},
    {"div", nullptr, "Div"},
    {"elu",
     [](ExportCall& c) {
       c.emit_same("Elu", {{"alpha", static_cast<float>(c.real("alpha"))}});
     }},
    {"equal", nullptr, "Equal"},
    {"erf", nullptr, "Erf"},
    {"exp", nullptr, "Exp"},
    {"exp2",
     [](ExportCall& c) {
       c.emit("Pow", {c.number(2), c.in[0]});
     }},
    {"expm1",
     [](ExportCall& c) {
       c.emit("Sub", {c.g.node("Exp", {c.in[0]}), c.number(1)});
     }},
    {"floor", nullptr, "Floor"},
    {"fmod",
     [](ExportCall& c) {
       c.emit_same("Mod", {{"fmod", std::int64_t{1}}});
     }},
    {"gelu", gelu_row},
    {"gelu_tanh", gelu_tanh_row},
    {"greater", nullptr, "Greater"},
    {"greater_equal", nullptr, "GreaterOrEqual"},
    {"hardswish", nullptr, "HardSwish"},
    {"hardtanh",
     [](ExportCall& c) {
       c.emit("Clip", {c.in[0], c.number(c.real("low")), c.number(c.real("high"))});
     }},
    {"isfinite", isfinite_row},
    {"isinf", nullptr, "IsInf"},
    {"isnan", nullptr, "IsNaN"},
    {"leaky_relu",
     [](ExportCall& c) {
       c.emit_same("LeakyRelu", {{"alpha", static_cast<float>(c.real("alpha"))}});
     }},
    {"less", nullptr, "Less"},
    {"less_equal", nullptr, "LessOrEqual"},
    {"log", nullptr, "Log"},
    {"log10", [](ExportCall& c) { log_base(c, 10); }},
    {"log1p",
     [](ExportCall& c) {
       c.emit("Log", {c.g.node("Add", {c.in[0], c.number(1)})});
     }},
    {"log2", [](ExportCall& c) { log_base(c, 2); }},
    {"logical_and", nullptr, "And"},
    {"logical_not", nullptr, "Not"},
    {"logical_or", nullptr, "Or"},
    {"logical_xor", nullptr, "Xor"},
    {"maximum", nullptr, "Max"},
    {"minimum", nullptr, "Min"},
    {"mish", mish_row},
    {"mul", nullptr, "Mul"},
    {"neg", nullptr, "Neg"},
    {"not_equal", [](ExportCall& c) { c.emit("Not", {c.g.node("Equal", c.in)}); }},
    {"pow", nullptr, "Pow"},
    {"prelu", nullptr, "PRelu"},
    {"reciprocal", nullptr, "Reciprocal"},
    {"relu", nullptr, "Relu"},
    {"round", nullptr, "Round"},
    {"rsqrt", [](ExportCall& c) { c.emit("Reciprocal", {c.g.node("Sqrt", {c.in[0]})}); }},
    {"sigmoid", nullptr, "Sigmoid"},
    {"sign", nullptr, "Sign"},
    {"silu", silu_row},
    {"sin", nullptr, "Sin"},
    {"sinh", nullptr, "Sinh"},
    {"softplus", nullptr, "Softplus"},
    {"softsign", nullptr, "Softsign"},
    {"sqrt", nullptr, "Sqrt"},
    {"square",
     [](ExportCall& c) {
       c.emit("Mul", {c.in[0], c.in[0]});
     }},
    {"sub", nullptr, "Sub"},
    {"tan", nullptr, "Tan"},
    {"tanh", nullptr, "Tanh"},
    {"tanhshrink",
     [](ExportCall& c) {
       c.emit("Sub", {c.in[0], c.g.node("Tanh", {c.in[0]})});
     }},
    {"where", nullptr, "Where"},
};

}  // namespace elementwise_writers
}  // namespace

ExportRows elementwise_export_rows() { return elementwise_writers::table; }

}  // namespace newtape::onnx::detail
