// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/runtime/build_info.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/platform.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

using namespace newtape;

namespace {

struct GroupFile {
  std::string path;
  std::string text;
};

struct QuotaCase {
  const char* what;
  std::string groups;  ///< as in /proc/self/cgroup
  std::vector<GroupFile> files;
  double quota;
};

const std::vector<QuotaCase>& quota_cases() {
  static const std::vector<QuotaCase> cases{
      {"no limit in version 2", "0::/\n", {{"cpu.max", "max 100000\n"}}, 0},
      {"version 2, a container that sees its own root", "0::/\n", {{"cpu.max", "150000 100000\n"}}, 1.5},
      {"version 2, the limit is its own", "0::/a/b\n", {{"a/b/cpu.max", "400000 100000\n"}}, 4},
      {"version 2, the limit is a parent's",
       "0::/a/b\n",
       {{"a/cpu.max", "200000 100000\n"}, {"a/b/cpu.max", "max 100000\n"}},
       2},
      {"version 2, the least of both counts",
       "0::/a/b\n",
       {{"a/cpu.max", "50000 50000\n"}, {"a/b/cpu.max", "300000 100000\n"}},
       1},
      {"version 1, no limit",
       "4:cpu,cpuacct:/docker/1f\n1:name=systemd:/docker/1f\n",
       {{"cpu,cpuacct/cpu.cfs_quota_us", "-1\n"}, {"cpu,cpuacct/cpu.cfs_period_us", "100000\n"}},
       0},
      {"version 1, only the mount point of the host's path exists",
       "5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n",
       {{"cpu,cpuacct/cpu.cfs_quota_us", "250000\n"}, {"cpu,cpuacct/cpu.cfs_period_us", "100000\n"}},
       2.5},
      {"both versions at once",
       "4:cpu:/x\n0::/y\n",
       {{"cpu/x/cpu.cfs_quota_us", "300000\n"}, {"cpu/x/cpu.cfs_period_us", "100000\n"}, {"y/cpu.max", "max 100000\n"}},
       3},
      {"nothing mounted", "0::/a\n", {}, 0},
      {"an empty list", "", {{"cpu.max", "100000 100000\n"}}, 0},
      {"lines that are none", "\nnothing\n::\n0::\n", {{"cpu.max", "what ever\n"}}, 0},
      {"a quota of nothing", "0::/\n", {{"cpu.max", "0 100000\n"}}, 0},
      {"a period of nothing", "0::/\n", {{"cpu.max", "100000 0\n"}}, 0},
  };
  return cases;
}

}  // namespace

TEST_CASE("processor_quota reads the limits of control groups of both versions") {
  for (const auto& c : quota_cases()) {
    INFO(c.what);
    const TemporaryDirectory root;
    for (const auto& f : c.files) {
      std::filesystem::create_directories(std::filesystem::path(root / f.path).parent_path());
      write_bytes(root / f.path, f.text);
    }
    write_bytes(root / "groups", c.groups);
    const std::string mount = root / "";
    CHECK(platform::processor_quota((root / "groups").c_str(), mount.substr(0, mount.size() - 1).c_str()) == c.quota);
  }
  CHECK(platform::processor_quota("/no such file", "/sys/fs/cgroup") == 0);
}

TEST_CASE("object_path finds the program that contains a function") {
  const auto path = platform::object_path(reinterpret_cast<const void*>(&quota_cases));
#if defined(__linux__)
  CHECK(std::filesystem::equivalent(path, "/proc/self/exe"));
#endif
}

#if defined(__linux__)
TEST_CASE("available_processors counts those of the affinity mask") {
  int before = 0;
  int restricted = 0;
  std::thread([&] {  // the mask is one of this thread only
    before = platform::available_processors();
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &mask);
    if (sched_setaffinity(0, sizeof mask, &mask) == 0) restricted = platform::available_processors();
  })
      .join();
  CHECK(before >= 1);
  CHECK(restricted == 1);
}
#endif

// cmake/tests.cmake runs it by `taskset` on one processor, too.
TEST_CASE("num_threads is at first what the process may use", "[affinity]") {
  const char* const expected = std::getenv("NEWTAPE_TEST_PROCESSORS");
  if (expected == nullptr) return;
  CHECK(num_threads() == std::atoi(expected));
  CHECK(build_info().processors == std::atoi(expected));
}
