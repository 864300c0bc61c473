// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/source_location.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace newtape {

namespace detail {
/// Whether an error of this thread is propagating whose message lacks the line of the user's call.
extern constinit thread_local bool error_in_flight;
/// The text of a new error. Sets `error_in_flight` unless the message has a line already.
std::shared_ptr<const std::string> error_in_flight_text(const std::string& message);
/// Called when an operand or a call site goes out of scope while `error_in_flight` is set. Adds the line to the error
/// that is propagating and clears the flag, unless the line is in the library; if none propagates, only clears it.
void locate_error(SourceLocation at) noexcept;

/// An error to whose message locate_error may add the line of the user's call.
template <class Base>
class LocatedError : public Base {
 public:
  explicit LocatedError(const std::string& message) : Base(message), text_(error_in_flight_text(message)) {}
  const char* what() const noexcept override { return text_->c_str(); }

 private:
  std::shared_ptr<const std::string> text_;  // shared by all copies
};
}  // namespace detail

/// An argument has an unsuitable shape or axis. As those of the other errors, the message states what failed, what was
/// expected, what was given, and where the call was.
class ShapeError : public detail::LocatedError<std::invalid_argument> {
  using LocatedError::LocatedError;
};
/// An argument has an unsuitable dtype, or two have different ones.
class DTypeError : public detail::LocatedError<std::invalid_argument> {
  using LocatedError::LocatedError;
};
/// An argument has an unsuitable value.
class ValueError : public detail::LocatedError<std::invalid_argument> {
  using LocatedError::LocatedError;
};

/// Numerical failure: singular or indefinite matrix, no convergence.
class NumericalError : public detail::LocatedError<std::runtime_error> {
  using LocatedError::LocatedError;
};
/// A file cannot be read or written, or its contents are invalid.
class IoError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The format of all error messages: `what`, then `expected: ...`, then `got: ...` (empty parts are omitted). The line of
/// the user's call is added where it is known.
std::string error_message(std::string_view what, std::string_view expected = {}, std::string_view got = {});

/// Throws `E` with that message.
template <class E>
[[noreturn]] void raise(std::string_view what, std::string_view expected = {}, std::string_view got = {}) {
  throw E(error_message(what, expected, got));
}

}  // namespace newtape
