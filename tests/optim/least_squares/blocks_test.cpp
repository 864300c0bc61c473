// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "optim/entries.hpp"
#include "optim/least_squares/reprojection.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/sparse_cholesky.hpp>
#include <newtape/core/runtime/build_info.hpp>
#include <newtape/data/formats/bal.hpp>
#include <newtape/optim/least_squares/blocks/block_least_squares.hpp>
#include <newtape/optim/least_squares/blocks/linear_solver.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nt = newtape;
namespace optim = newtape::optim;
using optim::BlockSolver;
using optim::LeastSquaresAlgorithm;
using optim::LeastSquaresProblem;
using optim::Manifold;
using optim::RobustLoss;

namespace {

const std::vector<BlockSolver>& solvers() {
  static const std::vector<BlockSolver> all = [] {
    std::vector<BlockSolver> s = {BlockSolver::dense_qr, BlockSolver::dense_cholesky, BlockSolver::conjugate_gradients,
                                  BlockSolver::dense_schur, BlockSolver::iterative_schur};
    if (nt::core::SparseCholesky::available()) {
      s.push_back(BlockSolver::sparse_cholesky);
      s.push_back(BlockSolver::sparse_schur);
    }
    return s;
  }();
  return all;
}

double largest(const nt::Tensor& x) { return x.size() == 0 ? 0 : nt::max(nt::abs(x)).item(); }

/// A bundle adjustment as a problem.
struct Bundle {
  nt::data::BundleAdjustment data;
  nt::Parameter cameras{data.cameras}, points{data.points};
  LeastSquaresProblem problem;

  explicit Bundle(const nt::data::BundleAdjustmentLikeOptions& options, RobustLoss loss = RobustLoss::linear)
      : data(nt::data::bundle_adjustment_like(options)) {
    problem.add(reprojection, {{cameras, data.camera_index}, {points, data.point_index}, nt::Tensor(data.pixels)},
                {.loss = loss, .loss_scale = 2});
  }
  /// All residuals as a function of the two parameters.
  nt::Tensor residuals(const nt::Tensor& c, const nt::Tensor& p) const {
    return reprojection(nt::take(c, data.camera_index, 0), nt::take(p, data.point_index, 0), data.pixels);
  }
  /// The value as one function of tensors.
  nt::Tensor value(const nt::Tensor& c, const nt::Tensor& p, RobustLoss loss) const {
    const nt::Tensor s = nt::sum(nt::square(residuals(c, p)), {-1}) / 4;
    const nt::Tensor rho = loss == RobustLoss::cauchy  ? nt::log1p(s)
                           : loss == RobustLoss::huber ? nt::where(s < 1., s, 2 * nt::sqrt(s) - 1)
                                                       : s;
    return 2 * nt::sum(rho);
  }
};

optim::BlockResiduals residuals_of(const LeastSquaresProblem& problem,
                                   const optim::LeastSquaresProblemOptions& options) {
  return {problem, optim::BlockLayout(problem, optim::choose_eliminated(problem, options))};
}

/// J as a matrix, from products with unit vectors.
nt::Tensor dense(const optim::BlockResiduals& r) {
  const auto n = static_cast<std::size_t>(r.layout().columns);
  std::vector<nt::Tensor> columns;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> unit(n, 0.);
    unit[i] = 1;
    columns.emplace_back(array_of({r.rows()}, r.forward(unit)));
  }
  return nt::stack(columns, 1);
}

/// A chain of poses in the plane (x, y, angle) with closures, and the differences that are measured.
struct PoseGraph {
  nt::Parameter poses{normal<nt::Array>({12, 3}, 21)};
  nt::Tensor from = nt::tensor({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 3, 5, 7});
  nt::Tensor to = nt::tensor({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 6, 3, 2, 1});
  nt::Tensor measured = normal({16, 3}, 22);
  LeastSquaresProblem problem;
  PoseGraph() {
    problem.add(
        [](const nt::Tensor& a, const nt::Tensor& b, const nt::Tensor& m) { return nt::sin(b - a) * a - m * b; },
        {{poses, from}, {poses, to}, measured});
    problem.add([](const nt::Tensor& a) { return 0.1 * a; }, {{poses, nt::tensor({0, 5})}});
  }
};

}  // namespace

TEST_CASE("the gradient of blocks is that of their sum") {
  for (const auto loss : {RobustLoss::linear, RobustLoss::huber, RobustLoss::cauchy}) {
    INFO(optim::to_string(loss));
    // More blocks than one chunk has.
    const Bundle b({.cameras = 4, .points = 400, .seen = 3, .false_matches = 0.2}, loss);
    auto r = residuals_of(b.problem, {.solver = BlockSolver::dense_qr});
    const double value = r.linearize(r.start());
    const nt::Tensor xs[] = {b.cameras.detach(), b.points.detach()};
    const auto [whole, gradient] =
        nt::value_and_grad([&](std::span<const nt::Tensor> x) { return b.value(x[0], x[1], loss); }, xs);
    CHECK(value == Approx(whole.item()).epsilon(1e-12));
    const nt::Tensor expected = nt::concatenate({nt::reshape(gradient[0], {-1}), nt::reshape(gradient[1], {-1})}, 0);
    const std::vector<double> sums = entries(expected.value());
    // Sums of up to 1200 products of columns of J and residuals, each of some dozens of operations.
    const double length = nt::sqrt(nt::sum(nt::square(nt::Tensor(array_of({r.rows()}, r.weighted()))))).item();
    for (std::size_t i = 0; i < r.gradient().size(); ++i) {
      const double bound = bounds::gamma(3000, nt::f64) * std::sqrt(r.squares()[i]) * length;
      CHECK(std::abs(r.gradient()[i] - sums[i]) < bound);
    }
  }
}

TEST_CASE("the Jacobian of blocks is the tape's") {
  const Bundle b({.cameras = 3, .points = 10, .seen = 2});
  auto r = residuals_of(b.problem, {.solver = BlockSolver::dense_qr});
  r.linearize(r.start());
  const nt::Tensor xs[] = {b.cameras.detach(), b.points.detach()};
  const auto j = nt::jacobian([&](std::span<const nt::Tensor> x) { return b.residuals(x[0], x[1]); }, xs);
  const nt::Tensor expected = nt::concatenate({nt::reshape(j[0], {40, 27}), nt::reshape(j[1], {40, 30})}, 1);
  CHECK(largest(dense(r) - expected) < bounds::gamma(100, nt::f64) * largest(expected));
}

TEST_CASE("each linear solver solves the damped normal equations") {
  const auto check = [](const LeastSquaresProblem& problem) {
    for (const auto kind : solvers()) {
      INFO(optim::to_string(kind));
      auto r = residuals_of(problem, {.solver = kind});
      r.linearize(r.start());
      BlockSolver made = kind;
      const auto solver = optim::make_linear_solver(made, r);
      CHECK(made == kind);
      solver->update(r);
      const auto n = r.layout().columns;
      const nt::Tensor j = dense(r);
      std::vector<double> d = r.squares();
      for (double& x : d) x *= 0.3;
      REQUIRE(solver->factorize(d));
      const nt::Tensor g = array_of({n}, r.gradient());
      const nt::Tensor damping = array_of({n}, d);
      const nt::Tensor h = nt::matmul(nt::transpose(j, 0, 1), j) + nt::eye(n, nt::f64) * damping;
      for (const bool step : {false, true}) {
        const auto s = step ? solver->step(r, 1e-14) : solver->solve(r.gradient(), 1e-14);
        const nt::Tensor wrong = nt::matmul(h, nt::Tensor(array_of({n, 1}, s))) + nt::unsqueeze(g, 1);
        // The residual of a stable solution, relative to the terms; conjugate gradients lose a few more digits.
        const double terms = largest(nt::matmul(nt::abs(h), nt::abs(nt::Tensor(array_of({n, 1}, s)))));
        CHECK(largest(wrong) < 100 * bounds::gamma(static_cast<double>(r.rows() + n), nt::f64) * terms);
      }
      d.assign(d.size(), -1e9);
      if (kind != BlockSolver::dense_qr) CHECK_FALSE(solver->factorize(d));
    }
  };
  SECTION("points and cameras") { check(Bundle({.cameras = 5, .points = 30, .seen = 3}).problem); }
  SECTION("two rows of one parameter in a block, and the same one twice") { check(PoseGraph().problem); }
  SECTION("blocks of several sizes, held rows, and wide ones") {
    const nt::Parameter a(normal<nt::Array>({6, 2}, 31)), b(normal<nt::Array>({4, 13}, 32)),
        c(normal<nt::Array>({1, 1}, 33)), e(normal<nt::Array>({9, 1}, 34));
    LeastSquaresProblem problem;
    const nt::Tensor ia = nt::tensor({0, 1, 2, 3, 4, 5, 0, 3}), ib = nt::tensor({3, 2, 1, 0, 0, 1, 2, 3}),
                     ie = nt::tensor({0, 1, 2, 3, 4, 5, 6, 8});
    problem.add(
        [](const nt::Tensor& x, const nt::Tensor& y, const nt::Tensor& z, const nt::Tensor& w) {
          return nt::concatenate({x * w + z, nt::sin(y) * w, y * z, nt::sum(x, {-1}, true)}, -1);
        },
        {{a, ia}, {b, ib}, c, {e, ie}});
    problem.add([](const nt::Tensor& x) { return nt::sum(nt::square(x), {-1}); }, {a});
    problem.hold(a, {2});
    problem.hold(e, {1, 4});
    check(problem);
  }
}

TEST_CASE("all solvers and algorithms reach the minimum of the dense solver") {
  const Bundle start({.cameras = 4, .points = 25, .seen = 3});
  const std::vector<nt::Tensor> x0 = {start.cameras.detach(), start.points.detach()};
  const auto whole = optim::least_squares([&](std::span<const nt::Tensor> x) { return start.residuals(x[0], x[1]); },
                                          x0, {.stop = {.value_tolerance = 1e-12}});
  for (const auto algorithm : {LeastSquaresAlgorithm::levenberg_marquardt, LeastSquaresAlgorithm::dogleg}) {
    for (const auto kind : solvers()) {
      Bundle b({.cameras = 4, .points = 25, .seen = 3});
      const auto r = optim::least_squares(
          b.problem,
          {.algorithm = algorithm, .solver = kind, .stop = {.value_tolerance = 1e-10, .max_iterations = 300}});
      INFO(optim::to_string(algorithm) << ", " << optim::to_string(kind) << "\n" << optim::to_string(r));
      CHECK(r.converged());
      CHECK(r.solver == kind);
      CHECK(r.value == Approx(whole.value).epsilon(1e-6));
      CHECK(r.iterations == static_cast<std::int64_t>(r.trace.size()) - 1);
      CHECK(same_bits(b.cameras.value(), r.xs[0].value()));
      CHECK(r.unknowns == 4 * 9 + 25 * 3);
      CHECK(r.rows == 150);
    }
  }
}

TEST_CASE("linear problems are solved in one step by every solver") {
  // x_i - a_i with weight 2, and x_i - x_j - b: normal equations in closed form.
  const nt::Tensor a = normal({6, 2}, 41), b = normal({5, 2}, 42);
  nt::Tensor h = 4 * nt::eye(6, nt::f64), right = 4 * a;
  const nt::Tensor from = nt::tensor({0, 1, 2, 3, 0}), to = nt::tensor({1, 2, 3, 4, 5});
  for (std::int64_t k = 0; k < 5; ++k) {
    const nt::Tensor unit =
        nt::eye(6, nt::f64)[from[k].item<std::int64_t>()] - nt::eye(6, nt::f64)[to[k].item<std::int64_t>()];
    h = h + nt::matmul(nt::unsqueeze(unit, 1), nt::unsqueeze(unit, 0));
    right = right + nt::matmul(nt::unsqueeze(unit, 1), nt::unsqueeze(b[k], 0));
  }
  const nt::Tensor expected = nt::linalg::solve(h, right);
  const nt::Tensor inverse = nt::linalg::inv(h);
  for (const auto algorithm : {LeastSquaresAlgorithm::levenberg_marquardt, LeastSquaresAlgorithm::dogleg,
                               LeastSquaresAlgorithm::gauss_newton}) {
    for (const auto kind : solvers()) {
      const nt::Parameter x(nt::zeros({6, 2}, nt::f64));
      LeastSquaresProblem problem;
      problem.add([](const nt::Tensor& u, const nt::Tensor& t) { return 2 * (u - t); }, {x, a});
      problem.add([](const nt::Tensor& u, const nt::Tensor& v, const nt::Tensor& t) { return u - v - t; },
                  {{x, from}, {x, to}, b});
      const auto r = optim::least_squares(problem, {.algorithm = algorithm, .solver = kind, .accuracy = 1e-13});
      INFO(optim::to_string(algorithm) << ", " << optim::to_string(kind) << "\n" << optim::to_string(r));
      CHECK(r.converged());
      CHECK(largest(r.xs[0] - expected) < 1e-12);
      if (algorithm != LeastSquaresAlgorithm::levenberg_marquardt) CHECK(r.iterations <= 4);
      // (J^T J)^-1 is that of h for each coordinate.
      const nt::Tensor c = r.covariance({{x, 1}, {x, 4}}, true);
      CHECK(
          largest(
              c -
              nt::concatenate(
                  {nt::concatenate({inverse[{1, 1}] * nt::eye(2, nt::f64), inverse[{1, 4}] * nt::eye(2, nt::f64)}, 1),
                   nt::concatenate({inverse[{4, 1}] * nt::eye(2, nt::f64), inverse[{4, 4}] * nt::eye(2, nt::f64)}, 1)},
                  0)) < 1e-13);
      const double s2 = 2 * r.value / (r.rows - r.unknowns);
      CHECK(r.covariance({{x, 1}})[{0, 0}].item() == Approx(s2 * inverse[{1, 1}].item()).epsilon(1e-10));
    }
  }
}

TEST_CASE("robust losses of blocks give SciPy's alignment") {
  const Reference scipy("optim/blocks.txt");
  for (const auto loss :
       {RobustLoss::linear, RobustLoss::soft_l1, RobustLoss::huber, RobustLoss::cauchy, RobustLoss::arctan}) {
    for (const auto algorithm : {LeastSquaresAlgorithm::levenberg_marquardt, LeastSquaresAlgorithm::dogleg,
                                 LeastSquaresAlgorithm::gauss_newton}) {
      const nt::Parameter x(nt::tensor({{0.6, 0.4, -1.4}}, nt::f64));
      LeastSquaresProblem problem;
      problem.add(
          [](const nt::Tensor& at, const nt::Tensor& p, const nt::Tensor& q) {
            const auto u = nt::unbind(at, -1), v = nt::unbind(p, -1);
            const nt::Tensor c = nt::cos(u[0]), s = nt::sin(u[0]);
            return nt::stack({c * v[0] - s * v[1] + u[1], s * v[0] + c * v[1] + u[2]}, -1) - q;
          },
          {x, nt::Tensor(scipy("p")), nt::Tensor(scipy("q"))}, {.loss = loss, .loss_scale = 0.1});
      const auto r = optim::least_squares(problem, {.algorithm = algorithm});
      const std::string name = optim::to_string(loss);
      INFO(name << ", " << optim::to_string(algorithm) << "\n" << optim::to_string(r));
      CHECK(r.converged());
      // SciPy's own stopping tolerance leaves half of the digits of x.
      CHECK(largest(r.xs[0] - nt::Tensor(scipy(name))) < 1e-6);
      CHECK(r.value == Approx(scipy(name + "_value").item()).epsilon(1e-10));
    }
  }
}

TEST_CASE("parameters stay on their manifolds, and their covariance is tangent") {
  // The rotation that turns p into q, by quaternions and by matrices: Wahba's problem, by the SVD of sum q p^T (Markley 1988).
  const nt::Tensor p = normal({30, 3}, 51);
  const nt::Tensor turn = nt::tensor({0.4, -0.7, 0.2}, nt::f64);
  const nt::Tensor q = optim::rotate_by_vector(turn, p) + 0.1 * normal({30, 3}, 52);
  const auto svd = nt::linalg::svd(nt::matmul(nt::transpose(q, 0, 1), p));
  const nt::Tensor sign = nt::linalg::det(svd.u) * nt::linalg::det(svd.vh);
  const nt::Tensor diagonal = nt::concatenate({nt::ones({2}, nt::f64), nt::reshape(sign, {1})}, 0);
  const nt::Tensor expected = nt::matmul(svd.u * diagonal, svd.vh);

  const nt::Parameter quaternion(nt::tensor({{1., 0., 0., 0.}}, nt::f64));
  LeastSquaresProblem one;
  one.add([](const nt::Tensor& a, const nt::Tensor& x,
             const nt::Tensor& y) { return optim::rotate_by_quaternion(a, x) - y; },
          {quaternion, p, q});
  one.set_manifold(quaternion, Manifold::quaternion());
  const auto r = optim::least_squares(one);
  INFO(optim::to_string(r));
  CHECK(r.converged());
  CHECK(r.unknowns == 3);
  CHECK(nt::sum(nt::square(r.xs[0])).item() == Approx(1).epsilon(1e-12));
  CHECK(largest(optim::rotate_by_quaternion(r.xs[0], p) - nt::matmul(p, nt::transpose(expected, 0, 1))) < 1e-7);

  const nt::Parameter matrix(nt::reshape(nt::eye(3, nt::f64), {1, 9}));
  LeastSquaresProblem two;
  two.add(
      [](const nt::Tensor& a, const nt::Tensor& x, const nt::Tensor& y) {
        const std::int64_t n = x.shape(0);
        return nt::reshape(nt::matmul(nt::reshape(a, {n, 3, 3}), nt::unsqueeze(x, -1)), {n, 3}) - y;
      },
      {matrix, p, q});
  two.set_manifold(matrix, Manifold::so3());
  const auto s = optim::least_squares(two);
  CHECK(s.converged());
  CHECK(largest(nt::reshape(s.xs[0], {3, 3}) - expected) < 1e-7);
  CHECK(s.value == Approx(r.value).epsilon(1e-12));

  // The covariance has no part along the quaternion, and (J^T J)^-1 inside: J of R [delta]x p is -R [p]x.
  const nt::Tensor c = r.covariance({{quaternion, 0}}, true);
  CHECK(largest(nt::matmul(c, nt::reshape(r.xs[0], {4, 1}))) < 1e-14);
  nt::Tensor h = nt::zeros({3, 3}, nt::f64);
  for (std::int64_t i = 0; i < 30; ++i) {
    const nt::Tensor x = p[i];
    h = h + nt::sum(nt::square(x)) * nt::eye(3, nt::f64) - nt::matmul(nt::unsqueeze(x, 1), nt::unsqueeze(x, 0));
  }
  // The trace: each step of the tangent moves the quaternion by half of it.
  CHECK(nt::sum(nt::diagonal(c)).item() == Approx(nt::sum(nt::diagonal(nt::linalg::inv(h))).item() / 4).epsilon(1e-10));
}

TEST_CASE("held rows and unused rows stay as they are") {
  Bundle b({.cameras = 4, .points = 20, .seen = 3});
  const nt::Tensor cameras = b.cameras.detach();
  b.problem.hold(b.cameras, {0, 1});
  const auto r = optim::least_squares(b.problem, {.stop = {.value_tolerance = 1e-8}});
  CHECK(r.converged());
  CHECK(r.unknowns == 2 * 9 + 60);
  CHECK(same_bits(nt::Tensor(r.xs[0])[nt::Slice(0, 2)].value(), cameras[nt::Slice(0, 2)].value()));
  CHECK(largest(r.xs[0][nt::Slice(2, 4)] - cameras[nt::Slice(2, 4)]) > 0);
  // Held cameras fix the origin: there is a covariance, that of the dense inverse.
  auto residuals = residuals_of(b.problem, {.solver = BlockSolver::dense_qr});
  residuals.linearize(residuals.start());
  const nt::Tensor j = dense(residuals);
  const nt::Tensor inverse = nt::linalg::inv(nt::matmul(nt::transpose(j, 0, 1), j));
  const nt::Tensor c = r.covariance({{b.cameras, 3}, {b.points, 7}, {b.cameras, 0}}, true);
  CHECK(c.shape() == nt::Shape{21, 21});
  // In units of the standard deviations: both lose digits to the condition of J^T J.
  const nt::Tensor deviations = nt::sqrt(nt::diagonal(inverse));
  const nt::Tensor scaled = inverse / deviations / nt::unsqueeze(deviations, 1);
  const nt::Tensor camera = deviations[nt::Slice(9, 18)], point = deviations[nt::Slice(39, 42)];
  const nt::Tensor own = c[{nt::Slice(0, 9), nt::Slice(0, 9)}] / camera / nt::unsqueeze(camera, 1);
  CHECK(largest(own - scaled[{nt::Slice(9, 18), nt::Slice(9, 18)}]) < 1e-5);
  const nt::Tensor across = c[{nt::Slice(0, 9), nt::Slice(9, 12)}] / point / nt::unsqueeze(camera, 1);
  CHECK(largest(across - scaled[{nt::Slice(9, 18), nt::Slice(39, 42)}]) < 1e-5);
  CHECK(largest(c[{nt::Slice(12, 21), nt::Slice(0, 21)}]) == 0);

  const nt::Parameter x(nt::ones({3, 1}, nt::f64));
  LeastSquaresProblem some;
  some.add([](const nt::Tensor& u) { return u - 5; }, {{x, nt::tensor({0, 2})}});
  const auto s = optim::least_squares(some);
  CHECK(s.converged());
  CHECK_THAT(s.message, contains("1 rows are in no residual"));
  CHECK(largest(s.xs[0] - nt::tensor({{5.}, {1.}, {5.}}, nt::f64)) < 1e-13);
  CHECK(s.xs[0][{1, 0}].item() == 1);
}

TEST_CASE("parameters of f32") {
  const nt::Parameter x(nt::tensor({{1.0F, 1.0F}}));
  LeastSquaresProblem problem;
  problem.add([](const nt::Tensor& u, const nt::Tensor& t) { return nt::exp(u) - t; }, {x, nt::tensor({{2.0F, 3.0F}})});
  const auto r = optim::least_squares(problem);
  INFO(optim::to_string(r));
  CHECK(r.converged());
  CHECK(r.xs[0].dtype() == nt::f32);
  CHECK(r.xs[0][{0, 1}].item() == Approx(std::log(3.0)).epsilon(1e-6));
}

TEST_CASE("the solver is chosen by size and structure") {
  const auto solver = [](const LeastSquaresProblem& p) {
    return optim::least_squares(p, {.stop = {.max_iterations = 1}}).solver;
  };
  CHECK(solver(PoseGraph().problem) == BlockSolver::dense_qr);
  CHECK(solver(Bundle({.cameras = 6, .points = 100}).problem) == BlockSolver::dense_schur);
  const bool sparse = nt::core::SparseCholesky::available();
  CHECK(solver(Bundle({.cameras = 80, .points = 900}).problem) ==
        (sparse ? BlockSolver::sparse_schur : BlockSolver::dense_schur));
  const nt::Parameter x(normal<nt::Array>({700, 1}, 61));
  LeastSquaresProblem chain;
  chain.add([](const nt::Tensor& a, const nt::Tensor& b) { return a - b; },
            {{x, nt::arange(699)}, {x, nt::arange(699) + 1}});
  CHECK(solver(chain) == (sparse ? BlockSolver::sparse_cholesky : BlockSolver::dense_cholesky));
}

TEST_CASE("problems that cannot be posed are refused") {
  const nt::Parameter x(nt::zeros({3, 2}, nt::f64));
  const auto f = [](const nt::Tensor& u) { return u; };
  LeastSquaresProblem p;
  CHECK_THROWS_WITH(
      p.add(f, {{x, nt::tensor({0, 3})}}, {.name = "priors"}),
      contains("group 0 (priors): argument 0: the index of block 1 is out of range") && contains("0 to 2"));
  CHECK_THROWS_WITH(p.add(f, {{x, nt::tensor({-1})}}), contains("-1"));
  CHECK_THROWS_AS(p.add(f, {{x, nt::tensor({0.5})}}), nt::DTypeError);
  CHECK_THROWS_WITH(p.add(f, {nt::ones({3}, nt::f64)}), contains("there is nothing to fit"));
  CHECK_THROWS_WITH(p.add(f, {{x, nt::tensor({0})}, x}), contains("another number of arguments"));
  const auto g = [](const nt::Tensor& u, const nt::Tensor& v) { return u - v; };
  CHECK_THROWS_AS(p.add(g, {{x, nt::tensor({0, 1})}, nt::ones({3, 2}, nt::f64)}), nt::ShapeError);
  CHECK_THROWS_AS(p.add(f, {nt::Parameter(nt::zeros({3}, nt::f64))}), nt::ShapeError);
  CHECK_THROWS_AS(p.add(f, {x}, {.loss_scale = 0}), nt::ValueError);
  CHECK(p.parameters().empty());
  CHECK_THROWS_WITH(optim::least_squares(p), contains("the problem has no residuals"));
  CHECK_THROWS_WITH(p.hold(x), contains("the parameter is not in the problem"));

  // An empty group adds nothing.
  p.add(f, {{x, nt::zeros({0}, nt::i64)}});
  CHECK_THROWS_WITH(optim::least_squares(p), contains("1 groups, all empty"));
  p.add(f, {x});
  CHECK_THROWS_AS(p.hold(x, {3}), nt::ValueError);
  CHECK_THROWS_WITH(p.set_manifold(x, Manifold::quaternion()), contains("quaternion: size 4, tangent 3"));
  const auto r = optim::least_squares(p);
  CHECK(r.converged());
  CHECK(r.value == 0);
  p.hold(x);
  CHECK_THROWS_WITH(optim::least_squares(p), contains("nothing may change"));

  // Rows that are not on their manifolds.
  const auto refused = [](const nt::Tensor& row, Manifold manifold) {
    LeastSquaresProblem problem;
    const nt::Parameter q(nt::concatenate({nt::reshape(row, {1, -1}), nt::reshape(row, {1, -1})}, 0));
    problem.add([](const nt::Tensor& u) { return 2. * u - 1.; }, {q});
    problem.set_manifold(q, std::move(manifold));
    try {
      optim::least_squares(problem);
    } catch (const nt::ValueError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const auto numbers = [](std::vector<double> v) {
    nt::Array a = nt::Array::empty({static_cast<std::int64_t>(v.size())}, nt::f64);
    std::copy(v.begin(), v.end(), a.data<double>());
    return nt::Tensor(a);
  };
  CHECK_THAT(refused(numbers({2, 0, 0, 0}), Manifold::quaternion()),
             contains("row 0 of parameter 0 is not on its manifold, quaternion") && contains("off by 1"));
  CHECK_THAT(refused(numbers({0.6, 0, 0.81, 0, 5, 6, 7}), Manifold::se3()), contains("se3"));
  CHECK_THAT(refused(numbers({-1, 0, 0, 0, 1, 0, 0, 0, 1}), Manifold::so3()), contains("so3"));
  CHECK_THAT(refused(numbers({1, 0.1, 0, 0, 1, 0, 0, 0, 1}), Manifold::so3()), contains("so3"));
  CHECK_THAT(refused(numbers({0, 0, 0}), Manifold::sphere(3)), contains("sphere"));
  const auto pair = Manifold::product({Manifold::euclidean(2), Manifold::quaternion()});
  CHECK_THAT(refused(numbers({9, 9, 1, 1, 0, 0}), pair), contains("product of euclidean quaternion"));
  // Those that are, up to rounding in seven digits.
  CHECK(refused(numbers({0.6, 0, 0.8000001, 0}), Manifold::quaternion()).empty());
  CHECK(refused(numbers({0.6, 0, 0.8, 0, 5, 6, 7}), Manifold::se3()).empty());
  CHECK(refused(numbers({0.6, -0.8, 0, 0.8, 0.6, 0, 0, 0, 1}), Manifold::so3()).empty());
  CHECK(refused(numbers({0, 3, 0}), Manifold::sphere(3)).empty());
  CHECK(refused(numbers({9, 9, 0.6, 0.8, 0, 0}), pair).empty());

  LeastSquaresProblem wrong;
  wrong.add([](const nt::Tensor& u) { return nt::sum(u); }, {x}, {.name = "sums"});
  CHECK_THROWS_WITH(optim::least_squares(wrong),
                    contains("group 0 (sums): the function must return a row of residuals"));
  LeastSquaresProblem single;
  single.add([](const nt::Tensor& u) { return u.to(nt::f32); }, {x});
  CHECK_THROWS_AS(optim::least_squares(single), nt::DTypeError);
  LeastSquaresProblem empty;
  CHECK_THROWS_AS(empty.add(nt::Function(), {x}), nt::ValueError);

  const PoseGraph graph;
  CHECK_THROWS_WITH(
      optim::least_squares(graph.problem, {.solver = BlockSolver::dense_schur, .eliminate = {graph.poses}}),
      contains("two of them meet in a residual"));
  CHECK_THROWS_AS(optim::least_squares(graph.problem, {.initial_damping = -1}), nt::ValueError);
  LeastSquaresProblem off;
  const nt::Parameter q(nt::ones({1, 3}, nt::f64));
  off.add(f, {q});
  off.set_manifold(q,
                   {.name = "shifted", .size = 3, .tangent = 3, .plus = [](const nt::Tensor& a, const nt::Tensor& d) {
                      return a + d + 1;
                    }});
  CHECK_THROWS_WITH(optim::least_squares(off), contains("plus(x, 0) = x for the points of the manifold shifted"));
}

TEST_CASE("nothing is known of a row that is in no residual; a row that is held is known exactly") {
  const nt::Parameter y(nt::ones({3, 1}, nt::f64));
  LeastSquaresProblem two_rows;
  two_rows.add([](const nt::Tensor& u) { return nt::concatenate({u, 2 * u}, 1); }, {{y, nt::tensor({0, 1})}});
  two_rows.hold(y, {1});
  const auto fit = optim::least_squares(two_rows);
  CHECK_THROWS_WITH(fit.covariance({{y, 0}, {y, 2}}), contains("in no residual"));
  CHECK(largest(fit.covariance({{y, 0}, {y, 1}}, true) - nt::tensor({{0.2, 0.}, {0., 0.}}, nt::f64)) < 1e-15);
}

TEST_CASE("runs of blocks end with a status") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const nt::Parameter x(nt::ones({2, 1}, nt::f64));
  LeastSquaresProblem not_finite;
  not_finite.add([&](const nt::Tensor& u) { return u * nan; }, {x});
  const auto r = optim::least_squares(not_finite);
  CHECK(r.status == optim::Status::not_finite);
  CHECK(same_bits(x.value(), nt::ones({2, 1}, nt::f64).value()));
  CHECK_THROWS_AS(r.covariance({{x, 0}}), nt::ValueError);

  // sqrt(u) has no value beyond 0: steps that cross it are rejected.
  LeastSquaresProblem edge;
  edge.add([](const nt::Tensor& u) { return nt::sqrt(u) - 0.1; }, {x});
  const auto s = optim::least_squares(edge);
  INFO(optim::to_string(s));
  CHECK(s.converged());
  CHECK(s.xs[0][{0, 0}].item() == Approx(0.01).epsilon(1e-9));

  // Columns that depend on each other: the damping copes, the covariance refuses.
  const nt::Parameter y(nt::ones({1, 2}, nt::f64));
  LeastSquaresProblem deficient;
  deficient.add([](const nt::Tensor& u) { return nt::sum(u, {-1}) - 3; }, {y});
  for (const auto algorithm : {LeastSquaresAlgorithm::levenberg_marquardt, LeastSquaresAlgorithm::dogleg,
                               LeastSquaresAlgorithm::gauss_newton}) {
    for (const auto kind : solvers()) {
      y.set_value(nt::ones({1, 2}, nt::f64));
      const auto t = optim::least_squares(deficient, {.algorithm = algorithm, .solver = kind});
      INFO(optim::to_string(algorithm) << ", " << optim::to_string(kind) << "\n" << optim::to_string(t));
      CHECK(t.converged());
      CHECK(nt::sum(t.xs[0]).item() == Approx(3).epsilon(1e-9));
      CHECK_THROWS_AS(t.covariance({{y, 0}}, true), nt::NumericalError);
    }
  }

  Bundle b({.cameras = 6, .points = 60});
  const auto limited = optim::least_squares(b.problem, {.stop = {.max_iterations = 2}});
  CHECK(limited.status == optim::Status::max_iterations);
  CHECK(optim::least_squares(b.problem, {.stop = {.max_seconds = 1e-9}}).status == optim::Status::max_seconds);
  CHECK(optim::least_squares(b.problem, {.stop = {.max_evaluations = 2}}).status == optim::Status::max_evaluations);
  const auto stopped = optim::least_squares(
      b.problem, {.stop = {.callback = [](const auto&, const auto& xs) { return xs.size() != 2; }}});
  CHECK(stopped.status == optim::Status::callback);

  // Rows that are mixed contradict the blocks' derivatives.
  const nt::Parameter z(normal<nt::Array>({4, 1}, 71));
  LeastSquaresProblem mixed;
  mixed.add([](const nt::Tensor& u) { return u - 3 * nt::mean(u.detach()) + 1; }, {z});
  const auto m = optim::least_squares(mixed, {.stop = {.max_iterations = 50}});
  CHECK_FALSE(m.converged());
}
