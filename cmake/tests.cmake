# SPDX-License-Identifier: BSD-3-Clause
# tests/<folder>/*.cpp becomes the executable test_<folder>, and each of its test cases a CTest test "<folder>/...".
find_package(Catch2 REQUIRED)
list(APPEND CMAKE_MODULE_PATH "${Catch2_DIR}")
include(Catch)

set(newtape_catch Catch2::Catch2)
if(TARGET Catch2::Catch2WithMain)
  set(newtape_catch Catch2::Catch2WithMain)
endif()
add_library(newtape_test_main OBJECT tests/main.cpp tests/test_files.cpp)
newtape_program_flags(newtape_test_main)
target_compile_definitions(newtape_test_main PRIVATE "NEWTAPE_TEST_FILES=\"${PROJECT_SOURCE_DIR}/tests/files\"")
target_link_libraries(newtape_test_main PUBLIC ${newtape_catch})
# What it calls of core comes with the library that is tested.
target_include_directories(newtape_test_main PUBLIC tests
  PRIVATE $<TARGET_PROPERTY:newtape_core,INTERFACE_INCLUDE_DIRECTORIES>)

file(GLOB_RECURSE test_sources CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/tests" tests/*/*.cpp)
list(FILTER test_sources EXCLUDE REGEX "^(package|files|fuzz|mpi)/")
set(test_folders ${test_sources})
list(TRANSFORM test_folders REPLACE "/.*" "")
list(REMOVE_DUPLICATES test_folders)

# It opens namespaces, std among them, for the whole translation unit.
set_source_files_properties(tests/nn/using_namespace_test.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)

# The tests of some folders call what the shared library does not export, so they contain the parts.
set(newtape_tests_of_exports golden models nn)
if(BUILD_SHARED_LIBS)
  add_library(newtape_archives INTERFACE)
  target_link_libraries(newtape_archives INTERFACE ${newtape_part_targets} $<TARGET_OBJECTS:newtape_data_directory>)
endif()

foreach(folder ${test_folders})
  set(sources ${test_sources})
  list(FILTER sources INCLUDE REGEX "^${folder}/")
  list(TRANSFORM sources PREPEND tests/)
  set(test test_${folder})
  add_executable(${test} ${sources})
  newtape_program_flags(${test})
  if(NEWTAPE_UNITY GREATER 1)
    newtape_batches(${test} 6)
  endif()

  # The tests of the lower layers see these layers only; all others see the whole.
  set(library newtape)
  if(BUILD_SHARED_LIBS AND NOT folder IN_LIST newtape_tests_of_exports)
    set(library newtape_archives)
  endif()
  if(folder MATCHES "^(core|autograd|distributions|onnx)$")
    set(library newtape_${folder})
  endif()
  # Core's tests compare the kernels of all instruction sets.
  if(folder STREQUAL "core" AND TARGET newtape_kernels_avx2)
    target_compile_definitions(${test} PRIVATE NEWTAPE_HAVE_X86_ISAS=1)
  endif()
  target_link_libraries(${test} PRIVATE newtape_test_main ${library})
  # Every op must reach the registry, also one that no test calls: a linker drops unused members of an archive.
  foreach(part ${newtape_part_targets})
    get_target_property(type ${part} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      set_property(TARGET ${test} PROPERTY LINK_LIBRARY_OVERRIDE_${part} WHOLE_ARCHIVE)
    endif()
  endforeach()
  # Catch2 v2 has no skipped tests: one that needs what is not there says so.
  catch_discover_tests(${test} TEST_PREFIX "${folder}/" PROPERTIES LABELS ${folder} TIMEOUT 600
    SKIP_REGULAR_EXPRESSION "SKIPPED:")
endforeach()

include(cmake/mpi_tests.cmake)

# Reads the JSON of traces.
target_link_libraries(test_inspect PRIVATE nlohmann_json::nlohmann_json)

# A consumer cannot link sanitized archives without the same flags.
if(PROJECT_IS_TOP_LEVEL AND NOT NEWTAPE_SANITIZE)
  add_test(NAME package COMMAND "${CMAKE_COMMAND}" "-DBUILD=${PROJECT_BINARY_DIR}" "-DSOURCE=${PROJECT_SOURCE_DIR}"
    "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DSHARED=${BUILD_SHARED_LIBS}" -P "${PROJECT_SOURCE_DIR}/tests/package/run.cmake")
  set_tests_properties(package PROPERTIES LABELS package TIMEOUT 900)
endif()

# Choices that are made once a process, as the environment asks. Prescott is what OpenBLAS takes for a processor that it
# does not know. The names hold "threads": the thread sanitizer runs them, too.
function(newtape_test_environment name cases)
  set(test "core/BLAS core, products and threads: ${name}")
  add_test(NAME "${test}" COMMAND test_core "${cases}")
  set_tests_properties("${test}" PROPERTIES LABELS core TIMEOUT 600 ENVIRONMENT "${ARGN}")
endfunction()
set(prescott OPENBLAS_CORETYPE=Prescott)
newtape_test_environment("auto" "[blas_core],[linalg]" ${prescott} NEWTAPE_BLAS_CORE=auto)
newtape_test_environment("OPENBLAS_CORETYPE is respected" "[blas_core]" ${prescott} NEWTAPE_BLAS_CORE=)
newtape_test_environment("keep" "[blas_core]" ${prescott} NEWTAPE_BLAS_CORE=keep)
newtape_test_environment("a name" "[blas_core]" NEWTAPE_BLAS_CORE=Nehalem)
newtape_test_environment("an unknown name" "[blas_core]" ${prescott} NEWTAPE_BLAS_CORE=Pentium)

# What the process may use is known before the first operation, so each case needs its own process.
find_program(NEWTAPE_TASKSET taskset)
mark_as_advanced(NEWTAPE_TASKSET)
if(NEWTAPE_TASKSET)
  add_test(NAME "core/processors: one in the affinity mask" COMMAND "${NEWTAPE_TASKSET}" -c 0 "$<TARGET_FILE:test_core>" "[affinity]")
  set_tests_properties("core/processors: one in the affinity mask" PROPERTIES LABELS core TIMEOUT 60
    ENVIRONMENT NEWTAPE_TEST_PROCESSORS=1 ENVIRONMENT_MODIFICATION NEWTAPE_NUM_THREADS=unset:)
endif()
