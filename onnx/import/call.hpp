// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/buffer.hpp>
#include <newtape/onnx/import/plan.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace newtape::onnx::detail {

class Prepared;

/// What all nodes of a run share.
struct Context {
  const Plan* plan = nullptr;
  std::span<const Parameter> weights;
  std::span<const Buffer> statistics;
  DType dtype = f32;  ///< of floats of 16 and 32 bits
  bool training = false;
  bool evaluable = false;        ///< whether nodes train in training mode only
  Prepared* prepared = nullptr;  ///< of a run of the joined steps; null: of all steps
};

/// The values of a graph while it runs.
struct Frame {
  const GraphPlan& plan;
  const Context& context;
  Frame* outer = nullptr;
  std::vector<Value> values = {};
};

/// Runs a graph with these values for its inputs; fewer leave the last ones absent.
std::vector<Value> run_graph(const GraphPlan& plan, const Context& context, Frame* outer, std::vector<Value> inputs);
/// The value at a place, as seen from a frame.
Value fetch(const Frame& frame, const Ref& ref);
/// Runs one step of the frame's graph.
void run_step(Frame& frame, const Step& step);
/// The results of a step that needs no frame.
Results run_prepared_step(const Context& context, const Step& step);

/// The application of an operator: its attributes, inputs and results. Errors name what is missing or wrong.
class Call {
 public:
  Call(const Step& step, Frame* frame, const Context& context, std::vector<Value> inputs)
      : step_(step), frame_(frame), context_(context), inputs_(std::move(inputs)) {}

  const Context& context() const noexcept { return context_; }
  const Step& step() const noexcept { return step_; }
  Frame* frame() const noexcept { return frame_; }
  /// The version in which the operator was introduced or last changed.
  int since() const { return step_.row->versions.at(step_.version); }
  std::size_t outputs() const noexcept { return step_.outputs.size(); }
  /// Whether output i is used.
  bool wants(std::size_t i) const noexcept { return i < step_.outputs.size() && step_.outputs[i] >= 0; }

  // --- attributes ---
  const format::AttributeProto* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  std::int64_t integer(std::string_view name) const;  ///< required
  double real(std::string_view name, double otherwise) const;
  double real(std::string_view name) const;
  std::string_view text(std::string_view name, std::string_view otherwise) const;
  /// Empty when it is absent.
  Dims integers(std::string_view name) const;
  std::vector<double> reals(std::string_view name) const;
  std::vector<std::string_view> texts(std::string_view name) const;
  const GraphPlan& graph(std::string_view name) const;

  // --- inputs ---
  std::size_t size() const noexcept { return inputs_.size(); }
  bool given(std::size_t i) const noexcept { return i < inputs_.size() && !inputs_[i].is_none(); }
  const Value& value(std::size_t i) const;
  /// Moved out: a kernel may overwrite it if it is not used elsewhere.
  Tensor tensor(std::size_t i);
  const Tensor& peek(std::size_t i) const { return value(i).tensor(); }
  ElementType type(std::size_t i) const { return value(i).type(); }
  /// Of a tensor of integers, flattened.
  Dims integers(std::size_t i) const;
  std::int64_t integer(std::size_t i) const;
  std::vector<double> reals(std::size_t i) const;
  double real(std::size_t i) const;
  std::vector<Value>& inputs() noexcept { return inputs_; }
  /// The cell of running statistics that input i is; undefined if it is none.
  Buffer statistic(std::size_t i) const;

  // --- results ---
  /// Of the type of the first input, or that of the dtype where that is another kind; integers wrap around.
  Results out(Tensor y) const;
  Results out(Tensor y, ElementType type) const;
  Value as(Tensor y, ElementType type) const;
  /// The dtype in which this run holds elements of a type.
  DType dtype_of(ElementType type) const;

  /// Runs a graph that is an attribute.
  std::vector<Value> run(const GraphPlan& plan, std::vector<Value> inputs) const {
    return run_graph(plan, context_, frame_, std::move(inputs));
  }

  [[noreturn]] void fail(std::string_view what, std::string_view expected = {}, std::string_view got = {}) const;

 private:
  const format::AttributeProto& require(std::string_view name) const;

  const Step& step_;
  Frame* frame_;
  const Context& context_;
  std::vector<Value> inputs_;
};

/// Integers of i64 reduced to the range of `type`, modulo 2^bits; others as they are.
Tensor wrapped(Tensor x, ElementType type);
/// C-contiguous elements as numbers.
std::vector<double> reals_of(const Array& x);
Dims integers_of(const Array& x);

}  // namespace newtape::onnx::detail
