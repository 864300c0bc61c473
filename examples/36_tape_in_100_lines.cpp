// SPDX-License-Identifier: BSD-3-Clause
// Reverse mode in a hundred lines, without the library: numbers instead of arrays, and the two ideas that Newtape
// stands on, derivatives written in the operations themselves and a sweep that is a loop. docs/tape_in_100_lines.md
// explains it line by line; the end compares it with Newtape.
#include <newtape/newtape.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace toy {

// A number, and the node that remembers how it was made. It is a value: nothing ever changes it.
struct Node;
struct Number {
  double value = 0;
  std::shared_ptr<const Node> node = nullptr;  // none: a constant

  Number(double v) : value(v) {}
  Number(double v, std::shared_ptr<const Node> n) : value(v), node(std::move(n)) {}
};

// Maps the derivative of a result by y to its derivative by x. It computes with Numbers, so it is recorded as well.
using Pullback = std::function<Number(const Number& g)>;

struct Node {
  struct Edge {
    std::shared_ptr<const Node> to;
    Pullback pullback;
  };
  long order = 0;  // counts up: operands were recorded before results
  std::vector<Edge> edges = {};
};

std::shared_ptr<const Node> new_node(std::vector<Node::Edge> edges) {
  static long count = 0;
  return std::make_shared<const Node>(Node{++count, std::move(edges)});
}

Number variable(double value) { return {value, new_node({})}; }

// The result of an operation: an edge for every operand that is not a constant.
Number record(double value, std::vector<std::pair<Number, Pullback>> operands) {
  std::vector<Node::Edge> edges;
  for (auto& [x, pullback] : operands) {
    if (x.node) edges.push_back({x.node, std::move(pullback)});
  }
  return edges.empty() ? Number(value) : Number(value, new_node(std::move(edges)));
}

// Operations: the value, and one line for each operand.
Number operator+(const Number& a, const Number& b) {
  return record(a.value + b.value, {{a, [](const Number& g) { return g; }}, {b, [](const Number& g) { return g; }}});
}
Number operator*(const Number& a, const Number& b) {
  return record(a.value * b.value,
                {{a, [b](const Number& g) { return g * b; }}, {b, [a](const Number& g) { return g * a; }}});
}
Number operator-(const Number& a, const Number& b) { return a + Number(-1) * b; }
Number cos(const Number& x);
Number sin(const Number& x) {
  return record(std::sin(x.value), {{x, [x](const Number& g) { return g * cos(x); }}});
}
Number cos(const Number& x) {
  return record(std::cos(x.value), {{x, [x](const Number& g) { return Number(-1) * g * sin(x); }}});
}
Number exp(const Number& x) {
  return record(std::exp(x.value), {{x, [x](const Number& g) { return g * exp(x); }}});
}

// dy/dx: the chain rule from the last node to the first. A node's derivative is complete when its turn comes, as
// everything that used it was recorded later. No recursion: a chain of a million operations is a loop of a million.
Number grad(const Number& y, const Number& x) {
  std::map<long, std::pair<std::shared_ptr<const Node>, Number>, std::greater<>> waiting;
  if (y.node) waiting.emplace(y.node->order, std::pair{y.node, Number(1)});
  while (!waiting.empty()) {
    const auto [node, g] = waiting.begin()->second;
    waiting.erase(waiting.begin());
    if (node == x.node) return g;
    for (const auto& [to, pullback] : node->edges) {
      const Number part = pullback(g);
      const auto [place, is_new] = waiting.try_emplace(to->order, std::pair{to, part});
      if (!is_new) place->second.second = place->second.second + part;
    }
  }
  return 0;
}

}  // namespace toy

int main() {
  // f(x) = exp(sin x) x^2, and its first four derivatives, each the gradient of the one before.
  const auto f = [](const auto& x) { return exp(sin(x)) * x * x; };
  const toy::Number x = toy::variable(0.7);
  const newtape::Tensor t = newtape::variable(newtape::tensor(0.7, newtape::f64));
  toy::Number y = f(x);
  newtape::Tensor z = f(t);
  double worst = 0;
  fmt::print("{:<10} {:>20} {:>20}\n", "order", "toy", "Newtape");
  for (int order = 0; order <= 4; ++order) {
    fmt::print("{:<10} {:20.15f} {:20.15f}\n", order, y.value, z.item());
    worst = std::max(worst, std::abs(y.value - z.item()) / std::abs(z.item()));
    y = grad(y, x);
    z = newtape::grad(z, t, {.create_graph = true});
  }
  fmt::print("Equal to {:.0e}: the library is the same idea with arrays, many more operations and kernels.\n", worst);
  return worst < 1e-13 ? 0 : 1;
}
