// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/openblas.hpp>
#include <newtape/core/linalg/self_test.hpp>

#include <cstdlib>
#include <optional>

#if defined(__linux__)
#include <dirent.h>
#endif

extern "C" {
// NOLINTBEGIN(readability-identifier-naming)
// Weak: another BLAS lacks all of them, an OpenBLAS built for one core lacks the dynamic ones, and a static one has only
// those in the archive members that are linked anyway.
void gotoblas_init() __attribute__((weak));
char* gotoblas_corename() __attribute__((weak));
void gotoblas_dynamic_init() __attribute__((weak));
void gotoblas_dynamic_quit() __attribute__((weak));
char* openblas_get_config() __attribute__((weak));
char* openblas_get_corename() __attribute__((weak));
int openblas_get_parallel() __attribute__((weak));
int openblas_get_num_threads() __attribute__((weak));
void openblas_set_num_threads(int) __attribute__((weak));
void MKL_Get_Version_String(char*, int) __attribute__((weak));
const char* bli_info_get_version_str() __attribute__((weak));
// NOLINTEND(readability-identifier-naming)
}

namespace newtape::core::blas {
namespace {

constexpr const char* variable = "OPENBLAS_CORETYPE";

/// By way of the environment, which OpenBLAS reads at each initialisation: no function takes a name.
void use_core(const char* core) {
  std::optional<std::string> before;
  if (const char* value = std::getenv(variable)) before = value;
  if (core != nullptr) setenv(variable, core, 1);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  if (core == nullptr) return;
  before ? setenv(variable, before->c_str(), 1) : unsetenv(variable);
}

std::string current_core() { return gotoblas_corename(); }

/// Restricts OpenBLAS to this thread for a scope.
class OneThread {
 public:
  OneThread()
      : before_(openblas_get_num_threads != nullptr && openblas_set_num_threads != nullptr ? openblas_get_num_threads()
                                                                                           : 1) {
    if (before_ > 1) openblas_set_num_threads(1);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() {
    if (before_ > 1) openblas_set_num_threads(before_);
  }

 private:
  int before_;
};

bool passes_self_test() {
  const OneThread only;
  return self_test(blas_routines<float>(), blas_routines<double>());
}

/// Whether the process has no threads but this one and OpenBLAS's own, which are idle between calls.
bool is_alone() {
#if defined(__linux__)
  DIR* const tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return false;
  int count = 0;
  while (const dirent* entry = readdir(tasks)) count += entry->d_name[0] != '.' ? 1 : 0;
  closedir(tasks);
#if defined(__SANITIZE_THREAD__)
  --count;  // the sanitizer's thread
#endif
  const bool own_threads = openblas_get_parallel == nullptr || openblas_get_parallel() == 1;
  return count <= (own_threads && openblas_get_num_threads != nullptr ? openblas_get_num_threads() : 1);
#else
  return false;
#endif
}

CoreChoice choose() {
  if (!has_cores()) {
    CoreChoice choice;
    if (openblas_get_corename != nullptr) choice.original = choice.current = openblas_get_corename();
    return choice;
  }
  gotoblas_init();  // in a static program OpenBLAS's constructor may run after this one; a second call does nothing
  const CoreSwitch library{current_core, use_core, passes_self_test, is_alone};
  return choose_core(library, this_processor(), std::getenv("NEWTAPE_BLAS_CORE"), std::getenv(variable));
}

// The core is changed while the program is loaded, not at the first product: before main there are usually no other
// threads that could be inside a product of the same OpenBLAS (and crash) or read the environment while it is written.
// If Newtape is loaded later, into a process with other threads, nothing is changed, and build_info() reports it. No
// time is spent if OpenBLAS knows the processor.
[[maybe_unused]] const CoreChoice& chosen_at_load = core_choice();

}  // namespace

std::string library_name() {
  if (openblas_get_config != nullptr) {
    const std::string config = openblas_get_config();  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH .."
    return config.substr(0, config.find(' ', config.find(' ') + 1));
  }
  if (openblas_set_num_threads != nullptr) return "OpenBLAS";
  if (MKL_Get_Version_String != nullptr) return "MKL";
  if (bli_info_get_version_str != nullptr) return std::string("BLIS ") + bli_info_get_version_str();
#if defined(__APPLE__)
  return "Accelerate";
#else
  return "unknown";
#endif
}

bool has_cores() noexcept {
#if defined(__x86_64__)
  return gotoblas_init != nullptr && gotoblas_corename != nullptr && gotoblas_dynamic_init != nullptr &&
         gotoblas_dynamic_quit != nullptr;
#else
  return false;
#endif
}

const CoreChoice& core_choice() {
  static const CoreChoice* const choice =
      new CoreChoice(choose());  // never destroyed: destructors of static objects may multiply
  return *choice;
}

void prepare() {
  [[maybe_unused]] static const bool once = [] {
    core_choice();
    if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
    return true;
  }();
}

}  // namespace newtape::core::blas
