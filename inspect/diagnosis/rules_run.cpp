// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at a run: gradients, activations, steps and losses.
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/optim/clip.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {
namespace {

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// One number of each step that was looked at.
template <class F>
std::vector<double> of_steps(const Evidence& e, const F& f) {
  std::vector<double> values;
  if (e.probe == nullptr) return values;
  for (const auto& r : e.probe->step_records().records()) values.push_back(f(r));
  return values;
}

/// The change of a weight in a step over its norm, of the weight with the largest: the median over the run and the
/// largest of all.
struct UpdateRatio {
  double median = 0, largest = 0;
  std::string where;
};
std::optional<UpdateRatio> update_ratio(const Evidence& e) {
  UpdateRatio result;
  if (e.probe == nullptr) return {};
  for (const auto& p : e.probe->parameters()) {
    if (p.parameter.ndim() < 2 || !p.held || p.history.empty()) continue;
    std::vector<double> ratios;
    for (const auto& r : p.history.records()) {
      if (r.value.norm() > 0 && std::isfinite(r.step_norm)) ratios.push_back(r.update_ratio());
    }
    if (ratios.empty()) continue;
    result.largest = std::max(result.largest, *std::max_element(ratios.begin(), ratios.end()));
    const double m = median(std::move(ratios));
    if (m >= result.median) result.median = m, result.where = p.name;
  }
  if (result.where.empty() || result.largest == 0) return {};
  return result;
}

/// All rates times a factor, with the first group's in code.
Treatment rate_times(const Evidence& e, double factor) {
  Treatment t;
  t.prepare = [factor](Trainee& trainee) {
    auto& o = trainee.optimizer();
    for (std::size_t g = 0; g < o.group_count(); ++g) o.set_lr(o.lr(g) * factor, g);
  };
  const double lr = e.lrs.empty() ? 0 : e.lrs.front();
  t.code = fmt::format("optimizer.set_lr({:.2g});", lr * factor);
  return t;
}

/// Rates for which a step changes weights by 1e-3, 1e-2 and 1e-1 of their norm, if steps are proportional to them.
std::vector<Treatment> rates_by_ratio(const Evidence& e, double ratio, bool lower) {
  std::vector<Treatment> doses;
  for (const double wanted : {1e-3, 1e-2, 1e-1}) {
    const double factor = wanted / ratio;
    if (lower ? factor < 0.7 : factor > 1.4) doses.push_back(rate_times(e, factor));
  }
  return doses;
}

double fall(const Evidence& e) {
  const double early = e.early_loss();
  return early != 0 ? (early - e.late_loss()) / std::abs(early) : 0;
}

/// A single large step counts for a tenth: Adam's first ones are.
double ratio_of_large_steps(const UpdateRatio& r) { return std::max(r.median, 0.1 * r.largest); }

std::optional<Measurement> rate_too_high(const Evidence& e) {
  const auto r = update_ratio(e);
  if (!r) return {};
  const bool blew_up = e.died || !std::isfinite(e.late_loss()) || e.late_loss() > 1.5 * e.early_loss();
  std::string text = fmt::format("a step changes {} by {:.2g} of its norm (median), at most by {:.2g}", r->where,
                                 r->median, r->largest);
  if (blew_up) text += fmt::format("; the loss went from {:.3g} to {:.3g}", e.early_loss(), e.late_loss());
  return Measurement{blew_up ? std::max(ratio_of_large_steps(*r), 1.0) : ratio_of_large_steps(*r), text, r->where};
}
std::vector<Treatment> lower_rates(const Evidence& e) {
  const auto r = update_ratio(e);
  return r ? rates_by_ratio(e, r->largest, true) : std::vector<Treatment>{};
}

std::optional<Measurement> unstable_sharpness(const Evidence& e) {
  if (!e.sharpness || e.lrs.empty()) return {};
  const auto momentum = e.options.find("momentum");
  if (e.options.count("beta2") > 0 || e.options.count("alpha") > 0) return {};  // preconditioned
  const double beta = momentum != e.options.end() ? momentum->second : 0;
  const double limit = 2 * (1 + beta) / e.lrs.back();
  return Measurement{*e.sharpness / limit,
                     fmt::format("the largest eigenvalue of the Hessian is {:.3g}; steps are stable below {:.3g}",
                                 *e.sharpness, limit),
                     ""};
}

std::optional<Measurement> rate_too_low(const Evidence& e) {
  if (e.probe == nullptr || e.probe->steps() < 10) return {};
  double moved = 0;
  double norm = 0;
  const auto records = e.probe->step_records().records();
  if (records.empty()) return {};
  for (const auto& r : records) moved += r.step_norm, norm += r.value_norm;
  const double ratio = norm > 0 ? moved / norm : 0;
  if (ratio == 0) return {};  // zero_learning_rate, frozen or not held
  const double travelled = ratio * static_cast<double>(e.probe->steps());
  return Measurement{
      0.2 / travelled,
      fmt::format("all {} steps together are at most {:.2g} of the weights' norm; the loss fell by {:.1f}%",
                  e.probe->steps(), travelled, 100 * fall(e)),
      ""};
}
std::vector<Treatment> higher_rates(const Evidence& e) {
  const auto r = update_ratio(e);
  return r && r->median > 0 ? rates_by_ratio(e, r->median, false) : std::vector<Treatment>{};
}

std::optional<Measurement> accumulated_gradients(const Evidence& e) {
  if (e.probe == nullptr) return {};
  double grown = 0;
  double counted = 0;
  double ratio = 0;
  for (const auto& r : e.probe->step_records().records()) {
    if (r.step == 0 || r.sweeps != 1 || !(r.swept_norm > 0) || !std::isfinite(r.grad_norm)) continue;
    counted += 1;
    ratio = std::max(ratio, r.grad_norm / r.swept_norm);
    grown += r.grad_norm > 1.01 * r.swept_norm || r.grad_norm < 0.5 * r.swept_norm ? 1 : 0;
  }
  if (counted < 2 || ratio <= 1.01) return Measurement{0, "gradients are those of one sweep", ""};
  return Measurement{
      grown / counted,
      fmt::format("the optimizer received up to {:.3g} times the gradient of one backward pass, in {} of "
                  "{} steps looked at",
                  ratio, grown, counted),
      ""};
}
std::vector<Treatment> zero_grad_first(const Evidence&) {
  return {{.before_step = [](Trainee& t) { t.model().zero_grad(); }}};
}

std::optional<Measurement> always_clipped(const Evidence& e) {
  if (e.probe == nullptr) return {};
  std::vector<double> ratios;
  for (const auto& r : e.probe->step_records().records()) {
    if (r.sweeps == 1 && r.swept_norm > 0 && std::isfinite(r.swept_norm)) ratios.push_back(r.grad_norm / r.swept_norm);
  }
  if (ratios.size() < 2) return {};
  const double m = median(ratios);
  const double clipped =
      static_cast<double>(std::count_if(ratios.begin(), ratios.end(), [](double r) { return r < 0.99; }));
  if (clipped < 0.9 * static_cast<double>(ratios.size())) return Measurement{0, "gradients are seldom clipped", ""};
  return Measurement{1 / std::max(m, 1e-30),
                     fmt::format("clipping shortens the gradient in {} of {} steps, to {:.2g} of it (median)", clipped,
                                 ratios.size(), m),
                     ""};
}
/// The rate that undoes the median shortening: clipping itself is in the user's step.
std::vector<Treatment> rate_over_clipping(const Evidence& e) {
  const auto m = always_clipped(e);
  if (!m || !(m->value > 0)) return {};
  return {rate_times(e, std::min(m->value, 1e6))};
}

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

std::optional<Measurement> decay_too_strong(const Evidence& e) {
  const auto decay = e.options.find("weight_decay");
  if (decay == e.options.end() || e.probe == nullptr || e.probe->step_records().empty()) return {};
  const auto shares = of_steps(
      e, [&](const StepRecord& r) { return r.swept_norm > 0 ? decay->second * r.value_norm / r.swept_norm : 0; });
  const auto records = e.probe->step_records().records();
  const double kept = records.front().value_norm > 0 ? records.back().value_norm / records.front().value_norm : 1;
  return Measurement{
      decay->second > 0 ? std::max(median(shares), 0.5 / std::max(kept, 1e-30)) : 0,
      fmt::format("weight decay {:.3g} pulls {:.2g} times as hard as the loss (median); the weights' norm "
                  "changed by the factor {:.2g}",
                  decay->second, median(shares), kept),
      ""};
}
std::vector<Treatment> no_decay(const Evidence&) {
  return {{.prepare = [](Trainee& t) {
    auto state = t.optimizer().state_dict();
    for (auto& [name, value] : state) {
      if (name.ends_with("weight_decay")) value = zeros({}, f64).value();
    }
    t.optimizer().load_state_dict(state);
  }}};
}

std::optional<Measurement> schedule_decays_early(const Evidence& e) {
  if (e.lrs.size() < 4) return {};
  const double most = *std::max_element(e.lrs.begin(), e.lrs.end());
  const double middle = e.lrs[e.lrs.size() / 2];
  if (!(most > 0)) return {};
  return Measurement{most / std::max(middle, 1e-300),
                     fmt::format("half-way the learning rate was {:.3g}, at most it was {:.3g}", middle, most), ""};
}
std::vector<Treatment> constant_rate(const Evidence& e) {
  const double most = e.lrs.empty() ? 0 : *std::max_element(e.lrs.begin(), e.lrs.end());
  return {{.prepare = [most](Trainee& t) {
    t.optimizer().set_lr(most);
    t.model().register_forward_pre_hook([&o = t.optimizer(), most](const nn::ModuleBase&, std::span<const Tensor>) {
      if (grad_enabled()) o.set_lr(most);
    });
    t.optimizer().register_step_pre_hook([&o = t.optimizer(), most](const optim::Optimizer&) { o.set_lr(most); });
  }}};
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
  const bool stuck = !(fall(e) > 0.3);
  return Measurement{stuck ? scale : 0,
                     fmt::format("at the end the gradient equals its noise for batches of {:.3g}; the batch is {}, and "
                                 "the loss fell by {:.0f}%",
                                 *e.noise_scale, e.batch, 100 * fall(e)),
                     ""};
}

std::optional<Measurement> overfitting(const Evidence& e) {
  if (!std::isfinite(e.final_test) || !std::isfinite(e.best_test)) return {};
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

std::optional<Measurement> no_progress(const Evidence& e) {
  if (e.losses.size() < 10) return {};
  return Measurement{0.05 - fall(e), fmt::format("the loss went from {:.4g} to {:.4g}", e.early_loss(), e.late_loss()),
                     ""};
}

const Rule run_rows[] = {
    {"accumulated_gradients", Phase::run, Certainty::strong, "gradients", accumulated_gradients, 0.5,
     "gradients that are cleared are those of one sweep in every step",
     "Gradients add up over steps: they are not cleared.", "optimizer.zero_grad();  // before loss.backward()",
     zero_grad_first, "documentation of Optimizer"},
    {"rate_too_high", Phase::run, Certainty::hint, "steps", rate_too_high, 0.02,
     "steps near 1e-3 of the weights are usual; 20 times that forgets a weight in 50 steps",
     "The learning rate is too high.", "optimizer.set_lr(0.1 * optimizer.lr());", lower_rates,
     "Bottou 2012; You et al. 2017 (trust ratio 1e-3)"},
    {"unstable_sharpness", Phase::run, Certainty::strong, "Hessian, SGD", unstable_sharpness, 1.5,
     "gradient descent diverges along an eigenvector above 2 (1 + beta) / lr; training hovers at the limit itself",
     "The learning rate is beyond the stability limit.", "optimizer.set_lr(0.1 * optimizer.lr());", lower_rates,
     "Cohen et al. 2021"},
    {"rate_too_low", Phase::run, Certainty::hint, "steps", rate_too_low, 1,
     "weights that move by less than a fifth of their norm stay those of the initialisation",
     "The learning rate is too low.", "optimizer.set_lr(10 * optimizer.lr());", higher_rates,
     "You et al. 2017; Chizat et al. 2019 (lazy training)"},
    {"always_clipped", Phase::run, Certainty::hint, "gradients", always_clipped, 10,
     "clipping is for outliers: a median gradient shortened to a tenth is another learning rate",
     "Gradient clipping acts on every step.", "optim::clip_grad_norm(parameters, 10 * median_norm);",
     rate_over_clipping, "Pascanu et al. 2013, section 3.2: half to ten times the average norm"},
    {"vanishing_gradients", Phase::run, Certainty::hint, "gradients", vanishing_gradients, 1e3,
     "three decades between layers that share a learning rate", "Gradients vanish on their way to the first layers.",
     "nn::init::kaiming_uniform(weight);  // or normalisation, or skip connections", initialise_weights,
     "Glorot & Bengio 2010"},
    {"exploding_gradients", Phase::run, Certainty::hint, "gradients", exploding_gradients, 1e2,
     "a gradient 100 times the weights needs a rate below 1e-5 for the usual step of 1e-3", "Gradients explode.",
     "optim::clip_grad_norm(model.parameters(), 1.0);", clip_at_one, "Pascanu et al. 2013"},
    {"dead_units", Phase::run, Certainty::hint, "activations", dead_units, 0.9,
     "half of the units are 0 for inputs that are symmetric about 0; nine in ten pass no gradient",
     "Most units are dead.", "nn::init::kaiming_uniform(weight);  // and a lower rate, or leaky_relu",
     initialise_weights, "Lu et al. 2020"},
    {"saturated_units", Phase::run, Certainty::hint, "activations", saturated_units, 0.5,
     "within 1% of the ends the slope of tanh is below 0.04, of sigmoid below 0.01", "Most units are saturated.",
     "nn::init::xavier_uniform(weight);  // and scaled inputs", initialise_weights, "Glorot & Bengio 2010, section 3"},
    {"decay_too_strong", Phase::run, Certainty::hint, "optimizer's weight_decay", decay_too_strong, 1,
     "the pull to 0 is larger than that of the loss, or the weights lost half of their norm",
     "Regularisation is too strong.", ".weight_decay = 1e-4", no_decay, "Krogh & Hertz 1992"},
    {"schedule_decays_early", Phase::run, Certainty::hint, "learning rates", schedule_decays_early, 100,
     "usual schedules keep a tenth or more of the rate half-way", "The schedule lowers the rate too soon.",
     "// more steps between decays", constant_rate, "Loshchilov & Hutter 2017"},
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
    {"no_progress", Phase::run, Certainty::hint, "losses", no_progress, 0,
     "a fall of 5% between the first and last tenth", "The loss does not fall.", "// a symptom: see the causes",
     nullptr, "definition"},
};

}  // namespace

std::span<const Rule> run_rules() { return run_rows; }

std::vector<const Rule*> all_rules() {
  std::vector<const Rule*> all;
  for (const auto rows : {data_rules(), graph_rules(), run_rules()}) {
    for (const auto& r : rows) all.push_back(&r);
  }
  return all;
}

double Evidence::early_loss() const {
  std::vector<double> values;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, losses.size() / 10) && i < losses.size(); ++i) {
    if (std::isfinite(losses[i].value)) values.push_back(losses[i].value);
  }
  return median(std::move(values));
}
double Evidence::late_loss() const {
  std::vector<double> values;
  const std::size_t n = std::max<std::size_t>(1, losses.size() / 10);
  for (std::size_t i = losses.size() - std::min(losses.size(), n); i < losses.size(); ++i)
    values.push_back(losses[i].value);
  if (std::any_of(values.begin(), values.end(), [](double v) { return !std::isfinite(v); })) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return median(std::move(values));
}

}  // namespace newtape::inspect
