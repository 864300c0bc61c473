// SPDX-License-Identifier: BSD-3-Clause
// The version, for the preprocessor; CMake reads it from here. Releases 0.x keep the interface of sources and of the
// shared library (SONAME libnewtape.so.0.x) within one minor version.
#pragma once

#define NEWTAPE_VERSION_MAJOR 0
#define NEWTAPE_VERSION_MINOR 1
#define NEWTAPE_VERSION_PATCH 0
/// Comparable: 10000 * major + 100 * minor + patch.
#define NEWTAPE_VERSION (NEWTAPE_VERSION_MAJOR * 10000 + NEWTAPE_VERSION_MINOR * 100 + NEWTAPE_VERSION_PATCH)
