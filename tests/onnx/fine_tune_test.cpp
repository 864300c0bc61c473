// SPDX-License-Identifier: BSD-3-Clause
// Training what was loaded, against PyTorch's values: tests/files/onnx/make_fine_tune.py.
#include "catch.hpp"
#include "reference.hpp"
#include "test_files.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/onnx/onnx.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace nt = newtape;
namespace onnx = newtape::onnx;

namespace {

onnx::Model load_small(const std::string& name, onnx::LoadOptions options = {}) {
  options.dtype = nt::f64;
  return onnx::load(test_files() + "/onnx/" + name + ".onnx", options);
}

std::vector<std::string> names_of(const onnx::Model& model) {
  std::vector<std::string> names;
  for (const auto& [name, p] : model.named_parameters()) names.push_back(name);
  return names;
}

// The largest of some 40 sums of at most 30 products each, of numbers below 100, in f64.
constexpr double rounding = 100 * 30 * 2.3e-16;

}  // namespace

TEST_CASE("a loaded model trains as in PyTorch: shared weights, batch statistics", "[fine_tune]") {
  const Reference expected("onnx/fine_tune.txt");
  const nt::Tensor x(expected("x")), t(expected("t"));
  for (const std::string file : {"fine_tune", "constants"}) {
    CAPTURE(file);
    const auto model = load_small(file, {.evaluable = true});
    // W, which two nodes use, is one parameter; the running statistics are none.
    CHECK(names_of(model).size() == 4);
    CHECK(distance(model(x).value(), expected("evaluated")) <= rounding);

    model.train();
    const nt::Tensor y = model(x);
    CHECK(distance(y.value(), expected("trained")) <= rounding);
    const nt::Tensor loss = nt::mean(nt::square(y - t));
    CHECK(distance(loss.value(), expected("loss")) <= rounding);
    loss.backward();
    for (const auto& [name, p] : model.named_parameters()) {
      CAPTURE(name);
      if (name == "W" || name == "scale" || name == "bias") {
        CHECK(distance(p.grad().value(), expected("grad_" + name)) <= rounding);
      }
    }
    const auto state = model.state_dict();
    for (const auto& [name, value] : state) {
      if (name.rfind("running", 0) == 0) CHECK(distance(value, expected(name)) <= rounding);
    }
    for (const auto& [name, p] : model.named_parameters()) p.set_value((p.tensor() - 0.1 * p.grad()).detach());
    CHECK(distance(model(x).value(), expected("after_step")) <= rounding);
  }
}

TEST_CASE("nodes in training mode follow the module only when they are asked to", "[fine_tune]") {
  const Reference expected("onnx/fine_tune.txt");
  const nt::Tensor x(expected("x"));
  const auto by_file = load_small("fine_tune");
  CHECK_FALSE(by_file.is_training());
  CHECK(distance(by_file(x).value(), expected("trained")) <= rounding);
  const auto by_module = load_small("fine_tune", {.evaluable = true});
  CHECK(distance(by_module(x).value(), expected("evaluated")) <= rounding);
  by_module.train();
  CHECK(distance(by_module(x).value(), expected("trained")) <= rounding);
  by_module.eval();
  // By the statistics as they are now.
  CHECK(distance(by_module(x).value(), expected("evaluated")) > 1e-3);
}

TEST_CASE("frozen initialisers get no gradient, the others do", "[fine_tune]") {
  const auto model = load_small("fine_tune", {.trainable = [](std::string_view name) { return name == "bias"; }});
  nt::sum(model(nt::ones({3, 4}, nt::f64))).backward();
  for (const auto& [name, p] : model.named_parameters()) {
    CAPTURE(name);
    CHECK(p.requires_grad() == (name == "bias"));
    CHECK(p.grad().defined() == (name == "bias"));
  }
}

TEST_CASE("a part of a model can be loaded", "[fine_tune]") {
  const Reference expected("onnx/fine_tune.txt");
  const nt::Tensor x(expected("x"));
  const auto whole = load_small("fine_tune");
  const std::vector<std::string> values = whole.values();
  CHECK(values.front() == "code");
  CHECK(values.back() == "y");

  const auto code = load_small("fine_tune", {.outputs = {"code"}});
  CHECK(names_of(code) == std::vector<std::string>{"W"});
  CHECK(code.state_dict().size() == 1);
  CHECK(code.inputs().size() == 1);
  const nt::Tensor h = code(x);
  CHECK(h.shape() == nt::Shape{5, 6});

  const auto two = load_small("fine_tune", {.outputs = {"y", "code"}});
  const auto results = two({{"x", x}});
  CHECK(distance(results["y"].value(), expected("trained")) <= rounding);
  CHECK(distance(results[1].value(), h.value()) == 0);

  const auto transposed = load_small("fine_tune", {.outputs = {"WT"}});
  CHECK(transposed.inputs().empty());
  CHECK(transposed(onnx::NamedValues{})["WT"].shape() == nt::Shape{6, 4});

  for (const std::string wrong : {"none", "x", "W", ""}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(load_small("fine_tune", {.outputs = {wrong}}), nt::ValueError);
  }
}
