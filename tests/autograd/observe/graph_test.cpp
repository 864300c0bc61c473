// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/observe/graph.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <array>
#include <regex>
#include <string>

using namespace newtape;

namespace {
std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}
/// The number of the node with this label.
std::string node(const std::string& dot, const std::string& label) {
  std::smatch match;
  const std::string text = dot;
  return std::regex_search(text, match, std::regex("(n[0-9]+) \\[label=\"" + label)) ? match[1].str() : "none";
}
}  // namespace

TEST_CASE("graph: operations, variables, shapes, dtypes and arrows") {
  const auto w = variable(ones({2, 3}));
  const auto b = variable(ones({2}));
  const Tensor x = ones({4, 3});
  const Tensor y = tanh(linear(x, w, b));
  const Tensor loss = sum(y * y);
  const auto dot = graph_to_dot(loss, {.names = {{"layer.\"weight\"", w}, {"constant", x}, {"hidden", y}}});
  INFO(dot);
  CHECK(dot.rfind("digraph {", 0) == 0);
  CHECK(dot.substr(dot.size() - 2) == "}\n");
  CHECK(count(dot, "label=") == 6);  // y once, although it is used twice
  CHECK(count(dot, "->") == 6);
  const auto arrow = [&](const std::string& from, const std::string& to) {
    return count(dot, "  " + node(dot, from) + " -> " + node(dot, to) + "\n");
  };
  CHECK(arrow("hidden = tanh\\\\nf32 \\[4, 2\\]", "mul\\\\nf32 \\[4, 2\\]") == 2);
  CHECK(arrow("mul", "sum\\\\nf32 \\[\\]") == 1);
  CHECK(arrow("linear", "hidden") == 1);
  CHECK(arrow("layer.\\\\\"weight\\\\\"\\\\nf32 \\[2, 3\\]", "linear") == 1);
  CHECK(arrow("variable\\\\nf32 \\[2\\]", "linear") == 1);
  CHECK(count(dot, "shape=box") == 2);
  CHECK(count(dot, "constant") == 0);
  CHECK(count(dot, "graph_test.cpp") == 0);
  CHECK(count(graph_to_dot(loss, {.locations = true}), "graph_test.cpp:") == 4);
}

TEST_CASE("graph: several results, of one operation and of a computation") {
  static const Op halves_op{"test.halves"};
  const auto x = variable(ones({4}, f64));
  const auto [a, b] = halves_op(std::array{core::zeros({2}, f64), core::zeros({3}, f64)},
                                wrt(x, [](Tensors, Tensors) { return Tensor(); }));
  const std::array both{a * 2.0, b};
  const auto dot = graph_to_dot(both);
  INFO(dot);
  CHECK(count(dot, "test.halves, result 0\\nf64 [2]") == 1);
  CHECK(count(dot, "test.halves, result 1\\nf64 [3]") == 1);
  CHECK(count(dot, "label=\"test.halves\"") == 1);
  CHECK(count(dot, "->") == 4);
  CHECK(count(dot, "penwidth") == 2);
}

TEST_CASE("graph: a large graph is truncated, a constant is an error") {
  auto x = variable(ones({}));
  Tensor y = x;
  for (int i = 0; i < 100000; ++i) y = -y;
  const auto dot = graph_to_dot(y, {.max_nodes = 10});
  CHECK(count(dot, "label=\"neg") == 10);
  CHECK(count(dot, "1 arrows lead to nodes left out") == 1);
  CHECK(count(graph_to_dot(y, {.max_nodes = 1000000}), "label=\"neg") == 100000);
  CHECK_THROWS_WITH(graph_to_dot(ones({2})), contains("graph_to_dot") && contains("constant"));
}
