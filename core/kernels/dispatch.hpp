// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <type_traits>

// Which instruction set the kernels run with. The files in isa/ are compiled once for each and must not include this:
// they only define constant tables of function pointers, of which a struct declares one for each set:
//
//     struct ScanTable {                                               // core/kernels/scan.hpp
//       ScanKernels cumsum, cumprod;
//       static const ScanTable baseline, avx2, avx512;
//     };
//     constinit const ScanTable ScanTable::NEWTAPE_ISA{.cumsum = ..};  // core/kernels/isa/scan.cpp
//
// and select<ScanTable>() is that of this machine.

namespace newtape::core::kernels {

enum class Isa { baseline, avx2, avx512 };

/// The best one that was compiled and that the processor has.
Isa best_isa() noexcept;
/// best_isa(); the environment's NEWTAPE_ISA (baseline, avx2, avx512) can only lower it. Decided at the first call. A
/// build for one set only (CMake's NEWTAPE_ISAS) has no choice.
Isa isa() noexcept;

/// The table of one of the sets that were compiled. NEWTAPE_HAVE_X86_ISAS is defined for core and its tests only, which
/// alone may call this.
template <class Table>
const Table& table_for([[maybe_unused]] Isa set) noexcept {
#if defined(NEWTAPE_HAVE_X86_ISAS)
  if (set == Isa::avx512) return Table::avx512;
  if (set == Isa::avx2) return Table::avx2;
#endif
  return Table::baseline;
}

template <class Table>
const Table& select() noexcept {
  static const Table& chosen = table_for<Table>(isa());
  return chosen;
}

/// Its part for elements of type T, of tables with members f32, f64 and perhaps i64.
template <class Tables, class T>
const auto& select() noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return select<Tables>().f32;
  } else if constexpr (std::is_same_v<T, double>) {
    return select<Tables>().f64;
  } else {
    return select<Tables>().i64;
  }
}

}  // namespace newtape::core::kernels
