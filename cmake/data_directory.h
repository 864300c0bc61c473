/* SPDX-License-Identifier: BSD-3-Clause */
/* newtape.pc has compilers include this before every source, with NEWTAPE_DATA_DIRECTORY, so that programs that are built without
   CMake know where the data sets are: cmake/data_directory.cpp.in for them. In C as well. A path that a shell has not quoted
   cannot be a string, so that it is made one here; names in it that compilers define are left alone. Weak: every object has it. */
#pragma push_macro("linux")
#pragma push_macro("unix")
#pragma push_macro("i386")
#undef linux
#undef unix
#undef i386
#define NEWTAPE_STRING_OF(...) #__VA_ARGS__
#define NEWTAPE_STRING(...) NEWTAPE_STRING_OF(__VA_ARGS__)
#ifdef __cplusplus
extern "C" {
#endif
#ifdef __APPLE__ /* found by dlsym */
extern const char newtape_data_directory[] __attribute__((weak));
#else
extern const char newtape_data_directory[] __attribute__((weak, visibility("hidden")));
#endif
const char newtape_data_directory[] = NEWTAPE_STRING(NEWTAPE_DATA_DIRECTORY);
#ifdef __cplusplus
}
#endif
#undef NEWTAPE_STRING
#undef NEWTAPE_STRING_OF
#pragma pop_macro("i386")
#pragma pop_macro("unix")
#pragma pop_macro("linux")
