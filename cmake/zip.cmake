# SPDX-License-Identifier: BSD-3-Clause
# Defines newtape::zip where libzip is found (its own CMake package asks for its command-line tools, too). Used by the
# build and, installed beside the package configuration, by every project that links Newtape as a static library.
if(NOT TARGET newtape::zip)
  find_path(NEWTAPE_LIBZIP_INCLUDE_DIR zip.h)
  find_library(NEWTAPE_LIBZIP_LIBRARY zip)
  mark_as_advanced(NEWTAPE_LIBZIP_INCLUDE_DIR NEWTAPE_LIBZIP_LIBRARY)
  if(NEWTAPE_LIBZIP_INCLUDE_DIR AND NEWTAPE_LIBZIP_LIBRARY)
    add_library(newtape::zip INTERFACE IMPORTED)
    target_include_directories(newtape::zip INTERFACE "${NEWTAPE_LIBZIP_INCLUDE_DIR}")
    target_link_libraries(newtape::zip INTERFACE "${NEWTAPE_LIBZIP_LIBRARY}")
  endif()
endif()
