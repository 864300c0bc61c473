// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

/// The elementwise kernels selected for this machine.
namespace newtape::core::kernels {

struct UpdateTable;  // update_rules.hpp

namespace baseline {
extern const ArithmeticTable arithmetic;
extern const MathTable math;
extern const ActivationTable activation;
extern const LogicTable logic;
extern const MoveTable move;
extern const UpdateTable update;
}  // namespace baseline
#if defined(NEWTAPE_HAVE_X86_ISAS)
namespace avx2 {
extern const ArithmeticTable arithmetic;
extern const MathTable math;
extern const ActivationTable activation;
extern const LogicTable logic;
extern const MoveTable move;
extern const UpdateTable update;
}  // namespace avx2
namespace avx512 {
extern const ArithmeticTable arithmetic;
extern const MathTable math;
extern const ActivationTable activation;
extern const LogicTable logic;
extern const MoveTable move;
extern const UpdateTable update;
}  // namespace avx512
#endif

struct Tables {
  const ArithmeticTable& arithmetic;
  const MathTable& math;
  const ActivationTable& activation;
  const LogicTable& logic;
  const MoveTable& move;
  const UpdateTable& update;
};

inline const Tables& tables() noexcept {
  static const Tables chosen{select(baseline::arithmetic, avx2::arithmetic, avx512::arithmetic),
                             select(baseline::math, avx2::math, avx512::math),
                             select(baseline::activation, avx2::activation, avx512::activation),
                             select(baseline::logic, avx2::logic, avx512::logic),
                             select(baseline::move, avx2::move, avx512::move),
                             select(baseline::update, avx2::update, avx512::update)};
  return chosen;
}

}  // namespace newtape::core::kernels
