# SPDX-License-Identifier: BSD-3-Clause
# Compiles for 64-bit ARM by Debian's g++-aarch64-linux-gnu, with the libraries in NEWTAPE_SYSROOT, and runs tests by
# qemu-user: tools/check_arm.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CXX_FLAGS_INIT -Wno-psabi)  # notes on what GCC 10 changed, and none of Newtape's ABI is older
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NEWTAPE_SYSROOT)
set(CMAKE_SYSROOT "${NEWTAPE_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Debian's links to a BLAS are made when packages are configured, which those of a foreign root are not.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L "${NEWTAPE_SYSROOT}"
  -E "LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu/openblas-pthread")
