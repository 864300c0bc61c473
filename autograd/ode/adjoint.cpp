// SPDX-License-Identifier: BSD-3-Clause
// The adjoint equation: with a = dL/dy, da/dt = -a df/dy, and dL/dtheta = -integral of a df/dtheta, from the end back to
// the start; at each of the times, a grows by the cotangent of y there.
#include <newtape/autograd/ode/integrator.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>

#include <memory>

namespace newtape {

static const Op odeint_adjoint_op{"odeint_adjoint"};

namespace {

/// An initial value problem whose state and parameters are one vector.
struct Problem {
  ParametricOdeFunction f;
  Tensor times;
  std::vector<Tensor> like;  ///< y0 and theta: their shapes
  OdeOptions options;
  OdeSolution forward;  ///< not recorded

  std::size_t count() const { return static_cast<std::size_t>(times.size()); }
  Tensor time(std::size_t i) const { return select(times, 0, static_cast<std::int64_t>(i)); }
};

/// (f, (df/d(y, theta))^T a) at t.
std::pair<Tensor, std::vector<Tensor>> pulled_back(const Problem& p, const Tensor& t, const Tensor& y,
                                                   std::span<const Tensor> theta, const Tensor& a) {
  std::vector<Tensor> xs{y};
  xs.insert(xs.end(), theta.begin(), theta.end());
  return vjp([&](std::span<const Tensor> in) { return p.f(t, in[0], in.subspan(1)); }, xs, a);
}

/// The cotangent of the vector of state and parameters, for `g` [n, y.shape..] of the states at all times.
Tensor adjoint(const Problem& p, const Tensor& inputs, const Tensor& g, const Tensor& ys) {
  const bool integrate_back = grad_enabled();  // a recorded gradient needs a recorded path
  const auto parts = vector_to_parameters(inputs, p.like);
  const std::span<const Tensor> theta = std::span(parts).subspan(1);
  const auto n = p.like[0].size(), m = inputs.size() - n;
  const Shape& shape = p.like[0].shape();

  const OdeFunction f = [&](const Tensor& t, const Tensor& z) {
    const Tensor a = reshape(slice(z, 0, 0, n), shape);
    const Tensor y = integrate_back ? reshape(slice(z, 0, n + m, z.size()), shape) : p.forward(t);
    const auto [slope, back] = pulled_back(p, t, y, theta, a);
    const Tensor of_inputs = -parameters_to_vector(back);
    return integrate_back ? concatenate({of_inputs, reshape(slope, {n})}, 0) : of_inputs;
  };

  const auto of_state = [&](const Tensor& cotangent) { return pad(reshape(cotangent, {n}), {{0, m}}); };
  Tensor z = zeros({n + m}, inputs.dtype());
  for (std::size_t i = p.count() - 1; i > 0; --i) {
    const auto row = static_cast<std::int64_t>(i);
    Tensor start = z + of_state(select(g, 0, row));
    if (integrate_back) start = concatenate({start, reshape(select(ys, 0, row), {n})}, 0);
    const OdeSolution back = solve_ivp(f, p.time(i), p.time(i - 1), start, {}, p.options);
    z = slice(back.y_end(), 0, 0, n + m);
  }
  return z + of_state(select(g, 0, 0));
}

void refuse_captured(const Problem& p) {
  std::vector<Tensor> own;
  for (const auto& x : p.like) own.push_back(variable(x.value()));
  const GradMode on(true);
  const Tensor slope = p.f(p.time(0), own[0], std::span(own).subspan(1));
  if (!slope.defined() || !detail::reach({&slope, 1}, own).outside) return;
  raise<ValueError>("odeint_adjoint: the function must not depend on variables other than its arguments",
                    "all variables in theta (or detached)", "a function that captured one");
}

}  // namespace

Tensor odeint_adjoint(const ParametricOdeFunction& f, In y0, const Tensor& times, std::span<const Tensor> theta,
                      const OdeOptions& options) {
  std::vector<Tensor> all{y0.tensor()};
  all.insert(all.end(), theta.begin(), theta.end());
  for (const auto& x : all) {
    if (!x.defined() || !is_floating(x.dtype()) || x.dtype() != all[0].dtype()) {
      raise<DTypeError>("odeint_adjoint: y0 and theta must have the same float dtype", name(all[0].dtype()),
                        x.defined() ? name(x.dtype()) : "an undefined tensor");
    }
  }
  if (!f) raise<ValueError>("odeint_adjoint: the function is empty", "a function of time, state, parameters", "none");
  auto p = std::make_shared<Problem>();
  p->f = f;
  p->times = to(times, all[0].dtype()).detach();
  detail::expect_times("odeint_adjoint", p->times.value());
  p->options = options;
  for (const auto& x : all) p->like.push_back(x.detach());
  Tensor ys;
  {
    const NoGrad no_grad;
    const OdeFunction fixed = [&](const Tensor& t, const Tensor& y) { return f(t, y, std::span(p->like).subspan(1)); };
    p->forward = solve_ivp(fixed, p->time(0), p->time(p->count() - 1), p->like[0], {}, options);
    ys = p->forward(p->times);
  }
  const Tensor inputs = parameters_to_vector(all);
  if (!recorded(inputs)) return ys;
  refuse_captured(*p);
  return odeint_adjoint_op(ys.value(), wrt(In(inputs), [p, inputs](const Tensor& g, const Tensor& solution) {
                             return map_leading(g, solution.ndim(),
                                                [&](const Tensor& one) { return adjoint(*p, inputs, one, solution); });
                           }));
}

}  // namespace newtape
