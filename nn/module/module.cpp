// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/module/module_body.hpp>

#include <algorithm>
#include <exception>
#include <functional>
#include <iostream>
#include <utility>

namespace newtape::nn {

ModuleBase::ModuleBase(const std::string_view* signature) : body_(std::make_shared<Body>(signature)) {}
ModuleBase::ModuleBase(const ModuleBase& other) = default;
ModuleBase::ModuleBase(ModuleBase&&) noexcept = default;
ModuleBase& ModuleBase::operator=(const ModuleBase& other) = default;
ModuleBase& ModuleBase::operator=(ModuleBase&&) noexcept = default;
ModuleBase::~ModuleBase() = default;

/// The type in a signature, which another compiler than the library's may have written.
static std::string_view type_of(std::string_view signature) {
  constexpr std::string_view before = "T = ";
  signature.remove_prefix(signature.find(before) + before.size());
  return signature.substr(0, std::min(signature.find("; "), signature.size() - 1));
}

std::string_view ModuleBase::type() const {
  std::string_view name = type_of(*body_->signature);
  name = name.substr(0, name.find('<'));
  const auto scope = name.rfind("::");
  return scope == std::string_view::npos ? name : name.substr(scope + 2);
}

bool ModuleBase::is_type(const std::string_view* signature) const {
  if (body_->signature == signature) return true;
  // A shared library and a program have a signature each of the same type. Closures, types of functions and of unnamed namespaces,
  // of which several have one name, are written with parentheses or braces.
  const std::string_view type = type_of(*signature);
  return type == type_of(*body_->signature) && type.find_first_of("({") == std::string_view::npos;
}

// --- registration ---

void ModuleBase::check_name(const Body& body, std::string_view name) {
  if (name.empty() || name.find('.') != std::string_view::npos) {
    raise<ValueError>("add: a name must not be empty or contain a dot", "a name such as \"fc1\"",
                      "\"" + std::string(name) + "\"");
  }
  const auto taken = [&](const auto& members) {
    return std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.first == name; });
  };
  if (taken(body.parameters) || taken(body.buffers) || taken(body.children)) {
    raise<ValueError>("add: the name of a member must be unique", "an unused name", "\"" + std::string(name) + "\"");
  }
}

namespace {
template <class Cell>
void check_defined(const Cell& cell, std::string_view name) {
  if (!cell.defined()) raise<ValueError>("add: \"" + std::string(name) + "\" is undefined");
}
}  // namespace

Parameter ModuleBase::add(std::string_view name, Parameter parameter) {
  check_name(*body_, name);
  check_defined(parameter, name);
  body_->parameters.emplace_back(name, parameter);
  return parameter;
}

Buffer ModuleBase::add(std::string_view name, Buffer buffer) {
  check_name(*body_, name);
  check_defined(buffer, name);
  body_->buffers.emplace_back(name, buffer);
  return buffer;
}

void ModuleBase::add_child(std::string_view name, const ModuleBase& child) {
  check_name(*body_, name);
  if (child.body_->holds(body_.get())) {
    raise<ValueError>("add: \"" + std::string(name) + "\" would make the module a part of itself");
  }
  body_->children.emplace_back(name, child);
}

// --- members by name ---

namespace {
/// True for the first occurrence of each cell.
class Once {
 public:
  template <class Cell>
  bool operator()(const Cell& cell) {
    const Tensor* where = &cell.tensor();
    const auto at = std::lower_bound(seen_.begin(), seen_.end(), where, std::less<>());
    if (at != seen_.end() && *at == where) return false;
    seen_.insert(at, where);
    return true;
  }

 private:
  std::vector<const Tensor*> seen_;
};
}  // namespace

std::vector<Parameter> ModuleBase::parameters() const {
  std::vector<Parameter> all;
  body_->visit([&, once = Once()](const Body& body) mutable {
    for (const auto& p : body.parameters) {
      if (once(p.second)) all.push_back(p.second);
    }
  });
  return all;
}

std::vector<Buffer> ModuleBase::buffers() const {
  std::vector<Buffer> all;
  body_->visit([&, once = Once()](const Body& body) mutable {
    for (const auto& b : body.buffers) {
      if (once(b.second)) all.push_back(b.second);
    }
  });
  return all;
}

std::vector<std::pair<std::string, Parameter>> ModuleBase::named_parameters() const {
  std::vector<std::pair<std::string, Parameter>> all;
  body_->walk("", [&, once = Once()](const std::string& path, const Body& body) mutable {
    for (const auto& [name, p] : body.parameters) {
      if (once(p)) all.emplace_back(path + name, p);
    }
  });
  return all;
}

std::vector<std::pair<std::string, Buffer>> ModuleBase::named_buffers() const {
  std::vector<std::pair<std::string, Buffer>> all;
  body_->walk("", [&, once = Once()](const std::string& path, const Body& body) mutable {
    for (const auto& [name, b] : body.buffers) {
      if (once(b)) all.emplace_back(path + name, b);
    }
  });
  return all;
}

std::vector<std::pair<std::string, ModuleBase>> ModuleBase::children() const { return body_->children; }

Parameter ModuleBase::parameter(std::string_view name) const {
  Parameter found;
  std::string known;
  body_->walk("", [&](const std::string& path, const Body& body) {
    for (const auto& [last, p] : body.parameters) {
      if (path + last == name) found = p;
      known.append(known.empty() ? "" : ", ").append(path).append(last);
    }
  });
  if (!found.defined()) raise<ValueError>("parameter: the module has no parameter of this name", known, name);
  return found;
}

bool ModuleBase::has_parameter(std::string_view name) const {
  bool found = false;
  body_->walk("", [&](const std::string& path, const Body& body) {
    for (const auto& p : body.parameters) found = found || path + p.first == name;
  });
  return found;
}

std::vector<std::pair<std::string, ModuleBase>> ModuleBase::named_modules() const {
  std::vector<std::pair<std::string, ModuleBase>> all{{"", *this}};
  for (const auto& [name, child] : body_->children) {
    for (auto& [path, module] : child.named_modules()) {
      all.emplace_back(path.empty() ? name : name + "." + path, std::move(module));
    }
  }
  return all;
}

void ModuleBase::apply(const std::function<void(const ModuleBase&)>& f) const {
  for (const auto& child : body_->children) child.second.apply(f);
  f(*this);
}

// --- hooks ---

namespace {
/// A function that is captured depends on the modes and hooks of the modules that it calls.
[[gnu::cold, gnu::noinline]] void observe_module(const ModuleBase& module, const void* key, bool training,
                                                 bool (*has_hooks)(const void* body)) {
  auto& observer = *newtape::detail::state_observer;
  if (has_hooks(key)) observer.give_up("a forward hook of " + std::string(module.type()));
  observer.on_condition(
      key, "training mode and hooks of " + std::string(module.type()),
      [module, key, training, has_hooks] { return module.is_training() == training && !has_hooks(key); });
}
}  // namespace

bool ModuleBase::has_hooks() const {
  if (newtape::detail::state_observer != nullptr) [[unlikely]] {
    observe_module(*this, body_.get(), body_->training, [](const void* body) {
      const auto& b = *static_cast<const Body*>(body);
      return !b.hooks.empty() || !b.pre_hooks.empty();
    });
  }
  return !body_->hooks.empty() || !body_->pre_hooks.empty() || !body_->computed.empty();
}

namespace {
/// Appends a hook to the list `hooks` of a body.
template <class Body, class Hooks, class F>
ModuleHook enlist(Body& body, Hooks Body::*hooks, F hook) {
  const auto erase = [weak = body.weak_from_this(), hooks] {
    if (const auto self = weak.lock()) std::erase_if((*self).*hooks, [](const auto& h) { return !h->active; });
  };
  erase();  // those that were removed from a clone
  const auto entry = std::make_shared<typename Hooks::value_type::element_type>();
  entry->call = std::move(hook);
  (body.*hooks).push_back(entry);
  return ModuleHook(std::shared_ptr<bool>(entry, &entry->active), erase);
}
}  // namespace

ModuleHook ModuleBase::register_forward_pre_hook(ForwardPreHook hook) const {
  return enlist(*body_, &Body::pre_hooks, std::move(hook));
}
ModuleHook ModuleBase::register_forward_hook(ForwardHook hook) const {
  return enlist(*body_, &Body::hooks, std::move(hook));
}

ModuleHook ModuleBase::register_backward_hook(BackwardHook hook) const {
  const auto shared = std::make_shared<BackwardHook>(std::move(hook));
  return register_forward_hook([shared](const ModuleBase& module, std::span<const Tensor>, const Tensor& output) {
    if (output.defined() && output.requires_grad()) {
      output.register_hook([shared, module](const Tensor& g) { return (*shared)(module, g); });
    }
    return Tensor();
  });
}

// Hooks may register or remove others, so the loops run over copies.

void ModuleBase::call_pre_hooks(std::span<const Tensor> inputs) const {
  for (const auto hooks = body_->pre_hooks; const auto& hook : hooks) {
    if (hook->active) hook->call(*this, inputs);
  }
  body_->compute();  // after the hooks, which may measure it
}

void ModuleBase::call_hooks(std::span<const Tensor> inputs, Tensor* output) const {
  for (const auto hooks = body_->hooks; const auto& hook : hooks) {
    if (!hook->active) continue;
    Tensor other = hook->call(*this, inputs, output != nullptr ? *output : Tensor());
    if (other.defined() && output != nullptr) *output = std::move(other);
  }
}

// --- text ---

namespace {
void print_module(const ModuleBase& module, std::size_t indent, std::string& text) {
  bool first = true;
  const auto comma = [&] {
    if (!std::exchange(first, false)) text += ", ";
  };
  text.append(module.type()).append("(");
  const auto own = [](const std::string& name) { return name.find('.') == std::string::npos; };
  for (const auto& [name, p] : module.named_parameters()) {
    if (!own(name)) continue;
    comma();
    text += name + " " + newtape::to_string(p.shape()) + (p.requires_grad() ? "" : " frozen");
  }
  for (const auto& [name, b] : module.named_buffers()) {
    if (!own(name)) continue;
    comma();
    text += name + " " + newtape::to_string(b.shape());
  }
  const auto children = module.children();
  for (const auto& [name, child] : children) {
    text += "\n" + std::string(indent + 2, ' ') + "(" + name + "): ";
    print_module(child, indent + 2, text);
  }
  if (!children.empty()) text += "\n" + std::string(indent, ' ');
  text += ")";
}
}  // namespace

std::string to_string(const ModuleBase& module) {
  std::string text;
  print_module(module, 0, text);
  return text;
}
std::ostream& operator<<(std::ostream& os, const ModuleBase& module) { return os << to_string(module); }
void print(const ModuleBase& module) { std::cout << module << '\n' << std::flush; }

// --- modes and conversions ---

void ModuleBase::train(bool training) const {
  body_->visit([&](Body& body) { body.training = training; });
}
bool ModuleBase::is_training() const {
  if (newtape::detail::state_observer != nullptr) [[unlikely]] {
    newtape::detail::state_observer->on_condition(
        &body_->training, "training mode of " + std::string(type()),
        [module = *this, mode = body_->training] { return module.is_training() == mode; });
  }
  return body_->training;
}

void ModuleBase::zero_grad() const {
  body_->visit([](const Body& body) {
    for (const auto& p : body.parameters) p.second.zero_grad();
  });
}
void ModuleBase::requires_grad(bool wanted) const {
  for (const auto& p : parameters()) p.requires_grad(wanted);
}

void ModuleBase::to(DType dtype) const {
  if (is_half(dtype)) {
    for (const auto& [name, p] : named_parameters()) {
      const bool is_weight = name == "weight" || name.ends_with(".weight");
      if (is_weight && p.ndim() == 2) p.to(dtype);
    }
    return;
  }
  if (!is_floating(dtype)) {
    raise<DTypeError>("to: the dtype must be a float", "f32 or f64; f16 or bf16 for weights", name(dtype));
  }
  for (const auto& p : parameters()) p.to(dtype);
  for (const auto& b : buffers()) {
    if (is_floating(b.dtype())) b.to(dtype);
  }
}

// --- module paths in error messages ---

namespace {

/// The module path of an exception, extended as it propagates through the modules.
struct Trail {
  std::string path;     ///< from the last module passed to the throwing module
  std::string message;  ///< without the path
  const void* last = nullptr;
};

template <class E>
struct Traced final : E, Trail {
  explicit Traced(Trail t) : E(t.path.empty() ? t.message : t.path + ": " + t.message), Trail(std::move(t)) {}
};

}  // namespace

void ModuleBase::rethrow() const {
  const auto again = [this]<class E>(const E& e) {
    const auto* trail = dynamic_cast<const Trail*>(&e);
    Trail next = trail != nullptr ? *trail : Trail{{}, e.what(), nullptr};
    const std::string_view text = e.what();
    const auto line = text.find("\n  at: ");  // learned since: see LocatedError
    if (line != std::string_view::npos && next.message.find("\n  at: ") == std::string::npos) {
      next.message += text.substr(line);
    }
    // Usually a child, or a module in a container without a forward.
    for (const auto& [path, module] : named_modules()) {
      if (path.empty() || module.body_.get() != next.last) continue;
      next.path = next.path.empty() ? path : path + "." + next.path;
      break;
    }
    next.last = body_.get();
    throw Traced<E>(std::move(next));
  };
  try {
    throw;
  } catch (const ShapeError& e) {
    again(e);
  } catch (const DTypeError& e) {
    again(e);
  } catch (const ValueError& e) {
    again(e);
  } catch (const NumericalError& e) {
    again(e);
  } catch (const IoError& e) {
    again(e);
  }
  std::terminate();  // not reached: every handler throws, and other exceptions propagate
}

}  // namespace newtape::nn
