# SPDX-License-Identifier: BSD-3-Clause
# tests/fuzz/NAME.cpp becomes fuzz_NAME, a libFuzzer program: `./dev fuzz` runs them. Clang only.
file(GLOB fuzz_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/*.cpp")
foreach(source ${fuzz_sources})
  cmake_path(GET source STEM name)
  add_executable(fuzz_${name} ${source})
  newtape_own_flags(fuzz_${name})
  # Only what the reader needs: with sanitizers the rest takes minutes to build.
  target_link_libraries(fuzz_${name} PRIVATE $<IF:$<STREQUAL:${name},onnx>,newtape_onnx,newtape_data>)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endforeach()
