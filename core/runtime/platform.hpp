// SPDX-License-Identifier: BSD-3-Clause
// What the operating system is asked for. Elsewhere than on POSIX systems a portable answer takes its place.
#pragma once

#include <string>

namespace newtape::platform {

/// The processors that this process may use: those of its affinity mask, and no more than the quota of its control group
/// (rounded down: a thread beyond the quota makes all of them wait). At least 1.
int available_processors() noexcept;

/// The quota of processor time in processors, as control groups (v1 or v2) mounted at `root` limit the process whose groups
/// `groups` lists, in the format of /proc/self/cgroup; 0 without a limit.
double processor_quota(const char* groups, const char* root) noexcept;

/// Of this process; null removes it. Not safe while other threads read the environment.
void set_environment(const char* name, const char* value) noexcept;

/// Path of the program or shared library that contains `address`; empty if unknown.
std::string object_path(const void* address);

}  // namespace newtape::platform
