# SPDX-License-Identifier: BSD-3-Clause
# Installs the build tree BUILD, moves what was installed, and builds and runs the consumer on it; then compiles the
# consumer with the source tree SOURCE as a subdirectory. This second time the libraries are not built again, so what
# is tested is that Newtape configures inside another project and that its targets carry what a user's file needs.
set(work "${BUILD}/package")
file(REMOVE_RECURSE "${work}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endfunction()

set(common -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_COMPILER=${COMPILER}" -S "${SOURCE}/tests/package")

run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${work}/staged")
file(RENAME "${work}/staged" "${work}/prefix")
run("${CMAKE_COMMAND}" ${common} -B "${work}/installed" "-DCMAKE_PREFIX_PATH=${work}/prefix")
run("${CMAKE_COMMAND}" --build "${work}/installed" -j 1)
run("${work}/installed/consumer")

run("${CMAKE_COMMAND}" ${common} -B "${work}/subdirectory" "-DNEWTAPE_SOURCE_DIR=${SOURCE}")
run("${CMAKE_COMMAND}" --build "${work}/subdirectory" -j 1 --target consumer_object)
