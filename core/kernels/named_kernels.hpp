// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/kernel_types.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>

/// The elementwise kernels in isa/, by name.
namespace newtape::core::kernels {

/// A name as a template argument.
template <std::size_t size>
struct KernelName {
  char text[size];
  constexpr KernelName(const char (&s)[size]) { std::copy_n(s, size, text); }
  constexpr std::string_view view() const noexcept { return {text, size - 1}; }
};

/// The kernels listed under this name, for this machine's instruction set; std::logic_error unless there is exactly
/// one entry.
const Kernels& find_kernels(std::string_view name);

/// The same, searched for at the first call only.
template <KernelName name>
const Kernels& kernels_of() {
  static const Kernels& found = find_kernels(name.view());
  return found;
}

/// Whether `kernel` is one of arithmetic or logic, which cost about as much as their memory traffic.
bool is_memory_bound(Kernel kernel) noexcept;

}  // namespace newtape::core::kernels
