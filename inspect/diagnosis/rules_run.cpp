// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at a run: gradients by depth, activations, noise, losses.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/optim/clip.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {
namespace {

/// Median over the run of the rms of gradient / weight, for weights in the order of registration.
struct DepthProfile {
  double first = 0, last = 0;
  std::string first_name;
  std::size_t weights = 0;
};
std::optional<DepthProfile> depth_profile(const Evidence& e) {
  if (e.probe == nullptr) return {};
  DepthProfile d;
  for (const auto& p : e.probe->parameters()) {
    if (p.parameter.ndim() < 2 || p.history.empty() || !e.graph.multiplies(p.name)) continue;
    std::vector<double> ratios;
    for (const auto& r : p.history.records()) {
      if (r.grad.examined > 0 && r.value.norm() > 0) ratios.push_back(r.swept_norm / r.value.norm());
    }
    if (ratios.empty()) continue;
    const double m = median(std::move(ratios));
    if (d.weights++ == 0) d.first = m, d.first_name = p.name;
    d.last = m;
  }
  if (d.weights < 3 || !(d.last > 0)) return {};
  return d;
}

std::optional<Measurement> vanishing_gradients(const Evidence& e) {
  const auto d = depth_profile(e);
  if (!d) return {};
  const double ratio = d->first > 0 ? d->last / d->first : std::numeric_limits<double>::infinity();
  return Measurement{
      ratio,
      fmt::format("relative to its weights the gradient of {} is {:.2g} of that of the last of {} layers",
                  d->first_name, 1 / ratio, d->weights),
      d->first_name};
}
std::optional<Measurement> exploding_gradients(const Evidence& e) {
  if (e.probe == nullptr) return {};
  double worst = 0;
  for (const auto& r : e.probe->step_records().records()) {
    if (!(r.value_norm > 0)) continue;
    worst = std::max(
        worst, std::isfinite(r.swept_norm) ? r.swept_norm / r.value_norm : std::numeric_limits<double>::infinity());
  }
  for (const auto& p : e.probe->parameters()) {
    for (const auto& r : p.history.records()) {
      if (r.grad.non_finite > 0) worst = std::numeric_limits<double>::infinity();
    }
  }
  return Measurement{worst, fmt::format("the gradient reached {:.3g} times the norm of the weights", worst), ""};
}
std::vector<Treatment> clip_at_one(const Evidence&) {
  return {{.prepare = [](Trainee& t) {
    const auto model = t.model();
    t.optimizer().register_step_pre_hook(
        [model](const optim::Optimizer&) { optim::clip_grad_norm(model.parameters(), 1.0); });
  }}};
}
std::vector<Treatment> initialise_weights(const Evidence& e) {
  std::vector<std::string> names;
  if (e.probe != nullptr) {
    for (const auto& p : e.probe->parameters()) {
      if (p.parameter.ndim() >= 2 && e.graph.multiplies(p.name)) names.push_back(p.name);
    }
  }
  return {{.prepare = [names](Trainee& t) {
    for (const auto& name : names) {
      const Parameter p = t.model().parameter(name);
      nn::init::kaiming_uniform(p);
    }
    for (const auto& [name, p] : t.model().named_parameters()) {
      if (p.ndim() == 1 && name.ends_with("bias")) p.set_value(zeros(p.shape(), p.dtype()));
    }
  }}};
}

std::optional<Measurement> dead_units(const Evidence& e) {
  if (e.probe == nullptr) return {};
  double worst = 0;
  std::string where;
  for (const auto& r : e.probe->results()) {
    if (r.history.empty() || r.op != "relu") continue;
    const double share = r.history.latest().value.zero_share();
    if (share > worst) worst = share, where = r.name();
  }
  return Measurement{worst, fmt::format("{:.1f}% of the activations at {} are 0", 100 * worst, where), where};
}

std::optional<Measurement> saturated_units(const Evidence& e) {
  if (e.probe == nullptr) return {};
  double worst = 0;
  std::string where;
  for (const auto& r : e.probe->results()) {
    if (r.history.empty() || r.path.empty() || (r.op != "tanh" && r.op != "sigmoid" && r.op != "hardtanh")) continue;
    const double share = r.history.latest().value.saturated_share();
    if (share > worst) worst = share, where = r.name();
  }
  return Measurement{
      worst, fmt::format("{:.1f}% of the activations at {} are at the ends of their range", 100 * worst, where), where};
}

std::optional<Measurement> small_batch_statistics(const Evidence& e) {
  if (!e.graph.known || e.graph.ops.count("batch_norm") == 0 || e.batch <= 0) return {};
  return Measurement{
      8.0 / static_cast<double>(e.batch),
      fmt::format("batch normalisation sees {} examples: the deviation has a relative error of {:.0f}%", e.batch,
                  100 / std::sqrt(2.0 * static_cast<double>(std::max<std::int64_t>(1, e.batch - 1)))),
      ""};
}
std::vector<Treatment> larger_batch(const Evidence&) { return {{.batch_factor = 8}}; }

std::optional<Measurement> noise_dominated(const Evidence& e) {
  if (!e.noise_scale || e.batch <= 0) return {};
  const double scale = *e.noise_scale / static_cast<double>(e.batch);
  // At the end of a run that got somewhere noise dominates by nature.
  const bool stuck = !(e.fall() > 0.3);
  return Measurement{stuck ? scale : 0,
                     fmt::format("at the end the gradient equals its noise for batches of {:.3g}; the batch is {}, and "
                                 "the loss fell by {:.0f}%",
                                 *e.noise_scale, e.batch, 100 * e.fall()),
                     ""};
}

std::optional<Measurement> overfitting(const Evidence& e) {
  if (!std::isfinite(e.final_test)) return {};
  const double gap = e.final_test - e.final_train;
  return Measurement{
      gap / std::max(0.05, e.final_train + 0.1),
      fmt::format("the error is {:.3g} on training examples and {:.3g} on test examples", e.final_train, e.final_test),
      ""};
}

std::optional<Measurement> forgets_in_time(const Evidence& e) {
  if (!e.time_decay) return {};
  return Measurement{1 / std::max(*e.time_decay, 1e-300),
                     fmt::format("the gradient at the first time step is {:.2g} of that at the last", *e.time_decay),
                     ""};
}

std::optional<Measurement> loss_spikes(const Evidence& e) {
  if (e.losses.size() < 20) return {};
  std::vector<double> values;
  for (const auto& l : e.losses) values.push_back(l.value);
  const double middle = median(values);
  std::vector<double> off;
  for (const double v : values) off.push_back(std::abs(v - middle));
  const double spread = median(off);
  double worst = 0;
  std::int64_t step = 0;
  for (std::size_t i = e.losses.size() / 5; i < e.losses.size(); ++i) {
    const double d = spread > 0 ? (values[i] - middle) / spread : 0;
    if (d > worst) worst = d, step = e.losses[i].step;
  }
  return Measurement{worst,
                     fmt::format("at step {} the loss was {:.3g} median deviations above its median", step, worst),
                     fmt::format("step {}", step)};
}

/// A negative log-likelihood of classes below 0, or, where the loss fell, an error on training examples above that of
/// always naming the most frequent class, in standard deviations.
std::optional<Measurement> wrong_sign(const Evidence& e) {
  if (e.graph.known && (e.graph.loss_has("log_softmax") || e.graph.loss_has("softplus")) && e.late_loss() < 0) {
    return Measurement{100, fmt::format("the loss is {:.3g}, and a cross-entropy is not negative", e.late_loss()),
                       e.graph.loss_location};
  }
  const auto counts = class_counts(e.y);
  if (counts.size() < 2 || !std::isfinite(e.final_train)) return {};
  const auto n = static_cast<double>(e.y.size());
  const double chance = 1 - *std::max_element(counts.begin(), counts.end()) / n;
  const double deviation = std::sqrt(std::max(chance * (1 - chance), 0.01) / std::min(n, 512.0));
  return Measurement{
      e.fall() > 0.05 ? (e.final_train - chance) / deviation : 0,
      fmt::format("the loss went from {:.3g} to {:.3g}, but {:.0f}% of the training examples are classified "
                  "wrongly; the most frequent class alone would leave {:.0f}%",
                  e.early_loss(), e.late_loss(), 100 * e.final_train, 100 * chance),
      e.graph.loss_location};
}
std::vector<Treatment> negated_loss(const Evidence&) {
  return {{.loss = [](const LossFunction& loss) -> LossFunction {
    return [loss](const Tensor& output, const Tensor& y) { return -loss(output, y); };
  }}};
}

std::optional<Measurement> no_progress(const Evidence& e) {
  if (e.losses.size() < 10) return {};
  return Measurement{0.05 - e.fall(), fmt::format("the loss went from {:.4g} to {:.4g}", e.early_loss(), e.late_loss()),
                     ""};
}

const Rule run_rows[] = {
    {"vanishing_gradients", Phase::run, Certainty::hint, "gradients", vanishing_gradients, 1e3,
     "three decades between layers that share a learning rate", "Gradients vanish on their way to the first layers.",
     "nn::init::kaiming_uniform(weight);  // or normalisation, or skip connections", initialise_weights,
     "Glorot & Bengio 2010", true},
    {"exploding_gradients", Phase::run, Certainty::hint, "gradients", exploding_gradients, 1e2,
     "a gradient 100 times the weights needs a rate below 1e-5 for the usual step of 1e-3", "Gradients explode.",
     "optim::clip_grad_norm(model.parameters(), 1.0);", clip_at_one, "Pascanu et al. 2013"},
    {"dead_units", Phase::run, Certainty::hint, "activations", dead_units, 0.9,
     "half of the units are 0 for inputs that are symmetric about 0; nine in ten pass no gradient",
     "Most units are dead.", "nn::init::kaiming_uniform(weight);  // and a lower rate, or leaky_relu",
     initialise_weights, "Lu et al. 2020", true},
    {"saturated_units", Phase::run, Certainty::hint, "activations", saturated_units, 0.5,
     "within 1% of the ends the slope of tanh is below 0.04, of sigmoid below 0.01", "Most units are saturated.",
     "nn::init::xavier_uniform(weight);  // and scaled inputs", initialise_weights, "Glorot & Bengio 2010, section 3",
     true},
    {"small_batch_statistics", Phase::run, Certainty::hint, "graph, batch size", small_batch_statistics, 1,
     "below 8 examples the deviation's relative error exceeds 1 / sqrt(14) = 27%",
     "Batches are too small for batch normalisation.", "// batches of 32, or group_norm", larger_batch,
     "Wu & He 2018, figure 1"},
    {"noise_dominated", Phase::run, Certainty::hint, "gradients of examples", noise_dominated, 100,
     "noise of a hundred times the squared gradient leaves a tenth of signal in a direction; a run that stalls there "
     "needs an average",
     "The gradient's noise dominates.", "// a larger batch", larger_batch, "McCandlish et al. 2018"},
    {"overfitting", Phase::run, Certainty::strong, "test data", overfitting, 2,
     "a test error beyond twice the training error and 0.1", "The model learns its training examples by heart.",
     ".weight_decay = 1e-2  // more data, augmentation, dropout", nullptr, "Goodfellow et al. 2016, section 5.2"},
    {"forgets_in_time", Phase::run, Certainty::hint, "sequences", forgets_in_time, 1e4,
     "the gradient loses four decades between the ends of a sequence", "The recurrent layer forgets.",
     "nn::LSTM with a forget bias of 1, or orthogonal recurrent weights", nullptr, "Pascanu et al. 2013, section 2"},
    {"loss_spikes", Phase::run, Certainty::hint, "losses", loss_spikes, 30,
     "thirty median deviations; normal noise stays below 7 in a million steps",
     "Single batches have a much larger loss.", "// look at the examples of that step", nullptr, "Hampel 1974"},
    {"wrong_sign", Phase::run, Certainty::strong, "labels", wrong_sign, 6,
     "six standard deviations worse than a constant answer, after a loss that fell, is learning the opposite",
     "The loss has the wrong sign.", "return loss;  // not -loss", negated_loss, "definition"},
    {"no_progress", Phase::run, Certainty::hint, "losses", no_progress, 0,
     "a fall of 5% between the first and last tenth", "The loss does not fall.", "// a symptom: see the causes",
     nullptr, "definition"},
};

}  // namespace

std::span<const Rule> run_rules() { return run_rows; }

}  // namespace newtape::inspect
