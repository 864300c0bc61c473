// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/openblas.hpp>
#include <newtape/core/linalg/self_test.hpp>
#include <newtape/core/runtime/platform.hpp>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <optional>

#if defined(__linux__)
#include <dirent.h>
#elif defined(__APPLE__)
#include <dlfcn.h>
#endif

// Functions that may be missing: another BLAS lacks all of them, an OpenBLAS built for one core lacks the dynamic ones, and a
// static one has only those in the archive members that are linked anyway. Each is null where it is missing.
#if defined(__ELF__)
#define NEWTAPE_OPTIONAL(result, name, arguments) extern "C" result name arguments __attribute__((weak))
#elif defined(__APPLE__)  // undefined weak symbols need an option of the program's linker there
#define NEWTAPE_OPTIONAL(result, name, arguments) \
  static result(*const name) arguments = reinterpret_cast<result(*) arguments>(dlsym(RTLD_DEFAULT, #name))
#else
#define NEWTAPE_OPTIONAL(result, name, arguments) static result(*const name) arguments = nullptr
#endif
// NOLINTBEGIN(readability-identifier-naming)
NEWTAPE_OPTIONAL(void, gotoblas_init, ());
NEWTAPE_OPTIONAL(char*, gotoblas_corename, ());
NEWTAPE_OPTIONAL(void, gotoblas_dynamic_init, ());
NEWTAPE_OPTIONAL(void, gotoblas_dynamic_quit, ());
NEWTAPE_OPTIONAL(char*, openblas_get_config, ());
NEWTAPE_OPTIONAL(char*, openblas_get_corename, ());
NEWTAPE_OPTIONAL(int, openblas_get_parallel, ());
NEWTAPE_OPTIONAL(int, openblas_get_num_threads, ());
NEWTAPE_OPTIONAL(void, openblas_set_num_threads, (int));
NEWTAPE_OPTIONAL(int, omp_get_max_threads, ());
NEWTAPE_OPTIONAL(void, MKL_Get_Version_String, (char*, int));
NEWTAPE_OPTIONAL(const char*, bli_info_get_version_str, ());
// NOLINTEND(readability-identifier-naming)

namespace newtape::core::blas {
namespace {

constexpr const char* variable = "OPENBLAS_CORETYPE";

/// By way of the environment, which OpenBLAS reads at each initialisation: no function takes a name.
void use_core(const char* core) {
  std::optional<std::string> before;
  if (const char* value = std::getenv(variable)) before = value;
  if (core != nullptr) platform::set_environment(variable, core);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  if (core == nullptr) return;
  platform::set_environment(variable, before ? before->c_str() : nullptr);
}

std::string current_core() { return gotoblas_corename(); }

/// The number of open sessions and, above 32 bits, the number of threads that OpenBLAS had before the first of them. One
/// word and no lock: a child of fork() can go on.
constinit std::atomic<std::uint64_t> sessions{0};

bool can_set_threads() noexcept { return openblas_get_num_threads != nullptr && openblas_set_num_threads != nullptr; }

/// OpenBLAS by OpenMP: each thread has its own number, which openblas_set_num_threads also sets.
bool by_openmp() noexcept {
  return openblas_get_parallel != nullptr && openblas_get_parallel() == 2 && omp_get_max_threads != nullptr;
}

void open_session() noexcept {
  std::uint64_t known = sessions.load(std::memory_order_acquire);
  while (true) {
    const bool first = (known & 0xffffffffU) == 0;
    const auto threads = first ? static_cast<std::uint32_t>(openblas_get_num_threads()) : 0U;
    const std::uint64_t next = first ? (std::uint64_t{threads} << 32 | 1U) : known + 1;
    if (!sessions.compare_exchange_weak(known, next, std::memory_order_acq_rel)) continue;
    if (first && threads > 1) openblas_set_num_threads(1);
    return;
  }
}

void close_session() noexcept {
  const std::uint64_t known = sessions.fetch_sub(1, std::memory_order_acq_rel);
  const auto threads = static_cast<int>(known >> 32);
  // Another number than 1 was set by the program meanwhile.
  if ((known & 0xffffffffU) == 1 && threads > 1 && openblas_get_num_threads() == 1) openblas_set_num_threads(threads);
}

/// A session, but for the choice of the core.
class OneThread {
 public:
  OneThread() noexcept {
    if (can_set_threads()) open_session();
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() {
    if (can_set_threads()) close_session();
  }
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

const char* core_name() noexcept { return openblas_get_corename == nullptr ? "" : openblas_get_corename(); }

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

Session::Session() : before_(0) {
  core_choice();
  if (!can_set_threads()) return;
  if (by_openmp()) {
    before_ = omp_get_max_threads();
    if (before_ > 1) openblas_set_num_threads(1);
  } else {
    open_session();
  }
}

Session::~Session() {
  if (!can_set_threads()) return;
  if (!by_openmp()) {
    close_session();
  } else if (before_ > 1 && omp_get_max_threads() == 1) {
    openblas_set_num_threads(before_);
  }
}

}  // namespace newtape::core::blas
