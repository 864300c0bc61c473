// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <type_traits>

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
    f(p, p.history.first().value);
  }
}

Treatment combined(const Treatment& a, const Treatment& b) {
  const auto in_turn = [](const auto& f, const auto& g) {
    using F = std::remove_cvref_t<decltype(f)>;
    if (!f || !g) return f ? f : g;
    return F([f, g](const auto& x) { return g(f(x)); });
  };
  const auto both = [](const std::function<void(Trainee&)>& f, const std::function<void(Trainee&)>& g) {
    if (!f || !g) return f ? f : g;
    return std::function<void(Trainee&)>([f, g](Trainee& t) { f(t), g(t); });
  };
  Treatment t;
  t.input = in_turn(a.input, b.input);
  t.target = in_turn(a.target, b.target);
  t.output = in_turn(b.output, a.output);  // undone in the other order
  t.loss = in_turn(a.loss, b.loss);
  t.prepare = both(a.prepare, b.prepare);
  t.before_step = both(a.before_step, b.before_step);
  t.step = b.step ? b.step : a.step;
  t.batch_factor = std::max(a.batch_factor, b.batch_factor);
  t.shuffle = a.shuffle || b.shuffle;
  t.leave_out = a.leave_out;
  t.leave_out.insert(t.leave_out.end(), b.leave_out.begin(), b.leave_out.end());
  return t;
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
  if (doses.size() < 2) doses.push_back(rate_times(e, 0.1));
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
  // The last is that of rules which see the same fault later, so that their gains differ by no chance.
  auto all = initialise_weights(e);
  all[0].code = "nn::init::kaiming_uniform(weight);  // and biases 0";
  return {with(std::sqrt(5.0)), with(0), all[0]};
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

Treatment standardize_inputs(const Array& x) {
  const auto rows = example_rows(x, examined_rows);
  const auto s = column_statistics(rows);
  Shape shape = x.shape();
  shape[0] = 1;
  Array mean = Array::empty(shape, f64);
  Array scale = Array::empty(shape, f64);
  for (std::size_t j = 0; j < s.mean.size(); ++j) {
    mean.data<double>()[j] = s.mean[j];
    scale.data<double>()[j] = s.std[j] > 0 ? 1 / s.std[j] : 1;
  }
  const Tensor m = Tensor(mean).to(x.dtype());
  const Tensor f = Tensor(scale).to(x.dtype());
  return {.input = [m, f](const Tensor& t) { return (t - m) * f; }};
}
std::vector<Treatment> standardize_inputs(const Evidence& e) { return {standardize_inputs(e.x)}; }

std::vector<Treatment> plain_step(const Evidence&) {
  return {{.step = [](Trainee& t, const TrainingBatch& b) {
    t.model().train();
    auto& optimizer = t.optimizer();
    optimizer.zero_grad();
    const Tensor loss = b.loss(t.forward(b.x), b.y);
    loss.backward();
    optimizer.step();
    return loss;
  }}};
}

std::vector<Treatment> usual_loss(const Evidence& e) {
  const bool numbers = e.y.defined() && is_floating(e.y.dtype());
  Treatment t;
  if (numbers && e.free_outputs && e.free_outputs->reversed) {  // distances
    const auto s = core::summarize(e.y);
    t.loss = [ends = s.min + s.max](const LossFunction&) -> LossFunction {
      return [ends](const Tensor& output, const Tensor& y) {
        return nn::mse_loss(output, ends - y.reshape(output.shape()));
      };
    };
    t.code = "// of pairs of both kinds: mean(y * d * d + (1 - y) * square(relu(margin - d)))";
    return {t};
  }
  t.loss = [numbers](const LossFunction&) -> LossFunction {
    if (numbers)
      return [](const Tensor& output, const Tensor& y) { return nn::mse_loss(output, y.reshape(output.shape())); };
    return [](const Tensor& output, const Tensor& y) { return nn::cross_entropy(output, y); };
  };
  t.code = numbers ? "nn::mse_loss(output, y)" : "nn::cross_entropy(output, y)";
  return {t};
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
