// SPDX-License-Identifier: BSD-3-Clause
// Catch2 v2 needs its main compiled once; v3 brings one as a library.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
