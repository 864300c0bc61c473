# SPDX-License-Identifier: BSD-3-Clause
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/newtape")
# Two components, as distributions split a library: `runtime` is what a program needs that was linked with the shared library.
if(BUILD_SHARED_LIBS)
  install(TARGETS newtape EXPORT newtape-targets
    LIBRARY COMPONENT runtime NAMELINK_COMPONENT development RUNTIME COMPONENT runtime ARCHIVE COMPONENT development)
  set(data_component runtime)
else()
  install(TARGETS newtape ${newtape_part_targets} EXPORT newtape-targets ARCHIVE COMPONENT development)
  set(data_component development)
endif()
install(EXPORT newtape-targets NAMESPACE newtape:: DESTINATION "${package_dir}" COMPONENT development)

if(TARGET newtape_mpi)
  # Targets of its own, which are read when a project asks for the component.
  install(TARGETS newtape_mpi EXPORT newtape-mpi-targets ARCHIVE COMPONENT development)
  install(EXPORT newtape-mpi-targets NAMESPACE newtape:: DESTINATION "${package_dir}" COMPONENT development)
endif()

# All that is installed, without tests, examples and benchmarks.
set(newtape_libraries ${newtape_part_targets})
foreach(target newtape newtape_mpi)
  set(type "")
  if(TARGET ${target})
    get_target_property(type ${target} TYPE)
  endif()
  if(type MATCHES "^(STATIC|SHARED)_LIBRARY$")
    list(APPEND newtape_libraries ${target})
  endif()
endforeach()
add_custom_target(newtape_libraries)
add_dependencies(newtape_libraries ${newtape_libraries})

foreach(header ${newtape_headers} ${newtape_mpi_headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/newtape/${folder}" COMPONENT development)
endforeach()
install(DIRECTORY data/files/ DESTINATION "${CMAKE_INSTALL_DATADIR}/newtape" COMPONENT ${data_component})
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT licence)  # Debian's packages have it in their copyright file

set(newtape_has_zip OFF)
if(TARGET newtape::zip)
  set(newtape_has_zip ON)
endif()
set(newtape_has_cholmod OFF)
if(TARGET newtape::cholmod)
  set(newtape_has_cholmod ON)
endif()
set(newtape_install_data_directory "${CMAKE_INSTALL_DATADIR}/newtape")
configure_package_config_file(cmake/newtape-config.cmake.in "${PROJECT_BINARY_DIR}/newtape-config.cmake"
  INSTALL_DESTINATION "${package_dir}" PATH_VARS newtape_install_data_directory)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/newtape-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/newtape-config.cmake" "${PROJECT_BINARY_DIR}/newtape-config-version.cmake"
  cmake/blas.cmake cmake/cholmod.cmake cmake/zip.cmake cmake/data_directory.cmake cmake/data_directory.cpp.in
  DESTINATION "${package_dir}" COMPONENT development)

include(cmake/pkg_config.cmake)
if(PROJECT_IS_TOP_LEVEL)
  include(cmake/cpack.cmake)
endif()
