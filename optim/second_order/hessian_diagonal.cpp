// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/tape.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/fisher/hutchinson.hpp>
#include <newtape/optim/optimizer_of.hpp>
#include <newtape/optim/second_order/hessian_diagonal.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace newtape::optim {

namespace {
constexpr double max_seed = 9e15;  // exact in the f64 of state dicts
}  // namespace

template <>
struct OptionsTraits<AdaHessianOptions> {
  static constexpr const char* name = "AdaHessian";
  static std::vector<const char*> moments() { return {"exp_avg", "exp_hessian_diag_sq"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), each_beta(o, f), f("eps", o.eps), f("weight_decay", o.weight_decay),
        f("hessian_power", o.hessian_power, up_to_one), f("average_kernels", o.average_kernels),
        f("samples", o.samples, Range{1, 1e9}), f("seed", o.seed, Range{0, max_seed});
  }
};
template class OptimizerOf<AdaHessianOptions>;

template <>
struct OptionsTraits<SophiaOptions> {
  static constexpr const char* name = "Sophia";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"exp_avg", "hessian"}; }
  static std::vector<const char*> scalars() { return {"estimates"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), each_beta(o, f), f("gamma", o.gamma), f("eps", o.eps), f("weight_decay", o.weight_decay),
        f("hessian_interval", o.hessian_interval, Range{1, 1e15}), f("seed", o.seed, Range{0, max_seed});
  }
};
template class OptimizerOf<SophiaOptions>;

namespace {

template <class Slots>
std::vector<Tensor> variables_of(const Slots& slots) {
  std::vector<Tensor> xs;
  xs.reserve(slots.size());
  for (const auto& s : slots) xs.push_back(s.param.tensor());
  return xs;
}

/// Sets gradients as backward() does: none where the loss does not depend on a parameter.
template <class Slots>
void put_gradients(const Slots& slots, std::vector<Tensor>& gradient) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].param.requires_grad()) slots[i].param.set_grad(std::move(gradient[i]));
  }
}

}  // namespace

// --- AdaHessian ---

Shape AdaHessian::curvature_shape(const Slot& s) const {
  Shape shape = s.param.shape();
  if (options_[s.group].average_kernels) {
    for (std::size_t i = 2; i < shape.size(); ++i) shape[i] = 1;
  }
  return shape;
}

Shape AdaHessian::moment_shape(const Slot& s, std::size_t k) const {
  return k == 0 ? s.param.shape() : curvature_shape(s);
}

void AdaHessian::step(const Tensor& loss) {
  const auto& o = options_[0];
  std::int64_t steps = 0;
  for (const auto& s : slots()) steps = std::max(steps, s.steps);
  Generator generator = Generator(static_cast<std::uint64_t>(o.seed)).fork(static_cast<std::uint64_t>(steps));
  LossCurvature c = hutchinson_diag(loss, variables_of(slots()), {.samples = o.samples, .generator = &generator});
  put_gradients(slots(), c.gradient);
  curvature_ = std::move(c.hessian_diag);
  try {
    OptimizerOf::step();
  } catch (...) {
    curvature_.clear();
    throw;
  }
  curvature_.clear();
}

void AdaHessian::check_step() const {
  if (!curvature_.empty()) return;
  raise<ValueError>("AdaHessian: a step needs the loss's Hessian",
                    "step(loss), with a loss that backward() was not called for", "step()");
}

void AdaHessian::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto number = [&](double x) { return core::number(x, s.param.dtype()); };
  const auto average = [&](Array& m, const Array& x, double beta) {
    m = std::move(m) * beta;
    core::add_scaled(m, x, 1 - beta);
  };
  const auto bias = [&](double beta) { return 1 - std::pow(beta, static_cast<double>(s.steps)); };
  const Tensor& diag = curvature_[static_cast<std::size_t>(&s - slots().data())];
  Array d = core::contiguous(diag.value());
  if (const Shape shape = curvature_shape(s); shape != d.shape() && d.size() != 0) {
    Dims axes;
    for (std::size_t i = 2; i < shape.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    d = core::contiguous(core::mean(d, Axes(axes), true));
  }
  average(s.moments[0], s.grad, o.betas.first);
  if (d.shape() == s.moments[1].shape()) average(s.moments[1], core::square(d), o.betas.second);
  Array root = core::sqrt(s.moments[1] * (1 / bias(o.betas.second)));
  if (o.hessian_power != 1) root = core::pow(std::move(root), number(o.hessian_power));
  const Array step = s.moments[0] / (std::move(root) + o.eps);
  Array& p = s.param.writable();
  if (o.weight_decay != 0) p = std::move(p) * (1 - o.lr * o.weight_decay);
  core::add_scaled(p, step, -o.lr / bias(o.betas.first));
}

// --- Sophia ---

LossCurvature Sophia::estimate(const Tensor& loss) const {
  double estimates = 0;
  for (const auto& s : slots()) estimates = std::max(estimates, s.scalars[0]);
  Generator generator =
      Generator(static_cast<std::uint64_t>(options_[0].seed)).fork(static_cast<std::uint64_t>(estimates));
  return hutchinson_diag(loss, variables_of(slots()), {.generator = &generator});
}

void Sophia::average(const std::vector<Tensor>& estimate) {
  for (std::size_t i = 0; i < estimate.size(); ++i) {
    if (!estimate[i].defined()) continue;
    Slot& s = slots()[i];
    const double beta = options_[s.group].betas.second;
    Array& h = s.moments[1];
    if (!h.defined()) h = core::zeros(s.param.shape(), s.param.dtype());
    h = beta * (h.reusable() ? std::move(h) : core::copy(h));
    core::add_scaled(h, core::contiguous(estimate[i].value()), 1 - beta);
    ++s.scalars[0];
  }
}

void Sophia::update_hessian(const Tensor& loss) { average(estimate(loss).hessian_diag); }

void Sophia::update_gauss_newton(const Tensor& sampled_loss, std::int64_t batch_size) {
  if (batch_size < 1) {
    raise<ValueError>("Sophia: batch_size must be positive", "at least 1", std::to_string(batch_size));
  }
  if (!sampled_loss.requires_grad() || sampled_loss.size() != 1) {
    raise<ValueError>("Sophia: update_gauss_newton needs a recorded loss", "one element that depends on variables",
                      to_string(sampled_loss.shape()));
  }
  auto squares = newtape::detail::grad_between(sampled_loss, variables_of(slots()), ones_like(sampled_loss), false);
  for (auto& g : squares) {
    if (g.defined()) {
      g = core::square(g.take_value()) * static_cast<double>(batch_size);
    }
  }
  average(squares);
}

void Sophia::step(const Tensor& loss) {
  std::int64_t steps = 0;
  for (const auto& s : slots()) steps = std::max(steps, s.steps);
  if (steps % options_[0].hessian_interval != 0) return OptimizerOf::step(loss);
  LossCurvature c = estimate(loss);
  put_gradients(slots(), c.gradient);
  estimate_ = std::move(c.hessian_diag);
  try {
    OptimizerOf::step();
  } catch (...) {
    estimate_.clear();
    throw;
  }
  estimate_.clear();
}

void Sophia::prepare() { average(estimate_); }

void Sophia::update(Slot& s) {
  const auto& o = options_[s.group];
  const core::rules::Sophia rule{
      .lr = o.lr, .keep = 1 - o.lr * o.weight_decay, .beta1 = o.betas.first, .rho = o.gamma, .eps = o.eps};
  core::update("Sophia", rule, s.param.writable(), s.grad, {s.moments[0], s.moments[1]}, queue());
}

}  // namespace newtape::optim
