// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/// Arithmetic with numbers below the normal ones (1.2e-38 in f32, 2.2e-308 in f64), which takes processors many times
/// longer.
namespace newtape {

/// Turns on that operations of this thread take such operands as 0 and give 0 instead of such results; off by default,
/// as IEEE 754 has it. It holds in the pool's threads, too, while they work for this thread, and so for BLAS and LAPACK;
/// other threads have a setting of their own, which on most systems threads take over from the one that starts them.
/// False, with nothing done, on processors without such a mode.
bool set_flush_denormal(bool on) noexcept;

/// Whether it is on in this thread.
bool flush_denormal() noexcept;

}  // namespace newtape
