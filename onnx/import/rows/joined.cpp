// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/fuse/program.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/import/join.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <algorithm>
#include <utility>

/// The steps that stand for several nodes: see join.hpp.
namespace newtape::onnx::detail {
namespace {

/// Groups of fewer elements are run one after the other: their values stay in the cache anyway.
constexpr std::int64_t fused_from = 16384;

/// The weight times a number for each channel, and the bias.
Results scaled(const Call& c, const Tensor& w, const Tensor& scale, const Tensor& b) {
  Shape each(w.ndim(), 1);
  each[0] = scale.size();
  const DType dtype = w.dtype();
  const Shape channels{w.shape(0)};
  return {c.as((w.to(f64) * reshape(scale, each)).to(dtype), c.type(0)),
          c.as(expand(b, channels).to(dtype), c.type(0))};
}

/// In f64: w * scale / sqrt(var + eps), (b - mean) * scale / sqrt(var + eps) + shift.
Results fold_batch_norm(Call& c) {
  const auto number = [&](std::size_t i) { return c.peek(i).to(f64); };
  const Tensor scale = number(2) / sqrt(number(5) + c.real("epsilon", 1e-5F));
  const Tensor b = c.given(1) ? number(1) - number(4) : -number(4);
  return scaled(c, c.peek(0), scale, b * scale + number(3));
}

template <Joined kind>
Results fold_arithmetic(Call& c) {
  const Tensor w = c.peek(0), other = reshape(c.peek(2).to(f64), {-1});
  const Tensor one = ones({1}, f64), zero = zeros({1}, f64);
  const Tensor b = c.given(1) ? c.peek(1).to(f64) : zero;
  if constexpr (kind == Joined::multiply) return scaled(c, w, other, b * other);
  if constexpr (kind == Joined::divide) return scaled(c, w, 1.0 / other, b / other);
  const Value same = c.as(w, c.type(0));
  const Tensor sum = kind == Joined::add ? b + other : b - other;
  return {same, c.as(expand(sum, {w.shape(0)}).to(w.dtype()), c.type(0))};
}

Results linear_row(Call& c) {
  const Tensor w = c.tensor(1), b = c.tensor(2);
  if (w.dtype() == i64) return c.out(matmul(c.tensor(0), w) + b);
  return c.out(linear(c.tensor(0), transpose(w), b));
}

Results layer_norm_row(Call& c) {
  const Tensor x = c.tensor(0), scale = c.given(1) ? c.tensor(1) : Tensor(),
               shift = c.given(2) ? c.tensor(2) : Tensor();
  const Shape last{x.shape(-1)};
  const double eps = c.real("epsilon");
  const auto fits = [&](const Tensor& t) { return !t.defined() || t.shape() == last; };
  if (fits(scale) && fits(shift)) return c.out(layer_norm(x, last, scale, shift, eps));
  Tensor y = layer_norm(x, last, {}, {}, eps);
  if (scale.defined()) y = std::move(y) * scale;
  return c.out(shift.defined() ? std::move(y) + shift : std::move(y));
}

// --- groups of elementwise operators ---

bool fits(const FusedGroup& fused, const std::vector<Value>& inputs, const Shape& shape) {
  if (fused.result < 0 || fused.shape != shape || fused.dtypes.size() != inputs.size()) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (fused.dtypes[i] != inputs[i].tensor().dtype()) return false;
  }
  return true;
}

/// Records the members on placeholders.
void record(const Call& c, const std::vector<Value>& inputs, const Shape& shape, FusedGroup& fused) {
  core::Recorder recorder(shape);
  const core::Recording on(&recorder);
  std::vector<Value> placeholders;
  fused.dtypes.clear();
  for (const auto& v : inputs) {
    fused.dtypes.push_back(v.tensor().dtype());
    placeholders.emplace_back(Tensor(recorder.input(v.tensor().dtype())), v.type());
  }
  const auto outputs = run_graph(*c.step().function, c.context(), nullptr, std::move(placeholders));
  fused.result = recorder.value_of(outputs[0].tensor().value());
  fused.program = recorder.values();
  fused.shape = shape;
}

Results group_row(Call& c) {
  auto& inputs = c.inputs();
  const bool tensors = std::all_of(inputs.begin(), inputs.end(), [](const Value& v) {
    return v.is_tensor() && newtape::is_floating(v.tensor().dtype());
  });
  const auto one_by_one = [&] { return run_graph(*c.step().function, c.context(), nullptr, std::move(inputs)); };
  if (!tensors || core::recorder() != nullptr) return one_by_one();
  Shape shape = inputs[0].shape();
  std::int64_t most = 0;
  for (const auto& v : inputs) {
    shape = broadcast_shapes("onnx", shape, v.shape());
    most = std::max(most, v.tensor().size());
  }
  // Where the result is larger than what the first members take, these would be computed too often.
  if (most < fused_from || most != element_count(shape) || inputs[0].tensor().size() != most) return one_by_one();
  FusedGroup& fused = *c.step().fused;
  if (!fits(fused, inputs, shape)) record(c, inputs, shape, fused);
  const ElementType type = c.type(0);
  std::vector<Array> arrays;
  for (const auto& v : inputs) arrays.push_back(v.tensor().value());
  const int wanted[] = {fused.result};
  auto results = core::run(fused.program, wanted, arrays, shape);
  return {Value(Tensor(std::move(results[0])), type)};
}

constexpr Row rows[] = {
    {"joined BatchNormalization", {1}, fold_batch_norm, {}, "newtape"},
    {"joined Mul", {1}, fold_arithmetic<Joined::multiply>, {}, "newtape"},
    {"joined Div", {1}, fold_arithmetic<Joined::divide>, {}, "newtape"},
    {"joined Add", {1}, fold_arithmetic<Joined::add>, {}, "newtape"},
    {"joined Sub", {1}, fold_arithmetic<Joined::subtract>, {}, "newtape"},
    {"linear", {1}, linear_row, {}, "newtape"},
    {"layer_norm", {1}, layer_norm_row, {}, "newtape"},
    {"square", {1}, [](Call& c) { return c.out(square(c.tensor(0))); }, {}, "newtape"},
    {"group", {1}, group_row, {}, "newtape"},
};

}  // namespace

const Row& joined_row(Joined kind) { return rows[static_cast<std::size_t>(kind)]; }

}  // namespace newtape::onnx::detail
