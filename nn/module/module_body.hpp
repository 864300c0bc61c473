// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

#include <algorithm>
#include <memory>

namespace newtape::nn {

/// The state that copies of a module share.
struct ModuleBase::Body : std::enable_shared_from_this<ModuleBase::Body> {
  /// Shared, so that a call copies no functions.
  template <class F>
  struct Hook {
    F call;
    bool active = true;
  };
  template <class F>
  using Hooks = std::vector<std::shared_ptr<Hook<F>>>;

  /// A parameter that is computed from others: see parametrize.hpp.
  struct Computed {
    std::string name;
    Parameter cell;
    std::size_t position;  ///< its original position among the parameters
    std::function<Tensor()> compute;
    std::function<bool(const Array& drawn)> follows;  ///< whether the originals are those of this initial value
    std::function<void(const Array& drawn)> reset;    ///< makes them so
  };

  // Vectors instead of maps: they keep the order, and a linear search is fast enough for few names.
  std::vector<std::pair<std::string, Parameter>> parameters;
  std::vector<std::pair<std::string, Buffer>> buffers;
  std::vector<std::pair<std::string, ModuleBase>> children;
  std::vector<Computed> computed;
  Hooks<ForwardPreHook> pre_hooks;
  Hooks<ForwardHook> hooks;
  const std::string_view* signature = nullptr;  ///< see detail::type_signature
  bool training = true;

  explicit Body(const std::string_view* signature_) : signature(signature_) {}

  /// Calls f(path, body) for this module and all below it, parents first; `path` ends with a dot unless it is empty.
  template <class F>
  void walk(const std::string& path, F&& f) {
    f(path, *this);
    for (const auto& [name, child] : children) child.body_->walk(path + name + ".", f);
  }
  /// Calls f(body) for this module and all below it, parents first.
  template <class F>
  void visit(F&& f) {
    f(*this);
    for (const auto& c : children) c.second.body_->visit(f);
  }
  /// Recomputes the computed parameters.
  void compute() const {
    for (const auto& c : computed) c.cell.exchange(c.compute());
  }
  bool holds(const Body* wanted) const {
    return this == wanted ||
           std::any_of(children.begin(), children.end(), [&](const auto& c) { return c.second.body_->holds(wanted); });
  }
};

}  // namespace newtape::nn
