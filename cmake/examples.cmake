# SPDX-License-Identifier: BSD-3-Clause
# examples/NN_name.cpp becomes an executable and the CTest test example_NN_name, which runs it with the arguments in
# examples/NN_name.args where that file exists (to shorten a long training); @PROJECT_SOURCE_DIR@ stands for this folder.
find_package(CLI11 REQUIRED)
file(GLOB example_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/[0-9][0-9]_*.cpp")
file(GLOB example_args CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.args")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${example_args})

foreach(source ${example_sources})
  cmake_path(GET source STEM name)
  add_executable(${name} ${source})
  newtape_program_flags(${name})
  # Most use all parts but onnx; the demo is there sooner without it.
  set(parts newtape::inspect)
  file(STRINGS "${source}" uses_onnx REGEX "onnx::" LIMIT_COUNT 1)
  if(uses_onnx)
    list(APPEND parts newtape::onnx)
  endif()
  target_link_libraries(${name} PRIVATE ${parts} CLI11::CLI11)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples")

  set(arguments "")
  if(EXISTS "${PROJECT_SOURCE_DIR}/examples/${name}.args")
    file(READ "${PROJECT_SOURCE_DIR}/examples/${name}.args" arguments)
    string(CONFIGURE "${arguments}" arguments @ONLY)
    separate_arguments(arguments UNIX_COMMAND "${arguments}")
  endif()
  add_test(NAME example_${name} COMMAND ${name} ${arguments} WORKING_DIRECTORY "${PROJECT_BINARY_DIR}/examples")
  set_tests_properties(example_${name} PROPERTIES LABELS example TIMEOUT 600)
endforeach()
