// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>

namespace newtape::inspect::detail {

/// Restores this thread's default generator at the end of a scope.
class DefaultGeneratorScope {
 public:
  DefaultGeneratorScope() : before_(default_generator()) {}
  /// The default generator is a copy of `generator` for the scope.
  explicit DefaultGeneratorScope(const Generator& generator) : before_(default_generator()) {
    default_generator() = generator;
  }
  ~DefaultGeneratorScope() { default_generator() = before_; }
  DefaultGeneratorScope(const DefaultGeneratorScope&) = delete;
  DefaultGeneratorScope& operator=(const DefaultGeneratorScope&) = delete;

 private:
  Generator before_;
};

}  // namespace newtape::inspect::detail
