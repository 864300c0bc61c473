// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/named_kernels.hpp>

#include <newtape/core/kernels/dispatch.hpp>

#include <span>
#include <stdexcept>
#include <string>

namespace newtape::core::kernels {

namespace {

std::span<const NamedKernels> entries(const KernelList& list) noexcept { return {list.first, list.count}; }

}  // namespace

const Kernels& find_kernels(std::string_view name) {
  const KernelList lists[] = {select<ArithmeticKernels>(), select<MathKernels>(), select<ActivationKernels>(),
                              select<LogicKernels>()};
  const Kernels* found = nullptr;
  for (const KernelList& list : lists) {
    for (const NamedKernels& entry : entries(list)) {
      if (name != entry.name) continue;
      if (found != nullptr) throw std::logic_error("two kernels in core/kernels/isa are named " + std::string(name));
      found = &entry.kernels;
    }
  }
  if (found == nullptr) throw std::logic_error("no kernel in core/kernels/isa is named " + std::string(name));
  return *found;
}

bool is_memory_bound(Kernel kernel) noexcept {
  const KernelList lists[] = {select<ArithmeticKernels>(), select<LogicKernels>()};
  for (const KernelList& list : lists) {
    for (const NamedKernels& entry : entries(list)) {
      for (const Kernel k : entry.kernels.of) {
        if (k == kernel) return true;
      }
    }
  }
  return false;
}

}  // namespace newtape::core::kernels
