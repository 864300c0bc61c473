# SPDX-License-Identifier: BSD-3-Clause
# tests/mpi/*.cpp become test_mpi, which runs on 1, 2, 3 and 4 ranks as one CTest test each, and tests/mpi/faults/ the programs
# of the fault tests, and of runs that are killed and resumed.
if(NOT TARGET newtape_mpi OR NOT MPIEXEC_EXECUTABLE)
  add_test(NAME mpi/ranks COMMAND "${CMAKE_COMMAND}" -E echo "SKIPPED: MPI is not installed (libopenmpi-dev openmpi-bin)")
  set_tests_properties(mpi/ranks PROPERTIES LABELS mpi SKIP_REGULAR_EXPRESSION "SKIPPED:")
  return()
endif()

# For Open MPI what --allow-run-as-root and --oversubscribe are, and not to wait for a second before it kills what is left of a
# job that has failed; other launchers do not know these. An MPI library keeps memory to its end, in plugins that it has then
# unloaded, so that a leak cannot be told from its own.
set(newtape_mpi_environment ASAN_OPTIONS=detect_leaks=0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
  OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_odls_base_sigkill_timeout=0)

file(GLOB sources CONFIGURE_DEPENDS tests/mpi/*.cpp)
add_executable(test_mpi ${sources})
newtape_program_flags(test_mpi)
# Reads the JSON of traces.
target_link_libraries(test_mpi PRIVATE newtape_test_main newtape::mpi nlohmann_json::nlohmann_json)
add_executable(test_mpi_faults tests/mpi/faults/faults.cpp)
newtape_program_flags(test_mpi_faults)
target_link_libraries(test_mpi_faults PRIVATE newtape::mpi)
add_executable(test_mpi_resume tests/mpi/faults/resume.cpp)
newtape_program_flags(test_mpi_resume)
target_link_libraries(test_mpi_resume PRIVATE newtape::mpi)

foreach(ranks 1 2 3 4)
  add_test(NAME "mpi/${ranks} ranks" COMMAND "${MPIEXEC_EXECUTABLE}" -n ${ranks} $<TARGET_FILE:test_mpi>)
  list(APPEND newtape_mpi_tests "mpi/${ranks} ranks")
endforeach()
add_test(NAME "mpi/without mpirun" COMMAND test_mpi)
list(APPEND newtape_mpi_tests "mpi/without mpirun")

# newtape_mpi_fault(<fault> <regular expression of the message>)
function(newtape_mpi_fault fault expected)
  add_test(NAME "mpi/fault: ${fault}" COMMAND "${CMAKE_COMMAND}" "-DFAULT=${fault}" "-DEXPECTED=${expected}"
    "-DMPIEXEC=${MPIEXEC_EXECUTABLE}" -DRANKS=3 "-DPROGRAM=$<TARGET_FILE:test_mpi_faults>"
    -P "${PROJECT_SOURCE_DIR}/tests/mpi/faults/faults.cmake")
  list(APPEND newtape_mpi_faults "mpi/fault: ${fault}")
  set(newtape_mpi_faults ${newtape_mpi_faults} PARENT_SCOPE)
endfunction()
newtape_mpi_fault(throw "the data of this rank are spoilt")
newtape_mpi_fault(caught "the data of this rank are spoilt")
newtape_mpi_fault(exit "rank 2: the end of the program")
newtape_mpi_fault(kill "signal 9")
newtape_mpi_fault(sleep "waited too long.*nothing from rank 2")
newtape_mpi_fault(nan "the gradient of (weight|bias) on rank 2 is not finite")
newtape_mpi_fault(model "the model of rank 2 differs from that of rank 0.*number 0")
newtape_mpi_fault(batches "rank 2: the end of the program")
newtape_mpi_fault(drift "the model of rank 2 differs from that of rank 0.*bias")
newtape_mpi_fault(moments "the optimizer of rank 1 differs from that of rank 0.*state.0")
newtape_mpi_fault(random "the random state of rank 2 differs from that of rank 0.*seed")
newtape_mpi_fault(call "waited too long.*nothing from rank")
foreach(name run.safetensors run.index.json)
  add_test(NAME "mpi/killed and resumed: ${name}" COMMAND "${CMAKE_COMMAND}" "-DMPIEXEC=${MPIEXEC_EXECUTABLE}"
    "-DPROGRAM=$<TARGET_FILE:test_mpi_resume>" "-DFOLDER=${PROJECT_BINARY_DIR}/mpi_resume/${name}" "-DNAME=${name}"
    -P "${PROJECT_SOURCE_DIR}/tests/mpi/faults/resume.cmake")
  list(APPEND newtape_mpi_tests "mpi/killed and resumed: ${name}")
endforeach()
set_tests_properties(${newtape_mpi_tests} ${newtape_mpi_faults} PROPERTIES LABELS mpi TIMEOUT 120 PROCESSORS 2
  ENVIRONMENT "${newtape_mpi_environment}")
set_tests_properties(${newtape_mpi_faults} PROPERTIES PROCESSORS 1)  # they wait, most of their time
