// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/implicit.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/linalg/krylov.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <string>

namespace newtape {

static const Op custom_root_op{"custom_root"};
static const Op custom_linear_solve_op{"custom_linear_solve"};

namespace {

using detail::Graph;
using detail::joined;
using Method = LinearSolveOptions::Method;

/// `x` with a new node, so that derivatives with respect to it exclude its history.
Tensor own_node(const Tensor& x) { return recorded(x) ? expand(x, x.shape()) : variable(x); }

// --- several tensors as one vector: an operation with one input has one pullback, which solves one linear system ---

Tensor flat(std::span<const Tensor> xs, DType dtype) {
  return xs.empty() ? zeros({0}, dtype) : parameters_to_vector(xs);
}

/// Cotangents of several tensors, with extra leading axes `lead`, flattened and concatenated: [lead.., n].
Tensor flat(std::span<const Tensor> xs, const Shape& lead) {
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    std::int64_t n = 1;
    for (std::size_t a = lead.size(); a < xs[i].ndim(); ++a) n *= xs[i].shape()[a];
    parts.push_back(reshape(xs[i], joined(lead, {n})));
  }
  return parts.size() == 1 ? parts[0] : concatenate(parts, -1);
}
/// The inverse: [lead.., n] into [lead.., shape..] for each of `shapes`.
std::vector<Tensor> parted(const Tensor& x, const std::vector<Shape>& shapes) {
  const Shape lead = leading(x, 1);
  std::vector<Tensor> parts;
  std::int64_t at = 0;
  for (const auto& shape : shapes) {
    const auto n = element_count(shape);
    parts.push_back(reshape(shapes.size() == 1 ? x : slice(x, -1, at, at + n), joined(lead, shape)));
    at += n;
  }
  return parts;
}
std::vector<Shape> shapes_of(std::span<const Tensor> xs) {
  std::vector<Shape> shapes;
  for (const auto& x : xs) shapes.push_back(x.shape());
  return shapes;
}

DType one_dtype(const char* op, DType dtype, std::span<const Tensor> xs) {
  for (const auto& x : xs) {
    if (!x.defined() || x.dtype() != dtype || !is_floating(dtype)) {
      raise<DTypeError>(std::string(op) + ": all tensors must have the same float dtype", name(dtype),
                        x.defined() ? name(x.dtype()) : "an undefined tensor");
    }
  }
  return dtype;
}

void refuse_captured(const char* op, std::span<const Tensor> ys, std::span<const Tensor> own) {
  if (!detail::reach(ys, own).outside) return;
  raise<ValueError>(std::string(op) + ": the function must not depend on variables other than its arguments",
                    "all variables in theta (or detached)", "a function that captured one");
}

// --- linear systems ---

/// M(p), a matrix given by its products with vectors; p is a vector.
struct System {
  const char* op;
  /// M at p: w [lead.., n] -> M w [lead.., n] in Tensor operations.
  std::function<LinearMap(const Tensor& p)> at;
  Shape shape;  ///< of the right-hand side for the solvers in `options`
  CustomLinearSolveOptions options;
};
using SystemRef = std::shared_ptr<const System>;

[[noreturn]] void fail(const System& s, const std::string& why) {
  raise<NumericalError>(std::string(s.op) + ": the linear system could not be solved", {}, why);
}

/// v -> M^T v for vectors, by a reverse sweep through M.
LinearMap transposed_map(const LinearMap& m, std::int64_t n, DType dtype) {
  const GradMode on(true);
  const Tensor w = variable(core::zeros({n}, dtype));
  const Tensor y = m(w);
  return [w, y](const Tensor& v) { return detail::pull({&y, 1}, {&v, 1}, {&w, 1}, Graph::retain)[0]; };
}

/// X with M X_i = b_i (`transposed`: M^T X_i = b_i) for every row of b [rows, n], by LU factorisation.
Array solve_dense(const System& s, const LinearMap& m, bool transposed, const Array& b) {
  const Array columns = m(eye(b.shape(-1), b.dtype())).value();  // row i is M e_i
  try {
    const Array matrix = transposed ? columns : core::transpose(columns, 0, 1);
    return core::contiguous(core::transpose(core::solve(core::contiguous(matrix), core::transpose(b, 0, 1)), 0, 1));
  } catch (const NumericalError& e) {
    fail(s, std::string("the matrix is singular (") + e.what() + ")");
  }
}

Array solve_iteratively(const System& s, const LinearMap& map, Method method, const Array& b) {
  const auto& o = s.options.linear;
  const core::MatVec product = [&](const Array& v) { return map(Tensor(v)).value(); };
  const core::KrylovOptions options{o.tolerance, o.max_iterations, o.restart};
  const auto solver = method == Method::cg ? core::cg : method == Method::bicgstab ? core::bicgstab : core::gmres;
  auto found = solver(product, b, options);
  if (!found.converged) {
    fail(s, std::string(method == Method::cg         ? "cg"
                        : method == Method::bicgstab ? "bicgstab"
                                                     : "gmres") +
                " stopped after " + std::to_string(found.iterations) + " products with a relative residual of " +
                std::to_string(found.residual));
  }
  return found.x;
}

/// The value of the solution, for b [lead.., n].
Array solve_value(const System& s, bool transposed, const Array& b, const Tensor& p) {
  const auto n = b.shape(-1);
  if (b.size() == 0) return core::copy(b);
  const NoGrad off;
  const LinearMap m = s.at(p);
  const Array rows = core::reshape(core::contiguous(b), {-1, n});
  const auto& o = s.options.linear;
  const auto& given = transposed ? s.options.transpose_solve : s.options.solve;
  Method method = o.method;
  if (method == Method::automatic) {
    method = n <= o.dense_limit ? Method::dense : o.symmetric ? Method::cg : Method::gmres;
  }
  Array x;
  if (!given && method == Method::dense) {
    x = solve_dense(s, m, transposed, rows);
  } else {
    const LinearMap map = transposed ? transposed_map(m, n, b.dtype()) : m;
    const LinearMap shaped = [&](const Tensor& v) { return reshape(map(reshape(v, {n})), s.shape); };
    std::vector<Array> all;
    for (std::int64_t i = 0; i < rows.shape(0); ++i) {
      const Array one = core::reshape(core::slice(rows, 0, i, i + 1), {n});
      if (given) {
        all.push_back(core::reshape(core::contiguous(given(shaped, reshape(one, s.shape)).value()), {n}));
      } else {
        all.push_back(solve_iteratively(s, map, method, one));
      }
    }
    x = core::stack(all, 0);
  }
  if (!core::all_finite(x)) fail(s, "the solution has non-finite entries");
  return core::reshape(x, b.shape());
}

/// The x with M(p) x = b (`transposed`: M(p)^T x = b), for b [lead.., n].
Tensor solve(const SystemRef& s, bool transposed, const Tensor& b, const Tensor& p,
             SourceLocation location = SourceLocation::current()) {
  transposed = transposed && !s->options.linear.symmetric;
  Array value = solve_value(*s, transposed, b.value(), p.detach());
  if (!recorded(b, p)) return value;
  const Shape& shape = b.shape();
  const auto size = b.size();
  const Tensor packed = concatenate({reshape(b, {size}), p}, 0);
  // For M x = b and l = M^-T g: the cotangent of b is l, that of p the gradient of -<l, M(p) x> at constant l and x.
  const auto pullback = [=](const Tensor& g, const Tensor& y) {
    const Shape lead = leading(g, 1);
    const Tensor l = solve(s, !transposed, reshape(g, joined(lead, shape)), p, location);
    const Tensor of_b = reshape(l, joined(lead, {size}));
    if (!p.requires_grad()) return concatenate({of_b, zeros(joined(lead, p.shape()), p.dtype())}, -1);
    const Tensor x = reshape(y, shape);
    const Tensor at = own_node(p);
    const Graph graph = grad_enabled() ? Graph::record : Graph::release;
    const auto back = [&](const Tensor& v, const Tensor& cotangent, const Shape& batch) {
      Tensor product;
      {
        const GradMode on(true);
        product = s->at(at)(v);
      }
      return detail::pull({&product, 1}, {&cotangent, 1}, {&at, 1}, graph, batch)[0];
    };
    // <l, M^T x> = <x, M l>, so both cases only need products with M.
    const Tensor of_p = transposed ? map_leading(l, shape.size(), [&](const Tensor& one) { return back(one, x, {}); })
                                   : back(x, l, lead);
    return concatenate({of_b, -of_p}, -1);
  };
  return reshape(custom_linear_solve_op(core::reshape(value, {size}), wrt(In(packed, location), pullback)), shape);
}

// --- roots ---

struct Root {
  const char* op;
  Equation f;
  std::vector<Shape> x;
  std::vector<Shape> theta;

  /// f as a map from vectors to a vector.
  Tensor residual(const Tensor& x_all, const Tensor& theta_all) const {
    return flat(f(parted(x_all, x), parted(theta_all, theta)), Shape{});
  }
};

void check_equation(const Root& root, std::span<const Tensor> xs, std::span<const Tensor> theta) {
  std::vector<Tensor> own;
  for (const auto& x : xs) own.push_back(variable(x));
  for (const auto& t : theta) own.push_back(variable(t));
  const GradMode on(true);
  const std::span<const Tensor> all = own;
  const auto r = root.f(all.first(xs.size()), all.subspan(xs.size()));
  for (std::size_t i = 0; i < std::max(r.size(), xs.size()); ++i) {
    if (r.size() == xs.size() && r[i].shape() == xs[i].shape() && r[i].dtype() == xs[i].dtype()) continue;
    raise<ShapeError>(std::string(root.op) + ": the function must return the shapes and the dtype of the solution",
                      i < xs.size() ? to_string(xs[i].shape()) : std::to_string(xs.size()) + " tensors",
                      i < r.size() ? to_string(r[i].shape()) : std::to_string(r.size()) + " tensors");
  }
  refuse_captured(root.op, r, own);
}

/// The solution values `xs` as a differentiable function of theta.
std::vector<Tensor> with_derivatives(std::shared_ptr<const Root> root, std::vector<Tensor> xs,
                                     std::span<const Tensor> theta, const LinearSolveOptions& options) {
  for (auto& x : xs) x = x.detach();
  if (xs.empty()) {
    raise<ValueError>(std::string(root->op) + ": the solver must return a solution", "one tensor or more", "none");
  }
  const DType dtype = one_dtype(root->op, xs[0].dtype(), xs);
  one_dtype(root->op, dtype, theta);
  const Tensor t = flat(theta, dtype);
  if (!recorded(t)) return xs;
  check_equation(*root, xs, theta);
  const Tensor x = flat(xs, dtype);
  const auto n = x.size();

  // (df/dx)^T as a function of p, the concatenation of x and theta.
  auto system = std::make_shared<System>();
  system->op = root->op;
  system->shape = {n};
  system->options.linear = options;
  system->at = [root, n](const Tensor& p) -> LinearMap {
    const Tensor at = own_node(slice(p, 0, 0, n));
    const Tensor theta_all = slice(p, 0, n, p.size());
    const GradMode on(true);
    const Tensor r = root->residual(at, theta_all);
    return [at, r](const Tensor& w) {
      return detail::pull({&r, 1}, {&w, 1}, {&at, 1}, grad_enabled() ? Graph::record : Graph::retain, leading(w, 1))[0];
    };
  };
  const Tensor y =
      custom_root_op(core::copy(x.value()), wrt(In(t), [root, system, t](const Tensor& g, const Tensor& solution) {
                       const Tensor l = solve(system, false, g, concatenate({solution, t}, 0));
                       const Tensor at = own_node(t);
                       Tensor r;
                       {
                         const GradMode on(true);
                         r = root->residual(solution, at);
                       }
                       const Graph graph = grad_enabled() ? Graph::record : Graph::release;
                       return -detail::pull({&r, 1}, {&l, 1}, {&at, 1}, graph, leading(g, 1))[0];
                     }));
  return parted(y, root->x);
}

Equation lift(UnaryEquation f) {
  return [f = std::move(f)](std::span<const Tensor> x, std::span<const Tensor> theta) {
    return std::vector<Tensor>{f(x[0], theta[0])};
  };
}

std::vector<Tensor> detached(std::span<const Tensor> xs) {
  std::vector<Tensor> values;
  for (const auto& x : xs) values.push_back(x.detach());
  return values;
}

double largest(const Array& x) { return x.size() == 0 ? 0 : core::max(core::abs(x)).item(); }

/// Anderson acceleration: the next x is the combination of the last f(x) with the least combined residual.
class Anderson {
 public:
  explicit Anderson(int memory) : memory_(static_cast<std::size_t>(std::max(memory, 0))) {}

  Array next(const Array& x, const Array& fx) {
    const Array r = core::sub(fx, x);
    Array result = fx;
    if (memory_ > 0 && r_.defined()) {
      steps_.emplace_back(core::sub(r, r_), core::sub(fx, fx_));
      if (steps_.size() > memory_) steps_.pop_front();
      if (const Array gamma = weights(r); core::all_finite(gamma)) {
        for (std::size_t i = 0; i < steps_.size(); ++i) {
          const Array weight = core::cast(
              core::slice(gamma, 0, static_cast<std::int64_t>(i), static_cast<std::int64_t>(i) + 1), x.dtype());
          result = core::sub(std::move(result), core::mul(steps_[i].second, weight));
        }
      }
    }
    r_ = r;
    fx_ = fx;
    return result;
  }

 private:
  /// The least squares solution of sum_i gamma_i dr_i = r, by its normal equations in f64.
  Array weights(const Array& r) const {
    const auto m = static_cast<std::int64_t>(steps_.size());
    std::vector<Array> rows;
    for (const auto& s : steps_) rows.push_back(core::cast(s.first, f64));
    const Array d = core::stack(rows, 0);
    Array normal = core::matmul(d, core::transpose(d, 0, 1));
    const Array right = core::reshape(core::matmul(d, core::reshape(core::cast(r, f64), {-1, 1})), {m});
    // Relative regularisation at rounding level: keeps the weights, and handles linearly dependent steps.
    double trace = 0;
    for (std::int64_t i = 0; i < m; ++i) trace += normal.data<double>()[i * (m + 1)];
    if (!(trace > 0)) return core::zeros({m}, f64);
    for (std::int64_t i = 0; i < m; ++i) normal.data<double>()[i * (m + 1)] += 1e-14 * trace;
    return core::solve(normal, right);
  }

  std::size_t memory_;
  Array r_;
  Array fx_;
  std::deque<std::pair<Array, Array>> steps_;  ///< differences of the residual and of f(x), oldest first
};

}  // namespace

std::vector<Tensor> custom_root(const Located<Equation>& f,
                                const std::function<std::vector<Tensor>(std::span<const Tensor> theta)>& solver,
                                std::span<const Tensor> theta, const LinearSolveOptions& options) {
  std::vector<Tensor> xs;
  {
    const NoGrad off;
    xs = solver(detached(theta));
  }
  auto root = std::make_shared<const Root>(Root{"custom_root", f, shapes_of(xs), shapes_of(theta)});
  return with_derivatives(std::move(root), std::move(xs), theta, options);
}
Tensor custom_root(const Located<UnaryEquation>& f, const std::function<Tensor(const Tensor& theta)>& solver,
                   const Tensor& theta, const LinearSolveOptions& options) {
  return custom_root(
      lift(f), [&](std::span<const Tensor> t) { return std::vector<Tensor>{solver(t[0])}; }, {&theta, 1}, options)[0];
}

std::vector<Tensor> fixed_point(const Located<Equation>& f, std::span<const Tensor> x0, std::span<const Tensor> theta,
                                const FixedPointOptions& options) {
  constexpr auto op = "fixed_point";
  if (x0.empty()) raise<ValueError>("fixed_point: x0 must not be empty", "one tensor or more", "none");
  const DType dtype = one_dtype(op, x0[0].dtype(), x0);
  const Equation residual = [f](std::span<const Tensor> x, std::span<const Tensor> t) {
    auto r = f(x, t);
    for (std::size_t i = 0; i < std::min(r.size(), x.size()); ++i) r[i] = r[i] - x[i];
    return r;
  };
  auto root = std::make_shared<const Root>(Root{op, residual, shapes_of(x0), shapes_of(theta)});
  const auto values = detached(theta);
  std::vector<Tensor> xs;
  {
    const NoGrad off;
    const double tolerance = options.tolerance > 0 ? options.tolerance : dtype == f32 ? 1e-6 : 1e-12;
    Anderson anderson(options.memory);
    Array x = flat(detached(x0), dtype).value();
    double error = 0;
    bool converged = false;
    for (int i = 0; i < options.max_iterations && !converged; ++i) {
      const auto fx = f(parted(x, root->x), values);
      if (fx.size() != x0.size() || shapes_of(fx) != root->x) {
        raise<ShapeError>("fixed_point: the function must return the shapes of x", to_string(x0[0].shape()),
                          fx.empty() ? "nothing" : to_string(fx[0].shape()));
      }
      one_dtype(op, dtype, fx);
      const Array next = flat(fx, dtype).value();
      error = largest(core::sub(next, x)) / std::max(1.0, largest(next));
      converged = error <= tolerance;
      if (!std::isfinite(error)) break;
      x = converged ? next : anderson.next(x, next);
    }
    if (!converged) {
      raise<NumericalError>("fixed_point: no convergence",
                            "a change of at most " + std::to_string(tolerance) + " within " +
                                std::to_string(options.max_iterations) + " iterations",
                            std::to_string(error));
    }
    xs = parted(x, root->x);
  }
  return with_derivatives(std::move(root), std::move(xs), theta, options.linear);
}
Tensor fixed_point(const Located<UnaryEquation>& f, const Tensor& x0, const Tensor& theta,
                   const FixedPointOptions& options) {
  return fixed_point(lift(f), {&x0, 1}, {&theta, 1}, options)[0];
}

Tensor custom_linear_solve(const Located<LinearFunction>& matvec, const Tensor& b, std::span<const Tensor> theta,
                           const CustomLinearSolveOptions& options) {
  constexpr auto op = "custom_linear_solve";
  const DType dtype = one_dtype(op, b.defined() ? b.dtype() : f64, {&b, 1});
  one_dtype(op, dtype, theta);
  const Shape shape = b.shape();
  const auto n = b.size();
  {
    std::vector<Tensor> own{variable(core::zeros(shape, dtype))};
    for (const auto& t : theta) own.push_back(variable(t));
    const GradMode on(true);
    const Tensor y = matvec(own[0], std::span<const Tensor>(own).subspan(1));
    if (y.shape() != shape || y.dtype() != dtype) {
      raise<ShapeError>("custom_linear_solve: the product must have the shape and dtype of the right-hand side",
                        to_string(shape), to_string(y.shape()));
    }
    refuse_captured(op, {&y, 1}, own);
  }
  auto system = std::make_shared<System>();
  system->op = op;
  system->shape = shape;
  system->options = options;
  system->at = [matvec, shape, n, parts = shapes_of(theta)](const Tensor& p) -> LinearMap {
    return [matvec, shape, n, values = parted(p, parts)](const Tensor& w) {
      return map_leading(w, 1, [&](const Tensor& v) { return reshape(matvec(reshape(v, shape), values), {n}); });
    };
  };
  return reshape(solve(system, false, reshape(b, {n}), flat(theta, dtype)), shape);
}

}  // namespace newtape
