// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/tensor.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/format/tensor.hpp>
#include <newtape/onnx/import/call.hpp>
#include <newtape/onnx/import/join.hpp>
#include <newtape/onnx/import/plan.hpp>
#include <newtape/onnx/import/usage.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <unordered_map>

namespace newtape::onnx::detail {
namespace {

using format::AttributeProto;
using format::GraphProto;
using format::NodeProto;

constexpr int max_call_depth = 64;  // of functions that call functions

/// Operators of which shapes are computed. Of others a few bytes may make many.
constexpr std::string_view shape_arithmetic[] = {
    "Abs",    "Add",     "And",       "Cast",      "CastLike",   "Concat",    "Div",       "Equal", "Flatten",
    "Gather", "Greater", "Identity",  "Less",      "Max",        "Min",       "Mod",       "Mul",   "Neg",
    "Not",    "Or",      "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "Reshape",   "Shape", "Sign",
    "Size",   "Slice",   "Split",     "Squeeze",   "Sub",        "Transpose", "Unsqueeze", "Where",
};
constexpr std::int64_t max_folded = 64;  // elements of an operand; more are not a shape

std::string_view standard(std::string_view domain) { return domain == "ai.onnx" ? std::string_view() : domain; }

/// A graph that is being prepared, within others.
struct Scope {
  GraphPlan& plan;
  Scope* outer = nullptr;
  const UsageOf* usage = nullptr;  ///< of its names; none in the body of a function
  std::unordered_map<std::string_view, Ref> names = {};
};

/// What holds within the body of a function, or in the model.
struct Body {
  const std::vector<format::OpsetImport>& opsets;
  const NodeProto* call = nullptr;  ///< of the function
  const format::FunctionProto* function = nullptr;
  int depth = 0;
};

class Planner {
 public:
  Planner(Plan& plan, const std::string& folder, const LoadOptions& options)
      : plan_(plan), options_(options), tensors_(plan.origin, plan.file, folder) {}

  void run() {
    const Body body{plan_.proto.opsets};
    plan_.opset = version_of(body, "");
    Scope scope{plan_.graph};
    graph(scope, body, plan_.proto.graph);
    ports();
  }

 private:
  // --- names ---

  std::int64_t version_of(const Body& body, std::string_view domain) const {
    for (const auto& opset : body.opsets) {
      if (standard(opset.domain) == standard(domain)) return opset.version;
    }
    return domain.empty() ? 1 : 0;
  }

  static std::int32_t new_slot(Scope& scope, std::string_view name) {
    const std::int32_t slot = scope.plan.slots++;
    scope.names[name] = {Ref::Kind::local, 0, slot};
    scope.plan.names.emplace_back(name, scope.names[name]);
    return slot;
  }

  std::optional<Ref> look_up(const Scope& scope, std::string_view name) const {
    std::int32_t up = 0;
    for (const Scope* s = &scope; s != nullptr; s = s->outer, ++up) {
      if (const auto at = s->names.find(name); at != s->names.end()) {
        Ref ref = at->second;
        if (ref.kind == Ref::Kind::local) ref.up = up;
        return ref;
      }
    }
    return {};
  }

  Ref resolve(const Scope& scope, std::string_view name, std::uint64_t position) const {
    if (name.empty()) return {};
    if (const auto ref = look_up(scope, name)) return *ref;
    fail(position, fmt::format("'{}' is not defined before it is used", name),
         "an input, an initialiser or the output of an earlier node", "none of this name");
  }

  [[noreturn]] void fail(std::uint64_t position, std::string_view what, std::string_view expected = {},
                         std::string_view got = {}) const {
    raise<IoError>(fmt::format("{}: byte {}: {}", plan_.origin.who, position, what), expected, got);
  }

  // --- initialisers ---

  Ref constant(Value value) {
    plan_.constants.push_back(std::move(value));
    return {Ref::Kind::constant, 0, static_cast<std::int32_t>(plan_.constants.size() - 1)};
  }

  Ref initializer(std::string_view name, Value value, Usage usage) {
    if (!is_floating(value.type()) || usage == Usage::setting) return constant(std::move(value));
    auto& cells = usage == Usage::statistic ? plan_.statistics : plan_.weights;
    cells.emplace_back(std::string(name), std::move(value));
    return {usage == Usage::statistic ? Ref::Kind::statistic : Ref::Kind::weight, 0,
            static_cast<std::int32_t>(cells.size() - 1)};
  }

  void initializers(Scope& scope, const GraphProto& g) {
    const auto add = [&](std::string_view name, std::uint64_t position, auto&& value) {
      if (scope.names.count(name) != 0) fail(position, fmt::format("there are two initialisers '{}'", name));
      scope.names[name] = initializer(name, value(), (*scope.usage)(name));
      if (scope.outer == nullptr) scope.plan.names.emplace_back(name, scope.names[name]);
    };
    for (const auto& t : g.initializers) add(t.name, t.position, [&] { return tensors_.value(t); });
    for (const auto& t : g.sparse_initializers) add(t.values.name, t.position, [&] { return tensors_.value(t); });
  }

  // --- graphs ---

  void graph(Scope& scope, const Body& body, const GraphProto& g) {
    const UsageOf usage(g, version_of(body, ""));
    scope.usage = &usage;
    initializers(scope, g);
    for (const auto& input : g.inputs) {
      const auto before = scope.names.find(input.name);
      if (before == scope.names.end()) {
        scope.plan.inputs.push_back(new_slot(scope, input.name));
      } else if (plan_.proto.ir_version >= 4) {  // before, every initialiser had to be an input as well
        const Ref initial = before->second;
        const auto slot = new_slot(scope, input.name);
        scope.plan.inputs.push_back(slot);
        scope.plan.defaults.emplace_back(slot, initial);
      }
    }
    for (const auto& n : g.nodes) node(scope, body, n);
    for (const auto& output : g.outputs) scope.plan.outputs.push_back(resolve(scope, output.name, g.position));
    find_last_uses(scope.plan.steps, scope.plan.outputs, scope.plan.slots);
  }

  /// The node with the attributes that a function's call gives it.
  const NodeProto& substituted(const Body& body, const NodeProto& n) {
    const bool none = std::none_of(n.attributes.begin(), n.attributes.end(),
                                   [](const AttributeProto& a) { return !a.reference.empty(); });
    if (none) return n;
    NodeProto copy = n;
    copy.attributes.clear();
    for (const auto& a : n.attributes) {
      if (a.reference.empty()) {
        copy.attributes.push_back(a);
        continue;
      }
      const auto take = [&](const std::vector<AttributeProto>& from) {
        const auto at = std::find_if(from.begin(), from.end(), [&](const auto& b) { return b.name == a.reference; });
        if (at == from.end()) return false;
        copy.attributes.push_back(*at);
        copy.attributes.back().name = a.name;
        return true;
      };
      if (body.call != nullptr && !take(body.call->attributes)) take(body.function->defaults);
    }
    return plan_.nodes.emplace_back(std::move(copy));
  }

  const format::FunctionProto* function_of(const NodeProto& n) const {
    for (const auto& f : plan_.proto.functions) {
      if (f.name == n.op_type && standard(f.domain) == standard(n.domain)) return &f;
    }
    return nullptr;
  }

  void node(Scope& scope, const Body& body, const NodeProto& original) {
    const NodeProto& n = substituted(body, original);
    Step step;
    step.node = &n;
    step.version = version_of(body, n.domain);
    for (const auto& input : n.inputs) step.inputs.push_back(resolve(scope, input, n.position));
    if (const auto* function = function_of(n)) {
      step.function = call(*function, body, n);
    } else {
      step.row = find_row(standard(n.domain), n.op_type, step.version);
      if (step.row == nullptr) note_unsupported(step);
    }
    for (const auto& a : n.attributes) {
      for (const auto& g : a.graphs) {
        auto inner = std::make_shared<GraphPlan>();
        Scope inner_scope{*inner, &scope};
        graph(inner_scope, body, *g);
        step.graphs.emplace_back(a.name, std::move(inner));
      }
    }
    if (fold(scope, step)) return;
    for (const auto& output : n.outputs) step.outputs.push_back(output.empty() ? -1 : new_slot(scope, output));
    scope.plan.steps.push_back(std::move(step));
  }

  std::shared_ptr<GraphPlan> call(const format::FunctionProto& f, const Body& body, const NodeProto& n) {
    if (body.depth == max_call_depth)
      fail(n.position, fmt::format("functions call each other too deeply: '{}'", f.name));
    auto inner = std::make_shared<GraphPlan>();
    Scope scope{*inner};
    const Body inner_body{f.opsets.empty() ? body.opsets : f.opsets, &n, &f, body.depth + 1};
    for (const auto& input : f.inputs) inner->inputs.push_back(new_slot(scope, input));
    for (const auto& m : f.nodes) node(scope, inner_body, m);
    for (const auto& output : f.outputs) inner->outputs.push_back(resolve(scope, output, f.position));
    find_last_uses(inner->steps, inner->outputs, inner->slots);
    if (++calls_ > max_calls) fail(n.position, "too many calls of functions", std::to_string(max_calls), "more");
    return inner;
  }

  // --- constants ---

  /// Runs the step now when it only depends on constants that are no floats.
  bool fold(Scope& scope, const Step& step) {
    const bool makes_constants = step.node->op_type == "Constant";
    if (step.row == nullptr || !step.graphs.empty()) return false;
    if (!makes_constants && (!options_.fold_constants || step.inputs.empty() ||
                             std::find(std::begin(shape_arithmetic), std::end(shape_arithmetic), step.row->op) ==
                                 std::end(shape_arithmetic))) {
      return false;
    }
    std::vector<Value> inputs;
    for (const auto& ref : step.inputs) {
      if (ref.kind != Ref::Kind::constant && ref.kind != Ref::Kind::absent) return false;
      inputs.push_back(ref.kind == Ref::Kind::absent ? Value() : plan_.constants[static_cast<std::size_t>(ref.index)]);
      const Value& last = inputs.back();
      if (is_floating(last.type()) || (last.is_tensor() && last.tensor().size() > max_folded)) return false;
    }
    const Context context{.plan = &plan_, .weights = {}, .statistics = {}, .dtype = options_.dtype};
    Step counted;  // the same with its outputs, which are not registered yet
    counted.node = step.node;
    counted.row = step.row;
    counted.version = step.version;
    counted.outputs.assign(step.node->outputs.size(), 0);
    Results results;
    try {
      const NoGrad no_grad;
      Call call(counted, nullptr, context, std::move(inputs));
      results = step.row->run(call);
    } catch (const std::exception&) {
      return false;  // it fails when it runs, and says why
    }
    if (results.size() < step.node->outputs.size()) return false;
    for (std::size_t i = 0; i < step.node->outputs.size(); ++i) {
      const auto name = step.node->outputs[i];
      if (name.empty()) continue;
      // Some exporters write weights as nodes; single numbers are none.
      const bool weight = makes_constants && scope.usage != nullptr && results[i].is_tensor() &&
                          is_floating(results[i].type()) && results[i].tensor().size() > 1;
      scope.names[name] =
          weight ? initializer(name, std::move(results[i]), (*scope.usage)(name)) : constant(std::move(results[i]));
    }
    return true;
  }

  // --- what is left ---

  void note_unsupported(const Step& step) {
    for (auto& u : plan_.unsupported) {
      if (u.op == step.node->op_type && u.domain == step.node->domain && u.version == step.version) {
        ++u.count;
        return;
      }
    }
    plan_.unsupported.push_back({std::string(step.node->domain), std::string(step.node->op_type), step.version,
                                 describe_node(*step.node, step.version), 1});
  }

  static Port port_of(const format::ValueInfoProto& info) {
    using Kind = format::TypeProto::Kind;
    Port port;
    port.name = info.name;
    port.is_tensor = info.type.kind == Kind::tensor || info.type.kind == Kind::sparse_tensor;
    port.is_optional = info.type.kind == Kind::optional;
    const format::TypeProto* type = &info.type;
    while (type->content) type = type->content.get();
    if (type->element >= 0 && type->element <= 16) port.type = static_cast<ElementType>(type->element);
    port.has_shape = info.type.has_shape;
    for (const auto& d : info.type.shape) port.shape.push_back(d.value);
    return port;
  }

  void ports() {
    std::vector<Port> inputs, outputs;
    std::set<std::string_view> initial;
    for (const auto& t : plan_.proto.graph.initializers) initial.insert(t.name);
    for (const auto& t : plan_.proto.graph.sparse_initializers) initial.insert(t.values.name);
    for (const auto& info : plan_.proto.graph.inputs) {
      const bool has_default = initial.count(info.name) != 0;
      if (has_default && plan_.proto.ir_version < 4) continue;
      inputs.push_back(port_of(info));
      inputs.back().required = !has_default;
    }
    for (const auto& info : plan_.proto.graph.outputs) outputs.push_back(port_of(info));
    plan_.inputs = std::make_shared<const std::vector<Port>>(std::move(inputs));
    plan_.outputs = std::make_shared<const std::vector<Port>>(std::move(outputs));
  }

  static constexpr int max_calls = 100000;
  Plan& plan_;
  const LoadOptions& options_;
  format::TensorReader tensors_;
  int calls_ = 0;
};

}  // namespace

std::string describe_node(const format::NodeProto& node, std::int64_t version) {
  const std::string domain = node.domain.empty() ? "" : std::string(node.domain) + "::";
  return fmt::format("node '{}' ({}{}, version {}, byte {})", node.name, domain, node.op_type, version, node.position);
}

std::shared_ptr<Plan> make_plan(std::string who, std::shared_ptr<const format::MappedFile> file,
                                const std::string& folder, const LoadOptions& options) {
  if (!newtape::is_floating(options.dtype)) {
    raise<DTypeError>("onnx::load: floats are computed in f32 or f64", "f32 or f64", name(options.dtype));
  }
  auto plan = std::make_shared<Plan>();
  plan->file = std::move(file);
  plan->origin = {std::move(who), plan->file->bytes().data()};
  plan->proto = format::read_model(plan->origin, plan->file->bytes());
  if (!options.outputs.empty()) keep_part(plan->proto.graph, options.outputs, plan->origin);
  Planner(*plan, folder, options).run();
  if (options.join_nodes) join_nodes(*plan);
  return plan;
}

}  // namespace newtape::onnx::detail
