# SPDX-License-Identifier: BSD-3-Clause
# newtape_data_directory(<target> <directory>): whatever is linked with <target>, directly or by way of a static library,
# is told that the data sets are in <directory>. A static library cannot know where it is when the program runs, and it
# would keep the path of the machine that built it. Used by the build and by the installed package.
function(newtape_data_directory target newtape_data_directory)
  if(NOT TARGET newtape_data_directory)
    set(source "${CMAKE_CURRENT_BINARY_DIR}/newtape_data_directory.cpp")
    configure_file("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/data_directory.cpp.in" "${source}" @ONLY)
    add_library(newtape_data_directory OBJECT EXCLUDE_FROM_ALL "${source}")
    set_target_properties(newtape_data_directory PROPERTIES POSITION_INDEPENDENT_CODE ON)
    if(NOT BUILD_SHARED_LIBS)
      set_target_properties(newtape_data_directory PROPERTIES CXX_VISIBILITY_PRESET hidden)
    endif()
  endif()
  set_property(TARGET ${target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES
    "$<BUILD_INTERFACE:$<TARGET_OBJECTS:newtape_data_directory>>")
endfunction()
