// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Whether elementwise functions on this thread are recorded (recorder.hpp) instead of executed.
namespace newtape::core {

class Recorder;

namespace detail {
extern constinit thread_local Recorder* current_recorder;
}

/// The recorder active on this thread, or null.
inline Recorder* recorder() noexcept { return detail::current_recorder; }

/// ValueError: the function being recorded did something that is not elementwise.
[[noreturn]] void refuse_in_recording(const char* what);

}  // namespace newtape::core
