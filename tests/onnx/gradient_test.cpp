// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "conformance.hpp"
#include "test_files.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/onnx/format/mapped_file.hpp>
#include <newtape/onnx/format/proto.hpp>
#include <newtape/onnx/import/usage.hpp>

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <map>

// The derivative of every case of ONNX's own tests that maps floats to floats, through the importer, in f64: along one
// random direction, against a central difference.
namespace {

namespace nt = newtape;
namespace onnx = newtape::onnx;

/// A model in f64 as a function of its float inputs and its parameters.
class GradientCase {
 public:
  explicit GradientCase(const conformance::Case& c)
      : model_(onnx::load(c.folder + "/model.onnx", {.dtype = nt::f64})),
        inputs_(conformance::read_data(c, model_).at(0).inputs) {
    for (auto& [name, value] : inputs_) {
      value = in_f64(value);
      if (!value.is_tensor() || !is_floating(value.type()) || sets_an_operator(c, name)) continue;
      points_.push_back(value.tensor().to(nt::f64));
      slots_.push_back(&value);
    }
    for (const auto& p : model_.parameters()) points_.push_back(p.detach());
  }

  const std::vector<nt::Tensor>& points() const { return points_; }

  /// A weighted sum of all float outputs; `size` becomes that of its terms.
  nt::Tensor loss(const std::vector<nt::Tensor>& xs, double& size) {
    for (std::size_t i = 0; i < slots_.size(); ++i) *slots_[i] = onnx::Value(xs[i], slots_[i]->type());
    const auto parameters = model_.parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].exchange(xs[slots_.size() + i]);
    nt::manual_seed(1);
    const auto outputs = model_(inputs_);
    nt::Tensor total = nt::zeros({}, nt::f64);
    size = 0;
    for (std::size_t i = 0; i < outputs.size(); ++i) add(outputs.at(i), total, size);
    return total;
  }

 private:
  static onnx::Value in_f64(const onnx::Value& value) {
    if (value.is_tensor()) {
      return is_floating(value.type()) ? onnx::Value(value.tensor().to(nt::f64), value.type()) : value;
    }
    if (value.kind() != onnx::Value::Kind::sequence) return value;
    std::vector<onnx::Value> items;
    for (const auto& item : value.sequence()) items.push_back(in_f64(item));
    return {std::move(items), value.type()};
  }

  /// Whether an input is a scale, a bound or the like, by which nothing is differentiated.
  static bool sets_an_operator(const conformance::Case& c, const std::string& name) {
    const onnx::format::MappedFile file("test", c.folder + "/model.onnx");
    const onnx::format::Origin origin{"test", file.bytes().data()};
    const auto proto = onnx::format::read_model(origin, file.bytes());
    return onnx::detail::UsageOf(proto.graph, proto.opsets.at(0).version)(name) == onnx::detail::Usage::setting;
  }

  static void add(const onnx::Value& value, nt::Tensor& total, double& size) {
    if (value.kind() == onnx::Value::Kind::sequence) {
      for (const auto& item : value.sequence()) add(item, total, size);
      return;
    }
    if (!value.is_tensor() || !is_floating(value.type())) return;
    const nt::Tensor y = value.tensor().to(nt::f64);
    if (y.size() == 0) return;
    const nt::Tensor weights = nt::reshape(nt::cos(nt::arange(y.size(), nt::f64)), y.shape());
    const nt::Tensor finite = nt::isfinite(y);
    const nt::Tensor terms = nt::where(finite, y * weights, nt::zeros({}, nt::f64));
    total = total + nt::sum(terms);
    size += nt::sum(nt::abs(terms.detach())).item();
  }

  onnx::Model model_;
  onnx::NamedValues inputs_;
  std::vector<nt::Tensor> points_;
  std::vector<onnx::Value*> slots_;
};

/// Empty if the derivative is right or there is none to check, else what is wrong.
std::string wrong_derivative(const conformance::Case& c, bool& checked) {
  GradientCase f(c);
  nt::manual_seed(7);
  std::vector<nt::Tensor> variables, directions;
  for (const auto& x : f.points()) {
    variables.push_back(nt::variable(x));
    directions.push_back(nt::randn(x.shape(), nt::f64));
  }
  double size = 0;
  const nt::Tensor y = f.loss(variables, size);
  checked = y.requires_grad();
  if (!checked) return "";
  y.backward();
  double slope = 0;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (variables[i].grad().defined()) slope += nt::sum(variables[i].grad() * directions[i]).item();
  }
  const nt::NoGrad no_grad;
  const double h = 1e-5;
  const auto at = [&](double t) {
    std::vector<nt::Tensor> moved;
    for (std::size_t i = 0; i < variables.size(); ++i) moved.push_back(f.points()[i] + directions[i] * t);
    double unused = 0;
    return f.loss(moved, unused).item();
  };
  const double difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
  // Rounding is about 2^-53 size / h, 1e-11 size; truncation h^4 / 30 times the fifth derivative.
  const double bound = 1e-7 * (1 + size + std::fabs(slope));
  if (std::fabs(slope - difference) <= bound) return "";
  return fmt::format("derivative {}, by differences {}", slope, difference);
}

}  // namespace

TEST_CASE("ONNX's own tests have the right derivatives through the importer", "[conformance]") {
  std::map<std::string, std::string> skipped;
  std::ifstream file(test_files() + "/onnx/gradient.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto colon = line.find(": ");
    REQUIRE(colon != std::string::npos);
    CHECK(skipped.emplace(line.substr(0, colon), line.substr(colon + 2)).second);
  }
  int count = 0;
  const auto cases = conformance::cases();
  if (cases.empty()) WARN("libonnx-testdata is not installed (./dev setup): derivatives are not checked");
  for (const auto& c : cases) {
    const std::string name = c.suite + "/" + c.name;
    CAPTURE(name);
    bool checked = false;
    std::string wrong;
    try {
      wrong = wrong_derivative(c, checked);
    } catch (const std::exception& e) {
      wrong = e.what();
    }
    count += checked && wrong.empty();
    if (skipped.count(name) != 0) {
      CAPTURE(skipped[name]);
      CHECK_FALSE(wrong.empty());  // it is right now: take it out of the list
    } else {
      CHECK(wrong == "");
    }
  }
  if (!cases.empty()) CHECK(count >= 600);
}
