// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "model_writer.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/onnx/import/plan.hpp>
#include <newtape/onnx/onnx.hpp>

#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace nt = newtape;
namespace onnx = newtape::onnx;
using namespace model_writer;

namespace {

std::vector<float> numbers(std::int64_t n, float first = 0.5F) {
  std::vector<float> all;
  for (std::int64_t i = 0; i < n; ++i) all.push_back(first + 0.25F * static_cast<float>(i * 7 % 11) - 1.0F);
  return all;
}

std::vector<float> positive(std::int64_t n) {
  std::vector<float> all;
  for (std::int64_t i = 0; i < n; ++i) all.push_back(0.5F + 0.25F * static_cast<float>(i % 5));
  return all;
}

/// A constant of the graph, which is no parameter.
Message constant(std::string_view name, float value) {
  const auto held = Message().text(1, "value").message(5, tensor<float>("", {}, {value})).integer(20, 4);
  return node("Constant", {}, {name}, {held});
}

/// The operators of the steps of an evaluation without gradients, with a blank after each.
std::string steps_of(const Graph& graph) {
  const auto file = std::make_shared<const onnx::format::MappedFile>(model(graph));
  const auto plan = onnx::detail::make_plan("test", file, "", {});
  std::string all;
  for (const auto& step : plan->graph.joined_steps) all += std::string(step.row->op) + " ";
  return all;
}

/// Evaluations with joined nodes and without: the largest difference, in units of eps times the largest element.
double difference(const Graph& graph, const nt::Tensor& x) {
  const nt::NoGrad no_grad;
  const auto joined = onnx::load_bytes(model(graph)), plain = onnx::load_bytes(model(graph), {.join_nodes = false});
  const nt::Tensor a = joined(x), b = plain(x);
  REQUIRE(a.shape() == b.shape());
  const double size = max(abs(b)).item(), most = max(abs(a - b)).item();
  // The second evaluation uses what the first one prepared.
  CHECK(max(abs(joined(x) - a)).item() == 0);
  return most / (size * static_cast<double>(std::numeric_limits<float>::epsilon()));
}

/// x [n, 3, 8, 8] -> Conv [4, 3, 3, 3] -> BatchNormalization -> Mul by a number -> Add for each channel -> Relu
Graph convolution_graph() {
  return {.nodes = {node("Conv", {"x", "w"}, {"a"}), node("BatchNormalization", {"a", "s", "t", "m", "v"}, {"b"}),
                    node("Mul", {"c", "b"}, {"d"}), node("Add", {"d", "e"}, {"f"}), node("Relu", {"f"}, {"y"})},
          .initializers = {tensor<float>("w", {4, 3, 3, 3}, numbers(108)), tensor<float>("s", {4}, numbers(4, 1.5F)),
                           tensor<float>("t", {4}, numbers(4)), tensor<float>("m", {4}, numbers(4, 0.25F)),
                           tensor<float>("v", {4}, positive(4)), tensor<float>("c", {1}, {1.5F}),
                           tensor<float>("e", {1, 4, 1, 1}, numbers(4))},
          .inputs = {port("x", {-1, 3, 8, 8})},
          .outputs = {port("y", {-1, 4, 6, 6})}};
}

/// x [.., width] less its mean, over its standard deviation, times s [6] plus t [6], as exporters write it.
Graph normalization(std::int64_t width) {
  const auto axes = Message().text(1, "axes").integer(8, -1).integer(20, 7);
  return {
      .nodes = {constant("two", 2), constant("eps", 1e-5F), node("ReduceMean", {"x"}, {"m"}, {axes}),
                node("Sub", {"x", "m"}, {"d"}), node("Pow", {"d", "two"}, {"q"}),
                node("ReduceMean", {"q"}, {"v"}, {axes}), node("Add", {"v", "eps"}, {"e"}), node("Sqrt", {"e"}, {"r"}),
                node("Div", {"d", "r"}, {"n"}), node("Mul", {"n", "s"}, {"o"}), node("Add", {"o", "t"}, {"y"})},
      .initializers = {tensor<float>("s", {6}, numbers(6)), tensor<float>("t", {6}, numbers(6))},
      .inputs = {port("x", {-1, width})},
      .outputs = {port("y", {-1, 6})}};
}

}  // namespace

TEST_CASE("what follows a convolution becomes part of it") {
  const Graph graph = convolution_graph();
  CHECK(steps_of(graph) == "Conv Relu ");
  const nt::Tensor x = nt::randn({2, 3, 8, 8});
  // Sums of 27 products; each rounding of the weights counts once.
  CHECK(difference(graph, x) < 32);
}

TEST_CASE("joined nodes see new weights, statistics, dtypes and modes") {
  auto net = onnx::load_bytes(model(convolution_graph()));
  auto plain = onnx::load_bytes(model(convolution_graph()), {.join_nodes = false});
  const nt::Tensor x = nt::randn({2, 3, 8, 8});
  const double eps = static_cast<double>(std::numeric_limits<float>::epsilon());
  const auto check = [&] {
    const nt::NoGrad no_grad;
    const nt::Tensor a = net(x), b = plain(x);
    CHECK(max(abs(a - b)).item() <= 32 * eps * max(abs(b)).item());
  };
  check();
  const nt::Tensor before = [&] {
    const nt::NoGrad no_grad;
    return net(x);
  }();

  for (auto* model : {&net, &plain}) {
    for (const auto& [name, p] : model->named_parameters()) p.set_value(p.detach() * 0.5);
  }
  check();
  {
    const nt::NoGrad no_grad;
    CHECK(max(abs(net(x) - before)).item() > 0.1);
  }
  for (auto* model : {&net, &plain}) {
    for (const auto& [name, b] : model->named_buffers()) b.set_value(b.tensor() * 2);
  }
  check();

  // In training mode the batch's statistics are used, and the running ones change.
  {
    const nt::NoGrad no_grad;
    net.train();
    plain.train();
    CHECK(max(abs(net(x) - plain(x))).item() == 0);
    net.eval();
    plain.eval();
  }
  check();

  // With gradients every node is there.
  CHECK(max(abs(net(x) - plain(x))).item() == 0);
  nt::sum(net(x)).backward();
  CHECK(net.parameter("w").grad().defined());
  check();

  net.to(nt::f64);
  const nt::NoGrad no_grad;
  CHECK(net(x.to(nt::f64)).dtype() == nt::f64);
  CHECK(max(abs(net(x.to(nt::f64)).to(nt::f32) - plain(x))).item() <= 32 * eps * max(abs(plain(x))).item());
}

TEST_CASE("weights can be trained in place after an evaluation with joined nodes") {
  const auto net = onnx::load_bytes(model(convolution_graph()));
  const nt::Tensor x = nt::randn({1, 3, 8, 8});
  {
    const nt::NoGrad no_grad;
    static_cast<void>(net(x));
  }
  static_cast<void>(net(x));  // drops what was prepared
  const void* const memory = net.parameter("w").value().raw();
  const nt::Tensor twice = net.parameter("w").tensor() * 2.0;
  net.parameter("w").set_value(twice.detach());
  CHECK(net.parameter("w").value().raw() == memory);
}

TEST_CASE("nodes of weights only are computed once") {
  const Graph graph{.nodes = {node("Transpose", {"w"}, {"t"}), node("Mul", {"t", "t"}, {"u"}),
                              node("MatMul", {"x", "u"}, {"z"}), node("Add", {"z", "b"}, {"y"})},
                    .initializers = {tensor<float>("w", {2, 3}, {1, 2, 3, 4, 5, 6}), tensor<float>("b", {2}, {10, 20})},
                    .inputs = {port("x", {-1, 3})},
                    .outputs = {port("y", {-1, 2})}};
  CHECK(steps_of(graph) == "MatMul Add ");  // the shape of u is not known before it is computed
  const nt::NoGrad no_grad;
  const auto net = onnx::load_bytes(model(graph));
  const nt::Tensor y = net(nt::tensor({{1.0F, 1.0F, 1.0F}}));
  CHECK(y.value().data<float>()[0] == 10 + 1 + 4 + 9);
  CHECK(y.value().data<float>()[1] == 20 + 16 + 25 + 36);
}

TEST_CASE("a product and a bias become a linear layer") {
  const Graph graph{.nodes = {node("MatMul", {"x", "w"}, {"z"}), node("Add", {"b", "z"}, {"y"})},
                    .initializers = {tensor<float>("w", {3, 2}, numbers(6)), tensor<float>("b", {2}, {10, 20})},
                    .inputs = {port("x", {-1, 5, 3})},
                    .outputs = {port("y", {-1, 5, 2})}};
  CHECK(steps_of(graph) == "linear ");
  CHECK(difference(graph, nt::randn({4, 5, 3})) < 8);
}

TEST_CASE("normalisation that is written as nine nodes becomes one") {
  const Graph graph = normalization(6);
  CHECK(steps_of(graph) == "layer_norm ");
  CHECK(difference(graph, nt::randn({5, 6}) + 3.0) < 64);
}

TEST_CASE("hard swish that is written as four nodes becomes one") {
  const Graph graph{.nodes = {constant("two", 2), constant("three", 3), constant("zero", 0), constant("six", 6),
                              node("Relu", {"x"}, {"r"}), node("Sub", {"r", "two"}, {"h"}),
                              node("Add", {"h", "three"}, {"a"}), node("Clip", {"a", "zero", "six"}, {"c"}),
                              node("Mul", {"h", "c"}, {"p"}), node("Div", {"p", "six"}, {"y"})},
                    .inputs = {port("x", {-1})},
                    .outputs = {port("y", {-1})}};
  CHECK(steps_of(graph) == "group ");
  CHECK(difference(graph, nt::randn({100}) * 4.0) < 8);
  CHECK(difference(graph, nt::randn({40000}) * 4.0) < 8);  // in one pass over memory
}

TEST_CASE("a chain of elementwise operators with other operands is one pass") {
  const Graph graph{
      .nodes = {node("Sigmoid", {"x"}, {"a"}), node("Mul", {"x", "a"}, {"b"}), node("Mul", {"b", "s"}, {"c"}),
                node("Add", {"c", "x"}, {"d"}), node("Relu", {"d"}, {"y"})},
      .initializers = {tensor<float>("s", {4, 1}, numbers(4))},
      .inputs = {port("x", {-1, 4, -1})},
      .outputs = {port("y", {-1, 4, -1})}};
  CHECK(steps_of(graph) == "group ");
  CHECK(difference(graph, nt::randn({2, 4, 5})) == 0);
  CHECK(difference(graph, nt::randn({2, 4, 5000})) == 0);
}

TEST_CASE("nothing is joined across a value that is used elsewhere") {
  Graph graph = convolution_graph();
  graph.outputs.push_back(port("a", {-1, 4, 6, 6}));
  CHECK(steps_of(graph) == "Conv BatchNormalization group ");
  graph = convolution_graph();
  graph.nodes[1] = node("BatchNormalization", {"a", "s", "t", "m", "v"}, {"b", "m2", "v2"},
                        {attribute("training_mode", std::int64_t{1})});
  CHECK(steps_of(graph) == "Conv BatchNormalization group ");
  // One number for each column is none for each channel.
  graph = convolution_graph();
  graph.initializers.back() = tensor<float>("e", {6}, numbers(6));
  CHECK(steps_of(graph) == "Conv group ");
}

TEST_CASE("branches use what is prepared outside of them") {
  const Graph branch{
      .nodes = {node("Neg", {"w"}, {"n"}), node("Add", {"x", "n"}, {"z"}), node("Mul", {"z", "double"}, {"r"})},
      .outputs = {port("r", {2})}};
  const Graph other{.nodes = {node("Identity", {"double"}, {"r"})}, .outputs = {port("r", {2})}};
  const Graph graph{
      .nodes = {node("Add", {"w", "w"}, {"double"}), node("ReduceSum", {"x"}, {"s"}),
                node("Greater", {"s", "zero"}, {"p"}),
                node("If", {"p"}, {"y"},
                     {attribute("then_branch", branch.message()), attribute("else_branch", other.message())})},
      .initializers = {tensor<float>("w", {2}, {1, 2}), tensor<float>("zero", {}, {0})},
      .inputs = {port("x", {2})},
      .outputs = {port("y", {2})}};
  const nt::NoGrad no_grad;
  const auto net = onnx::load_bytes(model(graph));
  const auto check = [&](float a, float b) {
    const nt::Tensor yes = net(nt::tensor({5.0F, 6.0F})), no = net(nt::tensor({-5.0F, 0.0F}));
    CHECK(yes.value().data<float>()[0] == (5 - a) * 2 * a);
    CHECK(yes.value().data<float>()[1] == (6 - b) * 2 * b);
    CHECK(no.value().data<float>()[0] == 2 * a);
    CHECK(no.value().data<float>()[1] == 2 * b);
  };
  check(1, 2);
  net.parameter("w").set_value(nt::tensor({3.0F, 4.0F}));
  check(3, 4);
}

TEST_CASE("a model evaluates in several threads at once") {
  const auto net = onnx::load_bytes(model(convolution_graph()));
  const nt::Tensor x = nt::randn({1, 3, 8, 8});
  const nt::NoGrad outer;
  const nt::Tensor expected = net(x);
  std::vector<double> most(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < most.size(); ++t) {
    threads.emplace_back([&, t] {
      const nt::NoGrad no_grad;
      for (int i = 0; i < 20; ++i) most[t] = std::max(most[t], max(abs(net(x) - expected)).item());
    });
  }
  for (auto& thread : threads) thread.join();
  const double size = max(abs(expected)).item(), eps = static_cast<double>(std::numeric_limits<float>::epsilon());
  for (const double d : most) CHECK(d <= 32 * eps * size);
}

TEST_CASE("what looks like a joined function of floats is none for integers") {
  const auto whole = [](std::string_view name, std::initializer_list<std::int64_t> dims, std::vector<std::int64_t> v) {
    return tensor<std::int64_t>(name, dims, std::move(v));
  };
  const Graph product{.nodes = {node("MatMul", {"x", "w"}, {"z"}), node("Add", {"z", "b"}, {"y"})},
                      .initializers = {whole("w", {2, 2}, {1, 2, 3, 4}), whole("b", {2}, {10, 20})},
                      .inputs = {port("x", {-1, 2}, 7)},
                      .outputs = {port("y", {-1, 2}, 7)}};
  const Graph swish{.nodes = {node("Add", {"x", "three"}, {"a"}), node("Clip", {"a", "zero", "six"}, {"c"}),
                              node("Mul", {"x", "c"}, {"p"}), node("Div", {"p", "six"}, {"y"})},
                    .initializers = {whole("three", {}, {3}), whole("zero", {}, {0}), whole("six", {}, {6})},
                    .inputs = {port("x", {-1, 2}, 7)},
                    .outputs = {port("y", {-1, 2}, 7)}};
  const nt::NoGrad no_grad;
  const nt::Tensor x = nt::tensor({{1, -2}, {5, 7}}, nt::i64);
  const auto check = [&](const Graph& graph, std::vector<std::int64_t> expected) {
    const nt::Tensor y = onnx::load_bytes(model(graph))(x);
    REQUIRE(y.dtype() == nt::i64);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(y.value().data<std::int64_t>()[i] == expected[i]);
  };
  check(product, {10 - 5, 20 - 6, 10 + 26, 20 + 38});
  check(swish, {4 / 6, -2 / 6, 5, 7});
}

TEST_CASE("the scale of a normalisation written as nodes may be longer than what is normalised") {
  const Graph graph = normalization(1);
  CHECK(steps_of(graph) == "layer_norm ");
  CHECK(difference(graph, nt::randn({5, 1})) < 8);
}

TEST_CASE("captured evaluations give what evaluations give") {
  const nt::NoGrad no_grad;
  const auto net = onnx::load_bytes(model(convolution_graph()), {.capture = true});
  const auto eager = onnx::load_bytes(model(convolution_graph()));
  const auto check = [&](std::int64_t n) {
    for (int i = 0; i < 5; ++i) {  // prepared, recorded, checked, replayed
      const nt::Tensor x = nt::randn({n, 3, 8, 8});
      CHECK(max(abs(net(x) - eager(x))).item() == 0);
    }
  };
  check(1);
  check(3);
  for (const auto* m : {&net, &eager}) {
    for (const auto& [name, p] : m->named_parameters()) p.set_value(p.detach() * 0.5);
  }
  check(3);
  {
    const nt::GradMode grad(true);
    nt::sum(net(nt::randn({1, 3, 8, 8}))).backward();
    CHECK(net.parameter("w").grad().defined());
  }
  check(1);
}

TEST_CASE("captured evaluations follow branches") {
  const Graph yes{.nodes = {node("Mul", {"x", "w"}, {"r"})}, .outputs = {port("r", {2})}};
  const Graph no{.nodes = {node("Sub", {"x", "w"}, {"r"})}, .outputs = {port("r", {2})}};
  const Graph graph{.nodes = {node("ReduceSum", {"x"}, {"s"}), node("Greater", {"s", "zero"}, {"p"}),
                              node("If", {"p"}, {"y"},
                                   {attribute("then_branch", yes.message()), attribute("else_branch", no.message())})},
                    .initializers = {tensor<float>("w", {2}, {3, 5}), tensor<float>("zero", {}, {0})},
                    .inputs = {port("x", {2})},
                    .outputs = {port("y", {2})}};
  const nt::NoGrad no_grad;
  const auto net = onnx::load_bytes(model(graph), {.capture = true});
  for (int i = 0; i < 16; ++i) {
    const float a = i % 3 == 0 ? -4.0F : 4.0F, b = static_cast<float>(i) / 8;
    const nt::Tensor y = net(nt::tensor({a, b}));
    CHECK(y.value().data<float>()[0] == (a + b > 0 ? a * 3 : a - 3));
    CHECK(y.value().data<float>()[1] == (a + b > 0 ? b * 5 : b - 5));
  }
}
