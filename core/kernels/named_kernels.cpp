// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/named_kernels.hpp>

#include <newtape/core/kernels/dispatch.hpp>

#include <span>
#include <stdexcept>
#include <string>

namespace newtape::core::kernels {

namespace baseline {
extern const KernelList arithmetic, math, activation, logic;
}
#if defined(NEWTAPE_HAVE_X86_ISAS)
namespace avx2 {
extern const KernelList arithmetic, math, activation, logic;
}
namespace avx512 {
extern const KernelList arithmetic, math, activation, logic;
}
#endif

namespace {

std::span<const NamedKernels> entries(const KernelList& list) noexcept { return {list.first, list.count}; }

struct Lists {
  const KernelList& arithmetic;
  const KernelList& math;
  const KernelList& activation;
  const KernelList& logic;
};
const Lists& lists() noexcept {
  static const Lists chosen{select(baseline::arithmetic, avx2::arithmetic, avx512::arithmetic),
                            select(baseline::math, avx2::math, avx512::math),
                            select(baseline::activation, avx2::activation, avx512::activation),
                            select(baseline::logic, avx2::logic, avx512::logic)};
  return chosen;
}

}  // namespace

const Kernels& find_kernels(std::string_view name) {
  const Lists& all = lists();
  const Kernels* found = nullptr;
  for (const KernelList* list : {&all.arithmetic, &all.math, &all.activation, &all.logic}) {
    for (const NamedKernels& entry : entries(*list)) {
      if (name != entry.name) continue;
      if (found != nullptr) throw std::logic_error("two kernels in core/kernels/isa are named " + std::string(name));
      found = &entry.kernels;
    }
  }
  if (found == nullptr) throw std::logic_error("no kernel in core/kernels/isa is named " + std::string(name));
  return *found;
}

bool is_memory_bound(Kernel kernel) noexcept {
  const Lists& all = lists();
  for (const KernelList* list : {&all.arithmetic, &all.logic}) {
    for (const NamedKernels& entry : entries(*list)) {
      for (const Kernel k : entry.kernels.of) {
        if (k == kernel) return true;
      }
    }
  }
  return false;
}

}  // namespace newtape::core::kernels
