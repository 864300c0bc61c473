// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/nn/module/module.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Modules that contain others. Copies refer to the same container.
namespace newtape::nn {

/// The identity.
struct Identity : Module<Identity> {
  Tensor forward(In x) const { return x; }
};

/// x + inner(x). ShapeError when the inner module changes the shape.
template <class M>
struct Residual : Module<Residual<M>> {
  static constexpr bool calls_user = true;
  explicit Residual(M module) : inner(this->add("inner", std::move(module))) {}
  Tensor forward(In x) const {
    Tensor y = inner(In(x.tensor(), x.location()));
    if (y.shape() != x.shape()) {
      raise<ShapeError>("Residual: the inner module must keep the shape", to_string(x.shape()), to_string(y.shape()));
    }
    return std::move(y) + x;
  }
  M inner;
};

/// Modules of one type, named "0", "1", ... by position: `for (const auto& layer : layers) x = layer(x);`. It has no
/// forward. A moved-from one throws ValueError.
template <class M>
class ModuleList : public Module<ModuleList<M>> {
 public:
  ModuleList() = default;
  ModuleList(std::initializer_list<M> modules) {
    for (const auto& m : modules) push_back(m);
  }
  void push_back(const M& module) {
    this->add(std::to_string(list_->size()), module);
    list_->push_back(module);
  }
  std::size_t size() const { return list_->size(); }
  bool empty() const { return list_->empty(); }
  /// ValueError when it does not exist.
  const M& operator[](std::size_t i) const {
    if (i >= size()) {
      raise<ValueError>("ModuleList: the index is out of range", "below " + std::to_string(size()), std::to_string(i));
    }
    return (*list_)[i];
  }
  auto begin() const { return list_->cbegin(); }
  auto end() const { return list_->cend(); }

 private:
  newtape::detail::SharedCell<std::vector<M>> list_ = std::make_shared<std::vector<M>>();
};

/// Modules of one type by name, in the order of insertion. It has no forward.
template <class M>
class ModuleDict : public Module<ModuleDict<M>> {
 public:
  ModuleDict() = default;
  ModuleDict(std::initializer_list<std::pair<std::string, M>> modules) {
    for (const auto& [name, m] : modules) insert(name, m);
  }
  /// ValueError for a name that is empty, contains a dot or is taken.
  void insert(const std::string& name, const M& module) {
    this->add(name, module);
    list_->emplace_back(name, module);
  }
  std::size_t size() const { return list_->size(); }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// ValueError when it does not exist.
  const M& operator[](std::string_view name) const {
    const M* found = find(name);
    if (found == nullptr) raise<ValueError>("ModuleDict: there is no module of this name", {}, name);
    return *found;
  }
  auto begin() const { return list_->cbegin(); }
  auto end() const { return list_->cend(); }

 private:
  const M* find(std::string_view name) const {
    for (const auto& [n, m] : *list_) {
      if (n == name) return &m;
    }
    return nullptr;
  }
  newtape::detail::SharedCell<std::vector<std::pair<std::string, M>>> list_ =
      std::make_shared<std::vector<std::pair<std::string, M>>>();
};

/// Parameters named "0", "1", ... by position. It has no forward.
class ParameterList : public Module<ParameterList> {
 public:
  ParameterList();
  ParameterList(std::initializer_list<Parameter> parameters);
  void push_back(const Parameter& parameter);
  std::size_t size() const { return list_->size(); }
  /// ValueError when it does not exist.
  const Parameter& operator[](std::size_t i) const;
  auto begin() const { return list_->cbegin(); }
  auto end() const { return list_->cend(); }

 private:
  newtape::detail::SharedCell<std::vector<Parameter>> list_;
};

/// Parameters by name, in the order of insertion. It has no forward.
class ParameterDict : public Module<ParameterDict> {
 public:
  ParameterDict();
  ParameterDict(std::initializer_list<std::pair<std::string, Parameter>> parameters);
  /// ValueError for a name that is empty, contains a dot or is taken.
  void insert(const std::string& name, const Parameter& parameter);
  std::size_t size() const { return list_->size(); }
  bool contains(std::string_view name) const;
  /// ValueError when it does not exist.
  const Parameter& operator[](std::string_view name) const;
  auto begin() const { return list_->cbegin(); }
  auto end() const { return list_->cend(); }

 private:
  newtape::detail::SharedCell<std::vector<std::pair<std::string, Parameter>>> list_;
};

}  // namespace newtape::nn
