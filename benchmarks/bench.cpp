// SPDX-License-Identifier: BSD-3-Clause
// Newtape's speed, beside LibTorch's where that is installed. Each library runs in a process of its own, so that
// neither sees the other's threads, memory or symbols; rounds alternate between the two, so that whatever else the
// machine is doing falls on both.
#include "child.hpp"
#include "inputs.hpp"
#include "report.hpp"
#include "script.hpp"
#include "specs.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
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

struct Options {
  std::vector<std::string> filters;
  int rounds = 9;
  int threads = 1;
  double seconds = 0.15;
  bool list = false;
  bool check = false;
  bool script = false;
  bool processor_time = false;
  std::string only;
  std::string json;
};

bool wanted(const Options& options, std::string_view name) {
  return options.filters.empty() || std::any_of(options.filters.begin(), options.filters.end(),
                                                [&](const auto& f) { return name.find(f) != std::string_view::npos; });
}

double time_of(Child& child, const Options& options, std::string_view name, long n) {
  std::istringstream answer(child.ask(fmt::format("run {} {}", name, n)));
  double wall = 0;
  double processor = 0;
  answer >> wall >> processor;
  return options.processor_time ? processor : wall;
}

/// One library at work on one workload.
class Side {
 public:
  Side(Child& child, const Options& options, std::string_view name) : child_(child), options_(options), name_(name) {
    // How many steps fill a round. These runs are thrown away, and warm the program up.
    while (true) {
      const double step = time_of(child_, options_, name_, steps_);
      const double took = step * static_cast<double>(steps_);
      const long filling = std::max(3L, static_cast<long>(options.seconds / step));
      steps_ = std::min(filling, 100 * steps_);
      if (took >= options.seconds / 4) break;
    }
  }
  double round() { return time_of(child_, options_, name_, steps_); }

 private:
  Child& child_;
  const Options& options_;
  std::string name_;
  long steps_ = 1;
};

Fingerprint look(Child& child, std::string_view name) {
  Fingerprint print;
  std::istringstream answer(child.ask(fmt::format("look {}", name)));
  for (Fingerprint::Entry e; answer >> e.name >> e.norm >> e.projection;) print.entries.push_back(e);
  return print;
}

Row measure(const Spec& spec, const Options& options, Child* newtape, Child* libtorch) {
  Row row{spec.name, spec.target, {}, {}, {}};
  try {
    // A comparison of different work would be worse than none.
    const Fingerprint none;
    const Fingerprint ours = newtape != nullptr ? look(*newtape, spec.name) : none;
    const Fingerprint theirs = libtorch != nullptr ? look(*libtorch, spec.name) : none;
    if (newtape != nullptr && libtorch != nullptr) row.trouble = difference(ours, theirs, spec.tolerance);
    if (!row.trouble.empty()) {
      row.trouble = "the sides disagree on the " + row.trouble;
      return row;
    }
    if (options.check) return row;
    std::optional<Side> a;
    std::optional<Side> b;
    if (newtape != nullptr) a.emplace(*newtape, options, spec.name);
    if (libtorch != nullptr) b.emplace(*libtorch, options, spec.name);
    for (int i = 0; i < options.rounds; ++i) {
      if (a) row.newtape.push_back(a->round());
      if (b) row.libtorch.push_back(b->round());
    }
  } catch (const std::runtime_error& e) {
    row.trouble = e.what();
  }
  return row;
}

void list() {
  for (const auto& s : specs()) fmt::print("{:<14} {}\n", s.name, s.what);
}

/// A library's worker, where it is installed and not left out.
class Library {
 public:
  Library(const std::filesystem::path& program, const Options& options) {
    const bool left_out = !options.only.empty() && program.filename().string().rfind(options.only, 0) != 0;
    if (left_out || !std::filesystem::exists(program)) return;
    child_ = std::make_unique<Child>(program, options.threads);
    std::istringstream names(child_->ask("list"));
    for (std::string name; names >> name;) {
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
  /// The worker that knows this workload, or none.
  Child* with(const char* workload) const { return workloads_.count(workload) != 0 ? child_.get() : nullptr; }

 private:
  std::unique_ptr<Child> child_;
  std::set<std::string> workloads_;
};

int bench_all(const Options& options) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  nlohmann::json json{{"threads", options.threads}, {"workloads", nlohmann::json::array()}};
  bool sound = true;

  if (!options.script || !options.filters.empty()) {
    const Library newtape(folder / "newtape_bench_worker", options);
    const Library libtorch(folder / "torch_bench_worker", options);
    fmt::print("{} and {}; {} thread{}, forward and backward, f32 where nothing is said\n", newtape.title("Newtape"),
               libtorch.title("LibTorch"), options.threads, options.threads > 1 ? "s" : "");
    if (!options.check) {
      fmt::print("{} of a step: medians of {} rounds; ratio: LibTorch's time over Newtape's, round by round\n\n",
                 options.processor_time ? "Processor time" : "Time", options.rounds);
      fmt::print("{}", header_text());
    }
    for (const auto& spec : specs()) {
      if (!wanted(options, spec.name)) continue;
      Child* const ours = newtape.with(spec.name);
      Child* const theirs = libtorch.with(spec.name);
      if (ours == nullptr && theirs == nullptr) continue;
      const Row row = measure(spec, options, ours, theirs);
      sound = sound && row.trouble.empty();
      const char* verdict = ours == nullptr     ? "runs in LibTorch alone"
                            : theirs == nullptr ? "runs in Newtape alone"
                                                : "both sides agree";
      fmt::print("{}",
                 options.check && row.trouble.empty() ? fmt::format("{:<14} {}\n", row.name, verdict) : row_text(row));
      std::fflush(stdout);
      json["workloads"].push_back(to_json(row));
    }
  }

  if (options.script || (options.filters.empty() && !options.check)) {
    sound = script_figures(folder, options.threads, json["script"]) && sound;
  }
  if (!options.json.empty()) std::ofstream(options.json) << json.dump(2) << '\n';
  return sound ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Newtape's speed, beside LibTorch's where that is installed.");
  app.add_option("names", options.filters, "only workloads whose names contain one of these");
  app.add_option("--rounds", options.rounds, "rounds of each library, default 9")->check(CLI::Range(5, 1000));
  app.add_option("--threads", options.threads, "threads of each library, default 1")->check(CLI::Range(1, 1024));
  app.add_option("--seconds", options.seconds, "length of a round, default 0.15")->check(CLI::Range(0.001, 60.0));
  app.add_flag("--list", options.list, "list the workloads");
  app.add_flag("--check", options.check, "only see whether both libraries compute the same");
  app.add_flag("--script", options.script, "the figures of a training script, which also close a full run");
  app.add_flag("--processor-time", options.processor_time, "measure processor time, on a machine that is not idle");
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
