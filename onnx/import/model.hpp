// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>
#include <newtape/onnx/value.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Models in the ONNX format as modules: https://onnx.ai.
namespace newtape::onnx {

namespace detail {
struct Plan;
struct Context;
struct JoinedState;

/// What a model keeps between evaluations without gradients; a copy of a model begins anew.
class JoinedStateHolder {
 public:
  explicit JoinedStateHolder(std::shared_ptr<const Plan> plan);
  JoinedStateHolder(const JoinedStateHolder& other);
  JoinedStateHolder& operator=(const JoinedStateHolder& other);
  ~JoinedStateHolder();
  JoinedState& operator*() const noexcept { return *state_; }

 private:
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<JoinedState> state_;
};
}  // namespace detail

struct LoadOptions {
  /// In which floats of 16 and 32 bits are computed: f64 to check derivatives.
  DType dtype = f32;
  /// Which of the float initialisers are trained; the others are frozen parameters. Default: all.
  std::function<bool(std::string_view name)> trainable = {};
  /// Whether nodes that depend on integer constants only are computed once, when the model is loaded.
  bool fold_constants = true;
  /// Whether evaluations without gradients (in a NoGrad scope, in evaluation mode) join nodes: see docs/pretrained.md. Results
  /// then differ by rounding.
  bool join_nodes = true;
  /// Whether such evaluations are recorded, and replayed as by `capture` for inputs of the same shapes, which saves small
  /// models what is around their arithmetic. The first three of them run all nodes; what cannot be recorded always does.
  bool capture = false;
  /// Values of the graph (Model::values) that become the outputs in place of its own; what only others need is left out
  /// with its weights, so that a network can get another head. Default: the outputs that the file declares.
  std::vector<std::string> outputs = {};
  /// Whether nodes of Dropout and BatchNormalization that the file holds in training mode train in the module's training mode
  /// only. By the standard, and by default, they always do.
  bool evaluable = false;
};

/// An input or output as the model declares it.
struct Port {
  std::string name;
  ElementType type = ElementType::undefined;  ///< of a tensor's elements, or of a sequence's tensors
  bool is_tensor = true, is_optional = false;
  bool has_shape = false;
  Dims shape = {};  ///< -1: any length
  bool required = true;
};

/// An operator of a model that cannot be run.
struct UnsupportedOperator {
  std::string domain, op;
  std::int64_t version = 0;  ///< of the domain's operators, as the model imports them
  std::string node;          ///< the first that uses it, with its position in the file
  std::int64_t count = 0;    ///< nodes that use it
};

/// Inputs by name.
using NamedValues = std::vector<std::pair<std::string, Value>>;

/// The outputs of a call, in the model's order.
class Outputs {
 public:
  Outputs(std::shared_ptr<const std::vector<Port>> ports, std::vector<Value> values)
      : ports_(std::move(ports)), values_(std::move(values)) {}

  /// The number of outputs.
  std::size_t size() const noexcept { return values_.size(); }
  /// ValueError for an unknown name and for one that is no tensor.
  const Tensor& operator[](std::string_view name) const { return at(name).tensor(); }
  const Tensor& operator[](std::size_t i) const { return at(i).tensor(); }
  const Value& at(std::string_view name) const;
  const Value& at(std::size_t i) const;
  const std::string& name(std::size_t i) const { return (*ports_)[i].name; }
  /// The first output, or an undefined tensor, for hooks.
  Tensor& first_tensor() { return !values_.empty() && values_[0].is_tensor() ? values_[0].tensor_ : none_; }

 private:
  std::shared_ptr<const std::vector<Port>> ports_;
  std::vector<Value> values_;
  Tensor none_;
};

/// A graph of ONNX operators, run by Newtape's operations. Float initialisers, and Constant nodes of several floats, are
/// parameters under their names (of "layer1.conv.weight", the child `layer1` has a child `conv`); those that hold running
/// statistics are buffers, those that only set how an operator works, such as bounds and scales, are constants. It is in
/// evaluation mode when loaded; in training mode Dropout drops and BatchNormalization uses the batch's statistics.
class Model : public nn::Module<Model> {
 public:
  /// Takes the initial values out of the plan.
  explicit Model(std::shared_ptr<detail::Plan> plan, const LoadOptions& options = {});

  using Module::operator();
  /// `model({{"input", x}, {"mask", m}})`
  Outputs operator()(const NamedValues& inputs) const { return Module::operator()(inputs); }

  /// All outputs, of inputs by name. ValueError for a missing or unknown name, ShapeError or DTypeError for one that
  /// differs from its declaration. Errors of nodes name the node, its operator and version, and its position in the file.
  Outputs forward(const NamedValues& inputs) const;
  /// The output of a model with one input and one output. ValueError for others.
  Tensor forward(const Tensor& x) const;

  /// The declared inputs and outputs, in the file's order.
  const std::vector<Port>& inputs() const noexcept;
  const std::vector<Port>& outputs() const noexcept;
  /// The names of the graph's values that nodes compute, in their order.
  std::vector<std::string> values() const;
  /// The version of the standard operators that the model imports.
  std::int64_t opset() const noexcept;
  /// "pytorch 2.1.0", as the file says.
  std::string producer() const;

 private:
  friend std::vector<UnsupportedOperator> unsupported(const Model& model);
  std::vector<Value> run(std::vector<Value> inputs) const;
  detail::Context context() const;
  std::vector<Value> run_captured(std::vector<Value> inputs, detail::Context context) const;

  std::shared_ptr<const detail::Plan> plan_;
  std::vector<Parameter> weights_;
  std::vector<Buffer> statistics_;
  detail::JoinedStateHolder joined_;
  DType dtype_;
  bool evaluable_, join_nodes_, capture_;
};

/// Reads a model. External data are read from files in the model's folder or below, nowhere else. IoError for a file that
/// is not an ONNX model, with the position of the fault.
Model load(const std::string& path, const LoadOptions& options = {});
/// Reads a model from the bytes of a file, without external data.
Model load_bytes(std::string bytes, const LoadOptions& options = {});

/// The operators of a model that are not supported, each with its first node. Models with such operators can be loaded;
/// running one of these nodes is a ValueError.
std::vector<UnsupportedOperator> unsupported(const Model& model);

/// The operators that can be imported, as "domain::name" or "name", sorted.
std::vector<std::string> supported_operators();

}  // namespace newtape::onnx
