// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/state_reader.hpp>
#include <newtape/nn/module.hpp>

#include <algorithm>
#include <exception>
#include <unordered_set>

namespace newtape::nn {

struct ModuleBase::Body {
  // Few names each: a search through a vector keeps the order and needs no map.
  std::vector<std::pair<std::string, Parameter>> parameters;
  std::vector<std::pair<std::string, Buffer>> buffers;
  std::vector<std::pair<std::string, ModuleBase>> children;
  bool training = true;

  /// Calls f(path, body) for this module and all below it, parents first; `path` ends with a dot unless it is empty.
  template <class F>
  void walk(const std::string& path, const F& f) {
    f(path, *this);
    for (const auto& [name, child] : children) child.body_->walk(path + name + ".", f);
  }
  bool holds(const Body* wanted) const {
    return this == wanted ||
           std::any_of(children.begin(), children.end(), [&](const auto& c) { return c.second.body_->holds(wanted); });
  }
};

ModuleBase::ModuleBase() : body_(std::make_shared<Body>()) {}

// --- registration ---

void ModuleBase::check_name(const Body& body, std::string_view name) {
  if (name.empty() || name.find('.') != name.npos) {
    raise<ValueError>("add: a name in a module must not be empty and must have no dot", "a name such as \"fc1\"",
                      "\"" + std::string(name) + "\"");
  }
  const auto taken = [&](const auto& members) {
    return std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.first == name; });
  };
  if (taken(body.parameters) || taken(body.buffers) || taken(body.children)) {
    raise<ValueError>("add: the module has a member of this name already", "a new name",
                      "\"" + std::string(name) + "\"");
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
/// Leaves out cells that came before.
template <class Cell>
std::vector<std::pair<std::string, Cell>> distinct(std::vector<std::pair<std::string, Cell>> cells) {
  std::unordered_set<const Tensor*> seen;
  std::erase_if(cells, [&](const auto& c) { return !seen.insert(&c.second.tensor()).second; });
  return cells;
}

template <class Cell>
std::vector<Cell> without_names(std::vector<std::pair<std::string, Cell>> named) {
  std::vector<Cell> cells;
  cells.reserve(named.size());
  for (auto& n : named) cells.push_back(std::move(n.second));
  return cells;
}
}  // namespace

std::vector<std::pair<std::string, Parameter>> ModuleBase::named_parameters() const {
  std::vector<std::pair<std::string, Parameter>> all;
  body_->walk("", [&](const std::string& path, const Body& body) {
    for (const auto& [name, p] : body.parameters) all.emplace_back(path + name, p);
  });
  return distinct(std::move(all));
}

std::vector<std::pair<std::string, Buffer>> ModuleBase::named_buffers() const {
  std::vector<std::pair<std::string, Buffer>> all;
  body_->walk("", [&](const std::string& path, const Body& body) {
    for (const auto& [name, b] : body.buffers) all.emplace_back(path + name, b);
  });
  return distinct(std::move(all));
}

std::vector<Parameter> ModuleBase::parameters() const { return without_names(named_parameters()); }
std::vector<Buffer> ModuleBase::buffers() const { return without_names(named_buffers()); }
std::vector<std::pair<std::string, ModuleBase>> ModuleBase::children() const { return body_->children; }

Parameter ModuleBase::parameter(std::string_view name) const {
  Parameter found;
  std::string known;
  body_->walk("", [&](const std::string& path, const Body& body) {
    for (const auto& [last, p] : body.parameters) {
      if (path + last == name) found = p;
      known += (known.empty() ? "" : ", ") + path + last;
    }
  });
  if (!found.defined()) raise<ValueError>("parameter: the module has none of this name", known, name);
  return found;
}

// --- modes and conversions ---

void ModuleBase::train(bool training) const {
  body_->walk("", [&](const std::string&, Body& body) { body.training = training; });
}
bool ModuleBase::is_training() const noexcept { return body_->training; }

void ModuleBase::zero_grad() const {
  for (const auto& p : parameters()) p.zero_grad();
}
void ModuleBase::requires_grad(bool wanted) const {
  for (const auto& p : parameters()) p.requires_grad(wanted);
}

void ModuleBase::to(DType dtype) const {
  if (!is_floating(dtype)) raise<DTypeError>("to: a module computes with floats", "f32 or f64", name(dtype));
  for (const auto& p : parameters()) p.to(dtype);
  for (const auto& b : buffers()) {
    if (is_floating(b.dtype())) b.to(dtype);
  }
}

// --- states ---

StateDict ModuleBase::state_dict(std::string_view prefix) const {
  StateDict state;
  body_->walk(std::string(prefix), [&](const std::string& path, const Body& body) {
    for (const auto& [name, p] : body.parameters) state.emplace_back(path + name, p.value());
    for (const auto& [name, b] : body.buffers) state.emplace_back(path + name, b.value());
  });
  return state;
}

LoadReport ModuleBase::load_state_dict(const StateDict& state, const LoadOptions& options) const {
  newtape::detail::StateReader reader(state, options.prefix);
  std::vector<std::pair<Parameter, Array>> parameters;
  std::vector<std::pair<Buffer, Array>> buffers;
  const auto read = [&](const std::string& path, const auto& members, auto& found) {
    for (const auto& [name, cell] : members) {
      const Array value = reader.take(path + name, cell.dtype(), cell.shape());
      if (value.defined()) found.emplace_back(cell, core::copy(value));
    }
  };
  body_->walk("", [&](const std::string& path, const Body& body) {
    read(path, body.parameters, parameters);
    read(path, body.buffers, buffers);
  });
  reader.finish("load_state_dict", options.strict);
  LoadReport report{reader.missing(), reader.unexpected()};
  // From here on nothing fails: everything was copied before.
  for (auto& [p, value] : parameters) p.exchange(Tensor(std::move(value), p.tensor().node()));
  for (auto& [b, value] : buffers) b.exchange(std::move(value));
  return report;
}

// --- where an error came from ---

namespace {

/// What an exception learns on its way up through the modules.
struct Trail {
  std::string path;     ///< from the last module that it passed down to where it was thrown
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
    for (const auto& [name, child] : body_->children) {
      if (child.body_.get() != next.last) continue;
      next.path = next.path.empty() ? name : name + "." + next.path;
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
  std::terminate();  // not reached: every handler throws, and other exceptions pass
}

// --- other parameter values ---

namespace {
template <class Cell>
void check_substitute(const std::string& name, const Cell& cell, const Tensor& value) {
  if (!value.defined()) raise<ValueError>("functional_call: the value for " + name + " is undefined");
  if (value.shape() == cell.shape()) return;
  raise<ShapeError>("functional_call: the value for " + name + " must have its shape", to_string(cell.shape()),
                    to_string(value.shape()));
}
}  // namespace

Substitution::Substitution(const ModuleBase& module, std::span<const Tensor> values) {
  auto named = module.named_parameters();
  if (named.size() != values.size()) {
    raise<ValueError>("functional_call: one value for each of parameters()", std::to_string(named.size()),
                      std::to_string(values.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    check_substitute(named[i].first, named[i].second, values[i]);
    parameters_.emplace_back(std::move(named[i].second), values[i]);
  }
  swap();
}

Substitution::Substitution(const ModuleBase& module, std::span<const std::pair<std::string, Tensor>> values) {
  const auto parameters = module.named_parameters();
  const auto buffers = module.named_buffers();
  std::unordered_set<std::string_view> seen;
  for (const auto& [name, value] : values) {
    if (!seen.insert(name).second) raise<ValueError>("functional_call: there are two values for " + name);
    const auto match = [&n = name](const auto& member) { return member.first == n; };
    if (const auto p = std::find_if(parameters.begin(), parameters.end(), match); p != parameters.end()) {
      check_substitute(name, p->second, value);
      parameters_.emplace_back(p->second, value);
    } else if (const auto b = std::find_if(buffers.begin(), buffers.end(), match); b != buffers.end()) {
      check_substitute(name, b->second, value);
      buffers_.emplace_back(b->second, value);
    } else {
      raise<ValueError>("functional_call: the module has no parameter or buffer of this name", {}, name);
    }
  }
  swap();
}

Substitution::~Substitution() { swap(); }

void Substitution::swap() noexcept {
  for (auto& [cell, other] : parameters_) other = cell.exchange(std::move(other));
  for (auto& [cell, other] : buffers_) other = cell.exchange(std::move(other));
}

}  // namespace newtape::nn
