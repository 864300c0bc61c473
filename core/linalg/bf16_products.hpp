// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>

#include <cstdint>
#include <string>

/// Products of f32 matrices whose operands are rounded to bf16, with sums in f32: oneDNN's, on processors that have dot
/// products of bf16.
namespace newtape::core {

/// Whether this process can: the library was built with oneDNN's headers, finds oneDNN when it runs, the processor has
/// AVX-512's dot products of bf16, and a product for trial is right. Loads oneDNN when it is first called.
bool has_bf16_products();
/// Whose products they are, or why there are none.
std::string describe_bf16_products();

/// Whether `matmul` and `linear` of f32 matrices on this thread round their operands.
bool bf16_products() noexcept;

/// Sets that for a scope; without effect where has_bf16_products() is false.
class Bf16Products {
 public:
  explicit Bf16Products(bool on);
  ~Bf16Products();
  Bf16Products(const Bf16Products&) = delete;
  Bf16Products& operator=(const Bf16Products&) = delete;

 private:
  bool before_;
};

/// c [n, m] = init + a b, for a [n, k] and b [k, m]; `init` is null, c, or one row (`init_row` 0) for all. False, and
/// nothing is done, for a product that is too small to gain.
bool multiply_in_bf16(const Array& a, const Array& b, float* c, const float* init, std::int64_t init_row);

}  // namespace newtape::core
