// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/observe/grad_hooks.hpp>
#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/core/fuse/recording.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/import/call.hpp>
#include <newtape/onnx/import/model.hpp>
#include <newtape/onnx/import/prepared.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

namespace newtape::onnx {
namespace detail {

struct JoinedState {
  explicit JoinedState(const Plan& plan) : prepared(plan) {}
  std::mutex in_use;
  Prepared prepared;
  /// Of the inputs that are given, for prepared values of one generation, which are constants of it.
  std::unique_ptr<newtape::detail::CapturedFunction> captured;
  std::size_t generation = 0;
  std::vector<bool> given;
  std::vector<ElementType> types;  ///< of the outputs; empty while they are not known, and where one is no tensor
};

JoinedStateHolder::JoinedStateHolder(std::shared_ptr<const Plan> plan)
    : plan_(std::move(plan)), state_(std::make_unique<JoinedState>(*plan_)) {}
JoinedStateHolder::JoinedStateHolder(const JoinedStateHolder& other) : JoinedStateHolder(other.plan_) {}
JoinedStateHolder& JoinedStateHolder::operator=(const JoinedStateHolder& other) {
  plan_ = other.plan_;
  state_ = std::make_unique<JoinedState>(*plan_);
  return *this;
}
JoinedStateHolder::~JoinedStateHolder() = default;

}  // namespace detail

namespace {

/// Whether a tracer, an observer or a recorder sees which operations are called.
bool is_observed() {
  return newtape::detail::instrumented() != 0 || LayerObserver::current() != nullptr || core::recorder() != nullptr ||
         newtape::detail::state_observer != nullptr;
}

/// Cells by the parts of their names: "a.b.c" is c in b in a.
struct NameTree {
  std::vector<std::pair<std::string, std::unique_ptr<NameTree>>> children;
  std::vector<std::pair<std::string, Parameter>> parameters;
  std::vector<std::pair<std::string, Buffer>> buffers;

  template <class List>
  static bool has(const List& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(), [&](const auto& entry) { return entry.first == name; });
  }

  NameTree& child(std::string name) {
    // A module's member needs a name, and one of its own.
    if (name.empty()) name = "_";
    while (has(parameters, name) || has(buffers, name)) name += "_";
    for (auto& [known, tree] : children) {
      if (known == name) return *tree;
    }
    return *children.emplace_back(name, std::make_unique<NameTree>()).second;
  }

  template <class Cell>
  void put(std::string_view path, const Cell& cell) {
    NameTree* at = this;
    for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
      at = &at->child(std::string(path.substr(0, dot)));
      path.remove_prefix(dot + 1);
    }
    std::string name = path.empty() ? "_" : std::string(path);
    while (has(at->parameters, name) || has(at->buffers, name) || has(at->children, name)) name += "_";
    if constexpr (std::is_same_v<Cell, Parameter>) {
      at->parameters.emplace_back(name, cell);
    } else {
      at->buffers.emplace_back(name, cell);
    }
  }
};

/// The part of a model's names before a dot.
class Scope : public nn::Module<Scope> {
 public:
  explicit Scope(const NameTree& tree) {
    for (const auto& [name, p] : tree.parameters) add(name, p);
    for (const auto& [name, b] : tree.buffers) add(name, b);
    for (const auto& [name, child] : tree.children) add(name, Scope(*child));
  }
};

std::string list_of(const std::vector<Port>& ports) {
  std::string names;
  for (const auto& p : ports) names += (names.empty() ? "'" : ", '") + p.name + "'";
  return names.empty() ? "none" : names;
}

/// Raises an error unless the value is what the model declares.
void check_input(const Port& port, const Value& value, DType dtype) {
  const std::string what = fmt::format("onnx::Model: input '{}'", port.name);
  if (value.is_none() || !port.is_tensor) return;
  const std::string wanted = fmt::format("{} {}", name(port.type), to_string(port.shape));
  if (port.type == ElementType::string ? value.kind() != Value::Kind::strings : !value.is_tensor()) {
    raise<ValueError>(what + " is of another kind", wanted, describe(value));
  }
  if (value.is_tensor()) {
    const DType needed =
        is_floating(port.type) && port.type != ElementType::float64 ? dtype : dtype_of_element(port.type);
    if (value.tensor().dtype() != needed) {
      raise<DTypeError>(what + " has another dtype", fmt::format("{} for {}", name(needed), wanted),
                        describe(value.tensor().value()));
    }
  }
  if (!port.has_shape) return;
  const Shape& shape = value.shape();
  bool fits = shape.size() == port.shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = port.shape[i] < 0 || port.shape[i] == shape[i];
  if (!fits) raise<ShapeError>(what + " has another shape", wanted, describe(value));
}

}  // namespace

const Value& Outputs::at(std::string_view name) const {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if ((*ports_)[i].name == name) return values_[i];
  }
  raise<ValueError>("onnx::Outputs: the model has no output of this name", list_of(*ports_), name);
}

const Value& Outputs::at(std::size_t i) const {
  if (i >= values_.size()) {
    raise<ValueError>("onnx::Outputs: there are fewer outputs", fmt::format("less than {}", values_.size()),
                      fmt::format("{}", i));
  }
  return values_[i];
}

Model::Model(std::shared_ptr<detail::Plan> plan, const LoadOptions& options)
    : plan_(plan),
      joined_(plan),
      dtype_(options.dtype),
      evaluable_(options.evaluable),
      join_nodes_(options.join_nodes),
      capture_(options.capture) {
  NameTree tree;
  // Only the type stays in the plan, or the first step of an optimizer would copy the memory.
  const auto initial = [&](Value& value) {
    const ElementType type = value.type();
    Tensor x = std::move(value).tensor();
    value = Value(zeros({0}, x.dtype()), type);
    return type == ElementType::float64 ? x.value() : x.to(dtype_).value();
  };
  for (auto& [name, value] : plan->weights) {
    const Parameter& p = weights_.emplace_back(initial(value));
    if (options.trainable && !options.trainable(name)) p.requires_grad(false);
    tree.put(name, p);
  }
  for (auto& [name, value] : plan->statistics) tree.put(name, statistics_.emplace_back(initial(value)));
  for (const auto& [name, p] : tree.parameters) add(name, p);
  for (const auto& [name, b] : tree.buffers) add(name, b);
  for (const auto& [name, child] : tree.children) add(name, Scope(*child));
  eval();
}

const std::vector<Port>& Model::inputs() const noexcept { return *plan_->inputs; }
const std::vector<Port>& Model::outputs() const noexcept { return *plan_->outputs; }
std::vector<std::string> Model::values() const {
  std::vector<std::string> names;
  for (const auto& node : plan_->proto.graph.nodes) {
    for (const auto name : node.outputs) {
      if (!name.empty()) names.emplace_back(name);
    }
  }
  return names;
}
std::int64_t Model::opset() const noexcept { return plan_->opset; }
std::string Model::producer() const {
  return fmt::format("{} {}", plan_->proto.producer, plan_->proto.producer_version);
}

detail::Context Model::context() const {
  detail::Context context{plan_.get(), weights_, statistics_, dtype_, is_training(), evaluable_};
  // As Module::to left it.
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (plan_->weights[i].second.type() != ElementType::float64) {
      context.dtype = weights_[i].dtype();
      break;
    }
  }
  return context;
}

std::vector<Value> Model::run(std::vector<Value> values) const {
  detail::Context context = this->context();
  const auto& ports = inputs();
  for (std::size_t i = 0; i < ports.size(); ++i) check_input(ports[i], values[i], context.dtype);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (values[i].is_tensor() && ports[i].is_tensor) values[i] = Value(std::move(values[i]).tensor(), ports[i].type);
  }
  const std::unique_lock own((*joined_).in_use, std::try_to_lock);
  detail::Prepared& prepared = (*joined_).prepared;
  if (own && join_nodes_ && !grad_enabled() && !is_training() && !is_observed()) {
    prepared.refresh(context);
    context.prepared = &prepared;
    if (capture_) return run_captured(std::move(values), context);
  } else if (own) {
    prepared.clear();  // or the next step of an optimizer would copy the weights
    (*joined_).captured.reset();
  }
  return detail::run_graph(plan_->graph, context, nullptr, std::move(values));
}

std::vector<Value> Model::run_captured(std::vector<Value> values, detail::Context context) const {
  detail::JoinedState& state = *joined_;
  std::vector<bool> given;
  std::vector<Tensor> arguments;
  bool tensors = true;
  for (const auto& v : values) {
    given.push_back(!v.is_none());
    tensors = tensors && (v.is_none() || v.is_tensor());
    if (v.is_tensor()) arguments.push_back(v.tensor().detach());
  }
  const bool same = given == state.given && state.generation == state.prepared.generation();
  if (!tensors || arguments.empty() || state.types.empty() || !same) {
    // Every node runs once before, so that what can be prepared is.
    auto outputs = detail::run_graph(plan_->graph, context, nullptr, std::move(values));
    state.captured.reset();
    state.generation = state.prepared.generation();
    state.given = std::move(given);
    state.types.clear();
    for (const auto& y : outputs) state.types.push_back(y.type());
    if (std::any_of(outputs.begin(), outputs.end(), [](const Value& y) { return !y.is_tensor(); })) state.types.clear();
    return outputs;
  }
  if (state.captured == nullptr) {
    const auto evaluate = [this](std::span<const Tensor> x) {
      detail::JoinedState& now = *joined_;
      detail::Context again = this->context();
      again.prepared = &now.prepared;
      std::vector<Value> all(now.given.size());
      for (std::size_t i = 0, k = 0; i < all.size(); ++i) {
        if (now.given[i]) all[i] = Value(x[k++], inputs()[i].type);
      }
      std::vector<Tensor> results;
      for (auto& y : detail::run_graph(plan_->graph, again, nullptr, std::move(all))) {
        results.push_back(std::move(y).tensor());
      }
      return results;
    };
    state.captured = std::make_unique<newtape::detail::CapturedFunction>(evaluate, CaptureOptions{.fallback = true});
  }
  auto results = state.captured->call(std::move(arguments));
  std::vector<Value> outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs.emplace_back(std::move(results[i]), state.types[i]);
  return outputs;
}

Outputs Model::forward(const NamedValues& named) const {
  const auto& ports = inputs();
  std::vector<Value> values(ports.size());
  std::vector<bool> given(ports.size(), false);
  for (const auto& [name, value] : named) {
    const auto at = std::find_if(ports.begin(), ports.end(), [&n = name](const Port& p) { return p.name == n; });
    if (at == ports.end()) raise<ValueError>("onnx::Model: there is no input of this name", list_of(ports), name);
    const auto i = static_cast<std::size_t>(at - ports.begin());
    if (given[i]) raise<ValueError>("onnx::Model: an input is given twice", list_of(ports), name);
    given[i] = true;
    values[i] = value;
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].required && !given[i]) {
      raise<ValueError>("onnx::Model: an input is missing", list_of(ports), "no '" + ports[i].name + "'");
    }
  }
  return {plan_->outputs, run(std::move(values))};
}

Tensor Model::forward(const Tensor& x) const {
  const auto& ports = inputs();
  const auto required = std::count_if(ports.begin(), ports.end(), [](const Port& p) { return p.required; });
  if (required > 1 || ports.empty() || outputs().size() != 1) {
    raise<ValueError>("onnx::Model: a call with one tensor needs a model with one input and one output",
                      "named inputs, model({{\"name\", x}, ..})",
                      fmt::format("inputs {}; outputs {}", list_of(ports), list_of(outputs())));
  }
  const auto at = std::find_if(ports.begin(), ports.end(), [&](const Port& p) { return p.required || required == 0; });
  std::vector<Value> values(ports.size());
  values[static_cast<std::size_t>(at - ports.begin())] = Value(x);
  return run(std::move(values)).front().tensor();
}

Model load(const std::string& path, const LoadOptions& options) {
  const std::string who = fmt::format("onnx::load: '{}'", path);
  auto file = std::make_shared<const format::MappedFile>(who, path);
  const auto parent = std::filesystem::path(path).parent_path();
  return Model(detail::make_plan(who, std::move(file), parent.empty() ? "." : parent.string(), options), options);
}

Model load_bytes(std::string bytes, const LoadOptions& options) {
  auto file = std::make_shared<const format::MappedFile>(std::move(bytes));
  return Model(detail::make_plan("onnx::load_bytes", std::move(file), "", options), options);
}

std::vector<UnsupportedOperator> unsupported(const Model& model) { return model.plan_->unsupported; }

}  // namespace newtape::onnx
