// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/join_patterns.hpp>
#include <newtape/onnx/import/usage.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>

namespace newtape::onnx::detail {

namespace {

constexpr double near = 1e-6;  // constants of patterns are written with this relative error at most

const format::AttributeProto* attribute(const Step& step, std::string_view name) {
  for (const auto& a : step.node->attributes) {
    if (a.name == name) return &a;
  }
  return nullptr;
}

class Patterns {
 public:
  Patterns(GraphPlan& graph, StepBuilder& build) : graph_(graph), steps_(graph.joined_steps), build_(build) { index(); }

  void run() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!is_gone(i)) normalization(i);
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!is_gone(i)) hard_swish(i);
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (is_gone(i)) continue;
      while (convolution(i)) {
      }
      matrix_product(i);
      power(i);
    }
    drop();
    index();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!is_gone(i)) chain(i);
    }
    drop();
  }

 private:
  // --- the graph ---

  void index() {
    const auto slots = static_cast<std::size_t>(graph_.slots);
    uses_.assign(slots, 0);
    user_.assign(slots, 0);
    maker_.assign(slots, none);
    visit_uses(steps_, graph_.joined_outputs, 0, [&](std::int32_t slot) { ++uses_[static_cast<std::size_t>(slot)]; });
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      for (const auto& ref : steps_[i].inputs) {
        if (is_own(ref)) user_[static_cast<std::size_t>(ref.index)] = i;
      }
      for (const auto slot : steps_[i].outputs) {
        if (slot >= 0) maker_[static_cast<std::size_t>(slot)] = i;
      }
    }
  }
  static bool is_own(const Ref& ref) { return ref.kind == Ref::Kind::local && ref.up == 0; }
  bool is_gone(std::size_t i) const { return steps_[i].node == nullptr; }
  void remove(std::size_t i) { steps_[i].node = nullptr; }
  void drop() {
    std::erase_if(steps_, [](const Step& s) { return s.node == nullptr; });
  }

  bool is(std::size_t i, std::string_view op) const {
    return !is_gone(i) && steps_[i].row != nullptr && steps_[i].row->domain.empty() && steps_[i].row->op == op;
  }
  std::int32_t result(std::size_t i) const { return steps_[i].outputs.empty() ? -1 : steps_[i].outputs[0]; }
  std::int32_t uses(std::size_t i) const { return uses_[static_cast<std::size_t>(result(i))]; }
  /// The only step that uses the only result of step i.
  std::optional<std::size_t> only_user(std::size_t i) const {
    if (std::count_if(steps_[i].outputs.begin(), steps_[i].outputs.end(), [](auto s) { return s >= 0; }) != 1 ||
        result(i) < 0 || uses(i) != 1) {
      return {};
    }
    const std::size_t user = user_[static_cast<std::size_t>(result(i))];
    const auto& inputs = steps_[user].inputs;
    const bool used =
        std::any_of(inputs.begin(), inputs.end(), [&](const Ref& r) { return is_own(r) && r.index == result(i); });
    return user > i && used && !is_gone(user) ? std::optional(user) : std::nullopt;
  }
  /// The step that makes a value, if it is this operator.
  std::optional<std::size_t> made_by(const Ref& ref, std::string_view op) const {
    if (!is_own(ref)) return {};
    const std::size_t i = maker_[static_cast<std::size_t>(ref.index)];
    return i != none && is(i, op) && result(i) == ref.index ? std::optional(i) : std::nullopt;
  }
  static bool same(const Ref& a, const Ref& b) { return a.kind == b.kind && a.up == b.up && a.index == b.index; }
  /// The other one of two inputs.
  std::optional<Ref> partner(std::size_t i, std::int32_t slot) const {
    const auto& in = steps_[i].inputs;
    if (in.size() != 2) return {};
    const bool first = is_own(in[0]) && in[0].index == slot, second = is_own(in[1]) && in[1].index == slot;
    return first == second ? std::nullopt : std::optional(first ? in[1] : in[0]);
  }
  bool is_number(const Ref& ref, double value) const {
    const auto n = build_.number_of(ref);
    return n && std::fabs(*n - value) <= near * std::fabs(value);
  }

  // --- convolutions ---

  /// Whether the operand has one number for all, or one for each of `channels` along axis 1 of `ndim`.
  bool is_by_channel(const Ref& ref, std::int64_t channels, std::size_t ndim) const {
    const auto shape = build_.shape_of(ref);
    if (!shape || shape->size() > ndim) return false;
    if (element_count(*shape) == 1) return true;
    for (std::size_t k = 0; k < shape->size(); ++k) {
      const std::size_t axis = ndim - shape->size() + k;
      if ((*shape)[k] != (axis == 1 ? channels : 1)) return false;
    }
    return true;
  }

  /// Takes the next step into the convolution i, if it can be.
  bool convolution(std::size_t i) {
    if (!is(i, "Conv")) return false;
    Step& conv = steps_[i];
    const auto next = only_user(i);
    if (!next || conv.inputs.size() < 2 || !is_static(conv.inputs[1])) return false;
    if (conv.inputs.size() > 2 && conv.inputs[2].kind == Ref::Kind::local) return false;
    const auto shape = build_.shape_of(conv.inputs[1]);
    if (!shape || shape->size() < 3) return false;
    std::vector<Ref> inputs{conv.inputs[1], conv.inputs.size() > 2 ? conv.inputs[2] : Ref{}};
    const auto kind = is(*next, "BatchNormalization") ? batch_norm_inputs(*next, inputs)
                                                      : arithmetic_inputs(*next, result(i), *shape, inputs);
    if (!kind) return false;
    const auto [w, b] = build_.prepare_convolution(*kind, steps_[*next], std::move(inputs));
    conv.inputs.resize(2);
    conv.inputs[1] = w;
    conv.inputs.push_back(b);
    conv.outputs = {steps_[*next].outputs[0]};
    remove(*next);
    maker_[static_cast<std::size_t>(conv.outputs[0])] = i;
    return true;
  }

  std::optional<Joined> batch_norm_inputs(std::size_t i, std::vector<Ref>& inputs) const {
    const Step& norm = steps_[i];
    const auto* training = attribute(norm, "training_mode");
    const auto* test = attribute(norm, "is_test");
    const int since = norm.row->versions.at(norm.version);
    const bool trains =
        (since >= 14 && training != nullptr && training->i != 0) || (since < 7 && (test == nullptr || test->i == 0));
    const bool more = std::any_of(norm.outputs.begin() + 1, norm.outputs.end(), [](auto slot) { return slot >= 0; });
    if (trains || more || norm.inputs.size() != 5 ||
        !std::all_of(norm.inputs.begin() + 1, norm.inputs.end(), is_static)) {
      return {};
    }
    inputs.insert(inputs.end(), norm.inputs.begin() + 1, norm.inputs.end());
    return Joined::batch_norm;
  }

  std::optional<Joined> arithmetic_inputs(std::size_t i, std::int32_t slot, const Shape& weight,
                                          std::vector<Ref>& inputs) const {
    const bool product = is(i, "Mul"), sum = is(i, "Add"), quotient = is(i, "Div"), difference = is(i, "Sub");
    if (!product && !sum && !quotient && !difference) return {};
    if (steps_[i].row->versions.at(steps_[i].version) < 7) return {};
    const auto other = partner(i, slot);
    if (!other || !is_static(*other) || !is_by_channel(*other, weight[0], weight.size())) return {};
    if ((quotient || difference) && !(is_own(steps_[i].inputs[0]) && steps_[i].inputs[0].index == slot)) return {};
    inputs.push_back(*other);
    return product ? Joined::multiply : sum ? Joined::add : quotient ? Joined::divide : Joined::subtract;
  }

  // --- products, powers ---

  /// x W + b
  void matrix_product(std::size_t i) {
    if (!is(i, "MatMul") || !is_static(steps_[i].inputs[1])) return;
    const auto shape = build_.shape_of(steps_[i].inputs[1]);
    const auto next = only_user(i);
    if (!shape || shape->size() != 2 || !next || !is(*next, "Add")) return;
    const auto other = partner(*next, result(i));
    if (!other || !is_static(*other)) return;
    const auto bias = build_.shape_of(*other);
    if (!bias || *bias != Shape{(*shape)[1]}) return;
    steps_[i] = build_.make(Joined::linear, steps_[i], {steps_[i].inputs[0], steps_[i].inputs[1], *other},
                            steps_[*next].outputs);
    remove(*next);
  }

  void power(std::size_t i) {
    if (is(i, "Pow") && steps_[i].inputs.size() == 2 && is_number(steps_[i].inputs[1], 2) &&
        build_.shape_of(steps_[i].inputs[1])->empty()) {
      steps_[i] = build_.make(Joined::square, steps_[i], {steps_[i].inputs[0]}, steps_[i].outputs);
    }
  }

  // --- functions written as several nodes ---

  /// x min(max(x + 3, 0), 6) / 6, from the sum on.
  void hard_swish(std::size_t i) {
    if (!is(i, "Add") || steps_[i].inputs.size() != 2) return;
    const auto& in = steps_[i].inputs;
    const bool second = is_number(in[1], 3);
    if (!second && !is_number(in[0], 3)) return;
    const Ref x = in[second ? 0 : 1];
    const auto clip = only_user(i);
    if (!is_own(x) || !clip || !is(*clip, "Clip") || !is_clip(*clip, 0, 6)) return;
    const auto product = only_user(*clip);
    if (!product || !is(*product, "Mul")) return;
    const auto factor = partner(*product, result(*clip));
    const auto quotient = only_user(*product);
    if (!factor || !same(*factor, x) || !quotient) return;
    const auto divisor = partner(*quotient, result(*product));
    const bool by_six =
        is(*quotient, "Div") && is_own(steps_[*quotient].inputs[0]) && divisor && is_number(*divisor, 6);
    if (!by_six && !(is(*quotient, "Mul") && divisor && is_number(*divisor, 1.0 / 6))) return;
    const std::int32_t slot = steps_[*quotient].outputs[0];
    Step& step = steps_[i];
    step.row = find_row("", "HardSwish", 14);
    step.version = 14;
    step.inputs = {x};
    step.outputs = {slot};
    for (const auto k : {*clip, *product, *quotient}) remove(k);
    uses_[static_cast<std::size_t>(x.index)] -= 1;
    user_[static_cast<std::size_t>(x.index)] = i;
    maker_[static_cast<std::size_t>(slot)] = i;
  }

  bool is_clip(std::size_t i, double low, double high) const {
    const Step& step = steps_[i];
    const auto bound = [&](std::string_view name, std::size_t k, double value) {
      if (step.inputs.size() > k)
        return step.inputs[k].kind == Ref::Kind::constant && build_.number_of(step.inputs[k]) == value;
      const auto* a = attribute(step, name);
      return step.row->versions.at(step.version) < 11 && a != nullptr && static_cast<double>(a->f) == value;
    };
    return bound("min", 1, low) && bound("max", 2, high);
  }

  bool is_mean_over_last(std::size_t i) const {
    const Step& step = steps_[i];
    const auto* keep = attribute(step, "keepdims");
    if (keep != nullptr && keep->i == 0) return false;
    if (step.inputs.size() > 1) {
      const auto axes = build_.integers_of(step.inputs[1]);
      return axes && axes->size() == 1 && (*axes)[0] == -1;
    }
    const auto* axes = attribute(step, "axes");
    return axes != nullptr && axes->ints.size() == 1 && axes->ints[0] == -1;
  }

  /// (x - mean x) / sqrt(mean (x - mean x)^2 + eps), then perhaps scaled and shifted, found from its quotient.
  void normalization(std::size_t i) {
    if (!is(i, "Div") || steps_[i].inputs.size() != 2) return;
    const Ref centred = steps_[i].inputs[0];
    const auto root = made_by(steps_[i].inputs[1], "Sqrt");
    const auto sum = root ? made_by(steps_[*root].inputs[0], "Add") : std::nullopt;
    if (!sum || uses(*root) != 1 || uses(*sum) != 1) return;
    std::optional<std::size_t> variance = made_by(steps_[*sum].inputs[0], "ReduceMean");
    const auto eps = build_.number_of(steps_[*sum].inputs[variance ? 1 : 0]);
    if (!variance) variance = made_by(steps_[*sum].inputs[1], "ReduceMean");
    if (!variance || !eps || uses(*variance) != 1 || !is_mean_over_last(*variance)) return;
    const Ref squared = steps_[*variance].inputs[0];
    const auto power = made_by(squared, "Pow"), product = made_by(squared, "Mul");
    if (!power && !product) return;
    const std::size_t square = power ? *power : *product;
    const auto& factors = steps_[square].inputs;
    if (uses(square) != 1 || !same(factors[0], centred) ||
        !(power ? is_number(factors[1], 2) : same(factors[1], centred)))
      return;
    const auto difference = made_by(centred, "Sub");
    if (!difference || uses(*difference) != (power ? 2 : 3)) return;
    const Ref x = steps_[*difference].inputs[0];
    const auto mean = made_by(steps_[*difference].inputs[1], "ReduceMean");
    if (!mean || uses(*mean) != 1 || !same(steps_[*mean].inputs[0], x) || !is_own(x) || !is_mean_over_last(*mean))
      return;
    std::vector<Ref> inputs{x, {}, {}};
    const std::size_t last = scaled_and_shifted(i, inputs);
    for (const auto k : {*root, *sum, *variance, square, *difference, *mean}) remove(k);
    Step step = build_.make(Joined::layer_norm, steps_[i], std::move(inputs), steps_[last].outputs);
    build_.set_real(step, "epsilon", *eps);
    if (last != i) remove(i);
    steps_[last] = std::move(step);
    uses_[static_cast<std::size_t>(x.index)] -= 1;
    user_[static_cast<std::size_t>(x.index)] = last;
    maker_[static_cast<std::size_t>(result(last))] = last;
  }

  /// Takes a product and a sum with vectors after step i into the inputs 1 and 2; the last step.
  std::size_t scaled_and_shifted(std::size_t i, std::vector<Ref>& inputs) {
    std::size_t last = i;
    const auto take = [&](std::string_view op, std::size_t k) {
      const auto next = only_user(last);
      if (!next || !is(*next, op)) return false;
      const auto other = partner(*next, result(last));
      const auto shape = other && is_static(*other) ? build_.shape_of(*other) : std::nullopt;
      if (!shape || shape->size() != 1 || (k == 2 && *shape != *build_.shape_of(inputs[1]))) return false;
      inputs[k] = *other;
      if (last != i) remove(last);
      last = *next;
      return true;
    };
    if (take("Mul", 1)) take("Add", 2);
    return last;
  }

  // --- chains of elementwise operators ---

  static bool is_elementwise(const Step& step) {
    constexpr std::string_view names[] = {
        "Abs",       "Add",       "Clip",    "Div",      "Elu",      "Erf",  "Exp", "Gelu", "HardSigmoid",
        "HardSwish", "LeakyRelu", "Log",     "Max",      "Min",      "Mish", "Mul", "Neg",  "Reciprocal",
        "Relu",      "Selu",      "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub", "Tanh", "square",
    };
    return step.row != nullptr && !step.function && step.graphs.empty() && step.outputs.size() == 1 &&
           (step.row->domain.empty() || step.row == &joined_row(Joined::square)) &&
           std::find(std::begin(names), std::end(names), step.row->op) != std::end(names);
  }

  /// Joins the steps from i on of which each is the only user of the one before.
  void chain(std::size_t i) {
    if (!is_elementwise(steps_[i])) return;
    std::vector<std::size_t> members{i};
    for (auto next = only_user(i); next && is_elementwise(steps_[*next]); next = only_user(*next))
      members.push_back(*next);
    if (members.size() < 2) return;
    auto group = std::make_shared<GraphPlan>();
    std::vector<Ref> inputs;
    std::vector<std::int32_t> own(static_cast<std::size_t>(graph_.slots), -1);
    for (const auto m : members) {
      Step step = steps_[m];
      for (auto& ref : step.inputs) {
        if (ref.kind == Ref::Kind::absent || build_.number_of(ref)) continue;
        if (is_own(ref) && own[static_cast<std::size_t>(ref.index)] >= 0) {
          ref.index = own[static_cast<std::size_t>(ref.index)];
          continue;
        }
        auto at = static_cast<std::int32_t>(
            std::find_if(inputs.begin(), inputs.end(), [&](const Ref& r) { return same(r, ref); }) - inputs.begin());
        if (at == std::ssize(inputs)) {
          inputs.push_back(ref);
          group->inputs.push_back(group->slots++);
        }
        ref = {Ref::Kind::local, 0, group->inputs[static_cast<std::size_t>(at)]};
      }
      own[static_cast<std::size_t>(step.outputs[0])] = group->slots;
      step.outputs[0] = group->slots++;
      group->joined_steps.push_back(std::move(step));
    }
    group->joined_outputs = {{Ref::Kind::local, 0, group->joined_steps.back().outputs[0]}};
    find_last_uses(group->joined_steps, group->joined_outputs, group->slots);
    const std::size_t last = members.back();
    Step step = build_.make(Joined::group, steps_[last], std::move(inputs), steps_[last].outputs);
    step.function = std::move(group);
    step.fused = std::make_shared<FusedGroup>();
    for (const auto m : members) remove(m);
    steps_[last] = std::move(step);
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  GraphPlan& graph_;
  std::vector<Step>& steps_;
  StepBuilder& build_;
  std::vector<std::int32_t> uses_;
  std::vector<std::size_t> user_, maker_;  ///< of each slot; the last user
};

}  // namespace

void join_patterns(GraphPlan& graph, StepBuilder& build) { Patterns(graph, build).run(); }

}  // namespace newtape::onnx::detail
