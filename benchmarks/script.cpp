// SPDX-License-Identifier: BSD-3-Clause
#include "script.hpp"

#include "child.hpp"
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

namespace fs = std::filesystem;

constexpr int compile_rounds = 5;
constexpr double compile_target = 10;  ///< LibTorch's time over Newtape's

struct Figures {
  double first_step = 0;  ///< wall seconds from the start of the process to the end of the first training step
  double start = 0;       ///< the same with a data set of a few batches, so that reading it takes no time
  double peak = 0;        ///< bytes, in a run of some hundred steps
  double ship = 0;        ///< bytes
  std::vector<std::pair<double, std::string>> shipped;  ///< bytes and name, largest first
};

std::vector<std::string> lines(std::istream& in) {
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) out.push_back(line);
  }
  return out;
}

/// The least of three: what disturbs a run only ever adds to it.
template <class F>
double least_of_three(F measure) {
  return std::min({measure(), measure(), measure()});
}

std::vector<std::string> compile_command(const fs::path& program) {
  const fs::path arguments = program.string() + ".args";
  std::ifstream file(arguments);
  auto command = lines(file);
  if (command.empty()) throw std::runtime_error(fmt::format("{} is missing", arguments.string()));
  command.insert(command.end(), {"-c", "-o", "/dev/null"});
  return command;
}

/// Seconds of user time to compile twin programs, in turns: what else the machine is doing falls on both. A program
/// that does not exist is left out.
Row compile_twins(const fs::path& folder, const std::string& name) {
  Row row;
  row.name = name;
  const auto compile = [&](const std::string& library, std::vector<double>& seconds) {
    const fs::path program = folder / (library + "_" + name);
    if (fs::exists(program)) seconds.push_back(run(compile_command(program)).user);
  };
  for (int i = 0; i < compile_rounds; ++i) {
    compile("newtape", row.newtape);
    compile("torch", row.libtorch);
  }
  return row;
}

/// Every system that can run either program has these.
bool is_of_the_system(const std::string& library) {
  for (const char* stem : {"linux-vdso", "ld-linux", "libc.so", "libm.so", "libpthread.so", "libdl.so", "librt.so",
                           "libgcc_s.so", "libstdc++.so"}) {
    if (library.rfind(stem, 0) == 0) return true;
  }
  return false;
}

void count_shipped(const fs::path& program, Figures& figures) {
  const auto count = [&](const fs::path& file, const std::string& name) {
    figures.shipped.emplace_back(static_cast<double>(fs::file_size(file)), name);
    figures.ship += figures.shipped.back().first;
  };
  count(program, program.filename());
  std::istringstream listing(run({"ldd", program.string()}).output);
  for (const auto& line : lines(listing)) {  // libname.so.1 => /path/libname.so.1 (0x...)
    std::istringstream words(line);
    std::string name;
    std::string arrow;
    std::string path;
    if (!(words >> name >> arrow >> path) || arrow != "=>" || is_of_the_system(name)) continue;
    if (!fs::exists(path))
      throw std::runtime_error(fmt::format("{} needs {}, which is missing", program.string(), name));
    count(path, name);
  }
  std::sort(figures.shipped.rbegin(), figures.shipped.rend());
}

/// The largest by name, all of them by number.
std::string shipped_text(const Figures& f) {
  constexpr std::size_t named = 10;
  std::string text = fmt::format("\ncounted, {} files:", f.shipped.size());
  double rest = f.ship;
  for (std::size_t i = 0; i < std::min(named, f.shipped.size()); ++i) {
    text += fmt::format("\n  {:>10}  {}", size_text(f.shipped[i].first), f.shipped[i].second);
    rest -= f.shipped[i].first;
  }
  if (f.shipped.size() > named) {
    text += fmt::format("\n  {:>10}  {} more, named by --json", size_text(rest), f.shipped.size() - named);
  }
  return text + '\n';
}

/// Two batches of images that are nothing but a pattern, in the files that both scripts read.
void write_small_data(const fs::path& folder) {
  constexpr int images = 256;
  const std::string count{'\0', '\0', '\1', '\0'};
  std::string pixels = std::string("\0\0\x08\x03", 4) + count + std::string("\0\0\0\x1c\0\0\0\x1c", 8);
  for (int i = 0; i < images * 784; ++i) pixels += static_cast<char>(i * 37 % 251);
  std::string labels = std::string("\0\0\x08\x01", 4) + count;
  for (int i = 0; i < images; ++i) labels += static_cast<char>(i % 10);
  fs::create_directories(folder);
  std::ofstream(folder / "train-images-idx3-ubyte.gz", std::ios::binary) << pixels;  // zlib reads plain files too
  std::ofstream(folder / "train-labels-idx1-ubyte.gz", std::ios::binary) << labels;
}

Figures measure(const fs::path& program, int threads) {
  Figures f;
  const auto run_with = [&](const char* steps, std::vector<std::string> arguments = {}) {
    auto settings = thread_settings(threads);
    settings.push_back(fmt::format("NEWTAPE_BENCH_STEPS={}", steps));
    arguments.insert(arguments.begin(), program.string());
    return run(arguments, settings);
  };
  run_with("1");
  f.first_step = least_of_three([&] { return run_with("1").first_line; });
  const fs::path small = program.parent_path() / "small-data";
  write_small_data(small);
  f.start = least_of_three([&] { return run_with("1", {small.string()}).first_line; });
  f.peak = run_with("200").peak_bytes;
  count_shipped(program, f);
  return f;
}

std::string script_row(const char* what, double newtape, double libtorch, std::string (*text)(double)) {
  return fmt::format("{:<50} {:>10} {:>10} {:>8}\n", what, newtape > 0 ? text(newtape) : "-",
                     libtorch > 0 ? text(libtorch) : "-",
                     newtape > 0 && libtorch > 0 ? fmt::format("{:.1f}", libtorch / newtape) : "-");
}

/// What two outputs, words and numbers, differ in by more than rounding; empty when in nothing.
std::string first_difference(const std::string& ours, const std::string& theirs) {
  const auto words = [](const std::string& text) {
    std::istringstream in(text);
    return std::vector<std::string>(std::istream_iterator<std::string>(in), {});
  };
  const auto a = words(ours);
  const auto b = words(theirs);
  std::string name;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    char* end = nullptr;
    const double x = std::strtod(a[i].c_str(), &end);
    const bool number = *end == '\0';
    if (!number) name = a[i];
    const bool same =
        number ? std::abs(x - std::strtod(b[i].c_str(), nullptr)) <= 1e-4 * (1 + std::abs(x)) : a[i] == b[i];
    if (!same) return fmt::format("{}: {} against {}", name, a[i], b[i]);
  }
  return a.size() == b.size() ? "" : "number of results";
}

/// Median times, and the ratio with its quartiles against the target.
std::string compile_row(const char* what, const Row& row) {
  const auto ratios = row.ratios();
  const auto of = [](const std::vector<double>& seconds) { return seconds.empty() ? 0 : median(seconds); };
  std::string text = script_row(what, of(row.newtape), of(row.libtorch), time_text);
  if (ratios.empty()) return text;
  text.pop_back();
  return text + fmt::format("  {:.1f}..{:.1f}  {:.3f} of LibTorch's, >={:.0f} {}\n", quantile(ratios, 0.25),
                            quantile(ratios, 0.75), 1 / median(ratios), compile_target,
                            median(ratios) >= compile_target ? "met" : "missed");
}

/// Both sides' programs that use a little of everything print the same numbers; in words where they do not.
std::string everything_differs(const fs::path& folder) {
  const fs::path ours = folder / "newtape_everything";
  const fs::path theirs = folder / "torch_everything";
  if (!fs::exists(ours) || !fs::exists(theirs)) return {};
  const auto difference = first_difference(run({ours}).output, run({theirs}).output);
  return difference.empty() ? "" : "the sides disagree on " + difference;
}

/// What it takes to compile a training script, and a program that uses a little of everything.
bool compile_figures(const fs::path& folder, nlohmann::json& json) {
  std::string trouble;
  try {
    for (const auto& [name, what] : {std::pair("fashion_mnist", "compile with -O2 (user time)"),
                                     std::pair("everything", "compile a program with a little of everything")}) {
      const Row row = compile_twins(folder, name);
      fmt::print("{}", compile_row(what, row));
      std::fflush(stdout);
      json["compile"].push_back(to_json(row));
    }
    trouble = everything_differs(folder);
  } catch (const std::exception& e) {
    trouble = e.what();
  }
  if (!trouble.empty()) fmt::print("compilation: {}\n", trouble);
  return trouble.empty();
}

nlohmann::json to_json(const Figures& f) {
  auto files = nlohmann::json::array();
  for (const auto& [bytes, name] : f.shipped) files.push_back({{"name", name}, {"bytes", bytes}});
  return {{"first_step_seconds", f.first_step},
          {"start_seconds", f.start},
          {"peak_bytes", f.peak},
          {"ship_bytes", f.ship},
          {"shipped", files}};
}

}  // namespace

bool script_figures(const fs::path& folder, int threads, nlohmann::json& json) {
  fmt::print("\n{:<50} {:>10} {:>10} {:>8}\n", "Training script (target: 10, to compile and start)", "Newtape",
             "LibTorch", "ratio");
  bool sound = compile_figures(folder, json);
  const auto figures_of = [&](const char* library, const char* program) -> Figures {
    if (!fs::exists(folder / program)) return {};
    try {
      Figures f = measure(folder / program, threads);
      json[library] = to_json(f);
      return f;
    } catch (const std::exception& e) {
      fmt::print("{}: {}\n", program, e.what());
      sound = false;
      return {};
    }
  };
  const Figures a = figures_of("newtape", "newtape_fashion_mnist");
  const Figures b = figures_of("libtorch", "torch_fashion_mnist");

  fmt::print("{}", script_row("start to end of first step (wall)", a.start, b.start, time_text));
  fmt::print("{}", script_row("  with 60,000 images unpacked before it", a.first_step, b.first_step, time_text));
  fmt::print("{}", script_row("peak memory in 200 steps", a.peak, b.peak, size_text));
  fmt::print("{}", script_row("to ship: program and libraries", a.ship, b.ship, size_text));
  for (const auto* f : {&a, &b}) {
    if (!f->shipped.empty()) fmt::print("{}", shipped_text(*f));
  }
  return sound;
}

}  // namespace bench
