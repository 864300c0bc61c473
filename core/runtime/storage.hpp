// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/allocator.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace newtape::detail {

/// Intrusive reference-counted pointer without a vtable. `Base`, T or a base class of it, has a member `refs_` and a
/// static `release(Base*)` that drops one reference (see release_counted), not inline to keep user code fast to compile.
/// Only `get` and the dereference operators need T to be complete if Base is another class.
template <class T, class Base = T>
class Ref {
 public:
  Ref() noexcept = default;
  /// Takes ownership of one reference held by the caller.
  static Ref adopt(Base* p) noexcept {
    Ref r;
    r.p_ = p;
    return r;
  }
  explicit Ref(Base* p) noexcept : p_(p) { retain(); }
  Ref(const Ref& o) noexcept : p_(o.p_) { retain(); }
  Ref(Ref&& o) noexcept : p_(o.p_) { o.p_ = nullptr; }
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() {
    if (p_ != nullptr) Base::release(p_);
  }

  T* get() const noexcept { return static_cast<T*>(p_); }
  T* operator->() const noexcept { return get(); }
  T& operator*() const noexcept { return *get(); }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  bool unique() const noexcept { return p_ != nullptr && p_->refs_.load(std::memory_order_acquire) == 1; }

 private:
  void retain() noexcept {
    if (p_ != nullptr) p_->refs_.fetch_add(1, std::memory_order_relaxed);
  }
  Base* p_ = nullptr;
};

/// Drops one reference to `p`, counted in `refs`; calls `destroy` if it was the last.
template <class T, class Destroy>
void release_counted(std::atomic<std::uint32_t>& refs, T* p, Destroy destroy) noexcept {
  // A unique owner needs no locked instruction: no other thread can reach the object.
  if (refs.load(std::memory_order_acquire) == 1 || refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(p);
}

/// A block of memory shared by arrays: a header directly before its data, or the owner of a foreign buffer.
struct Storage {
  std::atomic<std::uint32_t> refs_{1};
  std::size_t bytes = 0;
  void* data = nullptr;
  void (*free_foreign)(void* owner) = nullptr;  ///< set if `owner` owns the data
  void* owner = nullptr;
  bool lent = false;  ///< the data is the user's and must not be overwritten

  static Ref<Storage> allocate(std::size_t bytes);
  static Ref<Storage> adopt(void* data, std::size_t bytes, void* owner, void (*free_foreign)(void*));
  static void release(Storage* s) noexcept;
};

}  // namespace newtape::detail
