// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/least_squares/optimizer.hpp>
#include <newtape/optim/least_squares/residuals.hpp>
#include <newtape/optim/least_squares/solver.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <fmt/format.h>

namespace newtape::optim {

template <>
struct OptionsTraits<LeastSquaresOptimizerOptions> {
  static constexpr const char* name = "LeastSquares";
  static std::vector<const char*> moments() { return {}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("acceleration", o.acceleration), f("products", o.products),
        f("loss", o.loss, Range{0, static_cast<double>(RobustLoss::arctan) + 1}),
        f("loss_scale", o.loss_scale, Range{std::numeric_limits<double>::min(), std::numeric_limits<double>::max()});
  }
};
template class OptimizerOf<LeastSquaresOptimizerOptions>;

LeastSquaresOptimizer::LeastSquaresOptimizer(std::vector<Parameter> params, LeastSquaresAlgorithm algorithm,
                                             const LeastSquaresOptimizerOptions& options)
    : OptimizerOf(std::move(params), options), algorithm_(algorithm) {
  expect_one_dtype(to_string(algorithm_), this->params());
}

void LeastSquaresOptimizer::step() {
  raise<ValueError>(fmt::format("{}: a step needs a closure that returns the residuals", to_string(algorithm_)),
                    "step([&] { return model(x) - y; })", "step()");
}
void LeastSquaresOptimizer::step(const Tensor&) {
  raise<ValueError>(fmt::format("{}: a step needs a closure that returns the residuals", to_string(algorithm_)),
                    "step([&] { return model(x) - y; })", "one value of the loss");
}

Tensor LeastSquaresOptimizer::step(const std::function<Tensor()>&, const UnaryFunction&) {
  raise<ValueError>(fmt::format("{}: a step needs a closure that returns the residuals", to_string(algorithm_)),
                    "step([&] { return model(x) - y; })", "outputs and a loss");
}

Tensor LeastSquaresOptimizer::step(const std::function<Tensor()>& residuals) {
  zero_grad();
  if (!trained_.select(params())) state_ = {};
  const DType dtype = slots()[0].param.dtype();
  const auto& o = options();
  if (trained_.empty()) {
    double value = 0;
    const Array r = core::contiguous(core::cast(forward(residuals).value(), f64));
    for (std::int64_t i = 0; i < r.size(); ++i) {
      value += 0.5 * rho(o.loss, o.loss_scale, r.data<double>()[i] * r.data<double>()[i]).value;
    }
    return tensor(value, dtype);
  }
  call_pre_hooks();
  const auto values = trained_.values();
  Residuals f(to_string(algorithm_), trained_.function([&] { return forward(residuals); }), values);
  LeastSquaresSolver solver(f, {.algorithm = algorithm_,
                                .acceleration = o.acceleration,
                                .products = o.products,
                                .loss = o.loss,
                                .loss_scale = o.loss_scale});
  solver.state = state_;
  const Array start = f.flatten(values);
  if (!solver.start(start)) {
    raise<NumericalError>(fmt::format("{}: residuals and their derivatives must be finite", to_string(algorithm_)));
  }
  const double before = solver.at().value;
  const auto gradient = f.split(solver.at().gradient);
  last_ = solver.move();
  counts_ = f.counts;
  Array x = solver.at().x;
  if (o.lr != 1) x = start + o.lr * (x - start);
  trained_.set_values(f.split(x));
  trained_.set_grads(gradient);
  state_ = solver.state;
  call_post_hooks();
  return tensor(before, dtype);
}

void LeastSquaresOptimizer::save_more(std::string_view prefix, StateDict& state) const {
  const auto put = [&](const char* name, Array x) { state.emplace_back(std::string(prefix) + name, std::move(x)); };
  put("damping", core::full({}, state_.damping, f64));
  put("growth", core::full({}, state_.growth, f64));
  put("radius", core::full({}, state_.radius, f64));
  put("equalized", core::full({}, state_.equalized ? 1 : 0, f64));
  if (state_.lengths.defined()) put("lengths", state_.lengths);
}

std::function<void()> LeastSquaresOptimizer::load_more(detail::StateReader& state) {
  const std::int64_t size = Trainable(params()).size();
  const auto number = [&](const char* name) {
    const Array x = state.take(name, f64, {});
    return x.defined() ? x.item() : 0;
  };
  LeastSquaresState loaded;
  loaded.damping = number("damping");
  loaded.growth = number("growth");
  loaded.radius = number("radius");
  loaded.equalized = number("equalized") != 0;
  if (state.contains("lengths")) loaded.lengths = state.take("lengths", f64, {size});
  return [this, loaded] {
    state_ = loaded;
    trained_.clear();
  };
}

LevenbergMarquardt::LevenbergMarquardt(std::vector<Parameter> params, const LeastSquaresOptimizerOptions& options)
    : LeastSquaresOptimizer(std::move(params), LeastSquaresAlgorithm::levenberg_marquardt, options) {}
GaussNewton::GaussNewton(std::vector<Parameter> params, const LeastSquaresOptimizerOptions& options)
    : LeastSquaresOptimizer(std::move(params), LeastSquaresAlgorithm::gauss_newton, options) {}
Dogleg::Dogleg(std::vector<Parameter> params, const LeastSquaresOptimizerOptions& options)
    : LeastSquaresOptimizer(std::move(params), LeastSquaresAlgorithm::dogleg, options) {}

}  // namespace newtape::optim
