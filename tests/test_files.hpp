// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

/// The folder tests/files.
std::string test_files();
