// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/cores.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace newtape::core::blas {
namespace {

enum class Extension { none, sse4a, fma4, bf16 };

struct Core {
  const char* name;
  Level level;
  Extension needs;
};

// OpenBLAS uses Prescott for unknown models. It uses the other cores without AVX only for models that it knows, so they
// are ranked with Nehalem.
constexpr std::array<Core, 21> cores{{{"Prescott", Level::sse3, Extension::none},
                                      {"Core2", Level::sse4, Extension::none},
                                      {"Penryn", Level::sse4, Extension::none},
                                      {"Dunnington", Level::sse4, Extension::none},
                                      {"Atom", Level::sse4, Extension::none},
                                      {"Nano", Level::sse4, Extension::none},
                                      {"Nehalem", Level::sse4, Extension::none},
                                      {"Opteron", Level::sse4, Extension::sse4a},
                                      {"Opteron_SSE3", Level::sse4, Extension::sse4a},
                                      {"Barcelona", Level::sse4, Extension::sse4a},
                                      {"Bobcat", Level::sse4, Extension::sse4a},
                                      {"Sandybridge", Level::avx, Extension::none},
                                      {"Bulldozer", Level::avx, Extension::fma4},
                                      {"Piledriver", Level::avx, Extension::fma4},
                                      {"Steamroller", Level::avx, Extension::fma4},
                                      {"Excavator", Level::avx, Extension::fma4},
                                      {"Haswell", Level::avx2, Extension::none},
                                      {"Zen", Level::avx2, Extension::none},
                                      {"SkylakeX", Level::avx512, Extension::none},
                                      {"Cooperlake", Level::avx512, Extension::bf16},
                                      {"SapphireRapids", Level::avx512, Extension::bf16}}};

/// As OpenBLAS compares names.
bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const Core* find(std::string_view name) {
  const auto* const at = std::find_if(cores.begin(), cores.end(), [&](const Core& c) { return same(c.name, name); });
  return at == cores.end() ? nullptr : at;
}

bool runs_on(const Core& core, const Processor& p) {
  const bool extension = core.needs == Extension::none || (core.needs == Extension::sse4a && p.sse4a) ||
                         (core.needs == Extension::fma4 && p.fma4) || (core.needs == Extension::bf16 && p.bf16);
  return core.level <= p.level && extension;
}

/// One run of choose_core.
class Chooser {
 public:
  Chooser(const CoreSwitch& library, const Processor& processor)
      : library_(library), processor_(processor), choice_{library.current(), library.current()} {}

  CoreChoice run(const char* requested, const char* coretype) {
    const std::string_view request = requested == nullptr ? "" : requested;
    if (request == "keep") {
      note_if_slow("NEWTAPE_BLAS_CORE=keep");
      return std::move(choice_);
    }
    const bool automatic = request.empty() || request == "auto";
    if (!automatic && use_named(request)) return std::move(choice_);
    if (coretype != nullptr && request != "auto") {
      note_if_slow(std::string("OPENBLAS_CORETYPE=") + coretype);
    } else {
      use_suitable();
    }
    return std::move(choice_);
  }

 private:
  void note(std::string text) { choice_.notes.push_back(std::move(text)); }

  void note_if_slow(const std::string& cause) {
    const Core* core = find(choice_.current);
    if (core == nullptr || core->level >= processor_.level) return;
    note(cause + " holds OpenBLAS at " + choice_.current + "; the best core for this processor is " +
         suitable_cores(processor_).front() + " (NEWTAPE_BLAS_CORE=auto selects it)");
  }

  bool use_named(std::string_view request) {
    const std::string name(request);
    const std::string complaint = "NEWTAPE_BLAS_CORE=" + name + " is ignored: ";
    const Core* core = find(request);
    if (core == nullptr) {
      note(complaint + "not auto, keep or the name of a core");
    } else if (!runs_on(*core, processor_)) {
      note(complaint + "the processor lacks instructions of this core");
    } else if (same(choice_.current, request)) {
      return true;
    } else if (!library_.is_safe()) {
      note(complaint + "other threads were running when Newtape was loaded");
    } else if (attempt(*core, [&](const Core* now) { return now != nullptr && same(now->name, request); })) {
      return true;
    } else {
      note(complaint + (choice_.failed.empty() ? "OpenBLAS was built without this core" : "it fails the self-test"));
      restore();
    }
    return false;
  }

  /// Keeps OpenBLAS's own choice if its instruction set is the processor's.
  void use_suitable() {
    const Core* own = find(choice_.current);
    if (own == nullptr || own->level == processor_.level) return;  // an unknown core is kept
    const std::string best = suitable_cores(processor_).front();
    if (!library_.is_safe()) {
      note("other threads were running when Newtape was loaded, so OpenBLAS stays at " + choice_.current +
           "; start the program with OPENBLAS_CORETYPE=" + best);
      return;
    }
    const auto better = [&](const Core* now) {
      return now != nullptr && now->level <= processor_.level &&
             (own->level > processor_.level || now->level > own->level);
    };
    const int before = choice_.switches;
    for (const auto& name : suitable_cores(processor_)) {
      const Core& candidate = *find(name);
      if (!better(&candidate)) break;  // all others are not better than OpenBLAS's choice
      if (attempt(candidate, better)) return;
    }
    if (choice_.switches > before) restore();
    note("OpenBLAS stays at " + choice_.current +
         ": it has no better core that works on this processor (the best would be " + best + ")");
  }

  /// Switches to a core; true if it runs and passes the self-test. The library may have switched to another one, which
  /// `wanted` accepts or rejects.
  template <class F>
  bool attempt(const Core& core, const F& wanted) {
    library_.use(core.name);
    ++choice_.switches;
    const std::string now = library_.current();
    if (!wanted(find(now))) return false;
    if (!library_.passes_self_test()) {
      choice_.failed.push_back(now);
      note("OpenBLAS's " + now + " kernels fail the self-test on this processor");
      return false;
    }
    choice_.current = now;
    return true;
  }

  void restore() {
    library_.use(nullptr);
    choice_.current = library_.current();
  }

  const CoreSwitch& library_;
  const Processor& processor_;
  CoreChoice choice_;
};

}  // namespace

Processor this_processor() noexcept {
  Processor p;
#if defined(__x86_64__)
  // These also ask the operating system whether it saves the wide registers (xgetbv).
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512cd");
  p.level = avx2 && avx512                     ? Level::avx512
            : avx2                             ? Level::avx2
            : __builtin_cpu_supports("avx")    ? Level::avx
            : __builtin_cpu_supports("sse4.2") ? Level::sse4
                                               : Level::sse3;
  p.sse4a = __builtin_cpu_supports("sse4a");
  p.fma4 = __builtin_cpu_supports("fma4");
  p.bf16 = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
#endif
  return p;
}

std::vector<std::string> suitable_cores(const Processor& processor) {
  // Cooperlake and SapphireRapids add bf16 products only; f32 and f64 run SkylakeX's kernels there, too. Zen is Haswell
  // with other block sizes: slower by 10 % (f32) and 3 % (f64) on a Zen 3, averaged over the sizes of training.
  std::vector<std::string> names;
  if (processor.level >= Level::avx512) names.emplace_back("SkylakeX");
  if (processor.level >= Level::avx2) names.emplace_back("Haswell");
  if (processor.level >= Level::avx) names.emplace_back("Sandybridge");
  if (processor.level >= Level::sse4) names.emplace_back("Nehalem");
  names.emplace_back("Prescott");
  return names;
}

CoreChoice choose_core(const CoreSwitch& library, const Processor& processor, const char* requested,
                       const char* coretype) {
  return Chooser(library, processor).run(requested, coretype);
}

}  // namespace newtape::core::blas
