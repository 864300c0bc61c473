// SPDX-License-Identifier: BSD-3-Clause
// libnewtape consists of the archives of its parts; CMake asks for a source of its own.
