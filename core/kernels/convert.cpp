// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/convert.hpp>

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/named_kernels.hpp>

namespace newtape::core::kernels {

namespace {

const ConvertTable& table() { return select<ConvertTable>(); }

/// The number among the storage dtypes.
std::size_t stored(DType t) noexcept { return static_cast<std::size_t>(t) - static_cast<std::size_t>(u8); }

const Kernels& computed_casts(DType to) {
  switch (to) {
    case f32: return kernels_of<"cast_to_f32">();
    case f64: return kernels_of<"cast_to_f64">();
    case i64: return kernels_of<"cast_to_i64">();
    default: return kernels_of<"cast_to_boolean">();
  }
}

/// Copies elements of t's size.
Kernel copy_kernel(DType t) {
  switch (item_size(t)) {
    case 1: return kernels_of<"cast_to_boolean">().of[static_cast<int>(boolean)];
    case 2: return table().copy_2_bytes;
    case 4: return kernels_of<"cast_to_f32">().of[static_cast<int>(f32)];
    default: return kernels_of<"cast_to_i64">().of[static_cast<int>(i64)];
  }
}

/// One kernel from `from` to `to`, or null.
Kernel direct(DType from, DType to) {
  const auto is_float = [](DType t) { return is_floating(t) || is_half(t); };
  if (from == to) return copy_kernel(to);
  if (!is_storage(from) && !is_storage(to)) return computed_casts(to).of[static_cast<int>(from)];
  // Integers and booleans of one size have the same bits.
  if (item_size(from) == item_size(to) && !is_float(from) && !is_float(to) && to != boolean) return copy_kernel(to);
  if (is_storage(from) && to == f32) return table().to_f32[stored(from)];
  if (is_storage(from) && !is_half(from) && to == i64) return table().to_i64[stored(from)];
  if (from == u64 && to == f64) return table().u64_to_f64;
  if (from == f64 && to == u64) return table().f64_to_u64;
  if (from == i64 && is_integer(to)) return table().from_i64[item_size(to) / 2];
  if (from == f32 && is_half(to)) return table().f32_to_half[stored(to) - stored(f16)];
  if (from == f64 && is_half(to)) return table().f64_to_half[stored(to) - stored(f16)];
  return nullptr;
}

/// The dtype after the first of several steps: it holds all values of `from`, or all that `to` can hold.
DType first_step(DType from, DType to) {
  if (is_half(from)) return f32;
  if (from == f32 && to == u64) return f64;
  if ((from == i64 || from == u64) && is_half(to)) return f64;
  return i64;
}

}  // namespace

Kernel by_size(const Kernels& k, Kernel two_bytes, DType t) noexcept {
  switch (item_size(t)) {
    case 1: return k.of[static_cast<int>(boolean)];
    case 2: return two_bytes;
    case 4: return k.of[static_cast<int>(f32)];
    default: return k.of[static_cast<int>(i64)];
  }
}

Conversion conversion(DType from, DType to) {
  Conversion c{};
  while (true) {
    const Kernel last = direct(from, to);
    const DType next = last != nullptr ? to : first_step(from, to);
    c.kernels[c.count] = last != nullptr ? last : direct(from, next);
    c.via[c.count++] = next;
    if (last != nullptr) return c;
    from = next;
  }
}

}  // namespace newtape::core::kernels
