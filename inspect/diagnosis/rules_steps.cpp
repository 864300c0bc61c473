// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at the optimizer's steps: rates, clipping, accumulation, decay.
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {
namespace {

/// One number of each step that was looked at.
template <class F>
std::vector<double> of_steps(const Evidence& e, const F& f) {
  std::vector<double> values;
  if (e.probe == nullptr) return values;
  for (const auto& r : e.probe->step_records().records()) values.push_back(f(r));
  return values;
}

/// Median gradients over those that are left by clipping, beyond which clipping sets the rate.
constexpr double clipping_limit = 10;

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

/// A single large step counts for a tenth: Adam's first ones are.
double ratio_of_large_steps(const UpdateRatio& r) { return std::max(r.median, 0.1 * r.largest); }

std::optional<Measurement> rate_too_high(const Evidence& e) {
  const auto r = update_ratio(e);
  if (!r) return {};
  const bool blew_up = e.blew_up();
  std::string text = fmt::format("a step changes {} by {:.2g} of its norm (median), at most by {:.2g}", r->where,
                                 r->median, r->largest);
  if (blew_up && !e.losses.empty()) {
    text += fmt::format("; the loss went from {:.3g} to {:.3g}", e.losses.front().value, e.late_loss());
  }
  return Measurement{blew_up ? std::max(ratio_of_large_steps(*r), 1.0) : ratio_of_large_steps(*r), text, r->where};
}
std::optional<Measurement> rate_too_low(const Evidence& e) {
  if (e.probe == nullptr || e.probe->steps() < 10) return {};
  if (const auto clipped = always_clipped(e); clipped && clipped->value > clipping_limit) {
    return Measurement{0, "steps are clipped", ""};
  }
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
                  e.probe->steps(), travelled, 100 * e.fall()),
      ""};
}
/// Rates over decades, whatever the steps look like.
std::vector<Treatment> rates_below(const Evidence& e) {
  std::vector<Treatment> doses;
  for (const double factor : {1e-1, 1e-2, 1e-3}) doses.push_back(rate_times(e, factor));
  return doses;
}
std::vector<Treatment> rates_above(const Evidence& e) {
  std::vector<Treatment> doses;
  for (const double factor : {10.0, 100.0, 1000.0}) doses.push_back(rate_times(e, factor));
  // Far below the stability limit Adam helps by its larger steps, not by its preconditioner: see adam_as_control.
  if (e.stability && e.stability->ratio < 0.01) {
    for (const double lr : {1e-3, 1e-2}) doses.push_back(adam_instead(lr));
  }
  return doses;
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

/// The rate that undoes the median shortening: clipping itself is in the user's step.
std::vector<Treatment> rate_over_clipping(const Evidence& e) {
  const auto m = always_clipped(e);
  if (!m || !(m->value > 0)) return {};
  Treatment t = rate_times(e, std::min(m->value, 1e6));
  t.code.clear();  // the remedy is other clipping
  return {t};
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
std::vector<Treatment> no_decay(const Evidence&) { return {with_option("weight_decay", 0)}; }

std::optional<Measurement> penalty_too_strong(const Evidence& e) {
  if (!e.graph.known || e.probe == nullptr || e.probe->step_records().empty()) return {};
  if (e.graph.penalised.empty()) return Measurement{0, "the loss has no penalty", ""};
  const auto records = e.probe->step_records().records();
  const double kept = records.front().value_norm > 0 ? records.back().value_norm / records.front().value_norm : 1;
  return Measurement{
      e.died ? 0 : 0.5 / std::max(kept, 1e-30),
      fmt::format("the loss depends on {} other than through the output; the weights' norm changed by the "
                  "factor {:.2g}",
                  listed(e.graph.penalised), kept),
      e.graph.loss_location};
}

/// The plain step in the place of one with a penalty.
std::vector<Treatment> no_penalty(const Evidence& e) {
  if (e.graph.penalised.empty()) return {};
  auto plain = plain_step(e);
  plain[0].code = "loss  // without the penalty, or with a tenth of it";
  return plain;
}
std::vector<Treatment> no_own_step(const Evidence& e) {
  return e.graph.penalised.empty() ? plain_step(e) : std::vector<Treatment>{};
}
/// Only as a control: see there.
std::optional<Measurement> own_step(const Evidence& e) {
  if (e.losses.empty()) return {};
  return Measurement{0, "the plain step was not tried", ""};
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
    const auto rate = [&o = t.optimizer(), most] { o.set_lr(most); };
    auto forward = t.model().register_forward_pre_hook([rate](const nn::ModuleBase&, std::span<const Tensor>) {
      if (grad_enabled()) rate();
    });
    auto step = t.optimizer().register_step_pre_hook([rate](const optim::Optimizer&) { rate(); });
    t.at_end([forward, step]() mutable { forward.remove(), step.remove(); });
  }}};
}

const Rule step_rows[] = {
    {"accumulated_gradients", Phase::run, Certainty::proof, "gradients", accumulated_gradients, 0.5,
     "gradients that are cleared are those of one sweep in every step",
     "Gradients add up over steps: they are not cleared.", "optimizer.zero_grad();  // before loss.backward()",
     zero_grad_first, "documentation of Optimizer"},
    {"rate_too_high", Phase::run, Certainty::hint, "steps", rate_too_high, 0.02,
     "of the median and a tenth of the largest; steps near 1e-3 of the weights are usual, and 20 times that forgets a "
     "weight in 50 steps",
     "The learning rate is too high.", "optimizer.set_lr(0.1 * optimizer.lr());", lower_rates,
     "Bottou 2012; You et al. 2017 (trust ratio 1e-3)", false, false, false, nullptr, rates_below},
    {"rate_too_low", Phase::run, Certainty::hint, "steps", rate_too_low, 1,
     "weights that move by less than a fifth of their norm stay those of the initialisation",
     "The learning rate is too low.", "optimizer.set_lr(10 * optimizer.lr());", higher_rates,
     "You et al. 2017; Chizat et al. 2019 (lazy training)", false, false, false, nullptr, rates_above},
    {"always_clipped", Phase::run, Certainty::hint, "gradients", always_clipped, clipping_limit,
     "clipping is for outliers: a median gradient shortened to a tenth is another learning rate",
     "Gradient clipping acts on every step.", "optim::clip_grad_norm(parameters, 10 * median_norm);",
     rate_over_clipping, "Pascanu et al. 2013, section 3.2: half to ten times the average norm", true},
    {"decay_too_strong", Phase::run, Certainty::hint, "optimizer's weight_decay", decay_too_strong, 1,
     "the pull to 0 is larger than that of the loss, or the weights lost half of their norm",
     "Regularisation is too strong.", ".weight_decay = 1e-4", no_decay, "Krogh & Hertz 1992"},
    {"penalty_too_strong", Phase::run, Certainty::strong, "graph, steps", penalty_too_strong, 1,
     "the weights lost half of their norm", "A penalty in the loss is too strong.",
     "loss + 1e-4 * penalty  // less of it", nullptr, "Krogh & Hertz 1992", false, false, false, nullptr, no_penalty},
    {"own_step", Phase::run, Certainty::hint, "losses", own_step, 0.5,
     "a control, tried where a run fails and nothing explains it: what the plain step gains, the program's own loses",
     "The program's own step spoils the training.",
     "optimizer.zero_grad(); loss.backward(); optimizer.step();  // and look at what else the step does", nullptr,
     "definition", false, false, false, "penalty_too_strong", no_own_step},
    {"schedule_decays_early", Phase::run, Certainty::hint, "learning rates", schedule_decays_early, 100,
     "usual schedules keep a tenth or more of the rate half-way", "The schedule lowers the rate too soon.",
     "// more steps between decays", constant_rate, "Loshchilov & Hutter 2017"},
};

}  // namespace

std::span<const Rule> step_rules() { return step_rows; }

}  // namespace newtape::inspect
