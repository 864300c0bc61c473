// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace newtape::optim {

/// ValueError naming `option` of `optimizer` unless it is in [low, high), or when it is NaN.
void check_option(const char* optimizer, const char* option, double value, double low, double high);
/// The same for [0, inf).
void check_option(const char* optimizer, const char* option, double value);
/// ValueError naming `what` unless `value` is in [low, high), or when it is NaN.
void check_option(const char* what, double value, double low, double high);

}  // namespace newtape::optim
