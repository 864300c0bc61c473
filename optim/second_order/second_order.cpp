// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/second_order/second_order.hpp>

#include <fmt/format.h>

#include <cmath>

namespace newtape::optim {

template class OptimizerOf<SecondOrderOptions>;

void SecondOrderOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "max_iter", static_cast<double>(max_iter), 1, 1e15);
  check_option(name, "tolerance_grad", tolerance_grad);
}

SecondOrder::SecondOrder(std::vector<Parameter> params, Method method, const SecondOrderOptions& options)
    : OptimizerOf(std::move(params), options), method_(std::move(method)), engine_(method_) {
  const DType dtype = slots()[0].param.dtype();
  for (const auto& s : slots()) {
    if (s.param.dtype() == dtype) continue;
    raise<DTypeError>(method_.name + ": all parameters must have one dtype", std::string(newtape::name(dtype)),
                      std::string(newtape::name(s.param.dtype())));
  }
}

void SecondOrder::step() {
  raise<ValueError>(method_.name + ": a step needs a closure that returns the loss",
                    "step([&] { return loss(model(x), y); })", "step()");
}
void SecondOrder::step(const Tensor&) {
  raise<ValueError>(method_.name + ": a step needs a closure that returns the loss",
                    "step([&] { return loss(model(x), y); })", "one value of the loss");
}

std::vector<Parameter> SecondOrder::active() {
  std::vector<Parameter> now;
  for (const auto& s : slots()) {
    if (s.param.requires_grad()) now.push_back(s.param);
  }
  if (!active_.empty() && active_ != now) engine_ = Engine(method_);
  active_ = now;
  return now;
}

Tensor SecondOrder::step(const std::function<Tensor()>& loss) {
  const auto params = active();
  if (params.empty()) return loss().detach();
  return step(params, Objective(function_of(params, loss), values_of(params)));
}

Tensor SecondOrder::step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) {
  const auto params = active();
  if (params.empty()) return loss(outputs()).detach();
  return step(params, Objective(function_of(params, outputs), loss, values_of(params)));
}

Tensor SecondOrder::step(const std::vector<Parameter>& params, Objective f) {
  Iterate at;
  at.x = core::contiguous(f.flatten(values_of(params)));
  at.value = f.value_and_gradient(at.x, at.gradient);
  if (!std::isfinite(at.value) || !core::all_finite(at.gradient)) {
    raise<NumericalError>(method_.name + ": the loss and its gradient must be finite", "finite numbers",
                          fmt::format("a loss of {}", at.value));
  }
  Tensor loss = tensor(at.value, f.dtype());
  const Array start = at.x;
  const auto& o = options();
  for (std::int64_t i = 0; i < o.max_iter && core::norm_inf(at.gradient) > o.tolerance_grad; ++i) {
    last_ = engine_.advance(f, at);
    last_.to = {};
    if (!last_.moved) break;
  }
  counts_ = f.counts;
  if (o.lr != 1) at.x = start + o.lr * (at.x - start);
  const auto values = f.split(at.x);
  for (std::size_t i = 0; i < params.size(); ++i) params[i].set_value(values[i].value());
  return loss;
}

void SecondOrder::save_more(std::string_view prefix, StateDict& state) const {
  engine_.save(std::string(prefix) + "method.", state);
}

std::function<void()> SecondOrder::load_more(detail::StateReader& state) {
  const auto engine = std::make_shared<Engine>(method_);
  std::int64_t size = 0;
  for (const auto& s : slots()) size += s.param.requires_grad() ? s.param.size() : 0;
  engine->load("method.", state, size, slots()[0].param.dtype());
  return [this, engine] {
    engine_ = std::move(*engine);
    active_.clear();
  };
}

LBFGS::LBFGS(std::vector<Parameter> params, const SecondOrderOptions& options, const LbfgsOptions& lbfgs)
    : SecondOrder(std::move(params), optim::lbfgs(lbfgs), options) {}
BFGS::BFGS(std::vector<Parameter> params, const SecondOrderOptions& options)
    : SecondOrder(std::move(params), bfgs(), options) {}
NonlinearCG::NonlinearCG(std::vector<Parameter> params, const SecondOrderOptions& options,
                         const ConjugateOptions& conjugate)
    : SecondOrder(std::move(params), nonlinear_cg(conjugate), options) {}
Newton::Newton(std::vector<Parameter> params, const SecondOrderOptions& options)
    : SecondOrder(std::move(params), newton(), options) {}
DampedNewton::DampedNewton(std::vector<Parameter> params, const SecondOrderOptions& options)
    : SecondOrder(std::move(params), damped_newton(), options) {}
SaddleFreeNewton::SaddleFreeNewton(std::vector<Parameter> params, const SecondOrderOptions& options)
    : SecondOrder(std::move(params), saddle_free_newton(), options) {}
NewtonCG::NewtonCG(std::vector<Parameter> params, const SecondOrderOptions& options)
    : SecondOrder(std::move(params), newton_cg(), options) {}
TrustRegionNewton::TrustRegionNewton(std::vector<Parameter> params, const SecondOrderOptions& options)
    : SecondOrder(std::move(params), trust_region_newton(), options) {}
HessianFree::HessianFree(std::vector<Parameter> params, const SecondOrderOptions& options)
    : SecondOrder(std::move(params), hessian_free(), options) {}

}  // namespace newtape::optim
