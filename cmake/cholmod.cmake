# SPDX-License-Identifier: BSD-3-Clause
# Defines newtape::cholmod where CHOLMOD, SuiteSparse's sparse Cholesky factorization, is found; Debian's package
# has no CMake configuration. Used by the build and, installed beside the package configuration, by every project that
# links Newtape as a static library.
if(NOT TARGET newtape::cholmod)
  find_path(NEWTAPE_CHOLMOD_INCLUDE_DIR cholmod.h PATH_SUFFIXES suitesparse)
  find_library(NEWTAPE_CHOLMOD_LIBRARY cholmod)
  mark_as_advanced(NEWTAPE_CHOLMOD_INCLUDE_DIR NEWTAPE_CHOLMOD_LIBRARY)
  if(NEWTAPE_CHOLMOD_INCLUDE_DIR AND NEWTAPE_CHOLMOD_LIBRARY)
    add_library(newtape::cholmod INTERFACE IMPORTED)
    target_link_libraries(newtape::cholmod INTERFACE "${NEWTAPE_CHOLMOD_LIBRARY}")
  endif()
endif()
