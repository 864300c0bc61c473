// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

/// Transposes and optimizer updates selected for this machine.
namespace newtape::core::kernels {

struct UpdateTable;  // update_rules.hpp

namespace baseline {
extern const TransposeTable move;
extern const UpdateTable update;
}  // namespace baseline
#if defined(NEWTAPE_HAVE_X86_ISAS)
namespace avx2 {
extern const TransposeTable move;
extern const UpdateTable update;
}  // namespace avx2
namespace avx512 {
extern const TransposeTable move;
extern const UpdateTable update;
}  // namespace avx512
#endif

struct Tables {
  const TransposeTable& move;
  const UpdateTable& update;
};

inline const Tables& tables() noexcept {
  static const Tables chosen{select(baseline::move, avx2::move, avx512::move),
                             select(baseline::update, avx2::update, avx512::update)};
  return chosen;
}

}  // namespace newtape::core::kernels
