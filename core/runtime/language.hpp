// SPDX-License-Identifier: BSD-3-Clause
// In an older C++ the headers would give hundreds of errors. A missing file ends a compilation at once.
#pragma once

#if defined(_MSVC_LANG) ? _MSVC_LANG < 202002L : __cplusplus < 202002L
#error "Newtape needs C++20: compile with -std=c++20, or set CMAKE_CXX_STANDARD to 20"
#include <newtape_needs_cxx20>
#endif
