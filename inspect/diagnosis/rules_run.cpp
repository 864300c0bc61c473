// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at a run: gradients by depth, activations, noise, losses.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/optim/clip.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {
namespace {

/// Median over the run of the rms of gradient / weight, for the weight that is furthest from the loss and the nearest.
struct DepthProfile {
  double first = 0, last = 0;
  std::string first_name;
  std::size_t weights = 0;
};
std::optional<DepthProfile> depth_profile(const Evidence& e) {
  if (e.probe == nullptr) return {};
  DepthProfile d;
  int furthest = -1;
  int nearest = std::numeric_limits<int>::max();
  for (const auto& p : e.probe->parameters()) {
    if (p.parameter.ndim() < 2 || p.history.empty() || !e.graph.multiplies(p.name)) continue;
    std::vector<double> ratios;
    for (const auto& r : p.history.records()) {
      if (r.grad.examined > 0 && r.value.norm() > 0) ratios.push_back(r.swept_norm / r.value.norm());
    }
    if (ratios.empty()) continue;
    const double m = median(std::move(ratios));
    ++d.weights;
    const auto at = e.graph.distances.find(p.name);
    if (at == e.graph.distances.end()) continue;
    if (at->second > furthest) furthest = at->second, d.first = m, d.first_name = p.name;
    if (at->second < nearest) nearest = at->second, d.last = m;
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
    auto hook = t.optimizer().register_step_pre_hook(
        [model](const optim::Optimizer&) { optim::clip_grad_norm(model.parameters(), 1.0); });
    t.at_end([hook]() mutable { hook.remove(); });
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
std::vector<Treatment> larger_batch(const Evidence&) { return {{.batch_factor = 4}}; }

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

/// Recurrent weights that keep lengths, and forget gates of an LSTM that start open.
std::vector<Treatment> remembering_weights(const Evidence& e) {
  std::vector<std::string> names;
  if (e.probe != nullptr) {
    for (const auto& p : e.probe->parameters()) names.push_back(p.name);
  }
  const bool lstm = e.graph.ops.count("lstm_scan") > 0;
  return {{.prepare = [names, lstm](Trainee& t) {
    for (const auto& name : names) {
      const Parameter p = t.model().parameter(name);
      const auto rows = p.shape(0);
      if (name.find("weight_hh") != std::string::npos && p.ndim() == 2) {
        const auto n = p.shape(1);
        std::vector<Array> gates;
        for (std::int64_t at = 0; at < rows; at += n) {
          gates.push_back(Array::empty({std::min(n, rows - at), n}, p.dtype()));
          const Parameter gate(gates.back());
          nn::init::orthogonal(gate);
          gates.back() = gate.value();
        }
        p.set_value(Tensor(core::concatenate(gates)));
      }
      if (lstm && name.find("bias_ih") != std::string::npos) {
        const auto part = [&](std::int64_t from, std::int64_t to) { return core::slice(p.value(), 0, from, to); };
        const auto gate = rows / 4;  // input, forget, cell, output
        const Array opened[] = {part(0, gate), core::full({gate}, 1, p.dtype()), part(2 * gate, rows)};
        p.set_value(Tensor(core::concatenate(opened)));
      }
    }
  }}};
}

std::optional<Measurement> loss_spikes(const Evidence& e) {
  if (e.losses.size() < 20) return {};
  const LossSpike& s = e.spike;
  std::string text = fmt::format("at step {} the loss was {:.3g} median deviations above its median", s.step, s.height);
  if (!s.examples.empty()) {
    text += fmt::format(
        "; of the {} examples of its batch {} has the largest loss at the end, {:.3g}; the median is "
        "{:.3g}",
        s.examples.size(), s.examples[0], s.example_losses[0], median(s.example_losses));
  }
  return Measurement{s.height, text, fmt::format("step {}", s.step)};
}
/// Without the examples of that batch whose loss is beyond ten times its median; with bounded steps.
std::vector<Treatment> leave_out_or_clip(const Evidence& e) {
  auto all = clip_at_one(e);
  all.back().code = "optim::clip_grad_norm(model.parameters(), 1.0);";
  const double limit = 10 * std::abs(median(e.spike.example_losses));
  Treatment without;
  for (std::size_t i = 0; i < e.spike.examples.size(); ++i) {
    if (e.spike.example_losses[i] > limit) without.leave_out.push_back(e.spike.examples[i]);
  }
  if (without) {
    without.code = fmt::format("// look at example {} of the training set", without.leave_out[0]);
    all.push_back(without);
  }
  return all;
}

/// A negative log-likelihood of classes below 0, or, where the loss fell, an error on training examples above that of
/// always naming the most frequent class, in standard deviations.
std::optional<Measurement> wrong_sign(const Evidence& e) {
  double least = 0;
  for (const auto& l : e.losses) least = std::min(least, l.value);
  if (e.graph.known && (e.graph.loss_has("log_softmax") || e.graph.loss_has("softplus")) && least < 0) {
    return Measurement{100, fmt::format("the loss reached {:.3g}, and a cross-entropy is not negative", least),
                       e.graph.loss_location};
  }
  if (e.free_outputs && e.free_negated && e.free_negated->error < 0.1 && e.free_outputs->error > 0.5) {
    return Measurement{100,
                       fmt::format("outputs that are free and minimise the loss have an error of {:.2f}, those that "
                                   "maximise it of {:.2f}",
                                   e.free_outputs->error, e.free_negated->error),
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
  std::string text = fmt::format("the loss went from {:.4g} to {:.4g}", e.early_loss(), e.late_loss());
  double chance = e.y.defined() && is_floating(e.y.dtype()) ? 1 : 0;
  if (const auto counts = class_counts(e.y); counts.size() > 1) {
    chance = 1 - *std::max_element(counts.begin(), counts.end()) / static_cast<double>(e.y.size());
  }
  const bool blind = std::isfinite(e.final_train) && chance > 0.3 && e.final_train > 0.95 * chance;
  if (blind) text += fmt::format("; the error, {:.3g}, is that of a constant answer, {:.3g}", e.final_train, chance);
  return Measurement{std::max(0.05 - e.fall(), blind ? e.final_train - 0.95 * chance : -1.0), text, ""};
}

// What makes gradients vanish stands before that they do: of equal remedies the first row is the cause.
const Rule run_rows[] = {
    {"dead_units", Phase::run, Certainty::hint, "activations", dead_units, 0.9,
     "half of the units are 0 for inputs that are symmetric about 0; nine in ten pass no gradient",
     "Most units are dead.", "nn::init::kaiming_uniform(weight);  // and a lower rate, or leaky_relu",
     initialise_weights, "Lu et al. 2020", true},
    {"saturated_units", Phase::run, Certainty::hint, "activations", saturated_units, 0.5,
     "within 1% of the ends the slope of tanh is below 0.04, of sigmoid below 0.01", "Most units are saturated.",
     "nn::init::xavier_uniform(weight);  // and scaled inputs", initialise_weights, "Glorot & Bengio 2010, section 3",
     true},
    {"vanishing_gradients", Phase::run, Certainty::hint, "gradients", vanishing_gradients, 1e3,
     "three decades between layers that share a learning rate", "Gradients vanish on their way to the first layers.",
     "nn::init::kaiming_uniform(weight);  // or normalisation, or skip connections", initialise_weights,
     "Glorot & Bengio 2010", true},
    {"exploding_gradients", Phase::run, Certainty::hint, "gradients", exploding_gradients, 1e2,
     "a gradient 100 times the weights needs a rate below 1e-5 for the usual step of 1e-3", "Gradients explode.",
     "optim::clip_grad_norm(model.parameters(), 1.0);", clip_at_one, "Pascanu et al. 2013"},
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
     "nn::init::orthogonal(weight_hh);  // and a forget bias of 1, or attention", remembering_weights,
     "Pascanu et al. 2013, section 2; Gers et al. 2000", true},
    {"loss_spikes", Phase::run, Certainty::hint, "losses", loss_spikes, spike_limit,
     "thirty median deviations; normal noise stays below 7 in a million steps",
     "Single batches have a much larger loss.", "// look at the examples of that step", leave_out_or_clip,
     "Hampel 1974"},
    {"wrong_sign", Phase::run, Certainty::strong, "labels", wrong_sign, 6,
     "six standard deviations worse than a constant answer, after a loss that fell, is learning the opposite",
     "The loss has the wrong sign.", "return loss;  // not -loss", negated_loss, "definition"},
    {"no_progress", Phase::run, Certainty::hint, "losses", no_progress, 0,
     "a fall of 5% between the first and last tenth, or a twentieth less errors than a constant answer",
     "The loss does not fall.", "// a symptom: see the causes", nullptr, "definition"},
};

}  // namespace

std::span<const Rule> run_rules() { return run_rows; }

}  // namespace newtape::inspect
