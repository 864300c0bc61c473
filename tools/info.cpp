// SPDX-License-Identifier: BSD-3-Clause
// `./dev info`: what runs on this machine, and what keeps it from its speed.
#include <newtape/core/runtime/build_info.hpp>

#include <cstdio>

int main() { std::fputs(newtape::to_string(newtape::build_info()).c_str(), stdout); }
