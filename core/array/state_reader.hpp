// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <string_view>
#include <unordered_map>

namespace newtape::detail {

/// Looks up what a state should consist of, and notes everything that does not fit, so that one error can name it all
/// before anything is changed.
class StateReader {
 public:
  /// Sees only the names that start with `prefix`.
  StateReader(const NamedArrays& state, std::string_view prefix);

  bool contains(const std::string& name) const { return entries_.count(prefix_ + name) != 0; }
  /// The array of this name, which must have this dtype and shape; undefined, with a note, when there is none such.
  Array take(const std::string& name, DType dtype, const Shape& shape);
  /// Notes another reason why an entry does not fit.
  void reject(const std::string& name, std::string_view reason);

  const std::vector<std::string>& missing() const noexcept { return missing_; }
  /// Names that nobody took.
  std::vector<std::string> unexpected() const;
  /// ValueError naming all that did not fit; missing and unexpected names count only when `strict`.
  void finish(std::string_view what, bool strict) const;

 private:
  struct Entry {
    Array value;
    bool taken = false;
  };
  std::string prefix_;
  std::vector<std::string> order_;
  std::unordered_map<std::string, Entry> entries_;
  std::vector<std::string> missing_;
  std::vector<std::string> wrong_;
};

}  // namespace newtape::detail
