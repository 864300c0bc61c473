// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <concepts>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace newtape {

/// A short list of integers (shape, strides, axes); up to six are stored inline, more on the heap.
class Dims {
 public:
  using value_type = std::int64_t;
  using size_type = std::size_t;

  Dims() noexcept = default;
  Dims(std::initializer_list<std::int64_t> list);  // not inline: scripts are full of shapes, and compile faster so
  explicit Dims(std::size_t n, std::int64_t value = 0) { resize(n, value); }
  template <std::forward_iterator It>
  Dims(It first, It last) {
    for (; first != last; ++first) push_back(static_cast<std::int64_t>(*first));
  }
  Dims(const Dims& other) { assign(other.data_, other.size_); }
  Dims(Dims&& other) noexcept { steal(other); }
  Dims& operator=(const Dims& other) {
    if (this != &other) assign(other.data_, other.size_);
    return *this;
  }
  Dims& operator=(Dims&& other) noexcept {
    if (this != &other) {
      release();
      steal(other);
    }
    return *this;
  }
  ~Dims() { release(); }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::int64_t* data() noexcept { return data_; }
  const std::int64_t* data() const noexcept { return data_; }
  std::int64_t* begin() noexcept { return data_; }
  std::int64_t* end() noexcept { return data_ + size_; }
  const std::int64_t* begin() const noexcept { return data_; }
  const std::int64_t* end() const noexcept { return data_ + size_; }
  std::int64_t& operator[](std::size_t i) noexcept { return data_[i]; }
  std::int64_t operator[](std::size_t i) const noexcept { return data_[i]; }
  std::int64_t back() const noexcept { return data_[size_ - 1]; }

  void push_back(std::int64_t v) {
    if (size_ == capacity_) grow(size_ + 1);
    data_[size_++] = v;
  }
  void resize(std::size_t n, std::int64_t value = 0) {
    if (n > capacity_) grow(n);
    for (std::size_t i = size_; i < n; ++i) data_[i] = value;
    size_ = static_cast<std::uint32_t>(n);
  }
  void insert(std::size_t at, std::int64_t v) {
    push_back(v);
    std::memmove(data_ + at + 1, data_ + at, (size_ - 1 - at) * sizeof(std::int64_t));
    data_[at] = v;
  }
  void erase(std::size_t at) {
    --size_;
    std::memmove(data_ + at, data_ + at + 1, (size_ - at) * sizeof(std::int64_t));
  }

  friend bool operator==(const Dims& a, const Dims& b) noexcept {
    if (a.size_ != b.size_) return false;
    for (std::uint32_t i = 0; i < a.size_; ++i) {  // a few elements: faster than a call of memcmp
      if (a.data_[i] != b.data_[i]) return false;
    }
    return true;
  }

 private:
  static constexpr std::uint32_t inline_capacity = 6;

  void assign(const std::int64_t* from, std::size_t n) {
    if (n > capacity_) grow(n);
    if (n > 0) std::memmove(data_, from, n * sizeof(std::int64_t));
    size_ = static_cast<std::uint32_t>(n);
  }
  void grow(std::size_t n) {
    const std::size_t twice = 2 * std::size_t{capacity_};
    const std::size_t capacity = n > twice ? n : twice;
    auto* bigger = new std::int64_t[capacity];
    std::memcpy(bigger, data_, size_ * sizeof(std::int64_t));
    if (data_ != inline_) delete[] data_;
    data_ = bigger;
    capacity_ = static_cast<std::uint32_t>(capacity);
  }
  void steal(Dims& other) noexcept {
    if (other.data_ == other.inline_) {
      size_ = other.size_;
      for (std::uint32_t i = 0; i < size_; ++i) inline_[i] = other.inline_[i];
    } else {
      data_ = other.data_;
      size_ = other.size_;
      capacity_ = other.capacity_;
      other.data_ = other.inline_;
      other.capacity_ = inline_capacity;
    }
    other.size_ = 0;
  }
  void release() noexcept {
    if (data_ != inline_) delete[] data_;
    data_ = inline_;
    capacity_ = inline_capacity;
    size_ = 0;
  }

  std::int64_t* data_ = inline_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = inline_capacity;
  std::int64_t inline_[inline_capacity] = {};
};

using Shape = Dims;
using Strides = Dims;

/// The axes that a function works on: one (`1`, `-1`), several (`{0, 2}`), or all of them (the default). Negative axes
/// count from the last. The constructors and the destructor are not inline: every reduction in a script calls them.
class Axes {
 public:
  Axes() noexcept;
  Axes(std::integral auto axis) : Axes({static_cast<std::int64_t>(axis)}) {}
  Axes(std::initializer_list<std::int64_t> axes);
  Axes(Dims axes) : dims_(std::move(axes)), all_(false) {}
  Axes(const Axes&) = default;
  Axes(Axes&&) noexcept = default;
  Axes& operator=(const Axes&) = default;
  Axes& operator=(Axes&&) noexcept = default;
  ~Axes();

  bool all() const noexcept { return all_; }
  /// Sorted, distinct axes in [0, ndim); errors name `op`. Of an array without axes, 0 and -1 are accepted, and stand
  /// for none.
  Dims normalized(std::string_view op, std::size_t ndim) const;

 private:
  Dims dims_;
  bool all_ = true;
};

/// `axis` in [0, ndim), negative ones counted from the last; ShapeError naming `op` when out of range.
std::size_t normalize_axis(std::string_view op, std::int64_t axis, std::size_t ndim);

/// Number of elements of an array of this shape; 2^63 - 1, more than any array has, when it is larger.
inline std::int64_t element_count(const Shape& shape) noexcept {
  std::int64_t n = 1;
  bool overflow = false;
  bool empty = false;
  for (const auto d : shape) {
    overflow |= __builtin_mul_overflow(n, d, &n);
    empty |= d == 0;
  }
  return empty ? 0 : overflow ? INT64_MAX : n;
}

/// The strides, in elements, of a C-contiguous array.
Strides contiguous_strides(const Shape& shape);

/// The common shape of two operands by NumPy's broadcasting rules; ShapeError naming `op` if they are incompatible.
Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b);

/// `[2, 3]`.
std::string to_string(const Dims& dims);

}  // namespace newtape
