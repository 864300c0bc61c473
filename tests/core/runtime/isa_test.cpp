// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

#if defined(__linux__) && defined(__x86_64__)
// The instruction set is chosen once per process, so each lower one is tested in a new process. Unsupported sets fall
// back to the next one.
TEST_CASE("instruction sets: the lower ones pass the kernel tests") {
  if (std::getenv("NEWTAPE_ISA") != nullptr) return;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  for (const std::string isa : {"baseline", "avx2"}) {
    INFO(isa);
    CHECK(std::system(
              ("NEWTAPE_ISA=" + isa + " '" + self + "' 'elementwise:*,update:*,[conv],[pooling],[linalg]' > /dev/null")
                  .c_str()) == 0);
  }
}
#endif
