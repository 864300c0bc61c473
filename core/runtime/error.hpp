// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace newtape {

/// The caller's mistakes. Every message says what was asked, what was expected and what came.
class ShapeError : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
class DTypeError : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
class ValueError : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// The numbers' fault: singular, not positive definite, no convergence.
class NumericalError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// A file that cannot be read or written, or that does not hold what it should.
class IoError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The three-line message of all our errors: `what`, then `expected: ...`, then `got: ...` (empty parts are left out).
std::string describe(std::string_view what, std::string_view expected = {}, std::string_view got = {});

/// Throws `E` with the message of `describe`.
template <class E>
[[noreturn]] void raise(std::string_view what, std::string_view expected = {}, std::string_view got = {}) {
  throw E(describe(what, expected, got));
}

}  // namespace newtape
