// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <memory>
#include <utility>

namespace newtape::detail {

/// Throws the ValueError of an undefined operand: see array.hpp.
[[noreturn]] void undefined_array();

/// Whether a CloneScope exists on this thread.
extern constinit thread_local bool cloning;

/// A scope on this thread in which copies of handles refer to clones: see nn::clone.
class CloneScope {
 public:
  CloneScope();
  ~CloneScope();
  CloneScope(const CloneScope&) = delete;
  CloneScope& operator=(const CloneScope&) = delete;

  /// The clone of the object at `original` in the scope of this thread, empty when there is none yet.
  static std::shared_ptr<void>& clone_at(const void* original);

 private:
  void* outer_;
};

/// How an object is cloned: by its copy constructor, within which handles are cloned too.
template <class T>
std::shared_ptr<T> make_clone(const T& original) {
  return std::make_shared<T>(original);
}

/// A shared pointer behind a handle such as Parameter. Copies share the object; within a CloneScope they share its one
/// clone instead. A default-constructed or moved-from one is empty, and throws when it is dereferenced.
template <class T>
class SharedCell {
 public:
  SharedCell() noexcept = default;
  SharedCell(std::shared_ptr<T> object) noexcept : object_(std::move(object)) {}
  SharedCell(const SharedCell& other) : object_(cloning ? clone_of(other.object_) : other.object_) {}
  SharedCell(SharedCell&&) noexcept = default;
  SharedCell& operator=(SharedCell other) noexcept {
    object_ = std::move(other.object_);
    return *this;
  }
  ~SharedCell() = default;

  T* get() const noexcept { return object_.get(); }
  std::weak_ptr<T> weak() const noexcept { return object_; }
  /// ValueError when it is empty.
  T& operator*() const {
    if (object_ == nullptr) [[unlikely]]
      undefined_array();
    return *object_;
  }
  T* operator->() const { return &**this; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const SharedCell& a, const SharedCell& b) noexcept { return a.object_ == b.object_; }
  friend bool operator==(const SharedCell& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }

 private:
  static std::shared_ptr<T> clone_of(const std::shared_ptr<T>& original) {
    if (original == nullptr) return nullptr;
    if (const auto& known = CloneScope::clone_at(original.get())) return std::static_pointer_cast<T>(known);
    std::shared_ptr<T> clone = make_clone(*original);
    CloneScope::clone_at(original.get()) = clone;
    return clone;
  }

  std::shared_ptr<T> object_;
};

}  // namespace newtape::detail
