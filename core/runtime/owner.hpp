// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace newtape::detail {

/// Throws the ValueError of an undefined operand: see array.hpp.
[[noreturn]] void undefined_array();

/// The object at a pointer; ValueError when there is none, as in a class that was moved from.
template <class T>
T& existing(T* object) {
  if (object == nullptr) [[unlikely]]
    undefined_array();
  return *object;
}

/// The one owner of an object on the heap: std::unique_ptr for private members of public classes. It has no deleter to
/// store and nothing to constrain; with libstdc++ a unique_ptr costs every script that includes its class 0.6 % of the
/// time to compile. T may be incomplete where the owner's constructors and destructor are not called. A moved-from one
/// throws when it is dereferenced.
template <class T>
class Owner {
 public:
  Owner() = default;
  explicit Owner(T* object) noexcept : object_(object) {}
  template <class U>
  Owner(std::unique_ptr<U> object) noexcept : object_(object.release()) {}
  Owner(Owner&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owner& operator=(Owner&& other) noexcept {
    Owner taken(std::move(other));
    std::swap(object_, taken.object_);
    return *this;
  }
  ~Owner() {
    static_assert(sizeof(T) > 0, "the destructor needs the complete type");
    delete object_;
  }

  T* get() const noexcept { return object_; }
  T& operator*() const { return existing(object_); }
  T* operator->() const { return &existing(object_); }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const Owner& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }

 private:
  T* object_ = nullptr;
};

/// A std::shared_ptr for private members of public classes: a moved-from one throws when it is dereferenced.
template <class T>
class Shared {
 public:
  Shared() = default;
  Shared(std::shared_ptr<T> object) noexcept : object_(std::move(object)) {}

  std::weak_ptr<T> weak() const noexcept { return object_; }
  T& operator*() const { return existing(object_.get()); }
  T* operator->() const { return &existing(object_.get()); }
  friend bool operator==(const Shared& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }

 private:
  std::shared_ptr<T> object_;
};

}  // namespace newtape::detail
