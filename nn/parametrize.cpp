// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/module/draw_order.hpp>
#include <newtape/nn/module/module_body.hpp>
#include <newtape/nn/parametrize.hpp>

#include <algorithm>

namespace newtape::nn {

namespace {
constexpr auto container_name = "parametrizations";

/// A module without a forward, as a container for names.
struct Parametrizations : Module<Parametrizations> {
  using ModuleBase::add;
};

template <class List>
auto find_named(List& list, std::string_view name) {
  return std::find_if(list.begin(), list.end(), [&](const auto& member) { return member.first == name; });
}
template <class List>
auto find_computed(List& list, std::string_view name) {
  return std::find_if(list.begin(), list.end(), [&](const auto& c) { return c.name == name; });
}
}  // namespace

/// Access to the bodies of modules.
struct detail::Parametrize {
  using Body = ModuleBase::Body;

  static Body& body(const ModuleBase& module) { return *module.body_; }

  static auto parameter(const ModuleBase& module, std::string_view name) {
    auto& own = body(module).parameters;
    const auto at = find_named(own, name);
    if (at != own.end()) return at;
    std::string known;
    for (const auto& p : own) known += (known.empty() ? "" : ", ") + p.first;
    raise<ValueError>(is_computed(module, name) ? "parametrize: the parameter is already parametrized"
                                                : "parametrize: the module has no own parameter of this name",
                      known, name);
  }
  static bool is_computed(const ModuleBase& module, std::string_view name) {
    const auto& computed = body(module).computed;
    return name.empty() ? !computed.empty() : find_computed(computed, name) != computed.end();
  }

  /// The position of parameter `i` among all parameters, including computed ones.
  static std::size_t position_of(const Body& b, std::size_t i) {
    const auto taken = [&](std::size_t position) {
      return std::any_of(b.computed.begin(), b.computed.end(), [&](const auto& c) { return c.position == position; });
    };
    for (std::size_t position = 0;; ++position) {
      if (!taken(position) && i-- == 0) return position;
    }
  }

  static void install(const ModuleBase& module, std::string_view name, const ModuleBase& parametrization,
                      const std::function<std::vector<Tensor>(const Tensor&)>& inverse,
                      const std::function<Tensor(std::span<const Tensor>)>& compute) {
    const auto at = parameter(module, name);
    const Parameter cell = at->second;
    const auto values = inverse(cell.tensor().detach());
    const Tensor first = compute(values);
    if (first.shape() != cell.shape()) {
      raise<ShapeError>("parametrize: the computed value must have the parameter's shape", to_string(cell.shape()),
                        to_string(first.shape()));
    }
    if (first.dtype() != cell.dtype()) {
      raise<DTypeError>("parametrize: the computed value must have the parameter's dtype", newtape::name(cell.dtype()),
                        newtape::name(first.dtype()));
    }
    Parametrizations one;
    std::vector<Parameter> originals;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Parameter original(core::copy(values[i].value()));
      original.requires_grad(cell.requires_grad());
      originals.push_back(one.add(values.size() == 1 ? "original" : "original" + std::to_string(i), original));
    }
    one.add("0", parametrization);
    Parametrizations all;
    auto& children = body(module).children;
    if (const auto before = find_named(children, container_name); before != children.end()) {
      ModuleBase(before->second).add(name, one);
    } else {
      all.add(name, one);
      ModuleBase(module).add(container_name, all);
    }
    auto& b = body(module);
    const auto computed = [originals, compute] {
      std::vector<Tensor> current;
      for (const auto& o : originals) current.push_back(o.tensor());
      return compute(current);
    };
    const auto follows = [originals, inverse, parametrization](const Array& drawn) {
      std::vector<Array> before;  // the inverse may change buffers
      for (const auto& buffer : parametrization.buffers()) before.push_back(core::copy(buffer.value()));
      const auto wanted = inverse(drawn);
      bool same = wanted.size() == originals.size();
      for (std::size_t i = 0; same && i < wanted.size(); ++i) {
        same = identical(wanted[i].value(), originals[i].value());
      }
      const auto buffers = parametrization.buffers();
      for (std::size_t i = 0; i < buffers.size(); ++i) buffers[i].set_value(before[i]);
      return same;
    };
    const auto reset = [originals, inverse, cell, computed](const Array& drawn) {
      const auto wanted = inverse(drawn);
      for (std::size_t i = 0; i < wanted.size(); ++i) originals[i].set_value(core::copy(wanted[i].value()));
      const NoGrad guard;
      cell.exchange(computed());
    };
    b.computed.push_back({std::string(name), cell, position_of(b, static_cast<std::size_t>(at - b.parameters.begin())),
                          computed, follows, reset});
    b.parameters.erase(at);
    cell.exchange(first.detach());
  }

  static void remove(const ModuleBase& module, std::string_view name) {
    auto& b = body(module);
    const auto at = find_computed(b.computed, name);
    if (at == b.computed.end()) {
      raise<ValueError>("remove_parametrizations: the parameter is not parametrized", {}, name);
    }
    const auto container = find_named(b.children, container_name);
    auto& inner = body(container->second).children;
    const auto one = find_named(inner, name);
    bool trained = false;
    for (const auto& p : body(one->second).parameters) trained = trained || p.second.requires_grad();
    at->cell.exchange(trained ? variable(at->cell.value()) : Tensor(at->cell.value()));
    const auto before =
        std::count_if(b.computed.begin(), b.computed.end(), [&](const auto& c) { return c.position < at->position; });
    b.parameters.emplace(b.parameters.begin() + static_cast<std::ptrdiff_t>(at->position) - before, at->name, at->cell);
    b.computed.erase(at);
    inner.erase(one);
    if (inner.empty()) b.children.erase(container);
  }
};

std::vector<detail::DrawnOriginals> detail::drawn_originals(const ModuleBase& module) {
  std::vector<DrawnOriginals> all;
  Parametrize::body(module).visit([&](const auto& body) {
    for (const auto& c : body.computed) all.push_back({c.cell, c.follows, c.reset});
  });
  return all;
}

namespace parametrize {

Tensor detail::value_of(const ModuleBase& module, std::string_view name) {
  return nn::detail::Parametrize::parameter(module, name)->second.tensor().detach();
}

void detail::install(const ModuleBase& module, std::string_view name, const ModuleBase& parametrization,
                     std::function<std::vector<Tensor>(const Tensor&)> inverse,
                     std::function<Tensor(std::span<const Tensor>)> compute) {
  nn::detail::Parametrize::install(module, name, parametrization, inverse, compute);
}

bool is_parametrized(const ModuleBase& module, std::string_view name) {
  return nn::detail::Parametrize::is_computed(module, name);
}

void remove_parametrizations(const ModuleBase& module, std::string_view name) {
  nn::detail::Parametrize::remove(module, name);
}

}  // namespace parametrize
}  // namespace newtape::nn
