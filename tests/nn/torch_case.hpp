// SPDX-License-Identifier: BSD-3-Clause
// Compares modules and functions with results of PyTorch: see files/nn/layer_case.py.
#pragma once

#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/nn/module/module.hpp>

#include <algorithm>
#include <string>
#include <vector>

/// A case, in one dtype.
class TorchCase {
 public:
  TorchCase(const Reference& reference, newtape::DType dtype)
      : reference_(reference), at_(std::string(newtape::name(dtype)) + "/") {
    if (entries("").empty()) throw std::runtime_error("the case has no entries " + at_);
  }

  const newtape::Array& operator()(const std::string& entry) const { return reference_(at_ + entry); }
  bool has(const std::string& entry) const {
    const auto& names = reference_.names();
    return std::find(names.begin(), names.end(), at_ + entry) != names.end();
  }
  /// The entries whose names start with `kind`, without that prefix, in the order of the file.
  std::vector<std::string> entries(const std::string& kind) const {
    std::vector<std::string> found;
    for (const auto& name : reference_.names()) {
      if (name.rfind(at_ + kind, 0) == 0) found.push_back(name.substr(at_.size() + kind.size()));
    }
    return found;
  }
  /// The arguments; floats are variables.
  std::vector<newtape::Tensor> inputs() const {
    std::vector<newtape::Tensor> xs;
    for (const auto& k : entries("in/")) {
      const auto& x = (*this)("in/" + k);
      xs.push_back(newtape::is_floating(x.dtype()) ? newtape::variable(x) : newtape::Tensor(x));
    }
    return xs;
  }
  /// The module's values, with PyTorch's names.
  newtape::nn::StateDict state() const {
    newtape::nn::StateDict state;
    for (const auto& k : entries("state/")) state.emplace_back(k, (*this)("state/" + k));
    return state;
  }

 private:
  const Reference& reference_;
  std::string at_;
};

/// Calls `f(inputs)` and compares results and gradients, in f32 and f64. For functions, and for modules with loaded
/// state.
template <class F>
void check_results(const TorchCase& torch, double tolerance, const F& f) {
  const auto xs = torch.inputs();
  const std::vector<newtape::Tensor> ys = f(xs);
  std::vector<newtape::Tensor> roots;
  std::vector<newtape::Tensor> cotangents;
  REQUIRE(ys.size() == torch.entries("out/").size());
  for (std::size_t k = 0; k < ys.size(); ++k) {
    const auto number = std::to_string(k);
    INFO("result " << number);
    CHECK(distance(ys[k].value(), torch("out/" + number)) < tolerance);
    if (!ys[k].requires_grad()) continue;
    roots.push_back(ys[k]);
    cotangents.push_back(torch("g/" + number));
  }
  for (std::size_t i = 0; i < roots.size(); ++i) {
    roots[i].backward({.gradient = cotangents[i], .retain_graph = i + 1 < roots.size()});
  }
  for (const auto& k : torch.entries("din/")) {
    INFO("gradient in argument " << k);
    const auto g = xs[std::stoul(k)].grad();
    REQUIRE(g.defined());
    CHECK(distance(g.value(), torch("din/" + k)) < tolerance);
  }
}

/// For each dtype: constructs a module, loads PyTorch's state (strict), calls `call(module, inputs)`, which returns the
/// results, and compares results, gradients and buffers. The tolerance is relative, and 1e8 times larger in f32.
template <class Make, class Call>
void check_module(const Reference& reference, const Make& make, const Call& call, double tolerance) {
  for (const auto dtype : {newtape::f64, newtape::f32}) {
    INFO(newtape::name(dtype));
    const TorchCase torch(reference, dtype);
    auto module = make();
    module.to(dtype);
    module.load_state_dict(torch.state());
    const double allowed = dtype == newtape::f64 ? tolerance : std::min(tolerance * 1e8, 1e-3);
    check_results(torch, allowed, [&](const auto& xs) { return call(module, xs); });
    for (const auto& [path, p] : module.named_parameters()) {
      if (!torch.has("grad/" + path)) continue;
      INFO("gradient of " << path);
      REQUIRE(p.grad().defined());
      CHECK(distance(p.grad().value(), torch("grad/" + path)) < allowed);
    }
    for (const auto& [path, b] : module.named_buffers()) {
      if (!torch.has("after/" + path)) continue;
      INFO("buffer " << path);
      CHECK(distance(b.value(), torch("after/" + path)) < allowed);
    }
  }
}
