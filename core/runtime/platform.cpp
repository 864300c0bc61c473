// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/platform.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#endif

namespace newtape::platform {
namespace {

constexpr std::size_t line_length = 4096;

/// The first line of the file folder/name; false if there is none. Allocates nothing by `new`, as all here: the number of
/// threads is asked for where nothing may fail.
bool read_line(const char* folder, const char* name, char (&line)[line_length]) noexcept {
  char path[2 * line_length];
  if (std::snprintf(path, sizeof path, "%s/%s", folder, name) >= static_cast<int>(sizeof path)) return false;
  std::FILE* const file = std::fopen(path, "r");
  if (file == nullptr) return false;
  const bool got = std::fgets(line, line_length, file) != nullptr;
  std::fclose(file);
  return got;
}

/// The quota that one folder sets, in processors; 0 without.
double folder_quota(const char* folder) noexcept {
  char line[line_length];
  double quota = 0;
  double period = 0;
  if (read_line(folder, "cpu.max", line)) {  // v2: "150000 100000" or "max 100000"
    if (std::sscanf(line, "%lf %lf", &quota, &period) != 2) return 0;
  } else if (read_line(folder, "cpu.cfs_quota_us", line)) {  // v1: -1 without a limit
    quota = std::strtod(line, nullptr);
    if (!read_line(folder, "cpu.cfs_period_us", line)) return 0;
    period = std::strtod(line, nullptr);
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

/// The least quota of mount/group and its parents: a group's own limit may be wider than that of one around it, and inside
/// a container the path may be the host's, of which only the mount point exists.
double least_quota(const char* mount, char* group) noexcept {
  double least = 0;
  char folder[2 * line_length];
  while (true) {
    if (std::snprintf(folder, sizeof folder, "%s%s", mount, group) < static_cast<int>(sizeof folder)) {
      const double quota = folder_quota(folder);
      if (quota > 0 && (least == 0 || quota < least)) least = quota;
    }
    if (*group == 0) return least;
    char* const slash = std::strrchr(group, '/');
    *(slash == nullptr ? group : slash) = 0;
  }
}

#if defined(__linux__)
int processors_of_mask() noexcept {
  // The kernel's mask may be longer than cpu_set_t.
  for (std::size_t count = CPU_SETSIZE; count <= (1U << 20); count *= 2) {
    cpu_set_t* const set = CPU_ALLOC(count);
    if (set == nullptr) return 0;
    const std::size_t bytes = CPU_ALLOC_SIZE(count);
    const bool got = sched_getaffinity(0, bytes, set) == 0;
    const int found = got ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (got) return found;
  }
  return 0;
}
#endif

}  // namespace

double processor_quota(const char* groups, const char* root) noexcept {
  std::FILE* const file = std::fopen(groups, "r");
  if (file == nullptr) return 0;
  double least = 0;
  char line[line_length];
  while (std::fgets(line, sizeof line, file) != nullptr) {  // "0::/user.slice" in v2, "4:cpu,cpuacct:/docker/1f" in v1
    line[std::strcspn(line, "\n")] = 0;
    char* const names = std::strchr(line, ':');
    char* const group = names == nullptr ? nullptr : std::strchr(names + 1, ':');
    if (group == nullptr) continue;
    *group = 0;
    char mount[2 * line_length];
    const bool v2 = names[1] == 0;
    // v1 mounts each set of controllers in a folder of its own.
    if (v2) {
      std::snprintf(mount, sizeof mount, "%s", root);
    } else {
      std::snprintf(mount, sizeof mount, "%s/%s", root, names + 1);
    }
    const double quota = least_quota(mount, group + 1);
    if (quota > 0 && (least == 0 || quota < least)) least = quota;
  }
  std::fclose(file);
  return least;
}

int available_processors() noexcept {
  int count = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  if (const int allowed = processors_of_mask(); allowed > 0) count = allowed;
  const double quota = processor_quota("/proc/self/cgroup", "/sys/fs/cgroup");
  if (quota > 0 && quota < count) count = static_cast<int>(quota);
#endif
  return std::max(count, 1);
}

void set_environment(const char* name, const char* value) noexcept {
#if defined(_WIN32)
  _putenv_s(name, value == nullptr ? "" : value);
#else
  value == nullptr ? unsetenv(name) : setenv(name, value, 1);
#endif
}

std::string object_path(const void* address) {
#if defined(__unix__) || defined(__APPLE__)
  Dl_info info{};
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
#if defined(__linux__)
  // A program is known by its first argument, which need not be a path.
  if (std::strchr(info.dli_fname, '/') == nullptr) return "/proc/self/exe";
#endif
  return info.dli_fname;
#else
  static_cast<void>(address);
  return {};
#endif
}

}  // namespace newtape::platform
