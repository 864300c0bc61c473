// SPDX-License-Identifier: BSD-3-Clause
#include "../catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

#if defined(__linux__)
// The set is chosen once a process, so each lower one gets a process of its own. Those that the machine lacks fall back
// to the next.
TEST_CASE("instruction sets: the lower ones pass the tests of the kernels") {
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
