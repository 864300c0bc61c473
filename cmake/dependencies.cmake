# SPDX-License-Identifier: BSD-3-Clause
# What Newtape is built from. Nothing is downloaded; `./dev setup` installs Debian's packages.
find_package(xtensor REQUIRED)
set(newtape_xtensor xtensor)
if(TARGET xtensor::xtensor)
  set(newtape_xtensor xtensor::xtensor)
endif()
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
include("${CMAKE_CURRENT_LIST_DIR}/blas.cmake")
# Only the headers of xtensor-blas are used: its CMake package would bring a second BLAS to link.
find_path(NEWTAPE_XTENSOR_BLAS_INCLUDE_DIR xtensor-blas/xlapack.hpp REQUIRED)
add_library(newtape_xtensor_blas INTERFACE IMPORTED)
target_include_directories(newtape_xtensor_blas INTERFACE "${NEWTAPE_XTENSOR_BLAS_INCLUDE_DIR}")
mark_as_advanced(NEWTAPE_XTENSOR_BLAS_INCLUDE_DIR)
# Optional: reads PNG, reads and writes JPEG (data/formats/png_read.cpp, jpeg_read.cpp, jpeg_write.cpp).
find_package(PNG)
find_package(JPEG)
# Optional: products of bf16 (core/linalg/onednn.cpp), whose library is loaded when the first one is asked for. Its CMake
# package asks for OpenCL, which they do not need.
find_path(NEWTAPE_DNNL_INCLUDE_DIR dnnl.h)
mark_as_advanced(NEWTAPE_DNNL_INCLUDE_DIR)
# Optional: training by several processes (mpi/). Of MPI's interfaces only that of C is used.
option(NEWTAPE_MPI "Build the part for many machines where MPI is found" ON)
if(NEWTAPE_MPI)
  set(MPI_CXX_SKIP_MPICXX ON)
  find_package(MPI COMPONENTS CXX)
endif()
# Optional: reads and writes .npz archives (data/formats/npz.cpp).
include("${CMAKE_CURRENT_LIST_DIR}/zip.cmake")
# Optional: sparse Cholesky factorizations (core/linalg/sparse_cholesky.cpp). CHOLMOD's supernodal part is under the GPL:
# a program that is given away with it is, too.
option(NEWTAPE_CHOLMOD "Factorise sparse matrices by CHOLMOD where it is found" ON)
if(NEWTAPE_CHOLMOD)
  include("${CMAKE_CURRENT_LIST_DIR}/cholmod.cmake")
endif()
