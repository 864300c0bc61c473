// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/check/differences.hpp>

#include <string>

namespace newtape::detail {

/// The operation at whose operand the cotangents of the checked function, or else of the derivative that is checked, jump
/// where the entry `e` is passed: its name and source line and the operand's entry. Empty where none is found, or where
/// other operations are recorded on both sides.
std::string operation_at_kink(CheckedFunction& f, const Site& site, const CheckedEntry& e);

}  // namespace newtape::detail
