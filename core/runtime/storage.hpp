// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/allocator.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace newtape::detail {

/// Counted references without a vtable: `T` has a member `refs_` and a static `release(T*)`, which gives one reference
/// back (see release_counted). That is no inline function: scripts are full of temporaries, and compile faster so.
template <class T>
class Ref {
 public:
  Ref() noexcept = default;
  /// Takes over one reference that the caller holds.
  static Ref adopt(T* p) noexcept {
    Ref r;
    r.p_ = p;
    return r;
  }
  explicit Ref(T* p) noexcept : p_(p) { retain(); }
  Ref(const Ref& o) noexcept : p_(o.p_) { retain(); }
  Ref(Ref&& o) noexcept : p_(o.p_) { o.p_ = nullptr; }
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() {
    if (p_ != nullptr) T::release(p_);
  }

  T* get() const noexcept { return p_; }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  bool unique() const noexcept { return p_ != nullptr && p_->refs_.load(std::memory_order_acquire) == 1; }

 private:
  void retain() noexcept {
    if (p_ != nullptr) p_->refs_.fetch_add(1, std::memory_order_relaxed);
  }
  T* p_ = nullptr;
};

/// Gives back one reference to `p`, counted in `refs`; `destroy` ends it when that was the last.
template <class T, class Destroy>
void release_counted(std::atomic<std::uint32_t>& refs, T* p, Destroy destroy) noexcept {
  // The last owner needs no locked instruction: nobody else can reach the object any more.
  if (refs.load(std::memory_order_acquire) == 1 || refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(p);
}

/// A block of memory that arrays share. It stands in front of its own data, or owns somebody else's buffer.
struct Storage {
  std::atomic<std::uint32_t> refs_{1};
  std::size_t bytes = 0;
  void* data = nullptr;
  void (*free_foreign)(void* owner) = nullptr;  ///< set when the data belong to `owner`
  void* owner = nullptr;

  static Ref<Storage> allocate(std::size_t bytes);
  static Ref<Storage> adopt(void* data, std::size_t bytes, void* owner, void (*free_foreign)(void*));
  static void release(Storage* s) noexcept;
};

}  // namespace newtape::detail
