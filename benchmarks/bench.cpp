// SPDX-License-Identifier: BSD-3-Clause
// Newtape's speed, beside LibTorch's where that is installed. Each library runs in a process of its own, so that
// neither sees the other's threads, memory or symbols; rounds alternate between the two, so that whatever else the
// machine is doing falls on both. Beside both stands the time that the machine's own rates allow, measured in the same
// rounds.
#include "child.hpp"
#include "cores.hpp"
#include "inputs.hpp"
#include "machine.hpp"
#include "options.hpp"
#include "report.hpp"
#include "script.hpp"
#include "side.hpp"
#include "specs.hpp"
#include "sweep.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>

namespace {

using namespace bench;

bool wanted(const Options& options, std::string_view name) {
  return options.filters.empty() || std::any_of(options.filters.begin(), options.filters.end(),
                                                [&](const auto& f) { return name.find(f) != std::string_view::npos; });
}

/// A library's worker, where it is installed and not left out.
class Library {
 public:
  Library(const std::filesystem::path& program, const Options& options, int threads, const Environment& settings) {
    const bool left_out = !options.only.empty() && program.filename().string().rfind(options.only, 0) != 0;
    if (left_out || !std::filesystem::exists(program)) return;
    child_ = std::make_unique<Child>(program, threads, settings);
    std::istringstream names(child_->ask("list"));
    for (std::string name; names >> name;) {
      if (name.rfind("product_", 0) == 0) continue;  // of the sweep
      const auto is_it = [&](const Spec& s) { return name == s.name; };
      if (std::none_of(specs().begin(), specs().end(), is_it)) {
        throw std::runtime_error(fmt::format("{}: no specification is called {}", program.string(), name));
      }
      workloads_.insert(name);
    }
  }
  std::string title(const char* name) const {
    return child_ != nullptr ? child_->ask("title") : fmt::format("{} left out", name);
  }
  Child* child() const { return child_.get(); }
  /// The worker that knows this workload, or none.
  Child* with(const char* workload) const { return workloads_.count(workload) != 0 ? child_.get() : nullptr; }

 private:
  std::unique_ptr<Child> child_;
  std::set<std::string> workloads_;
};

/// Everybody who is measured.
struct Contestants {
  Cores cores;
  Library newtape, libtorch;
  std::optional<Library> one_thread;  ///< Newtape with one thread, where it has more
  std::optional<Machine> machine;

  /// Newtape's kernels are its own choice; LibTorch, whose OpenBLAS may not know the processor, gets the best there
  /// are.
  static Environment newtape_settings(const Options& options) {
    return options.keep_coretype ? Environment{} : Environment{"OPENBLAS_CORETYPE"};
  }
  static Environment libtorch_settings(const Cores& cores) {
    return cores.best.empty() ? Environment{} : Environment{"OPENBLAS_CORETYPE=" + cores.best};
  }

  Contestants(const std::filesystem::path& folder, const Options& options)
      : cores(options.check && options.sweep.empty() ? Cores{} : measure_cores(folder / "blas_bench_worker")),
        newtape(folder / "newtape_bench_worker", options, options.threads, newtape_settings(options)),
        libtorch(folder / "torch_bench_worker", options, options.threads, libtorch_settings(cores)) {
    if (options.check && options.sweep.empty()) return;
    machine.emplace(folder, cores, options);
    if (options.threads > 1) {
      one_thread.emplace(folder / "newtape_bench_worker", options, 1, newtape_settings(options));
    }
  }

  /// Which kernels the sides run, and what the machine can do.
  std::string text(const Options& options) const {
    std::string text = cores.text();
    if (!cores.best.empty() && libtorch.child() != nullptr) {
      text += fmt::format("LibTorch runs with the fastest, OPENBLAS_CORETYPE={}\n", cores.best);
    }
    if (const char* set = std::getenv("OPENBLAS_CORETYPE"); set != nullptr) {
      text += fmt::format("The environment sets OPENBLAS_CORETYPE={}: {} for Newtape\n", set,
                          options.keep_coretype ? "kept" : "unset (--keep-coretype keeps it)");
    }
    if (const char* set = std::getenv("NEWTAPE_BLAS_CORE"); set != nullptr) {
      text += fmt::format("The environment sets NEWTAPE_BLAS_CORE={}\n", set);
    }
    return machine ? text + machine->text() : text;
  }
};

/// Whether Newtape's counter agrees that a step takes the multiply-adds of the specification, in words; counting less
/// than the least is a mistake of the specification, and is thrown.
std::string counted(const Spec& spec, Child& newtape) {
  const double count = std::stod(newtape.ask(fmt::format("count {}", spec.name)));
  const double least = spec.work.multiply_adds;
  if (spec.work.none != nullptr) return "";
  if (count < least) {
    throw std::runtime_error(fmt::format("counts {:.0f} multiply-adds, below the least of {:.0f}", count, least));
  }
  if (count == least) return count == 0 ? "" : ", and on the multiply-adds";
  return fmt::format(", with {:.0f} multiply-adds where the least is {:.0f}", count, least);
}

/// What was compared, in words; std::runtime_error where the sides do not do the same: a comparison of different work
/// would be worse than none.
std::string compare(const Spec& spec, const Contestants& all) {
  Child* const newtape = all.newtape.with(spec.name);
  Child* const libtorch = all.libtorch.with(spec.name);
  const Fingerprint none;
  const Fingerprint ours = newtape != nullptr ? look(*newtape, spec.name) : none;
  const Fingerprint theirs = libtorch != nullptr ? look(*libtorch, spec.name) : none;
  if (newtape == nullptr) return "runs in LibTorch alone";
  const std::string count = counted(spec, *newtape);
  if (libtorch == nullptr) return "runs in Newtape alone" + count;
  const auto wrong = difference(ours, theirs, spec.tolerance);
  if (!wrong.empty()) throw std::runtime_error("the sides disagree on the " + wrong);
  return "both sides agree" + count;
}

/// Rounds of everybody, in turns.
void measure(const Spec& spec, const Options& options, Contestants& all, Row& row) {
  const Clock clock{options.seconds, options.processor_time};
  std::optional<Side> newtape, libtorch, one_thread;
  std::optional<Machine::Limit> limit;
  if (Child* child = all.newtape.with(spec.name)) newtape.emplace(*child, spec.name, clock);
  if (Child* child = all.libtorch.with(spec.name)) libtorch.emplace(*child, spec.name, clock);
  if (newtape && all.one_thread) one_thread.emplace(*all.one_thread->child(), spec.name, clock);
  if (newtape && all.machine->has_limit(spec.work)) limit.emplace(*all.machine, spec.work);
  for (int i = 0; i < options.rounds; ++i) {
    if (newtape) row.newtape.push_back(newtape->round());
    if (libtorch) row.libtorch.push_back(libtorch->round());
    if (one_thread) row.one_thread.push_back(one_thread->round());
    if (limit) row.limit.push_back(limit->round());
  }
}

bool bench_workloads(const Options& options, Contestants& all, nlohmann::json& json) {
  const bool threads = options.threads > 1;
  fmt::print("{} and {}; {} thread{}, forward and backward, f32 where nothing is said\n", all.newtape.title("Newtape"),
             all.libtorch.title("LibTorch"), options.threads, threads ? "s" : "");
  if (!options.check) {
    fmt::print("{}", all.text(options));
    fmt::print(
        "{} of a step: medians of {} rounds; ratio: LibTorch's time over Newtape's, round by round; limit: the time "
        "that products or memory take at least; reached: limit over Newtape's time{}\n\n{}",
        options.processor_time ? "Processor time" : "Time", options.rounds,
        threads ? "; speed-up: of Newtape over its one thread" : "", header_text(threads));
  }
  std::vector<Row> rows;
  for (const auto& spec : specs()) {
    if (!wanted(options, spec.name)) continue;
    if (all.newtape.with(spec.name) == nullptr && all.libtorch.with(spec.name) == nullptr) continue;
    Row row;
    row.name = spec.name;
    row.target = spec.target;
    if (spec.work.none != nullptr) row.no_limit = spec.work.none;
    std::string verdict;
    try {
      verdict = compare(spec, all);
      if (!options.check) measure(spec, options, all, row);
    } catch (const std::runtime_error& e) {
      row.trouble = e.what();
    }
    fmt::print("{}", options.check && row.trouble.empty() ? fmt::format("{:<15} {}\n", row.name, verdict)
                                                          : row_text(row, threads));
    std::fflush(stdout);
    json["workloads"].push_back(to_json(row));
    rows.push_back(std::move(row));
  }
  fmt::print("{}", means_text(rows));
  json["means"] = means_json(rows);
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.trouble.empty(); });
}

bool bench_sweep(const Options& options, const Contestants& all, nlohmann::json& json) {
  if (all.newtape.child() == nullptr) throw std::runtime_error("a sweep needs Newtape");
  fmt::print(
      "Products of n x n matrices, GFLOP/s, {} thread{}: medians of {} rounds; of best: Newtape's rate over the "
      "faster rival's at this n, of all: over the highest of the column\n{}\n",
      options.threads, options.threads > 1 ? "s" : "", options.rounds, all.text(options));
  return sweep_matmul(*all.newtape.child(), *all.machine, options, json["sweep"]);
}

int bench_all(const Options& options) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  nlohmann::json json{{"threads", options.threads}, {"workloads", nlohmann::json::array()}};
  bool sound = true;

  if (!options.sweep.empty() || !options.script || !options.filters.empty()) {
    Contestants all(folder, options);
    json["openblas_cores"] = to_json(all.cores);
    if (all.machine) json["machine"] = all.machine->json();
    sound = options.sweep.empty() ? bench_workloads(options, all, json) : bench_sweep(options, all, json);
  }
  if (options.script || (options.filters.empty() && options.sweep.empty() && !options.check)) {
    sound = script_figures(folder, options.threads, json["script"]) && sound;
  }
  if (!options.json.empty()) std::ofstream(options.json) << json.dump(2) << '\n';
  return sound ? 0 : 1;
}

void list() {
  for (const auto& s : specs()) {
    fmt::print("{:<15} {}{}\n", s.name, s.what,
               s.work.none != nullptr ? fmt::format(" (no limit: {})", s.work.none) : "");
  }
}

constexpr const char* footer =
    "The limit of a step is the slower of two: its products and convolutions (and factorizations) at the rate of the\n"
    "fastest BLAS at hand, OpenBLAS with its best kernels or oneDNN, at the best of n = 256, 512, 1024; and its\n"
    "compulsory memory traffic at the bandwidth of a copy whose source and destination together take as much room as\n"
    "the arrays concerned (or of an update in place of as many bytes, where that is faster), so that what fits a "
    "cache\n"
    "is held against that cache. Both are measured in the same rounds, in programs of their own, with as many "
    "threads.\n"
    "Elementwise arithmetic is not counted; benchmarks/work.hpp says what is. Above 100 %: the row reads more than it\n"
    "writes, which memory passes on faster than a copy.";

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Newtape's speed, beside LibTorch's where that is installed, and beside the machine's limit.");
  app.footer(footer);
  app.add_option("names", options.filters, "only workloads whose names contain one of these");
  app.add_option("--rounds", options.rounds, "rounds of each library, default 9")->check(CLI::Range(5, 1000));
  app.add_option("--threads", options.threads, "threads of each library, default 1; with more, the speed-up is shown")
      ->check(CLI::Range(1, 1024));
  app.add_option("--seconds", options.seconds, "length of a round, default 0.15")->check(CLI::Range(0.001, 60.0));
  app.add_flag("--list", options.list, "list the workloads");
  app.add_flag("--check", options.check, "only see whether both libraries compute the same, and what the limits count");
  app.add_flag("--script", options.script, "the figures of a training script, which also close a full run");
  app.add_option("--sweep", options.sweep, "'matmul': GFLOP/s of products by size, beside each BLAS at hand")
      ->check(CLI::IsMember({"matmul"}));
  app.add_option("--largest", options.largest, "n of the sweep's largest products, up to 2048, default 1024");
  app.add_flag("--processor-time", options.processor_time, "measure processor time, on a machine that is not idle");
  app.add_flag("--keep-coretype", options.keep_coretype,
               "leave Newtape an OPENBLAS_CORETYPE that the environment sets");
  app.add_option("--only", options.only, "'newtape' or 'torch': leave the other out");
  app.add_option("--json", options.json, "also write every round to this file");
  CLI11_PARSE(app, argc, argv);

  if (options.list) {
    list();
    return 0;
  }
  try {
    return bench_all(options);
  } catch (const std::exception& e) {
    fmt::print(stderr, "newtape_bench: {}\n", e.what());
    return 1;
  }
}
