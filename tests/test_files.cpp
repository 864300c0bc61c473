// SPDX-License-Identifier: BSD-3-Clause
#include "test_files.hpp"

std::string test_files() { return NEWTAPE_TEST_FILES; }
