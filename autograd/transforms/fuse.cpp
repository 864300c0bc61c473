// SPDX-License-Identifier: BSD-3-Clause
// The function is program on placeholders, and so is the backward sweep through its graph: the derivatives are those
// of the operations in the function.
#include <newtape/autograd/transforms/fuse.hpp>

#include <newtape/autograd/observe/op_observer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/fuse/program.hpp>
#include <newtape/core/fuse/recorder.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>

#include <memory>
#include <string>
#include <unordered_set>

namespace newtape {

static const Op fuse_op{"fuse"};

namespace detail {
namespace {

/// The program program: steps for the value and for the gradients with respect to the operands.
struct FusedProgram {
  std::vector<core::Value> values;
  int value = 0;
  /// For each operand; -1 where the result does not depend on it. The cotangent is the last input.
  std::vector<int> gradients;
};

/// The unfused function on the operands expanded to one shape.
Tensor composite(const Function& f, std::span<const Tensor> operands, const Shape& shape) {
  std::vector<Tensor> xs;
  for (const auto& x : operands) xs.push_back(x.shape() == shape || core::on_placeholders() ? x : expand(x, shape));
  Tensor y = f(xs);
  return y.shape() == shape || core::on_placeholders() ? y : expand(y, shape);
}

[[noreturn]] void raise_captured() {
  raise<ValueError>("fuse: the function captures a tensor that depends on a variable",
                    "every such tensor as an operand", "a captured tensor");
}

/// ValueError when the result depends on variables other than the function's arguments.
void check_captures(const Tensor& y, std::span<const Tensor> arguments) {
  std::unordered_set<Node*> seen;
  for (const auto& x : arguments) seen.insert(x.node().get());
  std::vector<Node*> path{y.node().get()};
  while (!path.empty()) {
    Node* node = path.back();
    path.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    if (node->op == nullptr) raise_captured();
    for (const auto& edge : node->edges) path.push_back(edge.get());
  }
}

FusedProgram trace(const Function& f, std::span<const Tensor> operands, const Shape& shape) {
  core::Recorder record(shape);
  const core::Recording on(&record);
  std::vector<Tensor> arguments;
  for (const auto& x : operands) {
    Array a = record.input(x.dtype());
    const bool wanted = grad_enabled() && x.requires_grad();
    arguments.push_back(wanted ? variable(std::move(a)) : Tensor(std::move(a)));
  }
  const Tensor y = f(arguments);
  FusedProgram result;
  result.value = record.value_of(y.value());
  result.gradients.resize(operands.size(), -1);
  if (y.requires_grad()) {
    check_captures(y, arguments);
    const Tensor g = record.input(y.dtype());
    const auto pulled = grad_between(y, arguments, g, false);
    for (std::size_t i = 0; i < pulled.size(); ++i) {
      if (pulled[i].defined()) result.gradients[i] = record.value_of(pulled[i].value());
    }
  }
  result.values = record.values();
  return result;
}

/// Saves the slope dy/dx of operands whose gradient shares much work with the value; other gradients are recomputed
/// from the operands in the backward pass.
class FusedNode final : public Node {
 public:
  FusedNode(const Op* by, SourceLocation at, const Array& value, const Function& f, std::vector<Tensor> operands,
            std::shared_ptr<const FusedProgram> program, std::vector<Array> slopes)
      : Node(by, at, value),
        f_(f),
        operands_(std::move(operands)),
        program_(std::move(program)),
        slopes_(std::move(slopes)) {
    for (const auto& x : operands_) edges_.push_back(x.node());
    edges = edges_;
    has_joint_pullback = true;
  }

  Tensor pull(std::size_t i, Tensor g) override {
    std::vector<bool> needed(edges_.size());
    needed[i] = true;
    return pull_all(needed, std::move(g))[i];
  }

  std::vector<Tensor> pull_all(const std::vector<bool>& needed, Tensor g) override {
    std::vector<Tensor> results(needed.size());
    std::vector<std::size_t> computed;
    for (std::size_t i = 0; i < needed.size(); ++i) {
      if (needed[i] && program_->gradients[i] >= 0 && !slopes_[i].defined()) computed.push_back(i);
    }
    const bool batched = g.ndim() != shape.size();
    if (grad_enabled() || (batched && !computed.empty())) return from_composite(needed, std::move(g));

    const bool one = !batched && core::is_uniform(g.value()) && Array::view_of(g.value(), {}, {}).item() == 1;
    for (std::size_t i = 0; i < needed.size(); ++i) {
      if (needed[i] && slopes_[i].defined()) results[i] = one ? slopes_[i] : core::strong_mul(g.value(), slopes_[i]);
    }
    if (computed.empty()) return results;
    std::vector<int> wanted;
    for (const auto i : computed) wanted.push_back(program_->gradients[i]);
    auto inputs = values(operands_);
    inputs.push_back(g.take_value());
    auto found = core::run(program_->values, wanted, inputs, shape);
    for (std::size_t k = 0; k < computed.size(); ++k) results[computed[k]] = std::move(found[k]);
    return results;
  }

  void release() noexcept override {
    f_ = nullptr;
    operands_.clear();
    program_.reset();
    slopes_.clear();
  }

  static std::vector<Array> values(std::span<const Tensor> xs) {
    std::vector<Array> arrays;
    for (const auto& x : xs) arrays.push_back(x.value());
    return arrays;
  }

 private:
  /// The cotangents by Tensor operations: for a batch of cotangents, or with create_graph.
  std::vector<Tensor> from_composite(const std::vector<bool>& needed, Tensor g) const {
    const bool create_graph = grad_enabled();
    const GradMode on(true);
    // expand makes new nodes, at which the local sweep stops.
    std::vector<Tensor> xs;
    std::vector<Tensor> asked;
    for (std::size_t i = 0; i < needed.size(); ++i) {
      xs.push_back(needed[i] || create_graph ? expand(operands_[i], shape) : expand(operands_[i].detach(), shape));
      asked.push_back(needed[i] ? xs[i] : Tensor());
    }
    const Tensor y = composite(f_, xs, shape);
    if (!y.requires_grad()) return std::vector<Tensor>(needed.size());
    return grad_between(y, asked, std::move(g), create_graph);
  }

  std::vector<NodeRef> edges_;
  Function f_;
  std::vector<Tensor> operands_;
  std::shared_ptr<const FusedProgram> program_;
  std::vector<Array> slopes_;  ///< one for each operand
};

/// Shared work, in additions, from which on saving a slope is faster than recomputing it.
constexpr double min_shared_cost = 6;

Tensor run_fused(const Function& f, std::vector<Tensor> operands, std::shared_ptr<const FusedProgram> program,
                 const Shape& shape, SourceLocation location) {
  auto inputs = FusedNode::values(operands);
  std::vector<int> wanted{program->value};
  std::vector<std::size_t> kept;
  bool needs_grad = false;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const int id = program->gradients[i];
    if (id < 0) continue;
    needs_grad = true;
    if (core::shared_cost(program->values, {&program->value, 1}, {&id, 1}) < min_shared_cost) continue;
    wanted.push_back(id);
    kept.push_back(i);
  }
  // With cotangent 1 the gradients are the slopes.
  inputs.push_back(core::number(1, program->values[static_cast<std::size_t>(program->value)].dtype));
  auto results = core::run(program->values, wanted, inputs, shape);
  if (!needs_grad) return results[0];
  std::vector<Array> slopes(operands.size());
  for (std::size_t k = 0; k < kept.size(); ++k) slopes[kept[k]] = std::move(results[1 + k]);
  auto node = NodeRef::adopt(
      new FusedNode(&fuse_op, location, results[0], f, std::move(operands), std::move(program), std::move(slopes)));
  return Tensor(std::move(results[0]), std::move(node));
}

}  // namespace

Tensor fuse_list(const Function& f, std::vector<In> operands, std::atomic<bool>& checked, std::int64_t from) {
  // Numbers take the dtype of the first float tensor, or else of the first tensor.
  const In* like = nullptr;
  for (const auto& x : operands) {
    if (x.is_number()) continue;
    if (like == nullptr || (is_floating(x.dtype()) && !is_floating(like->dtype()))) like = &x;
  }
  if (like == nullptr) raise<ValueError>("fuse: at least one operand must be a tensor", "a tensor", "numbers only");
  const DType dtype = like->dtype();
  const SourceLocation location = like->location();
  std::vector<Tensor> xs;
  Shape shape;
  for (auto& x : operands) {
    if (x.is_number()) x.resolve("fuse", dtype);
    shape = broadcast_shapes("fuse", shape, x.shape());
    xs.push_back(x.tensor());
  }
  const bool large = element_count(shape) >= from;
  // With anomaly checks the function runs unfused, so that the error names the operation inside it.
  if (core::on_placeholders() || keeps_operands() || (!large && checked.load(std::memory_order_relaxed))) {
    return composite(f, xs, shape);
  }
  auto program = std::make_shared<const FusedProgram>(trace(f, xs, shape));
  checked.store(true, std::memory_order_relaxed);
  return large ? run_fused(f, std::move(xs), std::move(program), shape, location) : composite(f, xs, shape);
}

}  // namespace detail
}  // namespace newtape
