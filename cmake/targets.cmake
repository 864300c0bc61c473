# SPDX-License-Identifier: BSD-3-Clause

# The folders of the source tree, seen through ${build}/include/newtape, so that <newtape/core/array/array.hpp> names the
# same file in the build tree as it does once installed. Build folders that share it have the same command lines, and
# so the same entries in ccache.
set(NEWTAPE_INCLUDE_ROOT "${PROJECT_BINARY_DIR}/include" CACHE PATH "Where the build puts its links to the headers")
mark_as_advanced(NEWTAPE_INCLUDE_ROOT)
function(newtape_include_root)
  set(root "${NEWTAPE_INCLUDE_ROOT}/newtape")
  file(MAKE_DIRECTORY "${root}")
  foreach(name core autograd nn optim distributions models data inspect onnx mpi newtape.hpp mpi.hpp)
    file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${name}" "${root}/${name}" SYMBOLIC)
  endforeach()
endfunction()

# Flags for Newtape's own code; never passed on to who links it.
function(newtape_own_flags target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow)
    # std::stable_sort of GCC 12's library calls std::get_temporary_buffer, which Clang 15 and newer report as deprecated.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 15)
      target_compile_options(${target} PRIVATE -Wno-deprecated-declarations)
    endif()
  endif()
  if(NEWTAPE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(NEWTAPE_XTENSOR_ASSERT)
    target_compile_definitions(${target} PRIVATE XTENSOR_ENABLE_ASSERT)
  endif()
  if(NEWTAPE_SANITIZE)
    # With sanitizers GCC warns of uninitialised values inside the standard library.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_compile_options(${target} PRIVATE -fsanitize=${NEWTAPE_SANITIZE} -fno-sanitize-recover=all
      -fno-omit-frame-pointer $<$<BOOL:${NEWTAPE_BUILD_FUZZERS}>:-fsanitize=fuzzer-no-link>)
    target_link_options(${target} PRIVATE -fsanitize=${NEWTAPE_SANITIZE})
  endif()
endfunction()

# Flags for tests and examples: their time goes into the libraries, so that optimising them would only cost time.
function(newtape_program_flags target)
  newtape_own_flags(${target})
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# Flags for what goes into the archives. Position-independent code, so that plugins and shared libraries can contain
# them. Their symbols are hidden, so that such a library exports nothing of Newtape, and that two of them in one process,
# with two versions of Newtape, do not mix; and calls within it need no indirection. Of Newtape's own shared library
# tools/make_exports lists what is exported, so that no declaration needs a macro.
function(newtape_library_flags target)
  newtape_own_flags(${target})
  if(NOT DEFINED CMAKE_POSITION_INDEPENDENT_CODE)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
  if(NOT BUILD_SHARED_LIBS)
    set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  endif()
  target_compile_options(${target} PRIVATE -fno-semantic-interposition
    # Without a build type, as projects have it that contain this one, compilers do not optimise.
    $<$<NOT:$<BOOL:$<CONFIG>>>:-O2>)
  if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(${target} PRIVATE -Wconversion -Wno-sign-conversion)
  endif()
  if(NEWTAPE_REPRODUCIBLE)  # source locations and debugging information name files
    target_compile_options(${target} PRIVATE "-ffile-prefix-map=${PROJECT_BINARY_DIR}=build"
      "-ffile-prefix-map=${NEWTAPE_INCLUDE_ROOT}/=" "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=newtape/")
  endif()
endfunction()

# newtape_batches(<target> <size>) compiles the target's sources in batches of about <size>; those with definitions of their
# own or the property SKIP_UNITY_BUILD_INCLUSION stay alone. Unlike CMake's own (before its 4.0), batches name their
# sources by relative paths, so that ccache finds what another clone has compiled. A batch ends where the checksum of a
# name says so: a new source changes the batch that it enters, and not all that follow.
function(newtape_batches target size)
  get_target_property(sources ${target} SOURCES)
  set(folder "${PROJECT_BINARY_DIR}/batches/${target}")
  math(EXPR least "(${size} + 1) / 2")
  math(EXPR most "2 * ${size}")
  set(units "")
  set(batch "")
  set(length 0)
  foreach(source ${sources})
    get_source_file_property(alone "${source}" SKIP_UNITY_BUILD_INCLUSION)
    get_source_file_property(definitions "${source}" COMPILE_DEFINITIONS)
    if(alone OR definitions)
      list(APPEND units "${source}")
      continue()
    endif()
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE path)
    cmake_path(RELATIVE_PATH path BASE_DIRECTORY "${folder}" OUTPUT_VARIABLE from_batch)
    cmake_path(RELATIVE_PATH path BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE name)
    if(length EQUAL 0)
      string(REPLACE "/" "_" first "${name}")
    endif()
    string(APPEND batch "#include \"${from_batch}\"\n")
    math(EXPR length "${length} + 1")
    string(MD5 checksum "${name}")
    string(SUBSTRING "${checksum}" 0 6 checksum)
    math(EXPR remainder "0x${checksum} % ${least}")
    if((remainder EQUAL 0 AND length GREATER_EQUAL least) OR length EQUAL most)
      file(CONFIGURE OUTPUT "${folder}/${first}" CONTENT "${batch}" @ONLY)
      list(APPEND units "${folder}/${first}")
      set(batch "")
      set(length 0)
    endif()
  endforeach()
  if(batch)
    file(CONFIGURE OUTPUT "${folder}/${first}" CONTENT "${batch}" @ONLY)
    list(APPEND units "${folder}/${first}")
  endif()
  set_property(TARGET ${target} PROPERTY SOURCES ${units})
endfunction()

# newtape_library(<folder> [PUBLIC targets] [PRIVATE targets] [HEADERS_ONLY targets] [DEFINITIONS definitions])
# makes newtape_<folder> from every source below the folder; without sources it is an INTERFACE
# library. HEADERS_ONLY names what is needed to compile but not to link, so it does not reach the installed package.
function(newtape_library folder)
  cmake_parse_arguments(arg "" "" "PUBLIC;PRIVATE;HEADERS_ONLY;DEFINITIONS" ${ARGN})
  set(target newtape_${folder})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/core/kernels/isa/")

  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    newtape_library_flags(${target})
    target_compile_definitions(${target} PRIVATE ${arg_DEFINITIONS})
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE})
    foreach(dependency ${arg_HEADERS_ONLY})
      target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${dependency}>)
    endforeach()
    if(NEWTAPE_UNITY GREATER 1)
      newtape_batches(${target} ${NEWTAPE_UNITY})
      # Sources of one batch may use the same local names; the dev preset, without batches, still warns.
      target_compile_options(${target} PRIVATE -Wno-shadow)
    endif()
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()

  set_target_properties(${target} PROPERTIES EXPORT_NAME ${folder})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_link_libraries(${target} ${scope} ${arg_PUBLIC})
  target_include_directories(${target} ${scope}
    $<BUILD_INTERFACE:${NEWTAPE_INCLUDE_ROOT}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# newtape_shared_library(<part>...) makes the target newtape, one shared library that contains all parts. Its SONAME has the
# minor version as long as the major one is 0, since a new minor version may change the interface. It exports what its
# headers declare, and nothing of the libraries that it uses.
function(newtape_shared_library)
  add_library(newtape SHARED "${PROJECT_SOURCE_DIR}/cmake/shared.cpp")
  newtape_own_flags(newtape)
  set(soversion ${PROJECT_VERSION_MAJOR})
  if(soversion EQUAL 0)
    set(soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  endif()
  set_target_properties(newtape PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${soversion})
  target_compile_features(newtape PUBLIC cxx_std_20)
  target_include_directories(newtape PUBLIC
    $<BUILD_INTERFACE:${NEWTAPE_INCLUDE_ROOT}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # All objects, whether or not others use them: then the archives, which are linked for what they need, have nothing to add.
  # (The feature WHOLE_ARCHIVE of CMake 3.25 names an archive twice that another one uses.)
  foreach(part ${ARGN} newtape_kernels_baseline newtape_kernels_avx2 newtape_kernels_avx512)
    if(TARGET ${part})
      target_sources(newtape PRIVATE $<TARGET_OBJECTS:${part}>)
    endif()
  endforeach()
  target_link_libraries(newtape PUBLIC ${newtape_xtensor} fmt::fmt PRIVATE ${ARGN})

  find_package(Python3 COMPONENTS Interpreter)
  if(CMAKE_EXECUTABLE_FORMAT STREQUAL "ELF" AND CMAKE_NM AND Python3_Interpreter_FOUND)
    set(exports "${PROJECT_BINARY_DIR}/newtape.map")
    list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
    # newtape_mpi is an archive beside the library.
    file(GLOB_RECURSE beside CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/mpi/*.?pp")
    add_custom_command(OUTPUT "${exports}" VERBATIM
      COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/make_exports" --nm "${CMAKE_NM}" --output "${exports}"
        --headers ${newtape_headers} --archives ${archives} --beside ${beside}
      DEPENDS "${PROJECT_SOURCE_DIR}/tools/make_exports" ${ARGN} ${newtape_headers} ${beside}
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
    add_custom_target(newtape_exports DEPENDS "${exports}")
    add_dependencies(newtape newtape_exports)
    target_link_options(newtape PRIVATE "LINKER:--version-script=${exports}" LINKER:-Bsymbolic LINKER:-z,defs)
    set_property(TARGET newtape APPEND PROPERTY LINK_DEPENDS "${exports}")
  endif()
endfunction()

# The best instruction set for the kernels that this machine's processor runs, as core/kernels/dispatch.cpp chooses it.
function(newtape_native_isa result)
  if(NOT NEWTAPE_NATIVE_ISA)
    set(source "${PROJECT_BINARY_DIR}/native_isa.cpp")
    file(WRITE "${source}" "#include <newtape/core/kernels/dispatch.cpp>
#include <cstdio>
int main() {
  const char* const names[] = {\"baseline\", \"avx2\", \"avx512\"};
  std::puts(names[static_cast<int>(newtape::core::kernels::isa())]);
}
")
    try_run(runs compiles "${PROJECT_BINARY_DIR}/native_isa" "${source}"
      CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${NEWTAPE_INCLUDE_ROOT}"
      COMPILE_DEFINITIONS -DNEWTAPE_HAVE_X86_ISAS=1
      CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
      COMPILE_OUTPUT_VARIABLE output RUN_OUTPUT_VARIABLE isa)
    if(NOT compiles OR NOT runs EQUAL 0)
      message(FATAL_ERROR "NEWTAPE_ISAS=native: cannot tell what this processor has\n${output}")
    endif()
    string(STRIP "${isa}" isa)
    set(NEWTAPE_NATIVE_ISA ${isa} CACHE INTERNAL "What NEWTAPE_ISAS=native stands for")
  endif()
  set(${result} ${NEWTAPE_NATIVE_ISA} PARENT_SCOPE)
endfunction()

# Compiles core/kernels/isa/*.cpp once per instruction set, each time with NEWTAPE_ISA set to its name, and links the
# results into newtape_<folder>, which picks one at start-up. Only these files may be compiled with wider
# instructions: whatever they define must carry the name of its instruction set, or the linker could choose an AVX
# copy of a shared inline function for a machine without AVX (`./dev check` looks for such symbols). A build for one
# set only compiles them with its flags and the name `baseline`, and tells the dispatcher which one that is.
function(newtape_kernels folder)
  set(target newtape_${folder})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/kernels/isa/*.cpp")
  get_target_property(type ${target} TYPE)
  if(NOT sources OR type STREQUAL "INTERFACE_LIBRARY")
    return()
  endif()

  set(isas baseline)
  set(flags_baseline "")
  set(flags_avx2 -mavx2 -mfma -mbmi2 -mf16c)
  set(flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mfma -mbmi2 -mprefer-vector-width=512)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    if(NEWTAPE_ISAS STREQUAL "all")
      list(APPEND isas avx2 avx512)
      target_compile_definitions(${target} PRIVATE NEWTAPE_HAVE_X86_ISAS=1)
    elseif(NEWTAPE_ISAS MATCHES "^(native|baseline|avx2|avx512)$")
      set(only ${NEWTAPE_ISAS})
      if(only STREQUAL "native")
        newtape_native_isa(only)
      endif()
      set(flags_baseline ${flags_${only}})
      target_compile_definitions(${target} PRIVATE NEWTAPE_ONLY_ISA=${only})
    else()
      message(FATAL_ERROR "NEWTAPE_ISAS is '${NEWTAPE_ISAS}': expected all, native, baseline, avx2 or avx512")
    endif()
  endif()

  # A product that is contracted to a fused multiply-add where an operand is a scalar only would let bits depend on layouts.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/${folder}/kernels/isa/arithmetic.cpp" PROPERTIES
    COMPILE_OPTIONS -ffp-contract=off)
  # In every configuration: without, they are 25 to 50 times slower. Only sanitizers shall see the code as it is written.
  set(optimisation -O3)
  if(NEWTAPE_SANITIZE OR CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
    set(optimisation $<$<CONFIG:Release,RelWithDebInfo>:-O3>)
  endif()

  foreach(isa ${isas})
    set(object newtape_kernels_${isa})
    add_library(${object} OBJECT ${sources})
    newtape_library_flags(${object})
    target_compile_definitions(${object} PRIVATE NEWTAPE_ISA=${isa})
    target_compile_options(${object} PRIVATE ${flags_${isa}} -fno-math-errno -fno-trapping-math ${optimisation}
      # Loops of templates say that they may be vectorised; those over functions of the C library and the like cannot be.
      $<$<CXX_COMPILER_ID:Clang>:-Wno-pass-failed>)
    target_include_directories(${object} PRIVATE "${NEWTAPE_INCLUDE_ROOT}")
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${object}>)
  endforeach()
endfunction()

# What build_info() says of the build: the library itself cannot see which optional parts others are built with.
function(newtape_build_info folder)
  set(parts "")
  if(PNG_FOUND)
    list(APPEND parts libpng)
  endif()
  if(JPEG_FOUND)
    list(APPEND parts libjpeg)
  endif()
  if(TARGET newtape::zip)
    list(APPEND parts libzip)
  endif()
  if(TARGET newtape::cholmod)
    list(APPEND parts cholmod)
  endif()
  list(JOIN parts " " parts)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}" flags)
  if(NEWTAPE_SANITIZE)
    string(APPEND flags " -fsanitize=${NEWTAPE_SANITIZE}")
  endif()
  string(REPLACE "\"" "\\\"" flags "${flags}")
  set_property(SOURCE "${PROJECT_SOURCE_DIR}/${folder}/runtime/build_info.cpp" APPEND PROPERTY COMPILE_DEFINITIONS
    "NEWTAPE_VERSION_TEXT=\"${PROJECT_VERSION}\"" "NEWTAPE_OPTIONAL_PARTS=\"${parts}\""
    "NEWTAPE_BUILD=\"$<CONFIG>, ${flags}\"")
endfunction()
