// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Whether elementwise functions on this thread are being recorded (trace.hpp) instead of carried out.
namespace newtape::core {

class Recorder;

namespace detail {
extern constinit thread_local Recorder* current_recorder;
}

/// The trace that records on this thread, or null.
inline Recorder* recorder() noexcept { return detail::current_recorder; }

/// ValueError: the function that is being traced has done something that is not elementwise.
[[noreturn]] void refuse_in_recording(const char* what);

}  // namespace newtape::core
