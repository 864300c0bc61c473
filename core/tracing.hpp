// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Whether elementwise functions on this thread are being recorded (trace.hpp) instead of carried out.
namespace newtape::core {

class Trace;

namespace detail {
extern constinit thread_local Trace* current_trace;
}

/// The trace that records on this thread, or null.
inline Trace* tracing() noexcept { return detail::current_trace; }

/// ValueError: the function that is being traced has done something that is not elementwise.
[[noreturn]] void refuse_in_trace(const char* what);

}  // namespace newtape::core
