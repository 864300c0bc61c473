// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/optim/optimizer_of.hpp>
#include <newtape/optim/second_order/second_order.hpp>

#include <fmt/format.h>

#include <cmath>

namespace newtape::optim {

template <>
struct OptionsTraits<SecondOrderOptions> {
  static constexpr const char* name = "SecondOrder";
  static std::vector<const char*> moments() { return {}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("max_iterations", o.max_iterations, Range{1, 1e15}), f("gradient_tolerance", o.gradient_tolerance);
  }
};
template class OptimizerOf<SecondOrderOptions>;

SecondOrder::SecondOrder(std::vector<Parameter> params, Method method, const SecondOrderOptions& options)
    : OptimizerOf(std::move(params), options), method_(std::move(method)), engine_(method_) {
  expect_one_dtype(method_.name, this->params());
}

void SecondOrder::step() {
  raise<ValueError>(method_.name + ": a step needs a closure that returns the loss",
                    "step([&] { return loss(model(x), y); })", "step()");
}
void SecondOrder::step(const Tensor&) {
  raise<ValueError>(method_.name + ": a step needs a closure that returns the loss",
                    "step([&] { return loss(model(x), y); })", "one value of the loss");
}

void SecondOrder::select() {
  if (!trained_.select(params())) engine_ = Engine(method_);
}

Tensor SecondOrder::step(const std::function<Tensor()>& loss) {
  zero_grad();
  select();
  if (trained_.empty()) return forward(loss).detach();
  return step(Objective(trained_.function([&] { return forward(loss); }), trained_.values()));
}

Tensor SecondOrder::step(const std::function<Tensor()>& outputs, const UnaryFunction& loss) {
  zero_grad();
  select();
  if (trained_.empty()) return loss(forward(outputs)).detach();
  return step(Objective(trained_.function([&] { return forward(outputs); }), loss, trained_.values()));
}

Tensor SecondOrder::step(Objective f) {
  call_pre_hooks();
  Iterate at;
  at.x = core::contiguous(f.flatten(trained_.values()));
  at.value = f.value_and_gradient(at.x, at.gradient);
  if (!std::isfinite(at.value) || !core::all_finite(at.gradient)) {
    raise<NumericalError>(method_.name + ": the loss and its gradient must be finite", "finite numbers",
                          fmt::format("a loss of {}", at.value));
  }
  Tensor loss = tensor(at.value, f.dtype());
  const Array start = at.x;
  const auto gradient = f.split(at.gradient);
  const auto& o = options();
  StateDict before;
  engine_.save("", before);
  try {
    for (std::int64_t i = 0; i < o.max_iterations && core::norm_inf(at.gradient) > o.gradient_tolerance; ++i) {
      last_ = engine_.advance(f, at);
      last_.to = {};
      if (!last_.moved) break;
    }
    if (o.lr != 1) at.x = start + o.lr * (at.x - start);
    trained_.set_values(f.split(at.x));
  } catch (...) {  // of the closure, say
    engine_ = Engine(method_);
    detail::StateReader reader(before, "");
    engine_.load("", reader, f.size(), f.dtype());
    throw;
  }
  counts_ = f.counts;
  trained_.set_grads(gradient);
  call_post_hooks();
  return loss;
}

void SecondOrder::save_more(std::string_view prefix, StateDict& state) const {
  engine_.save(std::string(prefix) + "method.", state);
}

std::function<void()> SecondOrder::load_more(detail::StateReader& state) {
  const auto engine = std::make_shared<Engine>(method_);
  engine->load("method.", state, Trainable(params()).size(), params()[0].dtype());
  return [this, engine] {
    engine_ = std::move(*engine);
    trained_.clear();
  };
}

LBFGS::LBFGS(std::vector<Parameter> params, const SecondOrderOptions& options, const LBFGSOptions& lbfgs)
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
