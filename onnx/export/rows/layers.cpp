// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/onnx/export/export_call.hpp>

#include <algorithm>
#include <numeric>
#include <string>

namespace newtape::onnx::detail {
namespace {
namespace layer_writers {

using Names = ExportCall::Names;
using Attributes = ExportCall::Attributes;

/// x w^T + b; Gemm takes matrices only.
void linear_row(ExportCall& c) {
  if (c.ndim() == 2) return c.emit_same("Gemm", {{"transB", std::int64_t{1}}});
  const auto w = c.g.node("Transpose", {c.in[1]}, {{"perm", Dims{1, 0}}});
  if (!c.has(2)) return c.emit("MatMul", {c.in[0], w});
  c.emit("Add", {c.g.node("MatMul", {c.in[0], w}), c.in[2]});
}

/// Adds an attribute. (GCC 12 warns of moving one into a vector.)
void with(Attributes& attributes, const NodeAttribute& more) { attributes.push_back(more); }

/// The number of spatial axes of a weight or window.
std::size_t spatial(const Dims& windows) { return windows.size(); }

/// ONNX wants a batch axis: `write(x)` gives the result of [1, c, ..] where there is none.
template <class F>
void with_batch(ExportCall& c, std::size_t axes, const F& write) {
  if (c.tensor(0).ndim() == axes + 2) return write(c.in[0], c.out);
  const auto zero = c.g.integers({0});
  const auto y = c.g.fresh("batched");
  write(c.g.node("Unsqueeze", {c.in[0], zero}), Names{y});
  c.emit("Squeeze", {y, zero});
}

Dims both_ends(const Dims& padding, const Dims& more = {}) {
  Dims pads = padding;
  for (std::size_t i = 0; i < padding.size(); ++i) pads.push_back(padding[i] + (more.empty() ? 0 : more[i]));
  return pads;
}

void conv_row(ExportCall& c) {
  const Dims stride = c.dims("stride"), dilation = c.dims("dilation"), padding = c.dims("padding");
  Dims odd(padding.size());  // Padding::same adds an odd zero at the end
  for (std::size_t a = 0; a < odd.size() && c.integer("same") != 0; ++a) {
    odd[a] = dilation[a] * (c.shape(1)[a + 2] - 1) - 2 * padding[a];
  }
  with_batch(c, spatial(stride), [&](const std::string& x, const Names& out) {
    c.g.add("Conv", {x, c.in[1], c.in[2]}, out,
            {{"strides", stride},
             {"dilations", dilation},
             {"pads", both_ends(padding, odd)},
             {"group", c.integer("groups")}});
  });
}

void conv_transpose_row(ExportCall& c) {
  const Dims stride = c.dims("stride");
  with_batch(c, spatial(stride), [&](const std::string& x, const Names& out) {
    c.g.add("ConvTranspose", {x, c.in[1], c.in[2]}, out,
            {{"strides", stride},
             {"dilations", c.dims("dilation")},
             {"pads", both_ends(c.dims("padding"))},
             {"output_padding", c.dims("output_padding")},
             {"group", c.integer("groups")}});
  });
}

Attributes windows(const ExportCall& c) {
  return {{"kernel_shape", c.dims("kernel")},
          {"strides", c.dims("stride")},
          {"pads", both_ends(c.dims("padding"))},
          {"ceil_mode", c.integer("ceil_mode")}};
}

void max_pool_row(ExportCall& c) {
  if (c.out.size() > 1) c.refuse("indices within each channel: ONNX counts them through the whole tensor");
  auto attributes = windows(c);
  with(attributes, {"dilations", c.dims("dilation")});
  with_batch(c, spatial(c.dims("kernel")),
             [&](const std::string& x, const Names& out) { c.g.add("MaxPool", {x}, out, attributes); });
}

void avg_pool_row(ExportCall& c) {
  if (c.integer("divisor") != 0) c.refuse("divisor_override");
  auto attributes = windows(c);
  with(attributes, {"count_include_pad", c.integer("count_include_pad")});
  with_batch(c, spatial(c.dims("kernel")),
             [&](const std::string& x, const Names& out) { c.g.add("AveragePool", {x}, out, attributes); });
}

/// Windows of several lengths, one axis after the other: output i is of elements floor(i n / m) to ceil((i + 1) n / m).
std::string uneven_windows(ExportCall& c, std::string x, const Dims& input, const Dims& size, const char* reduce) {
  for (std::size_t a = 0; a < size.size(); ++a) {
    const auto n = input[a], m = size[a], axis = c.ndim() - std::ssize(size) + static_cast<std::int64_t>(a);
    if (m == n) continue;
    Names parts;
    for (std::int64_t i = 0; i < m; ++i) {
      const auto from = i * n / m, to = ((i + 1) * n + m - 1) / m;
      const auto window = c.g.node("Slice", {x, c.g.integers({from}), c.g.integers({to}), c.g.integers({axis})});
      parts.push_back(c.g.node(reduce, {window}, {{"axes", Dims{axis}}, {"keepdims", std::int64_t{1}}}));
    }
    x = parts.size() == 1 ? parts[0] : c.g.node("Concat", parts, {{"axis", axis}});
  }
  return x;
}

template <const char* pool, const char* global, const char* reduce>
void adaptive_row(ExportCall& c) {
  const Dims size = c.dims("size");
  const Dims input(c.shape().end() - size.size(), c.shape().end());
  const bool one = std::all_of(size.begin(), size.end(), [](auto n) { return n == 1; });
  Dims kernel(size.size());
  for (std::size_t a = 0; a < size.size(); ++a) {
    if (input[a] % size[a] != 0) return c.emit("Identity", {uneven_windows(c, c.in[0], input, size, reduce)});
    kernel[a] = input[a] / size[a];
  }
  with_batch(c, size.size(), [&](const std::string& x, const Names& out) {
    if (one) return c.g.add(global, {x}, out);
    c.g.add(pool, {x}, out, {{"kernel_shape", kernel}, {"strides", kernel}});
  });
}
constexpr char average[] = "AveragePool", global_average[] = "GlobalAveragePool", maximum[] = "MaxPool",
               global_maximum[] = "GlobalMaxPool", reduce_mean[] = "ReduceMean", reduce_max[] = "ReduceMax";

/// Operand i, or as many of `value` as there are of `like`.
std::string given_or(ExportCall& c, std::size_t i, const Shape& like, double value) {
  return c.has(i) ? c.in[i] : c.g.constant(core::full(like, value, c.dtype()));
}
Attributes epsilon_of(const ExportCall& c) { return {{"epsilon", static_cast<float>(c.real("eps"))}}; }

void batch_norm_row(ExportCall& c) {
  const Shape channels = c.shape(3);
  c.emit("BatchNormalization", {c.in[0], given_or(c, 1, channels, 1), given_or(c, 2, channels, 0), c.in[3], c.in[4]},
         epsilon_of(c));
}

void layer_norm_row(ExportCall& c) {
  const auto axes = c.integer("axes");
  const Shape rest(c.shape().end() - axes, c.shape().end());
  auto attributes = epsilon_of(c);
  with(attributes, {"axis", -axes});
  c.emit("LayerNormalization", {c.in[0], given_or(c, 1, rest, 1), c.has(2) ? c.in[2] : ""}, attributes);
}

/// x / sqrt(mean(x^2) + eps) * w.
void rms_norm_row(ExportCall& c) {
  const auto count = c.integer("axes");
  Dims axes(static_cast<std::size_t>(count));
  std::iota(axes.begin(), axes.end(), -count);
  const auto mean =
      c.g.node("ReduceMean", {c.g.node("Mul", {c.in[0], c.in[0]})}, {{"axes", axes}, {"keepdims", std::int64_t{1}}});
  const auto rms = c.g.node("Sqrt", {c.g.node("Add", {mean, c.number(c.real("eps"))})});
  if (!c.has(1)) return c.emit("Div", {c.in[0], rms});
  c.emit("Mul", {c.g.node("Div", {c.in[0], rms}), c.in[1]});
}

/// A weight [c] for x [n, c, ..].
std::string by_channel(ExportCall& c, std::size_t i) {
  Dims shape(c.tensor(0).ndim() - 1, 1);
  shape[0] = c.shape()[1];
  return c.reshaped(c.in[i], shape);
}

/// Each group as a channel of InstanceNormalization, then weight and bias of the channels.
void group_norm_row(ExportCall& c) {
  const auto groups = c.integer("groups");
  const auto x = c.reshaped(c.in[0], {0, groups, -1});
  const auto ones = c.g.constant(core::full({groups}, 1, c.dtype()));
  const auto zeros = c.g.constant(core::full({groups}, 0, c.dtype()));
  const auto y = c.g.node("InstanceNormalization", {x, ones, zeros}, epsilon_of(c));
  auto z = c.g.node("Reshape", {y, c.g.node("Shape", {c.in[0]})});
  if (c.has(1)) z = c.g.node("Mul", {z, by_channel(c, 1)});
  if (c.has(2)) z = c.g.node("Add", {z, by_channel(c, 2)});
  c.emit("Identity", {z});
}

void instance_norm_row(ExportCall& c) {
  const Shape channels{c.shape()[1]};
  c.emit("InstanceNormalization", {c.in[0], given_or(c, 1, channels, 1), given_or(c, 2, channels, 0)}, epsilon_of(c));
}

/// Sizes as scales, so that the batch may have any length; cubic is Keys's with a = -3/4.
void interpolate_row(ExportCall& c) {
  if (c.integer("antialias") != 0) c.refuse("interpolate with antialias");  // from opset 18
  const std::string& mode = c.text("mode");
  const bool nearest = mode == "nearest" || mode == "nearest_exact", corners = c.integer("align_corners") != 0;
  const Dims size = c.dims("size");
  const auto factors = c.reals("factors");
  Array scales = Array::empty({c.ndim()}, f32);
  float* const to = scales.data<float>();
  const auto lead = c.tensor(0).ndim() - size.size();
  for (std::size_t i = 0; i < c.tensor(0).ndim(); ++i) {
    const double ratio = i < lead ? 1
                         : factors[i - lead] != 0
                             ? factors[i - lead]
                             : static_cast<double>(size[i - lead]) / static_cast<double>(c.shape()[i]);
    to[i] = static_cast<float>(ratio);
  }
  const bool exact = mode == "nearest_exact";
  Attributes attributes{{"mode", std::string(nearest             ? "nearest"
                                             : mode == "bicubic" ? "cubic"
                                                                 : "linear")},
                        {"coordinate_transformation_mode", std::string(corners             ? "align_corners"
                                                                       : nearest && !exact ? "asymmetric"
                                                                                           : "half_pixel")}};
  if (nearest) with(attributes, {"nearest_mode", std::string(exact ? "round_prefer_ceil" : "floor")});
  if (mode == "bicubic") with(attributes, {"cubic_coeff_a", -0.75F});
  c.emit("Resize", {c.in[0], "", c.g.constant(scales)}, attributes);
}

/// Whether each column of a mask [T, B] is true up to a step and false from there on.
bool are_lengths(const Array& mask) {
  const Array rows = core::contiguous(mask);
  const auto steps = rows.shape(0), batch = rows.shape(1);
  const bool* const valid = rows.data<bool>();
  for (std::int64_t i = batch; i < steps * batch; ++i) {
    if (valid[i] && !valid[i - batch]) return false;
  }
  return true;
}

/// Operands x, w_ih, w_hh, b_ih, b_hh, h0, c0, mask; results are the states of all steps, the last one, the last cell.
/// `order` takes PyTorch's gates to ONNX's. A mask becomes the lengths of the sequences: what the layer does with states beyond
/// them follows as operations of its own.
void recurrent_row(ExportCall& c, std::string_view op, const Dims& order, Attributes attributes = {}) {
  const bool masked = c.has(7), reverse = c.integer("reverse") != 0;
  if (masked && !are_lengths(c.tensor(7).value())) c.refuse("a mask with steps left out before valid ones");
  const auto hidden = c.shape(2)[1];
  Array rows = Array::empty({static_cast<std::int64_t>(order.size()) * hidden}, i64);
  auto* const to = rows.data<std::int64_t>();
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::iota(to + static_cast<std::int64_t>(i) * hidden, to + static_cast<std::int64_t>(i + 1) * hidden,
              order[i] * hidden);
  }
  const auto zero = c.g.integers({0}), index = c.g.constant(rows);
  const auto gates = [&](std::size_t i) { return c.g.node("Gather", {c.in[i], index}, {{"axis", std::int64_t{0}}}); };
  const auto directed = [&](const std::string& x) { return c.g.node("Unsqueeze", {x, zero}); };
  const std::string bias =
      c.has(3) ? directed(c.g.node("Concat", {gates(3), gates(4)}, {{"axis", std::int64_t{0}}})) : "";
  with(attributes, {"hidden_size", hidden});
  with(attributes, {"direction", std::string(reverse ? "reverse" : "forward")});
  const auto as_int32 = [&](const std::string& x) {
    return c.g.node("Cast", {x}, {{"to", static_cast<std::int64_t>(ElementType::int32)}});
  };
  const auto lengths =
      masked ? c.g.node("ReduceSum", {as_int32(c.in[7]), zero}, {{"keepdims", std::int64_t{0}}}) : std::string();
  Names inputs{c.in[0], directed(gates(1)), directed(gates(2)), bias, lengths, directed(c.in[5])};
  if (op == "LSTM") inputs.push_back(directed(c.in[6]));
  Names raw{c.g.fresh("Y"), c.g.fresh("Y_h")};
  if (op == "LSTM") raw.push_back(c.g.fresh("Y_c"));
  c.g.add(op, inputs, raw, attributes);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (!c.out[i].empty()) c.g.add("Squeeze", {raw[i], i == 0 ? c.g.integers({1}) : zero}, {c.out[i]});
  }
}

constexpr ExportRow table[] = {
    {"adaptive_avg_pool", adaptive_row<average, global_average, reduce_mean>},
    {"adaptive_max_pool", adaptive_row<maximum, global_maximum, reduce_max>},
    {"avg_pool", avg_pool_row},
    {"batch_norm", batch_norm_row},
    {"conv", conv_row},
    {"conv_transpose", conv_transpose_row},
    {"group_norm", group_norm_row},
    {"gru",
     [](ExportCall& c) {
       recurrent_row(c, "GRU", {1, 0, 2}, {{"linear_before_reset", std::int64_t{1}}});
     }},
    {"instance_norm", instance_norm_row},
    {"interpolate", interpolate_row},
    {"layer_norm", layer_norm_row},
    {"linear", linear_row},
    {"lstm",
     [](ExportCall& c) {
       recurrent_row(c, "LSTM", {0, 3, 1, 2});
     }},
    {"matmul", nullptr, "MatMul"},
    {"max_pool", max_pool_row},
    {"rms_norm", rms_norm_row},
    {"rnn_relu",
     [](ExportCall& c) {
       recurrent_row(c, "RNN", {0}, {{"activations", std::vector<std::string>{"Relu"}}});
     }},
    {"rnn_tanh", [](ExportCall& c) { recurrent_row(c, "RNN", {0}); }},
};

}  // namespace layer_writers
}  // namespace

ExportRows layer_export_rows() { return layer_writers::table; }

}  // namespace newtape::onnx::detail
