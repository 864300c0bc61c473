// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/default_generator_scope.hpp>
#include <newtape/inspect/effects/check_technique.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/effects/measure_effect.hpp>
#include <newtape/inspect/effects/small_tasks.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/functional.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

namespace newtape::inspect {

namespace {

/// Blocks in f64, one after the other.
std::vector<nn::Sequential> make_blocks(const MakeBlock& make, std::int64_t width, int count,
                                        const Generator& generator) {
  const detail::DefaultGeneratorScope scope(generator);
  std::vector<nn::Sequential> blocks;
  for (int i = 0; i < count; ++i) blocks.push_back(make(width).to(f64));
  return blocks;
}

Tensor run_blocks(const std::vector<nn::Sequential>& blocks, Tensor x, const Generator& noise) {
  const detail::DefaultGeneratorScope scope(noise);  // a function of x alone, also with dropout
  for (const auto& block : blocks) x = block(x);
  return x;
}

GradcheckResult check_derivatives(const MakeBlock& make, const CheckTechniqueOptions& options, Generator generator) {
  constexpr std::int64_t width = 4;
  const auto block = make_blocks(make, width, 1, generator.fork("block")).front();
  std::vector<Tensor> xs{random::normal({5, width}, 0, 1, f64, generator)};
  const Shape shape = xs[0].shape();
  for (const auto& value : nn::values_of(block)) xs.push_back(value);
  const auto function = [&](std::span<const Tensor> all) {
    const detail::DefaultGeneratorScope scope(generator.fork("noise"));
    Tensor y = nn::functional_call(block, all.subspan(1), all[0]);
    if (y.shape() != shape) {
      raise<ShapeError>("check_technique: the block must keep the shape", to_string(shape), to_string(y.shape()));
    }
    return y;
  };
  static_cast<void>(function(xs));
  return gradcheck(Function(function), xs, {.order = options.order});
}

double rms(const Tensor& x) { return std::sqrt(mean(square(x)).item()); }

/// Fills `signal` and `gradient`.
void propagate(const std::vector<nn::Sequential>& blocks, const Tensor& input, Generator generator,
               TechniqueReport& report) {
  const auto depth = blocks.size();
  report.signal.assign(depth + 1, 0);
  report.gradient.assign(depth + 1, 0);
  const detail::DefaultGeneratorScope scope(generator.fork("noise"));
  Tensor x = variable(input.value());
  for (std::size_t k = 0; k <= depth; ++k) {
    report.signal[k] = rms(x);
    if (!x.requires_grad()) break;
    x.register_hook([&report, k](const Tensor& g) {
      report.gradient[k] = rms(g);
      return Tensor();
    });
    if (k < depth) x = blocks[k](x);
  }
  const Tensor direction = random::normal(x.shape(), 0, 1, f64, generator);
  if (x.requires_grad()) sum(x * direction).backward();
  const double first = report.signal.front();
  const double last = report.gradient.back();
  for (auto& s : report.signal) s /= first;
  for (auto& g : report.gradient) g /= last;
}

/// Of the first sample; the others are a batch that it may be normalized with.
SingularSpectrum jacobian_spectrum(const std::vector<nn::Sequential>& blocks, const Tensor& input,
                                   const Generator& noise) {
  const Tensor others = input[Slice(1, none)];
  const Tensor j = jacobian(
      [&](const Tensor& x) {
        return run_blocks(blocks, concatenate({unsqueeze(x, 0), others}, 0), noise)[0];
      },
      input[0]);
  SingularSpectrum spectrum;
  if (!std::isfinite(sum(j).item())) {
    spectrum.values.assign(static_cast<std::size_t>(j.shape(0)), std::numeric_limits<double>::quiet_NaN());
    return spectrum;
  }
  const Array values = linalg::svdvals(j).value();
  for (std::int64_t i = 0; i < values.size(); ++i) spectrum.values.push_back(values.data<double>()[i]);
  return spectrum;
}

std::vector<Effect> task_effects(const MakeBlock& technique, const CheckTechniqueOptions& options) {
  MakeBlock baseline = options.baseline;
  if (baseline == nullptr) {
    baseline = [](std::int64_t width) { return nn::Sequential(nn::Linear(width, width), nn::ReLU()); };
  }
  const detail::SmallTaskOptions task{.epochs = options.epochs};
  MeasureEffectOptions measure{.runs = options.runs, .seed = options.seed, .quiet = true};
  std::vector<Effect> effects;
  measure.metric = "accuracy on digits";
  effects.push_back(measure_effect([&](const Run& run) { return detail::digits_accuracy(run, baseline, task); },
                                   [&](const Run& run) { return detail::digits_accuracy(run, technique, task); },
                                   measure));
  measure.metric = "square error on diabetes";
  measure.higher_is_better = false;
  effects.push_back(measure_effect([&](const Run& run) { return detail::diabetes_error(run, baseline, task); },
                                   [&](const Run& run) { return detail::diabetes_error(run, technique, task); },
                                   measure));
  return effects;
}

void find_faults(TechniqueReport& r) {
  if (!r.derivatives) r.findings.push_back("derivatives: " + r.derivatives.message);
  // Beyond this ratio an f32 cannot hold the sum of both ends.
  constexpr double precision = std::numeric_limits<float>::epsilon();
  const auto judge_ratio = [&](const std::string& what, double ratio, const std::string& where) {
    if (!std::isfinite(ratio)) {
      r.findings.push_back(fmt::format("{} is not finite {}", what, where));
    } else if (ratio < precision || ratio > 1 / precision) {
      r.findings.push_back(
          fmt::format("{} {} by a factor of {:.1e} {}", what, ratio < 1 ? "vanishes" : "explodes", ratio, where));
    }
  };
  const auto depth = r.signal.size() - 1;
  judge_ratio("the signal", r.signal.back(), fmt::format("over {} blocks", depth));
  judge_ratio("the gradient", r.gradient.front(), fmt::format("over {} blocks", depth));
  for (const auto& e : r.effects) {
    if (e.verdict == Verdict::harms) r.findings.push_back(summary(e));
    for (const auto& f : e.failures) {
      if (f.arm != "baseline") r.findings.push_back(fmt::format("a run failed ({}): {}", e.metric, f.what));
    }
  }
}

}  // namespace

double SingularSpectrum::mean_square() const {
  double total = 0;
  for (const double v : values) total += v * v;
  return values.empty() ? 0 : total / static_cast<double>(values.size());
}

TechniqueReport check_technique(const MakeBlock& technique, const CheckTechniqueOptions& options) {
  if (options.depth < 1 || options.width < 1 || options.batch < 2 || options.order < 1) {
    raise<ValueError>("check_technique: an option is out of range", "depth >= 1, width >= 1, batch >= 2, order >= 1",
                      fmt::format("depth = {}, width = {}, batch = {}, order = {}", options.depth, options.width,
                                  options.batch, options.order));
  }
  const Generator generator = Generator(options.seed).fork("check_technique");
  TechniqueReport report;
  report.derivatives = check_derivatives(technique, options, generator.fork("derivatives"));
  Generator draws = generator.fork("input");
  const Tensor input = random::normal({options.batch, options.width}, 0, 1, f64, draws);
  const auto blocks = make_blocks(technique, options.width, options.depth, generator.fork("blocks"));
  propagate(blocks, input, generator.fork("propagation"), report);
  report.block = jacobian_spectrum({blocks.front()}, input, generator.fork("noise"));
  report.stack = jacobian_spectrum(blocks, input, generator.fork("noise"));
  report.effects = task_effects(technique, options);
  find_faults(report);
  return report;
}

}  // namespace newtape::inspect
