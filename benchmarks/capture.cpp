// SPDX-License-Identifier: BSD-3-Clause
// What capture() saves: steps, eager and captured, timed in turns after their bits were compared.
#include "capture_cases.hpp"
#include "child.hpp"
#include "cores.hpp"
#include "report.hpp"
#include "side.hpp"

#include <newtape/core/runtime/allocation_probe.hpp>
#include <newtape/core/runtime/allocator.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/xtensor.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>
#include <utility>

namespace bench {

namespace {

namespace nt = newtape;
using nt::Tensor;

std::vector<std::byte> bytes(const Tensor& x) {
  const auto copy = [&](auto zero) {
    const auto view = x.value().template view<decltype(zero)>();
    const std::vector<decltype(zero)> dense(view.begin(), view.end());
    std::vector<std::byte> raw(dense.size() * sizeof(zero));
    if (!raw.empty()) std::memcpy(raw.data(), dense.data(), raw.size());
    return raw;
  };
  return x.dtype() == nt::f32 ? copy(float{}) : copy(double{});
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.dtype() == b.dtype() && a.shape() == b.shape() && bytes(a) == bytes(b);
}

/// What of ten steps of both sides, on different arguments, differs; empty when nothing does.
std::string difference(const Sides& s) {
  for (int call = 1; call <= 10; ++call) {
    const Tensors eager = s.eager();
    const Tensors captured = s.captured();
    if (eager.size() != captured.size()) return fmt::format("call {}: other numbers of results", call);
    for (std::size_t i = 0; i < eager.size(); ++i) {
      if (!same_bits(eager[i], captured[i])) return fmt::format("call {}: result {}", call, i);
    }
    for (std::size_t i = 0; i < s.eager_state.size(); ++i) {
      const Tensor& a = s.eager_state[i];
      const Tensor& b = s.captured_state[i];
      if (!same_bits(a, b)) return fmt::format("call {}: parameter {}", call, i);
      if (!same_bits(a.grad(), b.grad())) return fmt::format("call {}: gradient of parameter {}", call, i);
    }
    s.vary();
  }
  return {};
}

struct Options {
  std::vector<std::string> filters;
  int rounds = 9;
  double seconds = 0.05;
  bool plans = false;
  bool processor_time = false;
  bool libtorch = false;
};

/// LibTorch at work beside this program, with the kernels of OpenBLAS that are fastest here.
class LibTorch {
 public:
  explicit LibTorch(const Options& options) : clock_{options.seconds, options.processor_time} {
    const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    const Cores cores = measure_cores(folder / "blas_bench_worker");
    Environment settings = thread_settings(1);
    if (!cores.best.empty()) settings.push_back("OPENBLAS_CORETYPE=" + cores.best);
    child_ = std::make_unique<Child>(folder / "torch_bench_worker", 1, settings);
    fmt::print("{}{}; OPENBLAS_CORETYPE={}\n", cores.text(), child_->ask("title"), cores.best);
  }
  Side side(const char* workload) { return {*child_, workload, clock_}; }

 private:
  Clock clock_;
  std::unique_ptr<Child> child_;
};

/// Of the plan in use.
struct PlanNumbers {
  long recorded = 0, calls = 0;
  double arena = 0;
};

PlanNumbers plan_numbers(const std::string& text) {
  static const std::regex line(R"((\d+) of (\d+) calls, .*arena (\d+) bytes)");
  const auto begin = std::sregex_iterator(text.begin(), text.end(), line);
  const auto n = std::distance(begin, std::sregex_iterator());
  if (n == 0) throw std::runtime_error("plan() does not tell calls and arena: " + text.substr(0, text.find('\n')));
  const std::smatch m = *std::next(begin, n - 1);
  return {std::stol(m[2]), std::stol(m[1]), std::stod(m[3])};
}

double now(bool processor_time) {
  timespec t{};
  clock_gettime(processor_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class F>
double seconds_of(const F& f, long n, const Options& options) {
  const double start = now(options.processor_time);
  for (long i = 0; i < n; ++i) f();
  return (now(options.processor_time) - start) / static_cast<double>(n);
}

/// Calls that take about as long as a round.
long calls_in_round(const std::function<Tensors()>& f, const Options& options) {
  long n = 1;
  while (n < (1 << 20) && seconds_of(f, n, options) * static_cast<double>(n) < options.seconds / 4) n *= 2;
  return std::max(1L, static_cast<long>(options.seconds / seconds_of(f, n, options)));
}

/// The most that is allocated for arrays during a call beyond what is allocated between calls.
double peak_bytes(const std::function<Tensors()>& f) {
  nt::detail::AllocationProbe probe{.timed = false, .tracks_peak = true};
  const auto before = nt::allocator::stats().live_bytes;
  auto* const outer = std::exchange(nt::detail::allocation_probe, &probe);
  f();
  nt::detail::allocation_probe = outer;
  return probe.peak_bytes > before ? static_cast<double>(probe.peak_bytes - before) : 0;
}

struct Times {
  double eager = std::numeric_limits<double>::infinity();
  double captured = std::numeric_limits<double>::infinity();
  double capture = std::numeric_limits<double>::infinity();  ///< of the calls that record and check
  double libtorch = std::numeric_limits<double>::infinity();
};

/// The least of all rounds; in every other round the captured side is first.
Times measure(const Sides& s, const Options& options, std::optional<Side> libtorch) {
  Times t;
  const long eager_calls = calls_in_round(s.eager, options);
  const long captured_calls = calls_in_round(s.captured, options);
  const auto eager = [&] { t.eager = std::min(t.eager, seconds_of(s.eager, eager_calls, options)); };
  for (int r = 0; r < options.rounds; ++r) {
    if (r % 2 == 0) eager();
    t.captured = std::min(t.captured, seconds_of(s.captured, captured_calls, options));
    if (r % 2 == 1) eager();
    if (libtorch) t.libtorch = std::min(t.libtorch, libtorch->round());
  }
  for (int r = 0; r < options.rounds; ++r) t.capture = std::min(t.capture, seconds_of(s.capture_anew, 1, options));
  return t;
}

std::string bytes_text(double bytes) {
  if (bytes < 1e6) return fmt::format("{:.1f} kB", bytes * 1e-3);
  return size_text(bytes);
}

void print_header() {
  fmt::print("{:<12}{:>10}{:>10}{:>7}{:>6}  {:<14}{:>10}{:>11}{:>12}{:>9}\n", "", "eager", "captured", "ratio", "goal",
             "calls", "arena", "in replay", "eager peak", "capture");
}

/// False where the two sides differ.
bool run(const CaptureCase& c, const Options& options, LibTorch* libtorch) {
  const Sides s = c.make();
  const std::string different = difference(s);
  const std::string plan = s.plan();
  if (options.plans) fmt::print("{}\n", plan);
  if (!different.empty()) {
    fmt::print("{:<12}DIFFERENT BITS, {}\n", c.name, different);
    return false;
  }
  if (s.counts().eager > 0) {
    const std::string marker = "not recorded: ";
    const auto at = plan.rfind(marker);
    const std::string reason = at == std::string::npos ? plan : plan.substr(at + marker.size());
    const double eager = seconds_of(s.eager, calls_in_round(s.eager, options), options);
    fmt::print("{:<12}{:>10}  falls back: {}", c.name, time_text(eager), reason);
    return reason.rfind("a difference in", 0) != 0;
  }
  const PlanNumbers numbers = plan_numbers(plan);
  const auto recorded = s.counts().recorded;
  const double eager_peak = peak_bytes(s.eager);
  const double replay_peak = peak_bytes(s.captured);
  const bool beside = libtorch != nullptr && c.libtorch != nullptr;
  const Times t = measure(s, options, beside ? std::optional<Side>(libtorch->side(c.libtorch)) : std::nullopt);
  fmt::print("{:<12}{:>10}{:>10}{:>7.2f}{:>6}  {:<14}{:>10}{:>11}{:>12}{:>9.1f}\n", c.name, time_text(t.eager),
             time_text(t.captured), t.eager / t.captured, c.goal > 0 ? fmt::format("{:g}", c.goal) : "",
             fmt::format("{} -> {}", numbers.recorded, numbers.calls), bytes_text(numbers.arena),
             bytes_text(replay_peak), bytes_text(eager_peak), t.capture / t.eager);
  if (beside) {
    fmt::print("{:<12}{:>10}{:>27.1f}{:>6}  LibTorch, and its time over that of a replay\n", "", time_text(t.libtorch),
               t.libtorch / t.captured, c.libtorch_goal > 0 ? fmt::format("{:g}", c.libtorch_goal) : "");
  }
  if (s.counts().recorded != recorded || s.counts().eager > 0) {
    fmt::print("{:<12}not all timed calls were replays\n", "");
    return false;
  }
  return true;
}

bool run_all(const Options& options) {
  nt::set_num_threads(1);
  fmt::print(
      "{} of one thread, least of {} rounds in turns. calls: recorded -> replayed. in replay, eager peak: allocated "
      "during "
      "a\n"
      "step beyond what is between steps. capture: the two calls that record and check, in eager steps\n\n",
      options.processor_time ? "processor time" : "wall time", options.rounds);
  std::optional<LibTorch> libtorch;
  if (options.libtorch) libtorch.emplace(options);
  print_header();
  bool same = true;
  for (const auto& c : capture_cases()) {
    const auto named = [&](const auto& f) { return std::string(c.name).find(f) != std::string::npos; };
    if (!options.filters.empty() && std::none_of(options.filters.begin(), options.filters.end(), named)) continue;
    same = run(c, options, libtorch ? &*libtorch : nullptr) && same;
    std::fflush(stdout);
  }
  fmt::print("\n");
  for (const auto& c : capture_cases()) fmt::print("{:<12}{}\n", c.name, c.what);
  return same;
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
  CLI::App app("What capture saves: eager and captured steps, compared bit for bit and timed in turns");
  bench::Options options;
  app.add_option("filters", options.filters, "Workloads whose names contain one of these");
  app.add_option("--rounds", options.rounds, "Rounds, of which the least time counts")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "Seconds for each side in each round")->check(CLI::PositiveNumber);
  app.add_flag("--processor-time", options.processor_time,
               "For a busy machine: time of the processor, not of the clock");
  app.add_flag("--libtorch", options.libtorch, "Measure LibTorch on the same work, in turns");
  app.add_flag("--plans", options.plans, "Print the plans");
  CLI11_PARSE(app, argc, argv);
  try {
    return bench::run_all(options) ? 0 : 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
