# SPDX-License-Identifier: BSD-3-Clause
# cmake -DFAULT=name -DEXPECTED=regex -DMPIEXEC=.. -DRANKS=n -DPROGRAM=.. -P faults.cmake: the job must fail within seconds, and say
# why.
execute_process(COMMAND "${MPIEXEC}" -n "${RANKS}" "${PROGRAM}" "${FAULT}" TIMEOUT 30
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "succeeded, and should not:\n${output}")
elseif(result MATCHES "timeout")
  message(FATAL_ERROR "hangs:\n${output}")
elseif(NOT output MATCHES "${EXPECTED}")
  message(FATAL_ERROR "does not say '${EXPECTED}':\n${output}")
endif()
