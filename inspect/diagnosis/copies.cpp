// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/default_generator_scope.hpp>
#include <newtape/inspect/diagnosis/copies.hpp>
#include <newtape/inspect/spectra/eigenvalues.hpp>
#include <newtape/inspect/spectra/gradient_noise.hpp>
#include <newtape/inspect/spectra/loss_surface.hpp>
#include <newtape/inspect/spectra/operators.hpp>
#include <newtape/inspect/spectra/stability.hpp>
#include <newtape/nn/module/functional.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace newtape::inspect {
namespace {

Tensor as_double(const Array& x) { return is_floating(x.dtype()) ? Tensor(core::cast(x, f64)) : Tensor(x); }

/// The loss of a model in f64 as a function of its parameters.
class LossAlong {
 public:
  LossAlong(const TraineeFactory& make, const TrainingData& data, std::uint64_t seed) : data_(data), seed_(seed) {
    default_generator() = Generator(seed);
    trainee_ = make();
    trainee_->model().to(f64);
    const auto batch = data.train[{0, std::min(data.batch, data.train.size())}].arrays();
    x_ = as_double(batch[0]);
    y_ = as_double(batch[1]);
    Generator generator(seed + 16);
    for (const auto& [name, p] : trainee_->model().named_parameters()) {
      if (!p.requires_grad()) continue;
      // Away from where initial weights of 0 put units exactly at their kinks, at which quotients see half a slope.
      const double rms = core::summarize(p.value()).rms();
      p.set_value(Tensor(p.value() + random::normal(p.shape(), 0, rms > 0 ? 0.01 * rms : 0.01, f64, generator)));
      names_.push_back(name);
      parameters_.push_back(p);
      values_.push_back(p.value());
    }
  }

  const std::vector<std::string>& names() const { return names_; }

  Tensor loss() const {
    default_generator() = Generator(seed_).fork(1);  // the same dropout in each call
    return data_.loss(trainee_->forward(x_), y_);
  }
  std::vector<Tensor> gradient() const {
    std::vector<Tensor> variables(parameters_.begin(), parameters_.end());
    return newtape::grad(loss(), variables, {.allow_unused = true});
  }
  /// Fixes the parameters that the graph does not reach, which is another rule's business: directions leave them out.
  void leave_out_unreached() {
    const Tensor y = loss();
    for (const auto& name : view_graph(trainee_->model(), y, y).unreached) {
      const auto at = std::find(names_.begin(), names_.end(), name) - names_.begin();
      if (at == static_cast<std::ptrdiff_t>(names_.size())) continue;
      names_.erase(names_.begin() + at);
      parameters_.erase(parameters_.begin() + at);
      values_.erase(values_.begin() + at);
    }
  }
  /// (L(p + h d) - L(p - h d)) / 2h
  double difference(const std::vector<Array>& direction, double h) const {
    const NoGrad off;
    double sides[2];
    for (int k = 0; k < 2; ++k) {
      for (std::size_t i = 0; i < parameters_.size(); ++i) {
        parameters_[i].set_value(Tensor(values_[i] + (k == 0 ? h : -h) * direction[i]));
      }
      sides[k] = loss().item();
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].set_value(Tensor(values_[i]));
    return (sides[0] - sides[1]) / (2 * h);
  }
  /// A normal direction with the sizes of the parameters; 0 for others than `only`, if that is one.
  std::vector<Array> direction(Generator& generator, std::ptrdiff_t only = -1) const {
    std::vector<Array> d;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const double rms = core::summarize(values_[i]).rms();
      const bool used = only < 0 || static_cast<std::ptrdiff_t>(i) == only;
      d.push_back(used ? random::normal(values_[i].shape(), 0, rms > 0 ? rms : 0.1, f64, generator)
                       : core::zeros(values_[i].shape(), f64));
    }
    return d;
  }

 private:
  const TrainingData& data_;
  std::uint64_t seed_;
  std::unique_ptr<Trainee> trainee_;
  Tensor x_, y_;
  std::vector<std::string> names_;
  std::vector<Parameter> parameters_;
  std::vector<Array> values_;
};

double inner(const std::vector<Tensor>& g, const std::vector<Array>& d) {
  double sum = 0;
  for (std::size_t i = 0; i < d.size(); ++i) {
    const auto s = core::summarize(g[i].value() * d[i]);
    if (s.non_finite > 0) return std::numeric_limits<double>::quiet_NaN();
    sum += s.sum;
  }
  return sum;
}

/// The relative difference along a direction. It counts as 0 where the difference quotient is not to be trusted: the
/// loss's rounding exceeds it, or a smaller step changes it as much.
double relative_error(const LossAlong& f, const std::vector<Tensor>& g, const std::vector<Array>& d) {
  constexpr double h = 1e-6;
  const double wanted = f.difference(d, h);
  const double got = inner(g, d);
  const double rounding = 1e-15 * std::abs(f.loss().item()) / h;
  const double size = std::max(std::abs(wanted), std::abs(got));
  if (!std::isfinite(wanted) || !std::isfinite(got) || size <= 100 * rounding) return 0;
  const double error = std::abs(wanted - got);
  if (error > 1e-6 * size && std::abs(f.difference(d, h / 8) - wanted) > 0.1 * error) return 0;
  return error / size;
}

}  // namespace

void measure_gradient_error(const TraineeFactory& make, const TrainingData& data, std::uint64_t seed,
                            Evidence& evidence) {
  const detail::DefaultGeneratorScope keep;
  try {
    LossAlong f(make, data, seed);
    f.leave_out_unreached();
    if (f.names().empty()) return;
    const auto g = f.gradient();
    Generator generator(seed + 17);
    std::array<double, 3> errors{};
    for (double& e : errors) e = relative_error(f, g, f.direction(generator));
    std::sort(errors.begin(), errors.end());
    if (!std::isfinite(errors[1])) return;
    evidence.gradient_error = errors[1];
    double worst = -1;
    for (std::size_t i = 0; i < f.names().size() && errors[1] > 1e-3; ++i) {
      const double e = relative_error(f, g, f.direction(generator, static_cast<std::ptrdiff_t>(i)));
      // Layers near the input see all errors after them: the last of those as large is nearest to the operation.
      if (e > 0.9 * worst) worst = std::max(worst, e), evidence.gradient_error_at = f.names()[i];
    }
  } catch (const std::exception&) {  // a model that needs f32, labels out of range: other rules' business
    evidence.gradient_error = std::nullopt;
  }
}

namespace {

/// The rms of the gradient of x [batch, time, ..] at the first time step over that at the last.
std::optional<double> decay_in_time(Trainee& t, const LossFunction& loss, const Array& x, const Array& y) {
  const Tensor v = variable(x);
  const Tensor g = newtape::grad(loss(t.forward(v), y), v, {.allow_unused = true});
  const auto at = [&](std::int64_t time) { return core::summarize(core::slice(g.value(), 1, time, time + 1)).rms(); };
  const double last = at(x.shape(1) - 1);
  if (!(last > 0)) return {};
  return at(0) / last;
}

/// Runs `measure`; what cannot be measured, on a model that died or with an optimizer of the user's, is left out.
template <class F>
void attempt(const F& measure) {
  try {
    measure();
  } catch (const std::exception&) {
  }
}

/// The loss on some examples, in the parameters that the optimizer changes.
std::optional<LossSurface> surface_of(Trainee& trainee, const TrainingData& data, std::int64_t examples) {
  SurfaceModel held(trainee.model());
  const auto params = trainee.optimizer().params();
  std::erase_if(held.parameters, [&](const auto& p) {
    return std::find(params.begin(), params.end(), p.second) == params.end() || !p.second.requires_grad();
  });
  if (held.parameters.empty()) return {};
  Generator generator(3);
  const Array order = random::permutation(data.train.size(), generator);
  const auto* first = order.data<std::int64_t>();
  const auto batch = data.train.gather({first, first + std::min(examples, data.train.size())}, generator);
  const Tensor x = batch[0];
  const Tensor y = batch[1];
  return LossSurface(
      held, [&trainee, x] { return trainee.forward(x); },
      [&data, y](const Tensor& output) { return data.loss(output, y); });
}

void measure_curvature(Trainee& trainee, const TrainingData& data, Evidence& evidence) {
  const auto surface = surface_of(trainee, data, data.batch);
  if (!surface) return;
  attempt([&] {
    const Stability s = stability(*surface, trainee.optimizer(), {.tolerance = 0.05, .max_products = 30});
    if (std::isfinite(s.ratio)) evidence.stability = s;
  });
  if (!(evidence.fall() > 0.05)) {
    attempt([&] {
      const auto e = extreme_eigenvalues(hessian_operator(*surface),
                                         {.largest = 1, .smallest = 1, .tolerance = 0.05, .max_products = 40});
      evidence.curvatures = {e.smallest.values[0], e.largest.values[0]};
    });
  }
  if (!evidence.stability || evidence.stability->preconditioned || !(evidence.fall() < 0.8)) return;
  attempt([&] {  // a single batch can be interpolated whatever the conditioning
    const auto wide = surface_of(trainee, data, std::max<std::int64_t>(data.batch, 256));
    const auto [loss, gradient] = wide->loss_and_gradient();
    constexpr std::int64_t lanczos_steps = 15;
    evidence.reach =
        descent_reach(spectral_measure(gauss_newton_operator(*wide), gradient, lanczos_steps), loss, evidence.steps);
  });
}

}  // namespace

DescentReach descent_reach(const Spectrum::Quadrature& measure, double loss, std::int64_t steps) {
  DescentReach r;
  double squares = 0;
  double curved = 0;
  for (std::size_t i = 0; i < measure.nodes.size(); ++i) {
    r.curvature = std::max(r.curvature, measure.nodes[i]);
    squares += measure.weights[i];
    curved += measure.weights[i] * std::max(measure.nodes[i], 0.0);
  }
  if (!(r.curvature > 0) || !(curved > 0)) return r;
  r.spread = r.curvature * squares / curved;
  // Along an eigenvector with gradient g and eigenvalue w the model falls by g^2 / 2w in all, and after k steps at the
  // rate 1 / curvature by 1 - (1 - w / curvature)^2k of that.
  for (std::size_t i = 0; i < measure.nodes.size(); ++i) {
    const double w = measure.nodes[i] / r.curvature;
    if (!(w > 2e-7)) continue;  // rounding of f32
    const double all = measure.weights[i] / (2 * w * r.curvature);
    r.newton += all;
    r.descent += -std::expm1(2 * static_cast<double>(steps) * std::log1p(-std::min(w, 1.0))) * all;
  }
  r.newton = std::min(r.newton, std::abs(loss));
  r.descent = std::min(r.descent, r.newton);
  return r;
}

void measure_noise_and_curvature(Trainee& trainee, const TrainingData& data, Evidence& evidence) {
  if (!evidence.graph.known) return;
  const detail::DefaultGeneratorScope keep;
  const auto set = data.train;
  const auto loss = [&](const data::Batch& b) { return data.loss(trainee.forward(b[0]), b[1]); };
  const auto on = [&](std::int64_t size, std::int64_t batches) {
    const data::Loader loader(set, {.batch_size = size, .shuffle = true, .seed = 3, .drop_last = true, .prefetch = 0});
    return LossSurface(trainee.model(), loader, loss, {.max_batches = batches});
  };
  const std::int64_t size = std::max<std::int64_t>(2, data.batch / 4);
  const std::int64_t parts = std::min<std::int64_t>(16, set.size() / size);
  if (parts >= 4) {
    const NoiseScale noise = batch_noise_scale(on(size, parts));
    if (std::isfinite(noise.variance)) evidence.noise_scale = noise.value();
  }
  measure_curvature(trainee, data, evidence);
  const auto b = set[{0, std::min(data.batch, set.size())}].arrays();
  const bool recurrent = std::any_of(evidence.graph.ops.begin(), evidence.graph.ops.end(),
                                     [](const auto& op) { return op.ends_with("_scan"); });
  if (recurrent && b[0].ndim() == 3 && is_floating(b[0].dtype()) && b[0].shape(1) > 2) {
    evidence.time_decay = decay_in_time(trainee, data.loss, b[0], b[1]);
  }
}

}  // namespace newtape::inspect
