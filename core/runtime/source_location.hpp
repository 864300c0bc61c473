// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <string>
#include <utility>

namespace newtape {

/// A line of source code. As a default argument, `SourceLocation::current()` is the line of the call.
struct SourceLocation {
  const char* file = "";
  unsigned line = 0;

  /// The line of the call, or of the call of a function that has it as a default argument.
  static constexpr SourceLocation current(const char* file = __builtin_FILE(),
                                          unsigned line = __builtin_LINE()) noexcept {
    return {file, line};
  }
  /// Whether it is a line.
  constexpr bool known() const noexcept { return line != 0; }
};

/// `train.cpp:42`, without the folders.
std::string to_string(SourceLocation location);

namespace detail {
extern constinit thread_local SourceLocation call_site;
}

/// The line of the user's call for a scope of a function that consists of operations, such as a loss or a layer:
/// operations within it are recorded at that line, and errors that leave it name it. Within another call site the
/// outermost function counts.
class CallSite {
 public:
  explicit CallSite(SourceLocation location) noexcept
      : CallSite(Exactly(), detail::call_site.known() ? detail::call_site : location) {}
  ~CallSite();
  CallSite(const CallSite&) = delete;
  CallSite& operator=(const CallSite&) = delete;

 protected:
  struct Exactly {};
  CallSite(Exactly, SourceLocation location) noexcept
      : before_(std::exchange(detail::call_site, location)), location_(location) {}

 private:
  SourceLocation before_, location_;
};

/// Suspends the call site while a function calls user code, whose own lines count then.
class UserCode : CallSite {
 public:
  UserCode() noexcept : CallSite(Exactly(), {}) {}
};

}  // namespace newtape
