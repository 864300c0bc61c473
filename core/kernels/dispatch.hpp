// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// Which instruction set the kernels run with. The files in isa/ are compiled once for each and must not include this:
// they only define, in namespace newtape::core::kernels::NEWTAPE_ISA, constant tables of function pointers, such as
//
//     extern const ReduceTable reduce;   // without `extern` a constant stays local to its file
//     const ReduceTable reduce = {...};
//
// and who calls them declares that table for each set (avx2 and avx512 below #if NEWTAPE_HAVE_X86_ISAS) and picks with
//
//     static const ReduceTable& table = select(baseline::reduce, avx2::reduce, avx512::reduce);

namespace newtape::core::kernels {

enum class Isa { baseline, avx2, avx512 };

/// The best one that was compiled and that the processor has.
Isa best_isa() noexcept;
/// best_isa(); the environment's NEWTAPE_ISA (baseline, avx2, avx512) can only lower it. Decided at the first call. A
/// build for one set only (CMake's NEWTAPE_ISAS) has no choice.
Isa isa() noexcept;

namespace baseline {}
#if !defined(NEWTAPE_HAVE_X86_ISAS)
namespace avx2 = baseline;
namespace avx512 = baseline;
#endif

template <class Table>
const Table& select(const Table& of_baseline, const Table& of_avx2, const Table& of_avx512) noexcept {
  const Isa chosen = isa();
  return chosen == Isa::avx512 ? of_avx512 : chosen == Isa::avx2 ? of_avx2 : of_baseline;
}

}  // namespace newtape::core::kernels
