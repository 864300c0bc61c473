// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <fstream>
#include <optional>
#include <string>

/// Whether figures of the process's memory say anything about the library: sanitizers keep freed memory back to find
/// late uses of it, and add shadow memory of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool memory_is_measurable = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool memory_is_measurable = false;
#else
inline constexpr bool memory_is_measurable = true;
#endif
#else
inline constexpr bool memory_is_measurable = true;
#endif

/// By how many bytes the largest resident memory of this process has grown since construction.
class PeakMemory {
 public:
  PeakMemory() {
    if (!memory_is_measurable) return;
    std::ofstream("/proc/self/clear_refs") << 5 << std::flush;  // the largest size begins anew
    const auto now = status("VmRSS:");
    const auto peak = status("VmHWM:");
    if (now && peak && *peak <= *now + (1 << 20)) before_ = now;
  }

  /// Bytes; nothing under a sanitizer, or where the system does not let a process begin its largest size anew.
  std::optional<double> growth() const {
    if (!before_) return std::nullopt;
    const auto peak = status("VmHWM:");
    if (!peak) return std::nullopt;
    return *peak - *before_;
  }

 private:
  static std::optional<double> status(const std::string& key) {
    std::ifstream file("/proc/self/status");
    double kilobytes = 0;
    for (std::string word; file >> word;) {
      if (word == key && file >> kilobytes) return 1024 * kilobytes;
    }
    return std::nullopt;
  }

  std::optional<double> before_;
};
