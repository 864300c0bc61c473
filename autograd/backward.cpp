// SPDX-License-Identifier: BSD-3-Clause
// The functions that sweep: backward, grad, and those of the library's own.
#include <newtape/autograd/located.hpp>
#include <newtape/autograd/observe/backward_observer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/sweep.hpp>

#include <algorithm>
#include <optional>
#include <string>

namespace newtape {
namespace detail {
namespace {

/// Checks the cotangents of `outputs`; missing ones become ones. Returns the number of their extra leading axes.
std::size_t check_cotangents(const char* op, std::span<const Tensor> outputs, std::vector<Tensor>& cotangents) {
  if (cotangents.empty()) cotangents.resize(outputs.size());
  if (cotangents.size() != outputs.size()) {
    raise<ValueError>(std::string(op) + ": each output needs one cotangent", std::to_string(outputs.size()),
                      std::to_string(cotangents.size()));
  }
  std::size_t batch = 0;
  bool known = false;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& y = outputs[i];
    auto& g = cotangents[i];
    if (!y.requires_grad()) {
      raise<ValueError>(
          std::string(op) + ": the output must depend on a variable", "a recorded result",
          "a constant (computed from constants, detached, computed while recording was off, or a gradient "
          "without create_graph)");
    }
    if (!g.defined()) {
      if (y.size() != 1) {
        raise<ShapeError>(std::string(op) + ": an output of several elements needs a cotangent",
                          "one element, or a cotangent of shape " + to_string(y.shape()), "none");
      }
      g = ones_like(y);
    }
    if (g.dtype() != y.dtype()) {
      raise<DTypeError>(std::string(op) + ": the cotangent must have the output's dtype", std::string(name(y.dtype())),
                        std::string(name(g.dtype())));
    }
    const bool longer = g.ndim() >= y.ndim();
    const std::size_t extra = longer ? g.ndim() - y.ndim() : 0;
    if (!longer || !std::equal(y.shape().begin(), y.shape().end(), g.shape().begin() + extra) ||
        (known && extra != batch)) {
      raise<ShapeError>(std::string(op) + ": the cotangent must have the output's shape, after any batch axes",
                        to_string(y.shape()), to_string(g.shape()));
    }
    batch = extra;
    known = true;
  }
  return batch;
}

}  // namespace

std::vector<Tensor> grad_between(const Tensor& output, std::span<const Tensor> inputs, Tensor g, bool create_graph,
                                 bool retain_graph) {
  Sweep sweep(g.ndim() - output.ndim(), true);
  for (const auto& x : inputs) {
    if (x.requires_grad()) sweep.want(x.node().get());
  }
  sweep.explore(output.node().get());
  const GradMode mode(create_graph);
  sweep.seed(output.node().get(), std::move(g));
  sweep.run(!create_graph && !retain_graph);
  std::vector<Tensor> results;
  for (const auto& x : inputs) results.push_back(x.requires_grad() ? sweep.result(x.node().get()) : Tensor());
  return results;
}

}  // namespace detail

void Tensor::backward_at(SourceLocation location) const { backward(BackwardOptions{}, location); }

void Tensor::backward(const BackwardOptions& options, SourceLocation location) const {
  const ErrorSite here(location);
  std::vector<Tensor> cotangents{options.gradient};
  const Tensor self = *this;  // keeps the graph alive even if a pullback destroys this tensor
  const auto batch = detail::check_cotangents("backward", {&self, 1}, cotangents);
  if (batch != 0) {
    raise<ShapeError>("backward: the cotangent must have the output's shape", to_string(shape()),
                      to_string(cotangents[0].shape()));
  }
  if (detail::backward_is_observed.load(std::memory_order_relaxed)) detail::observe_backward(self);
  detail::Sweep sweep(0);
  sweep.want_keepers();
  sweep.explore(node_.get());
  const GradMode mode(options.create_graph);
  std::optional<detail::UnitCotangent> unit;
  if (!options.gradient.defined()) unit.emplace(cotangents[0].value());
  sweep.seed(node_.get(), std::move(cotangents[0]));
  sweep.run(!options.retain_graph && !options.create_graph);
  sweep.deliver();
}

std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs, const GradOptions& options,
                         SourceLocation location) {
  const ErrorSite here(location);
  const std::vector<Tensor> roots(outputs.begin(), outputs.end());
  std::vector<Tensor> cotangents = options.grad_outputs;
  const auto batch = detail::check_cotangents("grad", roots, cotangents);
  detail::Sweep sweep(batch);
  for (const auto& x : inputs) {
    if (!x.requires_grad()) {
      raise<ValueError>("grad: an input must depend on a variable", "a variable or a recorded result",
                        "a constant of shape " + (x.defined() ? to_string(x.shape()) : std::string("(undefined)")));
    }
    sweep.want(x.node().get());
  }
  for (const auto& y : roots) sweep.explore(y.node().get());
  const GradMode mode(options.create_graph);
  for (std::size_t i = 0; i < roots.size(); ++i) sweep.seed(roots[i].node().get(), cotangents[i]);
  sweep.run(!options.retain_graph && !options.create_graph);
  std::vector<Tensor> results;
  results.reserve(inputs.size());
  for (const auto& x : inputs) {
    Tensor g = sweep.result(x.node().get());
    if (!g.defined()) {
      if (!options.allow_unused) {
        raise<ValueError>("grad: the outputs must depend on every input", "a used input, or allow_unused for zeros",
                          "an unused one of shape " + to_string(x.shape()));
      }
      g = zeros(with_leading(cotangents[0], roots[0].ndim(), x.shape()), x.dtype());
    }
    results.push_back(std::move(g));
  }
  return results;
}

Tensor grad(const Tensor& output, const Tensor& input, const GradOptions& options, SourceLocation location) {
  return grad(std::span(&output, 1), std::span(&input, 1), options, location)[0];
}

std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options,
                         SourceLocation location) {
  return grad(std::span(&output, 1), std::span<const Tensor>(inputs), options, location);
}

}  // namespace newtape
