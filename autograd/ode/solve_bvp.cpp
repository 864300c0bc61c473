// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ode/solve_bvp.hpp>

#include <newtape/autograd/ode/block_system.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/calculus.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/implicit.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace newtape {
namespace {

using detail::BlockRows;
using detail::BlockSystem;

Tensor first_columns(const Tensor& y) { return slice(y, -1, 0, y.shape(-1) - 1); }
Tensor last_columns(const Tensor& y) { return slice(y, -1, 1, y.shape(-1)); }
double largest_entry(const Tensor& x) { return x.size() == 0 ? 0 : max(abs(x)).item(); }

/// The cubic with values y and slopes f at the ends of intervals of lengths h, at the fractions s: its value or slope.
/// All [.., q].
struct HermiteCubics {
  Tensor h, y0, y1, f0, f1;

  Tensor value(const Tensor& s) const {
    const Tensor t = 1.0 - s;
    return (1.0 + 2.0 * s) * t * t * y0 + s * s * (1.0 + 2.0 * t) * y1 + h * s * t * (t * f0 - s * f1);
  }
  Tensor slope(const Tensor& s) const {
    const Tensor t = 1.0 - s;
    return 6.0 * s * t * (y1 - y0) / h + t * (1.0 - 3.0 * s) * f0 + s * (3.0 * s - 2.0) * f1;
  }
};
HermiteCubics spline_of(const Tensor& x, const Tensor& y, const Tensor& f) {
  return {diff(x), first_columns(y), last_columns(y), first_columns(f), last_columns(f)};
}

/// The unknowns at a mesh.
struct MeshState {
  Tensor x, y, p;

  std::int64_t n() const { return y.shape(0); }
  std::int64_t nodes() const { return x.size(); }
  std::int64_t k() const { return p.size(); }
  /// y node by node, then p.
  Tensor vector() const { return concatenate({reshape(transpose(y), {y.size()}), p}); }
  MeshState with(const Tensor& z) const {
    const auto size = y.size();
    return {x, transpose(reshape(slice(z, 0, 0, size), {nodes(), n()})), slice(z, 0, size, z.size())};
  }
};

/// The collocation equations of a state.
struct CollocationResidual {
  Tensor f, f_middle, middle_x, middle_y;
  Tensor inside;  ///< [n, m - 1]
  Tensor ends;    ///< [n + k]

  /// In the order of BlockRows.
  Tensor vector() const { return concatenate({reshape(transpose(inside), {inside.size()}), ends}); }
};

class BoundaryProblem {
 public:
  BoundaryProblem(const BvpFunction& f, const BoundaryConditions& bc) : f_(f), bc_(bc) {}

  Tensor slopes(const Tensor& x, const Tensor& y, const Tensor& p) const {
    Tensor f = f_(x, y, p);
    if (f.shape() != y.shape()) {
      raise<ShapeError>("solve_bvp: f must return the shape of y", to_string(y.shape()), to_string(f.shape()));
    }
    return f;
  }
  Tensor ends(const Tensor& ya, const Tensor& yb, const Tensor& p) const {
    Tensor r = bc_(ya, yb, p);
    const Shape want{ya.size() + p.size()};
    if (r.shape() != want) {
      raise<ShapeError>("solve_bvp: there must be a boundary condition for each function and unknown parameter",
                        to_string(want), to_string(r.shape()));
    }
    return r;
  }
  Tensor ends(const MeshState& s) const { return ends(select(s.y, 1, 0), select(s.y, 1, s.nodes() - 1), s.p); }

  CollocationResidual residual(const MeshState& s) const {
    CollocationResidual r;
    const Tensor h = diff(s.x);
    r.f = slopes(s.x, s.y, s.p);
    const Tensor y0 = first_columns(s.y), y1 = last_columns(s.y), f0 = first_columns(r.f), f1 = last_columns(r.f);
    r.middle_x = first_columns(s.x) + 0.5 * h;
    r.middle_y = 0.5 * (y0 + y1) - 0.125 * h * (f1 - f0);
    r.f_middle = slopes(r.middle_x, r.middle_y, s.p);
    r.inside = y1 - y0 - h / 6.0 * (f0 + f1 + 4.0 * r.f_middle);
    r.ends = ends(s);
    return r;
  }

  BlockRows jacobian(const MeshState& s, const CollocationResidual& r) const {
    const Tensor h = reshape(diff(s.x), {s.nodes() - 1, 1, 1});
    const auto [j, q] = slopes_jacobian(s.x, s.y, s.p);
    const auto [j_middle, q_middle] = slopes_jacobian(r.middle_x, r.middle_y, s.p);
    const auto before = [](const Tensor& a) { return slice(a, 0, 0, a.shape(0) - 1); };
    const auto after = [](const Tensor& a) { return slice(a, 0, 1, a.shape(0)); };
    const Tensor one = eye(s.n(), f64);
    BlockRows m;
    m.a = -one - h / 6.0 * (before(j) + 2.0 * j_middle) - h * h / 12.0 * matmul(j_middle, before(j));
    m.b = one - h / 6.0 * (after(j) + 2.0 * j_middle) + h * h / 12.0 * matmul(j_middle, after(j));
    const Tensor of_middle = q_middle + 0.125 * h * matmul(j_middle, before(q) - after(q));
    m.p = -(h / 6.0) * (before(q) + after(q) + 4.0 * of_middle);
    const std::vector<Tensor> at{select(s.y, 1, 0), select(s.y, 1, s.nodes() - 1), s.p};
    const auto of_ends =
        newtape::jacobian(Function([&](std::span<const Tensor> v) { return ends(v[0], v[1], v[2]); }), at);
    m.ends_a = of_ends[0], m.ends_b = of_ends[1], m.ends_p = of_ends[2];
    return m;
  }

 private:
  /// The derivatives of f at each point in y there, [m, n, n], and in p, [m, n, k].
  std::pair<Tensor, Tensor> slopes_jacobian(const Tensor& x, const Tensor& y, const Tensor& p) const {
    const auto n = y.shape(0), m = y.shape(1);
    const Tensor at = variable(y);
    Tensor f;
    {
      const GradMode on(true);
      f = slopes(x, at, p);
    }
    // Cotangent i is 1 for function i at all points: no point depends on another.
    const Tensor g = expand(reshape(eye(n, f64), {n, n, 1}), {n, n, m});
    const Tensor by_y = detail::pull({&f, 1}, {&g, 1}, {&at, 1}, detail::Graph::release, {n})[0];
    std::vector<Tensor> by_p;
    for (std::int64_t l = 0; l < p.size(); ++l) {
      const Tensor unit = reshape(detail::unit_rows(l, 1, p.size(), f64), {p.size()});
      by_p.push_back(jvp(UnaryFunction([&](const Tensor& v) { return slopes(x, y, v); }), p, unit).second);
    }
    const Tensor q = by_p.empty() ? zeros({m, n, 0}, f64) : permute(stack(by_p, 0), {2, 1, 0});
    return {permute(by_y, {2, 0, 1}), q};
  }

  const BvpFunction& f_;
  const BoundaryConditions& bc_;
};

/// SciPy's constants: at most so many Jacobians and iterations on a mesh, trials of a step, and how it is damped.
constexpr int max_jacobians = 4, max_newton_iterations = 8, max_trials = 5, max_meshes_for_ends = 10;
constexpr double sufficient_decrease = 0.2, step_shrink = 0.5;

/// Newton's method on one mesh, with the affine invariant criterion |J^-1 r| (Ascher, Mattheij & Russell 1995).
MeshState newton_on_mesh(const BoundaryProblem& problem, MeshState s, double tol, double bc_tol) {
  const Tensor enough = 2.0 / 3.0 * 5e-2 * tol * diff(s.x);
  CollocationResidual r = problem.residual(s);
  std::unique_ptr<BlockSystem> system;
  Tensor step;
  double cost = 0;
  int jacobians = 0;
  for (int i = 0; i < max_newton_iterations; ++i) {
    if (system == nullptr) {
      system = std::make_unique<BlockSystem>(problem.jacobian(s, r));
      ++jacobians;
      step = system->solve(r.vector());
      cost = sum(square(step)).item();
    }
    double alpha = 1;
    Tensor next;
    for (int trial = 0; trial < max_trials; ++trial, alpha *= step_shrink) {
      const MeshState to = s.with(s.vector() - alpha * step);
      r = problem.residual(to);
      next = system->solve(r.vector());
      const double next_cost = sum(square(next)).item();
      if (next_cost < (1 - 2 * alpha * sufficient_decrease) * cost || trial + 1 == max_trials) {
        s = to;
        cost = next_cost;
        break;
      }
    }
    if (jacobians == max_jacobians) break;
    const bool inside = all(abs(r.inside) < enough * (1.0 + abs(r.f_middle))).item<bool>();
    if (inside && largest_entry(r.ends) < bc_tol) break;
    if (alpha == 1) {
      step = next;
    } else {
      system = nullptr;
    }
  }
  return s;
}

/// The root mean square of (S' - f) / (1 + |f|) in each interval, by the 5-point Lobatto formula, which is 0 at the ends.
Tensor rms_residuals(const BoundaryProblem& problem, const MeshState& s, const CollocationResidual& r) {
  const HermiteCubics spline = spline_of(s.x, s.y, r.f);
  const auto squares = [&](double fraction) {
    const Tensor at = tensor(fraction, f64);
    const Tensor f = problem.slopes(first_columns(s.x) + fraction * spline.h, spline.value(at), s.p);
    return sum(square((spline.slope(at) - f) / (1.0 + abs(f))), 0);
  };
  const double offset = 0.5 * std::sqrt(3.0 / 7.0);
  const Tensor middle = sum(square(1.5 * r.inside / spline.h / (1.0 + abs(r.f_middle))), 0);
  return sqrt(0.5 * (32.0 / 45.0 * middle + 49.0 / 90.0 * (squares(0.5 + offset) + squares(0.5 - offset))));
}

/// One node in the middle of an interval whose residual is too large, two where it is 100 times too large.
Tensor refined_mesh(const Tensor& x, const Tensor& rms, double tol) {
  std::vector<double> nodes;
  const double* const at = x.value().data<double>();
  for (std::int64_t i = 0; i + 1 < x.size(); ++i) {
    nodes.push_back(at[i]);
    const double error = rms.value().data<double>()[i];
    if (error >= 100 * tol) {
      nodes.push_back((2 * at[i] + at[i + 1]) / 3);
      nodes.push_back((at[i] + 2 * at[i + 1]) / 3);
    } else if (error > tol) {
      nodes.push_back(0.5 * (at[i] + at[i + 1]));
    }
  }
  nodes.push_back(at[x.size() - 1]);
  return tensor(nodes, f64);
}

Tensor hermite_interpolated(const Tensor& x, const Tensor& y, const Tensor& f, const Tensor& points) {
  const auto m = x.size(), q = points.size();
  const double* const nodes = x.value().data<double>();
  Array interval = Array::empty({q}, i64);
  const Array at = core::contiguous(points.value());
  for (std::int64_t i = 0; i < q; ++i) {
    const double point = at.data<double>()[i];
    if (!(point >= nodes[0] && point <= nodes[m - 1])) {
      raise<ValueError>("BvpSolution: the point is outside the interval",
                        std::to_string(nodes[0]) + " to " + std::to_string(nodes[m - 1]), std::to_string(point));
    }
    const auto above = std::upper_bound(nodes, nodes + m, point) - nodes;
    interval.data<std::int64_t>()[i] = std::clamp<std::int64_t>(above - 1, 0, m - 2);
  }
  const Tensor i(interval);
  const Tensor h = take(diff(x), i);
  const HermiteCubics spline{h, take(y, i, 1), take(y, i + 1, 1), take(f, i, 1), take(f, i + 1, 1)};
  return spline.value((points - take(x, i)) / h);
}

/// z - J^-1 r with the factorized Jacobian, recorded where r is.
Tensor chord_step(const MeshState& s, const CollocationResidual& r, const BlockRows& jacobian,
                  const BlockSystem& system) {
  const Tensor right = r.vector();
  if (!right.requires_grad()) return s.vector() - system.solve(right);
  CustomLinearSolveOptions options;
  // The backward pass comes later: it keeps the factors.
  const auto kept = std::make_shared<const BlockSystem>(system);
  options.solve = [kept](const LinearMap&, const Tensor& b) { return kept->solve(b); };
  options.transpose_solve = [kept](const LinearMap&, const Tensor& b) { return kept->solve_transposed(b); };
  return s.vector() -
         custom_linear_solve([jacobian](const Tensor& v, std::span<const Tensor>) { return jacobian.times(v); }, right,
                             {}, options);
}

/// The solution on the last mesh, converged and with derivatives: from a root z at fixed variables, steps
/// z - J^-1 r(z, variables) with J a constant give one more order of derivatives each.
BvpSolution finished_solution(const BoundaryProblem& problem, MeshState s) {
  constexpr int steps = 3;
  std::optional<BlockRows> jacobian;
  std::unique_ptr<BlockSystem> system;
  {
    const NoGrad off;
    for (int pass = 0; pass < 2; ++pass) {
      const CollocationResidual r = problem.residual(s);
      jacobian = problem.jacobian(s, r);
      system = std::make_unique<BlockSystem>(*jacobian);
      for (int i = 0; pass == 0 && i < steps; ++i) s = s.with(chord_step(s, problem.residual(s), *jacobian, *system));
    }
  }
  for (int i = 0; i < steps; ++i) s = s.with(chord_step(s, problem.residual(s), *jacobian, *system));
  BvpSolution solution;
  solution.x = s.x, solution.y = s.y, solution.p = s.p;
  const CollocationResidual r = problem.residual(s);
  solution.yp = r.f;
  const NoGrad off;
  solution.rms_residuals = rms_residuals(problem, s, r).detach();
  return solution;
}

void check_bvp_input(const Tensor& x, const Tensor& y, const Tensor& p, const SolveBvpOptions& o) {
  for (const Tensor& t : {x, y, p}) {
    if (t.dtype() != f64)
      raise<DTypeError>("solve_bvp: x, y and p must be f64", "f64, as of x.to(f64)", name(t.dtype()));
  }
  if (x.ndim() != 1 || x.size() < 2 || y.ndim() != 2 || y.shape(0) < 1 || y.shape(1) != x.size() || p.ndim() != 1) {
    raise<ShapeError>("solve_bvp: the shapes do not match", "x [m >= 2], y [n, m], p [k]",
                      "x " + to_string(x.shape()) + ", y " + to_string(y.shape()) + ", p " + to_string(p.shape()));
  }
  if (!(min(diff(x)).item() > 0)) {
    raise<ValueError>("solve_bvp: the nodes must increase", "x[i] < x[i + 1]",
                      "a smallest difference of " + std::to_string(min(diff(x)).item()));
  }
  if (!(o.tol > 0) || !(o.bc_tol >= 0)) {
    raise<ValueError>("solve_bvp: the tolerances must be positive", "tol > 0, bc_tol >= 0",
                      std::to_string(o.tol) + ", " + std::to_string(o.bc_tol));
  }
}

}  // namespace

Tensor BvpSolution::operator()(const Tensor& points) const { return hermite_interpolated(x, y, yp, points); }

BvpSolution solve_bvp(const BvpFunction& f, const BoundaryConditions& bc, const Tensor& x, const Tensor& y,
                      const Tensor& p, const SolveBvpOptions& options) {
  if (!f || !bc) detail::raise_empty_function("solve_bvp");
  const Tensor p0 = p.defined() ? p : zeros({0}, f64);
  check_bvp_input(x, y, p0, options);
  const BoundaryProblem problem(f, bc);
  const double tol = std::max(options.tol, 100 * epsilon(f64));
  const double bc_tol = options.bc_tol > 0 ? options.bc_tol : tol;
  MeshState s{core::contiguous(x.value()), y.detach(), p0.detach()};
  int meshes = 0;
  {
    const NoGrad off;
    for (;;) {
      s = newton_on_mesh(problem, s, tol, bc_tol);
      ++meshes;
      const CollocationResidual r = problem.residual(s);
      const Tensor rms = rms_residuals(problem, s, r);
      const double worst = largest_entry(rms);
      const double ends = largest_entry(r.ends);
      if (!std::isfinite(worst) || !std::isfinite(ends)) {
        raise<NumericalError>("solve_bvp: no convergence", "finite residuals", "NaN or infinity in f or bc");
      }
      const Tensor nodes = refined_mesh(s.x, rms, tol);
      if (nodes.size() == s.nodes() && ends <= bc_tol) break;
      if (nodes.size() > options.max_nodes || (nodes.size() == s.nodes() && meshes >= max_meshes_for_ends)) {
        raise<NumericalError>(nodes.size() > options.max_nodes ? "solve_bvp: the mesh would need too many nodes"
                                                               : "solve_bvp: the boundary conditions are not met",
                              "at most " + std::to_string(options.max_nodes) + " nodes, residuals of at most " +
                                  std::to_string(tol) + ", conditions of at most " + std::to_string(bc_tol),
                              std::to_string(nodes.size()) + " nodes, residuals up to " + std::to_string(worst) +
                                  ", conditions up to " + std::to_string(ends));
      }
      if (nodes.size() > s.nodes()) s = {nodes, hermite_interpolated(s.x, s.y, r.f, nodes), s.p};
    }
  }
  BvpSolution solution = finished_solution(problem, s);
  solution.iterations = meshes;
  return solution;
}

}  // namespace newtape
