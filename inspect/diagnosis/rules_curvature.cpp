// SPDX-License-Identifier: BSD-3-Clause
// Rules that look at the curvature of the loss and at how steps follow it.
#include <newtape/inspect/diagnosis/rule.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::inspect {
namespace {

std::optional<Measurement> unstable_sharpness(const Evidence& e) {
  if (!e.stability) return {};
  return Measurement{e.stability->ratio, to_string(*e.stability), ""};
}

std::optional<Measurement> oscillation(const Evidence& e) {
  if (!e.facts || e.facts->gradient_cosines.size() < 5) return {};
  const double g = median(e.facts->gradient_cosines);
  return Measurement{-g,
                     fmt::format("the cosine of two consecutive gradients is {:.2f}, of two steps {:.2f} (medians of "
                                 "{} pairs)",
                                 g, median(e.facts->step_cosines), e.facts->gradient_cosines.size()),
                     ""};
}
std::vector<Treatment> smaller_rates(const Evidence& e) { return {rate_times(e, 0.5), rate_times(e, 0.1)}; }

/// A run that ended where it began.
bool stands_still(const Evidence& e) { return !e.died && e.losses.size() >= 10 && !(e.fall() > 0.05); }

std::optional<Measurement> saddle_point(const Evidence& e) {
  if (!e.curvatures) return {};
  const auto [low, high] = *e.curvatures;
  if (!stands_still(e)) return Measurement{0, "the loss falls", ""};
  const double ratio = low < 0 ? -low / std::max(high, 1e-3 * -low) : 0;
  return Measurement{
      ratio, fmt::format("the Hessian has eigenvalues from {:.3g} to {:.3g} where the loss stands still", low, high),
      ""};
}

std::optional<Measurement> plateau(const Evidence& e) {
  if (e.probe == nullptr || e.losses.size() < 10) return {};
  if (!stands_still(e)) return Measurement{0, "the loss falls", ""};
  std::vector<double> reaches;
  const auto records = e.probe->step_records().records();
  for (std::size_t i = records.size() / 2; i < records.size(); ++i) {
    reaches.push_back(records[i].swept_norm * records[i].value_norm);
  }
  const double loss = std::abs(e.late_loss());
  if (reaches.empty() || !(loss > 0)) return {};
  const double reach = median(reaches) / loss;
  return Measurement{0.05 / std::max(reach, 1e-30),
                     fmt::format("a step as long as the weights, along the gradient, would lower the loss by {:.2g} of "
                                 "it (median of the second half)",
                                 reach),
                     ""};
}

/// Whether most gradients were shortened.
bool clipped(const Evidence& e) {
  if (e.probe == nullptr) return false;
  std::vector<double> ratios;
  for (const auto& r : e.probe->step_records().records()) {
    if (r.sweeps == 1 && r.swept_norm > 0) ratios.push_back(r.grad_norm / r.swept_norm);
  }
  return median(std::move(ratios)) < 0.99;
}

std::optional<Measurement> ill_conditioning(const Evidence& e) {
  if (!e.reach || !(e.reach->curvature > 0)) return {};
  const double early = std::abs(e.early_loss());
  if (!(early > 0) || !std::isfinite(early)) return {};
  // Where the rate is far below the limit, or set by clipping, the curvature is not what slows the run.
  if (!e.stability || e.stability->ratio < 0.01) return Measurement{0, "the rate is far below the stability limit", ""};
  if (clipped(e)) return Measurement{0, "steps are clipped", ""};
  return Measurement{
      (e.reach->newton - e.reach->descent) / early,
      fmt::format("the largest curvature, {:.3g}, is {:.3g} times the mean that the gradient sees; Newton's "
                  "step would lower the loss by {:.3g}, {} steps at the largest stable rate by {:.3g}",
                  e.reach->curvature, e.reach->spread, e.reach->newton, e.steps, e.reach->descent),
      ""};
}
std::vector<Treatment> better_conditioned(const Evidence& e) {
  std::vector<Treatment> all;
  if (e.x.defined() && is_floating(e.x.dtype()) && e.x.size() > 0) {
    all = standardize_inputs(e);
    all.back().code = "x = (x - mean) / std;  // each column by its own";
  }
  for (const double lr : {1e-3, 1e-2}) all.push_back(adam_instead(lr));
  return all;
}

/// Adam in the place of a method without preconditioner whose steps are not far too small.
std::vector<Treatment> adam_as_control(const Evidence& e) {
  if (e.stability && e.stability->ratio < 0.01) return {};
  if (e.options.count("eps") > 0 && e.options.count("beta2") > 0) return {};  // it is Adam, or one of its kin
  return {adam_instead(1e-3), adam_instead(1e-2)};
}

const Rule curvature_rows[] = {
    {"unstable_sharpness", Phase::run, Certainty::strong, "Hessian, an optimizer whose limit is known",
     unstable_sharpness, 1.5,
     "steps grow along an eigenvector above 2 (1 + beta) / lr of the Hessian, or with Adam 2 (1 + beta1) / (1 - beta1) "
     "/ "
     "lr of the preconditioned one; training hovers at the limit itself",
     "The learning rate is beyond the stability limit.", "optimizer.set_lr(0.1 * optimizer.lr());", lower_rates,
     "Cohen et al. 2021, 2022"},
    {"oscillation", Phase::run, Certainty::hint, "consecutive gradients", oscillation, 0.5,
     "a cosine below -1/2 means that at least three quarters of the squared gradient turn round in each step",
     "Steps jump from one side of a valley to the other.", "optimizer.set_lr(0.5 * optimizer.lr());", smaller_rates,
     "LeCun et al. 1998, Efficient BackProp, section 5"},
    {"saddle_point", Phase::run, Certainty::hint, "Hessian", saddle_point, 0.1,
     "no curvature is negative at a minimum; a tenth of the largest is beyond the error of a batch",
     "The run stands still at a saddle point.", "nn::init::kaiming_uniform(weight);  // or noise on the weights",
     nullptr, "Dauphin et al. 2014; Jin et al. 2017"},
    {"plateau", Phase::run, Certainty::hint, "gradients, losses", plateau, 1, "less than the 5% that count as progress",
     "The run stands still on a plateau.", "nn::init::kaiming_uniform(weight);  // and scaled inputs", nullptr,
     "Goodfellow et al. 2016, section 8.2.3"},
    {"ill_conditioning", Phase::run, Certainty::hint, "Gauss-Newton matrix, a method without preconditioner",
     ill_conditioning, 0.2,
     "of the first loss: what the largest stable rate leaves in directions whose curvature is below the largest over "
     "the number of steps",
     "The problem is ill-conditioned for this method.", "optim::Adam(model.parameters(), {.lr = 1e-3})",
     better_conditioned, "Nocedal & Wright 2006, section 3.3", false, false, false, nullptr, adam_as_control},
};

}  // namespace

std::span<const Rule> curvature_rules() { return curvature_rows; }

}  // namespace newtape::inspect
