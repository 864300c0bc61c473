# SPDX-License-Identifier: BSD-3-Clause
# An overlay port: vcpkg install newtape --overlay-ports=packaging/vcpkg. Its sources are those around this file.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES mpi NEWTAPE_MPI)
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS
  -DNEWTAPE_BUILD_TESTS=OFF -DNEWTAPE_BUILD_EXAMPLES=OFF -DNEWTAPE_BUILD_BENCHMARKS=OFF -DNEWTAPE_UNITY=8 ${features})
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/newtape)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
