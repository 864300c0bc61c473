// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/linalg/bf16_products.hpp>
#include <newtape/core/linalg/openblas.hpp>
#include <newtape/core/runtime/build_info.hpp>
#include <newtape/core/runtime/denormals.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/platform.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace newtape {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#else
  return "unknown";
#endif
}

std::string processor() {
#if defined(__x86_64__)
  char name[49] = {};
  for (unsigned part = 0; part < 3; ++part) {
    unsigned words[4] = {};
    if (__get_cpuid(0x80000002U + part, &words[0], &words[1], &words[2], &words[3]) == 0) return "";
    std::memcpy(name + 16 * part, words, sizeof words);
  }
  const std::string text = name;
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') + 1 - first);
#else
  return "";
#endif
}

std::string isa_name(core::kernels::Isa isa) {
  using core::kernels::Isa;
  return isa == Isa::avx512 ? "avx512" : isa == Isa::avx2 ? "avx2" : "baseline";
}

/// From the kernel's description of the first processor; 0 where there is none.
std::int64_t cache_size([[maybe_unused]] int level) {
#if defined(__linux__)
  for (int index = 0; index < 8; ++index) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/", index);
    const auto read = [&](const char* name) {
      std::string text;
      std::ifstream(folder + name) >> text;
      return text;
    };
    if (read("level") != std::to_string(level) || read("type") == "Instruction") continue;
    const std::string size = read("size");  // "32K"
    const std::int64_t number = std::strtoll(size.c_str(), nullptr, 10);
    return number << (size.ends_with('K') ? 10 : size.ends_with('M') ? 20 : 0);
  }
#endif
  return 0;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> result;
  for (std::string word; in >> word;) result.push_back(word);
  return result;
}

void find_notes(BuildInfo& info) {
  auto& notes = info.notes;
#if !defined(__OPTIMIZE__)
  notes.emplace_back("built without optimisation: a Release build is many times faster");
#elif !defined(NDEBUG)
  notes.emplace_back("assertions are on: a Release build is faster");
#endif
  if (info.kernels != info.best_kernels) {
    notes.push_back("NEWTAPE_ISA holds Newtape's kernels at " + info.kernels + "; the processor has " +
                    info.best_kernels);
  }
  const auto& core_notes = core::blas::core_choice().notes;
  notes.insert(notes.end(), core_notes.begin(), core_notes.end());
  if (info.blas == "unknown") {
    notes.emplace_back(
        "this BLAS is none that is known to be fast (OpenBLAS, MKL, BLIS): with the reference BLAS products "
        "take many times longer");
  }
  if (info.threads == 1 && info.processors > 1) {
    notes.push_back("one thread, and " + std::to_string(info.processors) +
                    " processors: NEWTAPE_NUM_THREADS or set_num_threads changes that");
  } else if (info.threads > info.processors) {
    notes.push_back("more threads than processors (" + std::to_string(info.threads) + " and " +
                    std::to_string(info.processors) + "): they wait for each other");
  }
}

std::string bytes(std::int64_t n) {
  if (n <= 0) return "unknown";
  return n < (1 << 20) ? fmt::format("{} KiB", n >> 10) : fmt::format("{:.4g} MiB", static_cast<double>(n) / (1 << 20));
}

}  // namespace

BuildInfo build_info() {
  BuildInfo info;
  info.version = NEWTAPE_VERSION_TEXT;
  info.compiler = compiler();
  info.build = NEWTAPE_BUILD;
  info.processor = processor();
  info.kernels = isa_name(core::kernels::isa());
  info.best_kernels = isa_name(core::kernels::best_isa());
  info.blas = core::blas::library_name();
  info.blas_core = core::blas::core_choice().current;
  info.original_blas_core = core::blas::core_choice().original;
  info.mixed_precision = core::describe_bf16_products();
  info.threads = num_threads();
  info.processors = platform::available_processors();
  info.flush_denormal = flush_denormal();
  info.l1_cache = cache_size(1);
  info.l2_cache = cache_size(2);
  info.l3_cache = cache_size(3);
  info.parts = words(NEWTAPE_OPTIONAL_PARTS);
  find_notes(info);
  return info;
}

std::string to_string(const BuildInfo& info) {
  std::string text;
  const auto line = [&](const char* title, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<11}{}\n", title, value);
  };
  const bool switched = info.blas_core != info.original_blas_core;
  line("newtape", info.version);
  line("compiler", info.compiler);
  line("build", info.build);
  line("processor", info.processor);
  line("kernels",
       info.kernels + (info.kernels == info.best_kernels ? "" : fmt::format(" (best: {})", info.best_kernels)));
  line("BLAS", info.blas + (info.blas_core.empty() ? "" : fmt::format(", core {}", info.blas_core)) +
                   (switched ? fmt::format(" (OpenBLAS had chosen {})", info.original_blas_core) : ""));
  line("bf16", info.mixed_precision);
  line("threads", fmt::format("{} on {} processors", info.threads, info.processors));
  line("denormals", info.flush_denormal ? "taken as 0 (set_flush_denormal)" : "");
  line("caches", fmt::format("L1 {}, L2 {}, L3 {}", bytes(info.l1_cache), bytes(info.l2_cache), bytes(info.l3_cache)));
  line("parts", info.parts.empty() ? "none of the optional ones" : fmt::format("{}", fmt::join(info.parts, ", ")));
  for (const auto& note : info.notes) line("note", note);
  return text;
}

}  // namespace newtape
