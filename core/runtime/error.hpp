// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace newtape {

/// Errors in arguments. Messages state what failed, what was expected and what was given.
class ShapeError : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
class DTypeError : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
class ValueError : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Numerical failure: singular or indefinite matrix, no convergence.
class NumericalError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// A file cannot be read or written, or its contents are invalid.
class IoError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The three-line format of all error messages: `what`, then `expected: ...`, then `got: ...` (empty parts are
/// omitted).
std::string error_message(std::string_view what, std::string_view expected = {}, std::string_view got = {});

/// Throws `E` with that message.
template <class E>
[[noreturn]] void raise(std::string_view what, std::string_view expected = {}, std::string_view got = {}) {
  throw E(error_message(what, expected, got));
}

}  // namespace newtape
