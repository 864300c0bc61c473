// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/export/export_call.hpp>

#include <cmath>
#include <limits>
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
/// fmod moved to the sign of the divisor, or by ONNX itself for integers: exact, unlike x - floor(x / y) y.
std::string remainder_of(ExportCall& c) {
  if (c.dtype() == i64) return c.g.node("Mod", c.in);
  const auto zero = c.number(0);
  const auto negative = [&](const std::string& x) { return c.g.node("Less", {x, zero}); };
  const auto r = c.g.node("Mod", c.in, {{"fmod", std::int64_t{1}}});
  const auto differ = c.g.node("Xor", {negative(r), negative(c.in[1])});
  const auto moves = c.g.node("And", {differ, c.g.node("Not", {c.g.node("Equal", {r, zero})})});
  return c.g.node("Where", {moves, c.g.node("Add", {r, c.in[1]}), r});
}
/// atan(y / x), half a turn further where x < 0; -0 is told by its reciprocal.
void atan2_row(ExportCall& c) {
  const double most = c.dtype() == f64 ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
  const auto finite = [&](const std::string& v) { return c.g.node("Clip", {v, c.number(-most), c.number(most)}); };
  const auto y = finite(c.in[0]), x = finite(c.in[1]), zero = c.number(0);
  const auto negative = [&](const std::string& v) {
    return c.g.node("Or", {c.g.node("Less", {v, zero}), c.g.node("Less", {c.g.node("Reciprocal", {v}), zero})});
  };
  const auto with_sign_of_y = [&](double value) {
    return c.g.node("Where", {negative(y), c.number(-value), c.number(value)});
  };
  const auto y_is_0 = c.g.node("Equal", {y, zero}), x_is_0 = c.g.node("Equal", {x, zero});
  const auto turn = c.g.node("Where", {negative(x), with_sign_of_y(std::numbers::pi), zero});
  const auto angle = c.g.node("Where", {y_is_0, y, c.g.node("Atan", {c.g.node("Div", {y, x})})});
  const auto upright = c.g.node("And", {x_is_0, c.g.node("Not", {y_is_0})});
  c.emit("Where", {upright, with_sign_of_y(std::numbers::pi / 2), c.g.node("Add", {angle, turn})});
}
/// |a - b|, 0 for equal infinities.
std::string gap_of(ExportCall& c) {
  const auto gap = c.g.node("Abs", {c.g.node("Sub", c.in)});
  return c.g.node("Where", {c.g.node("Equal", c.in), c.number(0), gap});
}
/// log2(2^a + 2^b).
void logaddexp2_row(ExportCall& c) {
  const auto gap = gap_of(c);
  const auto power = c.g.node("Exp", {c.g.node("Mul", {gap, c.number(-std::numbers::ln2)})});
  const auto rest = c.g.node("Log", {c.g.node("Add", {power, c.number(1)})});
  c.emit("Add", {c.g.node("Max", c.in), c.g.node("Mul", {rest, c.number(std::numbers::log2e)})});
}
/// sin(pi x) / (pi x), 1 at 0.
void sinc_row(ExportCall& c) {
  const auto angle = c.g.node("Mul", {c.in[0], c.number(std::numbers::pi)});
  const auto ratio = c.g.node("Div", {c.g.node("Sin", {angle}), angle});
  c.emit("Where", {c.g.node("Equal", {c.in[0], c.number(0)}), c.number(1), ratio});
}
/// -x log(x), 0 at 0 and -inf below.
void entr_row(ExportCall& c) {
  const auto zero = c.number(0);
  const auto product = c.g.node("Neg", {c.g.node("Mul", {c.in[0], c.g.node("Log", {c.in[0]})})});
  const auto inside = c.g.node("Where", {c.g.node("Equal", {c.in[0], zero}), zero, product});
  const auto below = c.g.node("Less", {c.in[0], zero});
  c.emit("Where", {below, c.number(-std::numeric_limits<double>::infinity()), inside});
}
void trunc_row(ExportCall& c) {
  c.emit("Mul", {c.g.node("Sign", {c.in[0]}), c.g.node("Floor", {c.g.node("Abs", {c.in[0]})})});
}
void cbrt_row(ExportCall& c) {
  c.emit("Mul", {c.g.node("Sign", {c.in[0]}), c.g.node("Pow", {c.g.node("Abs", {c.in[0]}), c.number(1.0 / 3)})});
}
/// The larger one plus log(1 + exp(-|a - b|)).
void logaddexp_row(ExportCall& c) {
  const auto gap = gap_of(c);
  const auto one = c.number(1);
  const auto rest = c.g.node("Log", {c.g.node("Add", {c.g.node("Exp", {c.g.node("Neg", {gap})}), one})});
  c.emit("Add", {c.g.node("Max", c.in), rest});
}
/// x f(y), 0 where x is.
void xlogy_row(ExportCall& c) {
  const auto zero = c.number(0);
  const auto product = c.g.node("Mul", {c.in[0], c.g.node("Log", {c.in[1]})});
  c.emit("Where", {c.g.node("Equal", {c.in[0], zero}), zero, product});
}
/// The other one where one is NaN.
template <const char* op>
void without_nan_row(ExportCall& c) {
  const auto nan = [&](std::size_t i) { return c.g.node("IsNaN", {c.in[i]}); };
  const auto either = c.g.node("Where", {nan(1), c.in[0], c.g.node(op, c.in)});
  c.emit("Where", {nan(0), c.in[1], either});
}
constexpr char max_op[] = "Max", min_op[] = "Min";
/// (1 + erf(x / sqrt 2)) / 2.
void ndtr_row(ExportCall& c) {
  const auto e = c.g.node("Erf", {c.g.node("Mul", {c.in[0], c.number(1 / std::numbers::sqrt2)})});
  c.emit("Mul", {c.g.node("Add", {e, c.number(1)}), c.number(0.5)});
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
    {"atan2", atan2_row},
    {"atanh", nullptr, "Atanh"},
    {"bitwise_and", bits_row<and_op>},
    {"bitwise_not", bits_row<not_op>},
    {"bitwise_or", bits_row<or_op>},
    {"bitwise_xor", bits_row<xor_op>},
    {"cast", cast_row},
    {"cbrt", cbrt_row},
    {"ceil", nullptr, "Ceil"},
    {"clip", clip_row},
    {"cos", nullptr, "Cos"},
    {"cosh", nullptr, "Cosh"},
    {"div", nullptr, "Div"},
    {"elu",
     [](ExportCall& c) {
       c.emit_same("Elu", {{"alpha", static_cast<float>(c.real("alpha"))}});
     }},
    {"entr", entr_row},
    {"equal", nullptr, "Equal"},
    {"erf", nullptr, "Erf"},
    {"erfc",
     [](ExportCall& c) {
       c.emit("Sub", {c.number(1), c.g.node("Erf", {c.in[0]})});
     }},
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
    {"fmax", without_nan_row<max_op>},
    {"fmin", without_nan_row<min_op>},
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
    {"heaviside",
     [](ExportCall& c) {
       const auto zero = c.number(0);
       const auto step = c.g.node("Where", {c.g.node("Less", {c.in[0], zero}), zero, c.number(1)});
       c.emit("Where", {c.g.node("Equal", {c.in[0], zero}), c.in[1], step});
     }},
    {"hypot",
     [](ExportCall& c) {
       const auto squared = [&](std::size_t i) { return c.g.node("Mul", {c.in[i], c.in[i]}); };
       c.emit("Sqrt", {c.g.node("Add", {squared(0), squared(1)})});
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
    {"logaddexp", logaddexp_row},
    {"logaddexp2", logaddexp2_row},
    {"logical_and", nullptr, "And"},
    {"logical_not", nullptr, "Not"},
    {"logical_or", nullptr, "Or"},
    {"logical_xor", nullptr, "Xor"},
    {"logit",
     [](ExportCall& c) {
       c.emit("Log", {c.g.node("Div", {c.in[0], c.g.node("Sub", {c.number(1), c.in[0]})})});
     }},
    {"maximum", nullptr, "Max"},
    {"minimum", nullptr, "Min"},
    {"mish", mish_row},
    {"mul", nullptr, "Mul"},
    {"ndtr", ndtr_row},
    {"neg", nullptr, "Neg"},
    {"not_equal", [](ExportCall& c) { c.emit("Not", {c.g.node("Equal", c.in)}); }},
    {"pow", nullptr, "Pow"},
    {"prelu", nullptr, "PRelu"},
    {"reciprocal", nullptr, "Reciprocal"},
    {"relu", nullptr, "Relu"},
    {"remainder", [](ExportCall& c) { c.emit("Identity", {remainder_of(c)}); }},
    {"round", nullptr, "Round"},
    {"rsqrt", [](ExportCall& c) { c.emit("Reciprocal", {c.g.node("Sqrt", {c.in[0]})}); }},
    {"sigmoid", nullptr, "Sigmoid"},
    {"sign", nullptr, "Sign"},
    {"silu", silu_row},
    {"sin", nullptr, "Sin"},
    {"sinc", sinc_row},
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
    {"trunc", trunc_row},
    {"where", nullptr, "Where"},
    {"xlogy", xlogy_row},
};

}  // namespace elementwise_writers
}  // namespace

ExportRows elementwise_export_rows() { return elementwise_writers::table; }

}  // namespace newtape::onnx::detail
