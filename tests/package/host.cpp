// SPDX-License-Identifier: BSD-3-Clause
// Loads plugins: host <seen by all: 0 or 1> (<file> <function>)... Each is called, then all are closed.
#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int mode = RTLD_NOW | (std::atoi(argv[1]) != 0 ? RTLD_GLOBAL : RTLD_LOCAL);
  std::vector<void*> plugins;
  for (int i = 2; i + 1 < argc; i += 2) {
    void* const plugin = dlopen(argv[i], mode);
    if (plugin == nullptr) {
      std::printf("%s\n", dlerror());
      return 1;
    }
    plugins.push_back(plugin);
    const auto function = reinterpret_cast<double (*)()>(dlsym(plugin, argv[i + 1]));
    if (function == nullptr) return 1;
    const double result = function();
    std::printf("%s: %.6f\n", argv[i + 1], result);
    if (!(std::abs(result - 3.758) < 1e-6)) return 1;
  }
  for (void* const plugin : plugins) dlclose(plugin);
  return 0;
}
