// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/functional.hpp>
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/optimizer.hpp>

#include <fmt/format.h>

namespace newtape::optim {

template class OptimizerOf<LeastSquaresStepOptions>;

void LeastSquaresStepOptions::validate() const {
  check_option(name, "lr", lr);
  check_option(name, "loss", static_cast<double>(loss), 0, static_cast<double>(RobustLoss::tukey) + 1);
  check_option(name, "loss_scale", loss_scale, std::numeric_limits<double>::min(), std::numeric_limits<double>::max());
}

LeastSquaresOptimizer::LeastSquaresOptimizer(std::vector<Parameter> params, LeastSquaresMethod method,
                                             const LeastSquaresStepOptions& options)
    : OptimizerOf(std::move(params), options), method_(method) {
  const DType dtype = slots()[0].param.dtype();
  for (const auto& s : slots()) {
    if (s.param.dtype() == dtype) continue;
    raise<DTypeError>(fmt::format("{}: all parameters must have one dtype", to_string(method_)), newtape::name(dtype),
                      newtape::name(s.param.dtype()));
  }
}

void LeastSquaresOptimizer::step() {
  raise<ValueError>(fmt::format("{}: a step needs a closure that returns the residuals", to_string(method_)),
                    "step([&] { return model(x) - y; })", "step()");
}
void LeastSquaresOptimizer::step(const Tensor&) {
  raise<ValueError>(fmt::format("{}: a step needs a closure that returns the residuals", to_string(method_)),
                    "step([&] { return model(x) - y; })", "one value of the loss");
}

std::vector<Parameter> LeastSquaresOptimizer::active() {
  std::vector<Parameter> now;
  for (const auto& s : slots()) {
    if (s.param.requires_grad()) now.push_back(s.param);
  }
  if (!active_.empty() && active_ != now) state_ = {};
  active_ = now;
  return now;
}

Tensor LeastSquaresOptimizer::step(const std::function<Tensor()>& residuals) {
  const auto params = active();
  const DType dtype = slots()[0].param.dtype();
  const auto& o = options();
  if (params.empty()) {
    double value = 0;
    const Array r = core::contiguous(core::cast(residuals().value(), f64));
    for (std::int64_t i = 0; i < r.size(); ++i) {
      value += 0.5 * rho(o.loss, o.loss_scale, r.data<double>()[i] * r.data<double>()[i]).value;
    }
    return tensor(value, dtype);
  }
  const auto values = values_of(params);
  Residuals f(to_string(method_), function_of(params, residuals), values);
  LeastSquaresSolver solver(f, {.method = method_,
                                .acceleration = o.acceleration,
                                .products = o.products,
                                .loss = o.loss,
                                .loss_scale = o.loss_scale});
  solver.state = state_;
  const Array start = f.flatten(values);
  if (!solver.start(start)) {
    raise<NumericalError>(fmt::format("{}: residuals and their derivatives must be finite", to_string(method_)));
  }
  const double before = solver.at().value;
  last_ = solver.move([] { return std::optional<Status>(); });
  state_ = solver.state;
  counts_ = f.counts;
  Array x = solver.at().x;
  if (o.lr != 1) x = start + o.lr * (x - start);
  const auto moved = f.split(x);
  for (std::size_t i = 0; i < params.size(); ++i) params[i].set_value(moved[i].value());
  return tensor(before, dtype);
}

void LeastSquaresOptimizer::save_more(std::string_view prefix, StateDict& state) const {
  const auto put = [&](const char* name, Array x) { state.emplace_back(std::string(prefix) + name, std::move(x)); };
  put("damping", core::full({}, state_.damping, f64));
  put("growth", core::full({}, state_.growth, f64));
  put("radius", core::full({}, state_.radius, f64));
  if (state_.scale.defined()) put("scale", state_.scale);
}

std::function<void()> LeastSquaresOptimizer::load_more(detail::StateReader& state) {
  std::int64_t size = 0;
  for (const auto& s : slots()) size += s.param.requires_grad() ? s.param.size() : 0;
  const auto number = [&](const char* name) {
    const Array x = state.take(name, f64, {});
    return x.defined() ? x.item() : 0;
  };
  LeastSquaresState loaded;
  loaded.damping = number("damping");
  loaded.growth = number("growth");
  loaded.radius = number("radius");
  if (state.contains("scale")) loaded.scale = state.take("scale", f64, {size});
  return [this, loaded] {
    state_ = loaded;
    active_.clear();
  };
}

LevenbergMarquardt::LevenbergMarquardt(std::vector<Parameter> params, const LeastSquaresStepOptions& options)
    : LeastSquaresOptimizer(std::move(params), LeastSquaresMethod::levenberg_marquardt, options) {}
GaussNewton::GaussNewton(std::vector<Parameter> params, const LeastSquaresStepOptions& options)
    : LeastSquaresOptimizer(std::move(params), LeastSquaresMethod::gauss_newton, options) {}
Dogleg::Dogleg(std::vector<Parameter> params, const LeastSquaresStepOptions& options)
    : LeastSquaresOptimizer(std::move(params), LeastSquaresMethod::dogleg, options) {}

}  // namespace newtape::optim
