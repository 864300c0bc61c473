# SPDX-License-Identifier: BSD-3-Clause
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/newtape")
install(TARGETS newtape ${newtape_part_targets} EXPORT newtape-targets)
install(EXPORT newtape-targets NAMESPACE newtape:: DESTINATION "${package_dir}")

include(cmake/public_headers.cmake)
# Beside newtape.hpp: xtensor conversions, and the definitions that an optimizer of one's own needs.
newtape_public_headers(newtape_headers newtape.hpp core/xtensor.hpp optim/optimizer_of.hpp)
foreach(header ${newtape_headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/newtape/${folder}")
endforeach()
if(EXISTS "${PROJECT_SOURCE_DIR}/data/files")
  install(DIRECTORY data/files/ DESTINATION "${CMAKE_INSTALL_DATADIR}/newtape")
endif()

configure_package_config_file(cmake/newtape-config.cmake.in "${PROJECT_BINARY_DIR}/newtape-config.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/newtape-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/newtape-config.cmake" "${PROJECT_BINARY_DIR}/newtape-config-version.cmake"
  cmake/blas.cmake cmake/zip.cmake DESTINATION "${package_dir}")
