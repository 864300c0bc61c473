// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>

/// The thread pool shared by kernels and BLAS.
namespace newtape {

/// Maximum number of threads per operation, including the caller. Initially NEWTAPE_NUM_THREADS, or else the number of
/// processors that the process may use: by its affinity mask, and by the quota of its control group, rounded down.
int num_threads() noexcept;
/// ValueError if n < 1.
void set_num_threads(int n);

namespace detail {

/// Calls body(context, begin, end) over [0, n) in pieces of about `grain`; serially if n <= grain, if one thread is
/// allowed, or inside another parallel_for. Rethrows the first exception.
void parallel_for(std::int64_t n, std::int64_t grain, void (*body)(void*, std::int64_t, std::int64_t), void* context);

template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, F&& f) {
  parallel_for(
      n, grain,
      [](void* c, std::int64_t begin, std::int64_t end) { (*static_cast<std::remove_reference_t<F>*>(c))(begin, end); },
      const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace detail
}  // namespace newtape
