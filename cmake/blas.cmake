# SPDX-License-Identifier: BSD-3-Clause
# Defines newtape::blas: BLAS (with CBLAS) and LAPACK, from OpenBLAS where it is found. BLA_VENDOR, of CMake or of the
# environment, asks for another: then CMake's FindBLAS and FindLAPACK look for that. Used by the build and, installed
# beside the package configuration, by every project that links Newtape as a static library.
if(NOT TARGET newtape::blas)
  set(newtape_blas_libraries "")
  if(NOT BLA_VENDOR AND NOT DEFINED ENV{BLA_VENDOR})
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
      pkg_check_modules(NEWTAPE_OPENBLAS_PC QUIET openblas)
    endif()
    find_library(NEWTAPE_OPENBLAS_LIBRARY openblas HINTS ${NEWTAPE_OPENBLAS_PC_LIBRARY_DIRS})
    mark_as_advanced(NEWTAPE_OPENBLAS_LIBRARY)
    if(NEWTAPE_OPENBLAS_LIBRARY)
      # Some distributions build OpenBLAS without LAPACK.
      set(newtape_blas_libraries "${NEWTAPE_OPENBLAS_LIBRARY}")
      include(CheckCXXSourceCompiles)
      set(CMAKE_REQUIRED_LIBRARIES ${newtape_blas_libraries})
      check_cxx_source_compiles("extern \"C\" void dgesv_(); int main() { dgesv_(); }" NEWTAPE_BLAS_HAS_LAPACK)
      unset(CMAKE_REQUIRED_LIBRARIES)
    endif()
  endif()

  if(NOT newtape_blas_libraries OR NOT NEWTAPE_BLAS_HAS_LAPACK)
    find_package(LAPACK REQUIRED)
    list(APPEND newtape_blas_libraries ${LAPACK_LIBRARIES})
  endif()

  # Nothing of this reaches a compiler's command line: objects do not depend on the BLAS that they are linked with.
  add_library(newtape::blas INTERFACE IMPORTED)
  target_link_libraries(newtape::blas INTERFACE ${newtape_blas_libraries})
endif()
