// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>

#include <string_view>
#include <unordered_map>

namespace newtape::detail {

/// Validates a state dictionary against the expected entries; collects every mismatch so that one error can report them
/// all before anything is changed.
class StateReader {
 public:
  /// Considers only the names that start with `prefix`.
  StateReader(const NamedArrays& state, std::string_view prefix);

  bool contains(const std::string& name) const { return entries_.count(prefix_ + name) != 0; }
  /// The array of this name with this dtype and shape; undefined, with the mismatch recorded, if there is none.
  /// With `convert`, floats of any dtype become `dtype` if it is a float or f16 or bf16, and integers an integer dtype.
  Array take(const std::string& name, DType dtype, const Shape& shape, bool convert = false);
  /// Records another reason why an entry is rejected.
  void reject(const std::string& name, std::string_view reason);

  const std::vector<std::string>& missing() const noexcept { return missing_; }
  /// Names that `take` did not request.
  std::vector<std::string> unexpected() const;
  /// ValueError listing all mismatches; missing and unexpected names count only if `strict`.
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
