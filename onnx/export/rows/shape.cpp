// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/export/export_call.hpp>

#include <algorithm>
#include <limits>

namespace newtape::onnx::detail {
namespace {
namespace shape_writers {

/// Reshape itself finds one length that follows the batch.
void reshape_row(ExportCall& c) {
  Dims shape = c.dims("shape");
  const auto unknown = [](std::int64_t d) { return d < 0; };
  const bool one = std::count_if(shape.begin(), shape.end(), unknown) <= 1;
  if (one) std::replace_if(shape.begin(), shape.end(), unknown, -1);
  const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  c.emit("Reshape", {c.in[0], one ? c.g.integers(shape) : c.lengths(shape)},
         empty ? ExportCall::Attributes{{"allowzero", std::int64_t{1}}} : ExportCall::Attributes{});
}

void permute_row(ExportCall& c) {
  Dims order = c.dims("order");
  for (auto& axis : order) axis = axis < 0 ? axis + c.ndim() : axis;
  c.emit_same("Transpose", {{"perm", order}});
}

/// Lengths of 1 keep those of the operand.
void expand_row(ExportCall& c) {
  Dims shape = c.dims("shape");
  const auto lead = shape.size() - static_cast<std::size_t>(c.ndim());
  for (std::size_t i = lead; i < shape.size(); ++i) {
    if (shape[i] == -1 && c.shape()[i - lead] != 1) shape[i] = 1;
  }
  c.emit("Expand", {c.in[0], c.lengths(shape)});
}

void stack_row(ExportCall& c) {
  const std::int64_t n = static_cast<std::int64_t>(c.result().ndim());
  const std::int64_t axis = c.integer("axis") < 0 ? c.integer("axis") + n : c.integer("axis");
  ExportCall::Names parts;
  for (const auto& x : c.in) parts.push_back(c.g.node("Unsqueeze", {x, c.g.integers({axis})}));
  c.emit("Concat", parts, {{"axis", axis}});
}

void split_row(ExportCall& c) { c.emit("Split", {c.in[0], c.lengths(c.dims("sizes"))}, {{"axis", c.integer("axis")}}); }

void unstack_row(ExportCall& c) {
  const auto axis = c.integer("axis");
  for (std::size_t i = 0; i < c.out.size(); ++i) {
    c.g.add("Gather", {c.in[0], c.g.integer(static_cast<std::int64_t>(i))}, {c.out[i]}, {{"axis", axis}});
  }
}

void slice_row(ExportCall& c) {
  const auto axis = c.integer("axis"), start = c.integer("start"), step = c.integer("step");
  c.emit("Slice", {c.in[0], c.g.integers({start}), c.g.integers({c.integer("stop")}), c.g.integers({axis}),
                   c.g.integers({step})});
}

void flip_row(ExportCall& c) {
  const Dims axes = c.dims("axes");
  const auto all = [&](std::int64_t v) { return c.g.integers(Dims(axes.size(), v)); };
  c.emit("Slice", {c.in[0], all(-1), all(std::numeric_limits<std::int64_t>::min() + 1), c.g.integers(axes), all(-1)});
}

/// The end of the axis before its beginning.
void roll_row(ExportCall& c) {
  const auto shift = c.integer("shift"), axis = c.integer("axis") + (c.integer("axis") < 0 ? c.ndim() : 0);
  if (shift == 0) return c.emit_same("Identity");
  const auto at = c.g.integers({-shift}), axes = c.g.integers({axis});
  const auto whole = [&](std::int64_t n) { return c.g.integers({n}); };
  const auto last = c.g.node("Slice", {c.in[0], at, whole(std::numeric_limits<std::int64_t>::max()), axes});
  c.emit("Concat", {last, c.g.node("Slice", {c.in[0], whole(0), at, axes})}, {{"axis", axis}});
}

void pad_row(ExportCall& c) {
  const std::string& mode = c.text("mode");
  if (mode == "circular") c.refuse("circular padding");
  ExportCall::Names inputs{c.in[0], c.g.integers(c.dims("widths"))};
  if (mode == "constant") inputs.push_back(c.number(c.real("value")));
  c.emit("Pad", inputs, {{"mode", mode == "replicate" ? std::string("edge") : mode}});
}

constexpr ExportRow table[] = {
    {"concatenate",
     [](ExportCall& c) {
       c.emit_same("Concat", {{"axis", c.integer("axis")}});
     }},
    {"expand", expand_row},
    {"flip", flip_row},
    {"pad", pad_row},
    {"permute", permute_row},
    {"reshape", reshape_row},
    {"roll", roll_row},
    {"slice", slice_row},
    {"split", split_row},
    {"stack", stack_row},
    {"unstack", unstack_row},
};

}  // namespace shape_writers
}  // namespace

ExportRows shape_export_rows() { return shape_writers::table; }

}  // namespace newtape::onnx::detail
