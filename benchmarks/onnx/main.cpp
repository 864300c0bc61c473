// SPDX-License-Identifier: BSD-3-Clause
// Times models of the ONNX format, and compares values and times with onnxruntime's where node and its package
// onnxruntime-node are found (NODE_PATH).
#include "../child.hpp"
#include "../report.hpp"

#include <newtape/newtape.hpp>
#include <newtape/onnx/onnx.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace nt = newtape;
namespace fs = std::filesystem;
using nlohmann::json;

struct Options {
  std::vector<std::string> models;
  std::map<std::string, nt::Shape> shapes;
  std::map<std::string, double> values;
  std::map<std::string, std::string> feedback;  ///< output: input
  int steps = 1, rounds = 9, threads = 1;
  double seconds = 0.05;
  bool alone = false, capture = false, separate = false;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// "name=rest" as a pair.
std::pair<std::string, std::string> split(const std::string& text) {
  const auto at = text.rfind('=');
  if (at == std::string::npos) throw CLI::ValidationError(text, "expected NAME=VALUE");
  return {text.substr(0, at), text.substr(at + 1)};
}

nt::Shape shape_of(const std::string& text) {
  nt::Shape shape;
  std::istringstream stream(text);
  for (std::string length; std::getline(stream, length, ',');) shape.push_back(std::stoll(length));
  return shape;
}

/// Standard normal numbers of the declared shape, with lengths of 1 where any is allowed; integers and bools are 0.
nt::onnx::Value made_input(const nt::onnx::Port& port, const Options& options) {
  nt::Shape shape(port.shape.begin(), port.shape.end());
  for (auto& length : shape) length = std::max<std::int64_t>(length, 1);
  if (const auto at = options.shapes.find(port.name); at != options.shapes.end()) shape = at->second;
  const auto dtype = nt::onnx::dtype_of_element(port.type);
  nt::Tensor x = nt::is_floating(dtype) ? nt::randn(shape, dtype) : nt::zeros(shape, dtype);
  if (const auto at = options.values.find(port.name); at != options.values.end())
    x = nt::full(shape, at->second, dtype);
  return {x, port.type};
}

std::vector<double> doubles_of(const nt::Tensor& x) {
  const nt::Array all = nt::core::contiguous(x.to(nt::f64).value());
  return {all.data<double>(), all.data<double>() + all.size()};
}

/// The largest differences of outputs: absolute, and of an output relative to its largest element.
struct Difference {
  double absolute = 0, relative = 0;

  void add(const std::vector<double>& a, const std::vector<double>& b) {
    double most = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      most = std::isfinite(a[i] - b[i]) || a[i] == b[i] ? std::max(most, std::fabs(a[i] - b[i])) : INFINITY;
      size = std::max(size, std::fabs(b[i]));
    }
    absolute = std::max(absolute, most);
    if (most > 0) relative = std::max(relative, most / size);
  }
};

/// onnxruntime, in a process of its own.
class Rival {
 public:
  explicit Rival(int threads)
      : folder_(fs::temp_directory_path() / fmt::format("newtape_onnx_{}", ::getpid())),
        child_(fs::path(NEWTAPE_ONNX_RIVAL), threads) {
    fs::create_directories(folder_);
    ask("overhead", 200);  // the first calls are slower
    overhead_ = bench::median(ask("overhead", 1000).get<std::vector<double>>());
  }
  Rival(const Rival&) = delete;
  Rival& operator=(const Rival&) = delete;
  ~Rival() { fs::remove_all(folder_); }

  json ask(const std::string& verb, const json& argument) {
    return json::parse(child_.ask(fmt::format("{} {}", verb, argument.dump())));
  }
  /// Of a call that computes nothing: seconds.
  double overhead() const { return overhead_; }
  /// Seconds of a call, without that.
  double time(int n) {
    const auto all = ask("run", n).get<std::vector<double>>();
    return std::max(bench::median(all) - overhead_, 1e-9);
  }

  void feed(const std::string& name, const nt::onnx::Value& value) {
    const auto all = doubles_of(value.tensor());
    const fs::path file = folder_ / "input";
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(all.data()), static_cast<std::streamsize>(all.size() * sizeof(double)));
    ask("feed", {{"name", name},
                 {"type", nt::onnx::name(value.type())},
                 {"dims", std::vector<std::int64_t>(value.shape().begin(), value.shape().end())},
                 {"file", file.string()}});
  }

  void compare(const nt::onnx::Outputs& ours, Difference& difference) {
    for (const auto& output : ask("outputs", folder_.string())) {
      const nt::Tensor& x = ours[output["name"].get<std::string>()];
      const auto dims = output["dims"].get<std::vector<std::int64_t>>();
      if (nt::Shape(dims.begin(), dims.end()) != x.shape()) {
        throw std::runtime_error(fmt::format("output '{}' has the shape {} and not {}",
                                             output["name"].get<std::string>(), nt::to_string(x.shape()),
                                             output["dims"].dump()));
      }
      const auto mine = doubles_of(x);
      std::vector<double> theirs(mine.size());
      std::ifstream(output["file"].get<std::string>(), std::ios::binary)
          .read(reinterpret_cast<char*>(theirs.data()), static_cast<std::streamsize>(theirs.size() * sizeof(double)));
      difference.add(mine, theirs);
    }
  }

 private:
  fs::path folder_;
  bench::Child child_;
  double overhead_ = 0;
};

/// The inputs of a step: new numbers but for what the step before gave.
void next_inputs(const nt::onnx::Model& model, const Options& options, nt::onnx::NamedValues& inputs,
                 const nt::onnx::Outputs* last) {
  nt::onnx::NamedValues next;
  for (const auto& port : model.inputs()) {
    if (!port.required) continue;
    const auto fed = std::find_if(options.feedback.begin(), options.feedback.end(),
                                  [&](const auto& names) { return names.second == port.name; });
    next.emplace_back(port.name, fed == options.feedback.end() ? made_input(port, options)
                                 : last == nullptr ? nt::onnx::Value(nt::zeros_like(made_input(port, options).tensor()))
                                                   : last->at(fed->first));
  }
  inputs = std::move(next);
}

/// Runs the steps on both sides; the inputs are then those of the last one.
Difference compare(const nt::onnx::Model& model, const Options& options, Rival* rival, nt::onnx::NamedValues& inputs) {
  Difference difference;
  std::unique_ptr<nt::onnx::Outputs> last;
  for (int step = 0; step < options.steps; ++step) {
    next_inputs(model, options, inputs, last.get());
    last = std::make_unique<nt::onnx::Outputs>(model(inputs));
    if (rival == nullptr) continue;
    for (const auto& [name, value] : inputs) {
      const bool fed = step > 0 && std::any_of(options.feedback.begin(), options.feedback.end(),
                                               [&n = name](const auto& names) { return names.second == n; });
      if (!fed) rival->feed(name, value);
    }
    if (step > 0 && !options.feedback.empty()) rival->ask("feedback", options.feedback);
    rival->ask("run", 1);
    rival->compare(*last, difference);
  }
  return difference;
}

std::string shapes_of(const nt::onnx::NamedValues& inputs) {
  std::string text;
  for (const auto& [name, value] : inputs) {
    if (value.shape().empty()) continue;
    std::string shape = nt::to_string(value.shape());
    shape.erase(std::remove(shape.begin(), shape.end(), ' '), shape.end());
    text += (text.empty() ? "" : " ") + shape;
  }
  return text;
}

void measure(const std::string& path, const Options& options, Rival* rival) {
  const auto started = now();
  const auto model = nt::onnx::load(path, {.join_nodes = !options.separate, .capture = options.capture});
  const double load = now() - started;
  for (const auto& u : nt::onnx::unsupported(model))
    fmt::print("  not supported: {} ({} nodes), {}\n", u.op, u.count, u.node);
  if (rival != nullptr) rival->ask("load", path);
  nt::manual_seed(0);
  nt::onnx::NamedValues inputs;
  const nt::NoGrad no_grad;
  const Difference difference = compare(model, options, rival, inputs);
  const auto ours = [&](int n) {
    std::vector<double> all;
    for (int i = 0; i < n; ++i) {
      const auto start = now();
      static_cast<void>(model(inputs));
      all.push_back(now() - start);
    }
    return bench::median(all);
  };
  const int n = std::clamp(static_cast<int>(options.seconds / std::max(ours(3), 1e-9)), 1, 10000);
  std::vector<double> mine, theirs, ratios;
  for (int round = 0; round < options.rounds; ++round) {
    mine.push_back(ours(n));
    if (rival == nullptr) continue;
    theirs.push_back(rival->time(n));
    ratios.push_back(theirs.back() / mine.back());
  }
  fmt::print("{:<32} {:<22} {:>9} {:>10}", fs::path(path).filename().string(), shapes_of(inputs),
             bench::time_text(load), bench::time_text(bench::median(mine)));
  if (rival != nullptr) {
    fmt::print(" {:>10} {:>6.2f} {:>9.1e} {:>9.1e}", bench::time_text(bench::median(theirs)), bench::median(ratios),
               difference.absolute, difference.relative);
  }
  fmt::print("\n");
  std::fflush(stdout);
}

/// Null, with a line that says why, where onnxruntime cannot be run.
std::unique_ptr<Rival> find_rival(const Options& options) {
  if (options.alone) return nullptr;
  try {
    return std::make_unique<Rival>(options.threads);
  } catch (const std::exception& e) {
    fmt::print("without onnxruntime: {}\n  (npm install onnxruntime-node; export NODE_PATH=.../node_modules)\n",
               e.what());
    return nullptr;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  std::vector<std::string> shapes, values, feedback;
  CLI::App app("Times ONNX models; beside onnxruntime where node finds the package onnxruntime-node.");
  app.add_option("models", options.models, "files")->required()->check(CLI::ExistingFile);
  app.add_option("--shape", shapes,
                 "NAME=1,3,224,224 of an input; default: as declared, 1 where any length is allowed");
  app.add_option("--value", values, "NAME=16000 for all elements of an input; default: random floats, integers 0");
  app.add_option("--feedback", feedback, "OUTPUT=INPUT: what a step gives is the next step's; zeros at first");
  app.add_option("--steps", options.steps, "that are compared, with new numbers each, default 1")
      ->check(CLI::Range(1, 10000));
  app.add_option("--rounds", options.rounds, "of measuring, default 9")->check(CLI::Range(1, 1000));
  app.add_option("--seconds", options.seconds, "of a round and side, default 0.05");
  app.add_option("--threads", options.threads, "of each side, default 1")->check(CLI::Range(1, 1024));
  app.add_flag("--capture", options.capture, "evaluations are recorded and replayed (LoadOptions::capture)");
  app.add_flag("--separate", options.separate, "nodes are not joined (LoadOptions::join_nodes)");
  app.add_flag("--alone", options.alone, "measure Newtape only");
  try {
    app.parse(argc, argv);
    for (const auto& text : shapes) options.shapes[split(text).first] = shape_of(split(text).second);
    for (const auto& text : values) options.values[split(text).first] = std::stod(split(text).second);
    for (const auto& text : feedback) options.feedback.insert(split(text));
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  nt::set_num_threads(options.threads);
  const auto rival = find_rival(options);
  fmt::print("{:<32} {:<22} {:>9} {:>10}", "model", "inputs", "load", "Newtape");
  if (rival) fmt::print(" {:>10} {:>6} {:>9} {:>9}", "onnxrt", "ratio", "max abs", "max rel");
  fmt::print("\n");
  int failed = 0;
  for (const auto& path : options.models) {
    try {
      measure(path, options, rival.get());
    } catch (const std::exception& e) {
      fmt::print("{}: {}\n", fs::path(path).filename().string(), e.what());
      ++failed;
    }
  }
  if (rival)
    fmt::print("A call of onnxruntime that computes nothing takes {}; its times are without that.\n",
               bench::time_text(rival->overhead()));
  return failed == 0 ? 0 : 1;
}
