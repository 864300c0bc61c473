// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "model_writer.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/nn/module/functional.hpp>
#include <newtape/onnx/onnx.hpp>

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace nt = newtape;
namespace onnx = newtape::onnx;
using namespace model_writer;

namespace {

/// y = x w^T + b, with w [2, 3] as "fc.weight" and b [2] as "fc.bias".
Graph linear_graph() {
  return {
      .nodes = {node("Gemm", {"x", "fc.weight", "fc.bias"}, {"y"}, {attribute("transB", std::int64_t{1})})},
      .initializers = {tensor<float>("fc.weight", {2, 3}, {1, 2, 3, 4, 5, 6}), tensor<float>("fc.bias", {2}, {10, 20})},
      .inputs = {port("x", {-1, 3})},
      .outputs = {port("y", {-1, 2})}};
}

float at(const nt::Tensor& x, std::int64_t i) { return x.value().data<float>()[i]; }

}  // namespace

TEST_CASE("an ONNX model is a module") {
  const auto model = onnx::load_bytes(model_writer::model(linear_graph()));
  const nt::Tensor x = nt::tensor({{1.0F, 1.0F, 1.0F}});
  const nt::Tensor y = model(x);
  CHECK(at(y, 0) == 16);
  CHECK(at(y, 1) == 35);
  CHECK(at(model({{"x", x}})["y"], 1) == 35);
  CHECK(model.opset() == 17);
  CHECK_FALSE(model.is_training());
  REQUIRE(model.named_parameters().size() == 2);
  CHECK(model.has_parameter("fc.weight"));
  CHECK(model.state_dict().size() == 2);
  CHECK(unsupported(model).empty());

  SECTION("it is trained") {
    nt::sum(y).backward();
    const auto bias = model.parameter("fc.bias");
    CHECK(at(bias.grad(), 0) == 1);
    bias.set_value(nt::tensor({0.0F, 0.0F}));
    CHECK(at(model(x), 0) == 6);
  }
  SECTION("it is computed in f64") {
    model.to(nt::f64);
    CHECK(model(x.to(nt::f64)).dtype() == nt::f64);
    CHECK_THROWS_AS(model(x), nt::DTypeError);
  }
  SECTION("a clone has parameters of its own, a copy shares them") {
    const auto copy = model;
    const auto clone = nt::nn::clone(model);
    model.parameter("fc.bias").set_value(nt::tensor({1.0F, 1.0F}));
    CHECK(at(copy(x), 0) == 7);
    CHECK(at(clone(x), 0) == 16);
  }
  SECTION("parameters can be substituted") {
    const std::vector<nt::Tensor> values{nt::zeros({2, 3}), nt::tensor({3.0F, 4.0F})};
    CHECK(at(nt::nn::functional_call(model, values, x), 1) == 4);
  }
}

TEST_CASE("options of loading say which initialisers are trained, and the dtype") {
  const auto model =
      onnx::load_bytes(model_writer::model(linear_graph()),
                       {.dtype = nt::f64, .trainable = [](std::string_view name) { return name == "fc.bias"; }});
  CHECK(model.parameter("fc.bias").requires_grad());
  CHECK_FALSE(model.parameter("fc.weight").requires_grad());
  CHECK(model.parameter("fc.weight").dtype() == nt::f64);
  CHECK_THROWS_AS(onnx::load_bytes(model_writer::model(linear_graph()), {.dtype = nt::i64}), nt::DTypeError);
}

TEST_CASE("an initialiser that two nodes use is one parameter") {
  Graph g = linear_graph();
  g.nodes = {node("Mul", {"x", "s"}, {"a"}), node("Add", {"a", "s"}, {"y"})};
  g.initializers = {tensor<float>("s", {1}, {3})};
  const auto model = onnx::load_bytes(model_writer::model(g));
  REQUIRE(model.parameters().size() == 1);
  nt::sum(model(nt::tensor({{1.0F, 2.0F, 3.0F}}))).backward();
  CHECK(at(model.parameters()[0].grad(), 0) == 9);  // sum of x + 1
}

TEST_CASE("running statistics are buffers, which training updates") {
  Graph g{.nodes = {node("BatchNormalization", {"x", "w", "b", "m", "v"}, {"y"})},
          .initializers = {tensor<float>("w", {1}, {1}), tensor<float>("b", {1}, {0}), tensor<float>("m", {1}, {0}),
                           tensor<float>("v", {1}, {1})},
          .inputs = {port("x", {-1, 1})},
          .outputs = {port("y", {-1, 1})}};
  const auto model = onnx::load_bytes(model_writer::model(g));
  CHECK(model.parameters().size() == 2);
  REQUIRE(model.buffers().size() == 2);
  const nt::Tensor x = nt::tensor({{1.0F}, {3.0F}});
  CHECK(at(model(x), 1) == Approx(3).epsilon(1e-4));
  model.train();
  CHECK(at(model(x), 1) == Approx(1).epsilon(1e-4));         // (3 - 2) / 1
  CHECK(at(model.buffers()[0].tensor(), 0) == Approx(0.2));  // 0.9 * 0 + 0.1 * 2
}

TEST_CASE("graphs of control flow see the names around them, and have derivatives") {
  // y = x multiplied n times by the parameter s: Loop's body uses s from outside.
  const Graph body{.nodes = {node("Identity", {"go"}, {"go_on"}), node("Mul", {"v", "s"}, {"v_out"})},
                   .inputs = {port("i", {}, 7), port("go", {}, 9), port("v", {-1})},
                   .outputs = {port("go_on", {}, 9), port("v_out", {-1})}};
  const Graph g{.nodes = {node("Loop", {"n", "", "x"}, {"y"}, {attribute("body", body.message())})},
                .initializers = {tensor<float>("s", {1}, {2})},
                .inputs = {port("x", {-1}), port("n", {}, 7)},
                .outputs = {port("y", {-1})}};
  const auto model = onnx::load_bytes(model_writer::model(g));
  const auto outputs = model({{"x", nt::tensor({5.0F})}, {"n", nt::tensor(3)}});
  CHECK(at(outputs["y"], 0) == 40);
  nt::sum(outputs["y"]).backward();
  CHECK(at(model.parameters()[0].grad(), 0) == 60);  // 3 s^2 x
}

TEST_CASE("functions of the model take attributes") {
  const Message scaled = Message()
                             .text(1, "Scaled")
                             .text(4, "a")
                             .text(5, "b")
                             .text(6, "alpha")
                             .message(7, Message()
                                             .text(1, "a")
                                             .text(2, "b")
                                             .text(4, "LeakyRelu")
                                             .message(5, Message().text(1, "alpha").text(21, "alpha").integer(20, 1)))
                             .message(9, opset("", 17))
                             .text(10, "local");
  const Graph g{.nodes = {node("Scaled", {"x"}, {"y"}, {attribute("alpha", 0.25F)}, "local")},
                .inputs = {port("x", {-1})},
                .outputs = {port("y", {-1})}};
  const auto model = onnx::load_bytes(model_writer::model(g, 17, {scaled}));
  CHECK(at(model(nt::tensor({-4.0F})), 0) == -1);
}

TEST_CASE("arithmetic of shapes is computed when the model is loaded") {
  // The target shape of Reshape comes from constants: [6] = [2 * 3].
  const Graph g{.nodes = {node("Mul", {"two", "three"}, {"shape"}), node("Reshape", {"x", "shape"}, {"y"})},
                .initializers = {tensor<std::int64_t>("two", {1}, {2}), tensor<std::int64_t>("three", {1}, {3})},
                .inputs = {port("x", {2, 3})},
                .outputs = {port("y", {6})}};
  for (const bool fold : {true, false}) {
    const auto model = onnx::load_bytes(model_writer::model(g), {.fold_constants = fold});
    CHECK(model.parameters().empty());
    CHECK(model(nt::ones({2, 3})).shape() == nt::Shape{6});
  }
}

TEST_CASE("errors name the node, its operator and version, and the place in the file") {
  SECTION("an operator that is not supported") {
    Graph g = linear_graph();
    g.nodes.insert(g.nodes.begin(), node("Frobnicate", {"x"}, {"z"}));
    const auto model = onnx::load_bytes(model_writer::model(g));
    const auto missing = unsupported(model);
    REQUIRE(missing.size() == 1);
    CHECK(missing[0].op == "Frobnicate");
    CHECK(missing[0].version == 17);
    CHECK_THROWS_WITH(model(nt::ones({1, 3})), contains("node 'the_Frobnicate' (Frobnicate, version 17, byte "));
  }
  SECTION("inputs that differ from the declaration") {
    const auto model = onnx::load_bytes(model_writer::model(linear_graph()));
    CHECK_THROWS_WITH(model(nt::ones({1, 4})), contains("input 'x' has another shape"));
    CHECK_THROWS_WITH(model(nt::ones({1, 3}, nt::i64)), contains("input 'x' has another dtype"));
    CHECK_THROWS_WITH(model({{"z", nt::ones({1, 3})}}), contains("no input of this name"));
    CHECK_THROWS_WITH(model(onnx::NamedValues{}), contains("an input is missing"));
  }
  SECTION("operands that do not fit keep their type of error") {
    Graph g = linear_graph();
    g.nodes = {node("MatMul", {"x", "x"}, {"y"})};
    const auto model = onnx::load_bytes(model_writer::model(g));
    CHECK_THROWS_AS(model(nt::ones({2, 3})), nt::ShapeError);
    CHECK_THROWS_WITH(model(nt::ones({2, 3})), contains("node 'the_MatMul'"));
  }
  SECTION("a name that nothing defines") {
    Graph g = linear_graph();
    g.nodes = {node("Relu", {"nothing"}, {"y"})};
    CHECK_THROWS_WITH(onnx::load_bytes(model_writer::model(g)), contains("'nothing' is not defined"));
  }
}

TEST_CASE("external data are read from the model's folder, and from nowhere else") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("newtape_onnx_" + std::to_string(::getpid()));
  fs::create_directories(folder / "model");
  const float numbers[] = {7, 8};
  std::ofstream(folder / "model" / "weights.bin", std::ios::binary).write(reinterpret_cast<const char*>(numbers), 8);
  std::ofstream(folder / "secret.bin", std::ios::binary).write(reinterpret_cast<const char*>(numbers), 8);
  const auto load = [&](std::string_view location, std::string_view length = "8") {
    Message t = Message().integer(1, 2).integer(2, 1).text(8, "b").integer(14, 1);
    t.message(13, Message().text(1, "location").text(2, location));
    t.message(13, Message().text(1, "offset").text(2, "0")).message(13, Message().text(1, "length").text(2, length));
    Graph g = linear_graph();
    g.initializers = {t};
    g.nodes = {node("Add", {"x", "b"}, {"y"})};
    g.inputs = {port("x", {2})};
    const auto bytes = model_writer::model(g);
    std::ofstream(folder / "model" / "model.onnx", std::ios::binary).write(bytes.data(), std::ssize(bytes));
    return onnx::load((folder / "model" / "model.onnx").string());
  };
  CHECK(at(load("weights.bin")(nt::ones({2})), 1) == 9);
  CHECK(at(load("./sub/../weights.bin")(nt::ones({2})), 1) == 9);
  CHECK_THROWS_AS(load("../secret.bin"), nt::IoError);
  CHECK_THROWS_AS(load((folder / "secret.bin").string()), nt::IoError);
  fs::create_symlink(folder / "secret.bin", folder / "model" / "link.bin");
  CHECK_THROWS_AS(load("link.bin"), nt::IoError);
  CHECK_THROWS_WITH(load("weights.bin", "9"), contains("beyond the end"));
  CHECK_THROWS_AS(load("none.bin"), nt::IoError);
  fs::remove_all(folder);
}
