// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace newtape::inspect {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < 4; ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > 4 ? text + fmt::format(" and {} more", names.size() - 4) : text;
}

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

void each_weight(const Evidence& e,
                 const std::function<void(const ProbedParameter& p, const core::ArraySummary& value)>& f) {
  if (e.probe == nullptr || !e.graph.known) return;
  for (const auto& p : e.probe->parameters()) {
    if (p.parameter.ndim() < 2 || p.history.empty() || !e.graph.multiplies(p.name)) continue;
    f(p, p.history.records().front().value);
  }
}

Treatment rate_times(const Evidence& e, double factor) {
  Treatment t;
  // In hooks of the step, as the user's step may set rates itself.
  t.prepare = [factor](Trainee& trainee) {
    auto& o = trainee.optimizer();
    const auto scale = [&o](double f) {
      for (std::size_t g = 0; g < o.group_count(); ++g) o.set_lr(o.lr(g) * f, g);
    };
    auto before = o.register_step_pre_hook([scale, factor](const optim::Optimizer&) { scale(factor); });
    auto after = o.register_step_post_hook([scale, factor](const optim::Optimizer&) { scale(1 / factor); });
    trainee.at_end([before, after]() mutable { before.remove(), after.remove(); });
  };
  const double lr = e.lrs.empty() ? 0 : e.lrs.front();
  t.code = fmt::format("optimizer.set_lr({:.2g});", lr * factor);
  return t;
}

Treatment with_option(const char* option, double value) {
  return {.prepare = [option, value](Trainee& t) {
    auto state = t.optimizer().state_dict();
    for (auto& [name, number] : state) {
      if (name.ends_with(option)) number = full({}, value, f64).value();
    }
    t.optimizer().load_state_dict(state);
  }};
}

std::vector<Treatment> rates_by_ratio(const Evidence& e, double ratio, bool lower) {
  std::vector<Treatment> doses;
  for (const double wanted : {1e-3, 1e-2, 1e-1}) {
    const double factor = wanted / ratio;
    if (lower ? factor < 0.7 : factor > 1.4) doses.push_back(rate_times(e, factor));
  }
  return doses;
}

std::vector<Treatment> lower_rates(const Evidence& e) {
  const auto r = update_ratio(e);
  auto doses = r ? rates_by_ratio(e, r->largest, true) : std::vector<Treatment>{};
  // Steps of one direction add up to lr / (1 - momentum).
  if (const auto m = e.options.find("momentum"); m != e.options.end() && m->second > 0.95) {
    doses.push_back(with_option("momentum", 0.9));
    doses.back().code = ".momentum = 0.9";
  }
  return doses;
}

std::vector<Treatment> initialise_again(const Evidence& e) {
  std::vector<std::string> names;
  each_weight(e, [&](const ProbedParameter& p, const core::ArraySummary&) { names.push_back(p.name); });
  const auto with = [&](double a) {
    Treatment t;
    t.prepare = [names, a](Trainee& trainee) {
      for (const auto& name : names) nn::init::kaiming_uniform(trainee.model().parameter(name), {.a = a});
    };
    t.code = fmt::format("nn::init::kaiming_uniform(weight, {{.a = {:.3g}}});", a);
    return t;
  };
  return {with(std::sqrt(5.0)), with(0)};
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

std::vector<Treatment> standardize_inputs(const Evidence& e) {
  const auto rows = example_rows(e.x, examined_rows);
  const auto s = column_statistics(rows);
  Shape shape = e.x.shape();
  shape[0] = 1;
  Array mean = Array::empty(shape, f64);
  Array scale = Array::empty(shape, f64);
  for (std::size_t j = 0; j < s.mean.size(); ++j) {
    mean.data<double>()[j] = s.mean[j];
    scale.data<double>()[j] = s.std[j] > 0 ? 1 / s.std[j] : 1;
  }
  const Tensor m = Tensor(mean).to(e.x.dtype());
  const Tensor f = Tensor(scale).to(e.x.dtype());
  return {{.input = [m, f](const Tensor& x) { return (x - m) * f; }}};
}

Treatment adam_instead(double lr) {
  Treatment t;
  t.prepare = [lr](Trainee& trainee) {
    auto& first = trainee.optimizer();
    const auto adam = std::make_shared<optim::Adam>(first.params(), optim::AdamOptions{.lr = lr});
    first.set_lr(0);
    auto hook = first.register_step_post_hook([adam](const optim::Optimizer&) { adam->step(); });
    trainee.at_end([hook]() mutable { hook.remove(); });
  };
  t.code = fmt::format("optim::Adam(model.parameters(), {{.lr = {:.2g}}})", lr);
  return t;
}

}  // namespace newtape::inspect
