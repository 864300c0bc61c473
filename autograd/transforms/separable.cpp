// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/separable.hpp>

#include <newtape/autograd/observe/grad_hooks.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/sweep.hpp>
#include <newtape/autograd/transforms/batching_rules.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace newtape::detail {

namespace {

bool elementwise(const Op* op) {
  thread_local std::unordered_map<const Op*, bool> known;
  const auto [at, fresh] = known.try_emplace(op, false);
  if (fresh) at->second = is_elementwise(op->name());
  return at->second;
}

/// Whether element j of an operand of shape `part` is broadcast to element i of `whole`, boolean [whole.size, part..].
Array broadcast_places(const Shape& whole, const Shape& part) {
  const std::int64_t rows = element_count(whole), size = element_count(part);
  Array places = Array::empty(joined({rows}, part), boolean);
  bool* to = places.data<bool>();
  std::fill_n(to, rows * size, false);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::int64_t left = i, at = 0, stride = 1;
    for (std::size_t k = 1; k <= part.size(); ++k) {
      const std::int64_t length = whole[whole.size() - k], own = part[part.size() - k];
      at += own == 1 ? 0 : left % length * stride;
      left /= length;
      stride *= own;
    }
    to[i * size + at] = true;
  }
  return places;
}

/// The cotangents of an operand of shape `part` that the elements of `g` belong to, [g.size, part..].
Tensor as_rows(const Tensor& g, const Shape& part) {
  if (element_count(part) == 1) return reshape(g, joined({g.size()}, part));
  return where(Tensor(broadcast_places(g.shape(), part)), reshape(g, joined({g.size()}, Shape(part.size(), 1))), 0.0);
}

class Separable {
 public:
  Separable(const Tensor& y, std::span<const Tensor> xs) : root_(y.node().get()), shape_(y.shape()), xs_(xs) {}

  /// Finds the nodes of y's shape through which cotangents pass as they are, and where they leave them.
  bool explore() {
    if (!passes(*root_)) return false;
    struct Visit {
      Node* node;
      std::size_t edge = 0;
    };
    std::unordered_map<const Node*, bool> seen{{root_, true}};
    std::vector<Visit> path{{root_}};
    while (!path.empty()) {
      auto& [node, edge] = path.back();
      if (edge == node->edges.size()) {
        whole_.push_back(node);
        path.pop_back();
        continue;
      }
      Node* const input = node->edges[edge++].get();
      if (input == nullptr || !seen.try_emplace(input, true).second) continue;
      if (leaves(*input)) {
        ends_.push_back(input);
      } else if (!passes(*input)) {
        return false;
      } else {
        path.push_back({input});
      }
    }
    return cheap();
  }

  std::vector<Tensor> rows() {
    Sweep sweep(1, true);
    for (const auto& x : xs_) sweep.want(x.node().get());
    for (auto* const end : ends_) sweep.explore(end);
    std::unordered_map<const Node*, Tensor> sums;
    sums[root_] = Tensor(core::ones(shape_, root_->dtype));
    for (auto at = whole_.rbegin(); at != whole_.rend(); ++at) {
      const auto found = sums.find(*at);
      if (found == sums.end()) continue;
      const Tensor g = std::move(found->second);
      sums.erase(found);
      for (std::size_t i = 0; i < (*at)->edges.size(); ++i) {
        Node* const input = (*at)->edges[i].get();
        if (input == nullptr) continue;
        Tensor part = (*at)->pull(i, g);
        if (!part.defined()) continue;
        if (part.shape() != shape_ || part.dtype() != input->dtype) return {};
        if (leaves(*input)) {
          sweep.seed(input, as_rows(part, input->shape));
        } else {
          Tensor& sum = sums[input];
          sum = sum.defined() ? std::move(sum) + std::move(part) : std::move(part);
        }
      }
    }
    sweep.run(false);
    std::vector<Tensor> results;
    for (const auto& x : xs_) {
      Tensor g = sweep.result(x.node().get());
      results.push_back(g.defined() ? std::move(g) : zeros(joined({element_count(shape_)}, x.shape()), x.dtype()));
    }
    return results;
  }

 private:
  bool is_input(const Node& node) const {
    return std::any_of(xs_.begin(), xs_.end(), [&](const Tensor& x) { return x.node().get() == &node; });
  }
  /// Whether a cotangent is given to this node as rows: it is smaller, or one of the inputs.
  bool leaves(const Node& node) const { return node.shape != shape_ || is_input(node); }
  static bool passes(const Node& node) {
    return node.op != nullptr && node.output_index < 0 && node.grad_hooks == nullptr && !node.has_joint_pullback &&
           !node.differentiates_cotangents && !node.released.load(std::memory_order_relaxed) && elementwise(node.op);
  }

  /// Rows make a sweep through the smaller values as many times as long. Sweeps with unit vectors go as often through
  /// the large ones as there are columns.
  bool cheap() const {
    std::int64_t columns = 0;
    for (const auto& x : xs_) columns += x.size();
    const std::int64_t most = 2 * columns * static_cast<std::int64_t>(whole_.size());
    std::int64_t total = 0;
    std::unordered_map<const Node*, bool> seen;
    std::vector<const Node*> path;
    for (const auto* end : ends_) {
      if (seen.try_emplace(end, true).second) path.push_back(end);
    }
    while (!path.empty()) {
      const Node& node = *path.back();
      path.pop_back();
      const std::int64_t size = element_count(node.shape);
      total += size;
      if (size > 4 * columns || total > most || node.grad_hooks != nullptr) return false;
      if (is_input(node)) continue;
      for (const auto& edge : node.edges) {
        if (edge && seen.try_emplace(edge.get(), true).second) path.push_back(edge.get());
      }
    }
    return true;
  }

  Node* root_;
  const Shape shape_;
  std::span<const Tensor> xs_;
  std::vector<Node*> whole_;  ///< operands before results
  std::vector<Node*> ends_;
};

}  // namespace

std::vector<Tensor> separable_rows(const Tensor& y, std::span<const Tensor> xs) {
  if (!y.requires_grad() || y.size() < 2 || instrumented() != 0) return {};
  Separable separable(y, xs);
  if (!separable.explore()) return {};
  const GradMode off(false);
  try {
    return separable.rows();
  } catch (const NumericalError&) {
    return {};  // the usual sweep says where
  }
}

}  // namespace newtape::detail
