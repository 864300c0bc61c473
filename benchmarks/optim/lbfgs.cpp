// SPDX-License-Identifier: BSD-3-Clause
#include "../child.hpp"
#include "../inputs.hpp"
#include "../report.hpp"
#include "lbfgs_problem.hpp"
#include "sections.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/minimize.hpp>
#include <newtape/optim/second_order/presets.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

namespace bench {

namespace {

namespace nt = newtape;
namespace nn = newtape::nn;
namespace optim = newtape::optim;
using nt::Tensor;

/// What had been reached when.
struct Point {
  std::int64_t evaluations;
  double seconds;
  double loss;
};
using Way = std::vector<Point>;

nt::Array array(const std::vector<double>& values, const nt::Shape& shape, nt::DType dtype) {
  auto x = nt::Array::empty(shape, nt::f64);
  std::copy(values.begin(), values.end(), x.data<double>());
  return nt::core::cast(x, dtype);
}

LbfgsProblem digits(std::int64_t hidden, double penalty) {
  const auto train = nt::data::digits().train;
  LbfgsProblem p{.samples = train.size(), .features = 64, .classes = 10, .hidden = hidden, .penalty = penalty};
  const auto images = nt::core::contiguous(nt::core::cast(train.array("images"), nt::f64));
  const auto labels = nt::core::contiguous(nt::core::cast(train.array("labels"), nt::f64));
  p.x.assign(images.data<double>(), images.data<double>() + images.size());
  p.labels.assign(labels.data<double>(), labels.data<double>() + labels.size());
  std::uint64_t stream = 10;
  for (const auto& shape : p.shapes()) {
    const std::size_t n = static_cast<std::size_t>(shape[0] * (shape.size() > 1 ? shape[1] : 1));
    // A linear model starts from 0; layers must differ.
    const double range = hidden == 0 ? 0 : 1 / std::sqrt(static_cast<double>(shape.back()));
    p.parameters.push_back(numbers<double>(n, stream++, range));
  }
  return p;
}

Way by_newtape(const LbfgsProblem& problem, nt::DType dtype, std::int64_t evaluations) {
  const Tensor x = array(problem.x, {problem.samples, problem.features}, dtype);
  const Tensor labels = array(problem.labels, {problem.samples}, nt::i64);
  std::vector<Tensor> start;
  const auto shapes = problem.shapes();
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    start.emplace_back(array(problem.parameters[i], nt::Shape(shapes[i].begin(), shapes[i].end()), dtype));
  }
  const auto loss = [&](std::span<const Tensor> p) {
    Tensor h = nt::linear(x, p[0], p[1]);
    if (p.size() > 2) h = nt::linear(nt::tanh(h), p[2], p[3]);
    Tensor total = nn::cross_entropy(h, labels);
    for (std::size_t i = 0; i < p.size(); i += 2) total += problem.penalty * nt::sum(nt::square(p[i]));
    return total;
  };
  optim::MinimizeOptions options;
  options.method = optim::lbfgs();
  options.stop.gradient_tolerance = 1e-10;
  options.stop.max_evaluations = evaluations;
  const auto result = optim::minimize(loss, start, options);
  Way way;
  for (const auto& i : result.trace) way.push_back({i.evaluations, i.seconds, i.value});
  return way;
}

Way by_torch(const std::filesystem::path& program, const std::string& problem, nt::DType dtype,
             std::int64_t evaluations, int threads) {
  const Run done = run({program.string(), problem, std::string(nt::name(dtype)), std::to_string(evaluations)},
                       thread_settings(threads));
  Way way;
  std::istringstream lines(done.output);
  for (Point p; lines >> p.evaluations >> p.seconds >> p.loss;) way.push_back(p);
  return way;
}

double least(const Way& way) {
  double l = INFINITY;
  for (const auto& p : way) l = std::min(l, p.loss);
  return l;
}
/// When a loss was reached first.
Point reached(const Way& way, double loss) {
  for (const auto& p : way) {
    if (p.loss <= loss) return p;
  }
  return {0, NAN, NAN};
}

}  // namespace

bool lbfgs(const OptimOptions& options) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "torch_lbfgs";
  const bool beside = std::filesystem::exists(program);
  const auto file = std::filesystem::temp_directory_path() / fmt::format("newtape_lbfgs_{}", getpid());
  struct Case {
    const char* name;
    std::int64_t hidden;
    double penalty;
    std::int64_t evaluations;
  };
  bool sound = true;
  fmt::print(
      "1500 digits, full batch, 10 pairs of history, strong Wolfe conditions on both sides; medians of {} runs\n",
      std::max(options.repeats, 3));
  for (const Case& c : {Case{"softmax regression", 0, 1e-4, 300}, Case{"64-32-10 with tanh", 32, 1e-5, 300}}) {
    const LbfgsProblem problem = digits(c.hidden, c.penalty);
    write(problem, file.string());
    for (const auto dtype : {nt::f64, nt::f32}) {
      std::vector<Way> ours, theirs;
      for (int i = 0; i < std::max(options.repeats, 3); ++i) {
        ours.push_back(by_newtape(problem, dtype, c.evaluations));
        if (beside) theirs.push_back(by_torch(program, file.string(), dtype, c.evaluations, options.threads));
      }
      // What both come to, and what lies on the way there.
      const double start = ours[0][0].loss;
      const double floor = std::max(least(ours[0]), beside ? least(theirs[0]) : 0.);
      fmt::print("\n{}, {}: least loss Newtape {:.9f}{}\n", c.name, nt::name(dtype), least(ours[0]),
                 beside ? fmt::format(", LibTorch {:.9f}", least(theirs[0])) : "; LibTorch's is not installed");
      fmt::print("  {:>14} {:>12} {:>12} {:>12} {:>12} {:>8}\n", "to the loss", "evaluations", "time", "LibTorch's",
                 "time", "ratio");
      for (int k = 1; k <= 5; ++k) {
        const double level = floor + (start - floor) * std::pow(10., -k);
        const auto times = [&](const std::vector<Way>& ways) {
          std::vector<double> t;
          for (const auto& w : ways) t.push_back(reached(w, level).seconds);
          return median(t);
        };
        const double a = times(ours);
        fmt::print("  {:>14.9f} {:>12} {:>12}", level, reached(ours[0], level).evaluations, time_text(a));
        if (beside) {
          const double b = times(theirs);
          sound = sound && std::isfinite(b / a);
          fmt::print(" {:>12} {:>12} {:>8.1f}", reached(theirs[0], level).evaluations, time_text(b), b / a);
        }
        fmt::print("\n");
      }
    }
  }
  std::filesystem::remove(file);
  return sound;
}

}  // namespace bench
