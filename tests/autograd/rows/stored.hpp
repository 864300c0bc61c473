// SPDX-License-Identifier: BSD-3-Clause
// Samples whose operands and results NumPy, SciPy or PyTorch computed: see files/autograd/make_functions.py.
#pragma once

#include "autograd/rows/operands.hpp"

#include <set>
#include <string>
#include <vector>

namespace newtape::table {

/// A case of the file, and the call that gives its result.
struct StoredCase {
  std::string name;
  Call call;
};
std::vector<Sample> stored(const std::string& function, const std::vector<StoredCase>& cases);

/// The samples of both lists.
inline std::vector<Sample> joined(std::vector<Sample> a, const std::vector<Sample>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The cases that rows use, as function/case.
const std::set<std::string>& used_cases();
/// Those of the file.
std::set<std::string> stored_cases();

}  // namespace newtape::table
