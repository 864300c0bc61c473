# SPDX-License-Identifier: BSD-3-Clause
# Defines newtape::blas: BLAS and LAPACK, from OpenBLAS where it is found. Used by the build and, installed beside
# the package configuration, by every project that links Newtape as a static library.
if(NOT TARGET newtape::blas)
  find_package(PkgConfig QUIET)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(NEWTAPE_OPENBLAS_PC QUIET openblas)
  endif()
  find_library(NEWTAPE_OPENBLAS_LIBRARY openblas HINTS ${NEWTAPE_OPENBLAS_PC_LIBRARY_DIRS})
  mark_as_advanced(NEWTAPE_OPENBLAS_LIBRARY)

  set(newtape_blas_libraries "${NEWTAPE_OPENBLAS_LIBRARY}")
  set(newtape_blas_definitions NEWTAPE_HAVE_OPENBLAS=1)
  if(NOT NEWTAPE_OPENBLAS_LIBRARY)
    find_package(BLAS REQUIRED)
    set(newtape_blas_libraries ${BLAS_LIBRARIES})
    set(newtape_blas_definitions "")
  endif()

  # Some distributions build OpenBLAS without LAPACK.
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES ${newtape_blas_libraries})
  check_cxx_source_compiles("extern \"C\" void dgesv_(); int main() { dgesv_(); }" NEWTAPE_BLAS_HAS_LAPACK)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(NOT NEWTAPE_BLAS_HAS_LAPACK)
    find_package(LAPACK REQUIRED)
    list(APPEND newtape_blas_libraries ${LAPACK_LIBRARIES})
  endif()

  add_library(newtape::blas INTERFACE IMPORTED)
  target_link_libraries(newtape::blas INTERFACE ${newtape_blas_libraries})
  target_compile_definitions(newtape::blas INTERFACE ${newtape_blas_definitions})
endif()
