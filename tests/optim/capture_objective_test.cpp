// SPDX-License-Identifier: BSD-3-Clause
// The option `capture` of minimize and least_squares: the same runs, bit for bit.
#include "catch.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/optim.hpp>

#include <cstring>
#include <vector>

using namespace newtape;

namespace {

void check_same_run(const optim::Result& a, const optim::Result& b) {
  CHECK(a.status == b.status);
  CHECK(a.iterations == b.iterations);
  CHECK(a.value == b.value);
  REQUIRE(a.xs.size() == b.xs.size());
  for (std::size_t i = 0; i < a.xs.size(); ++i) {
    const Array& x = a.xs[i].value();
    CHECK(std::memcmp(x.raw(), b.xs[i].value().raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype())) == 0);
  }
}

/// Rosenbrock's function of n unknowns.
Tensor rosenbrock(const Tensor& x) {
  const std::int64_t n = x.size();
  const Tensor a = slice(x, 0, 0, n - 1), b = slice(x, 0, 1, n);
  return sum(100.0 * square(b - square(a)) + square(1.0 - a));
}

}  // namespace

TEST_CASE("minimize: captured objectives take the same steps") {
  const Tensor x0 = full({6}, -1.2, f64);
  for (const auto& method : {optim::bfgs(), optim::newton(), optim::trust_region_newton(), optim::newton_cg()}) {
    const auto eager = optim::minimize(rosenbrock, x0, {.method = method});
    const auto captured = optim::minimize(rosenbrock, x0, {.method = method, .capture = true});
    check_same_run(eager, captured);
    CHECK(eager.value < 1e-12);
  }
}

TEST_CASE("minimize: an objective that cannot be recorded is called as it is") {
  const auto reads = [](const Tensor& x) { return rosenbrock(x) * (sum(x).item() > -100 ? 1.0 : 2.0); };
  const Tensor x0 = full({3}, -1.2, f64);
  check_same_run(optim::minimize(reads, x0), optim::minimize(reads, x0, {.capture = true}));
}

TEST_CASE("minimize: captured over parameters") {
  const auto run = [](const optim::Method& method, bool capture) {
    const Parameter w(full({4}, 2.0, f64)), b(full({}, 1.0, f64));
    Generator g(1);
    const Tensor x(random::normal({20, 4}, 0, 1, f64, g));
    const auto loss = [&] { return mean(square(tanh(matmul(x, w.tensor())) - 0.3)) + 0.1 * square(b.tensor()); };
    return optim::minimize(loss, {w, b}, {.method = method, .capture = capture});
  };
  // Products with the Hessian, of two tensors, in more than the calls in which both ways to them are timed.
  for (const auto& method : {optim::newton_cg(), optim::trust_region_newton_cg()}) {
    const auto eager = run(method, false), captured = run(method, true);
    check_same_run(eager, captured);
    CHECK(eager.counts.products > 5);
    CHECK(captured.counts.products == eager.counts.products);
  }
  check_same_run(run(optim::bfgs(), false), run(optim::bfgs(), true));
}

TEST_CASE("least_squares: captured residuals take the same steps") {
  Generator g(2);
  const Tensor t = arange(40).to(f64) * 0.1;
  const Tensor noise = Tensor(random::normal({40}, 0, 0.01, f64, g));
  const Tensor y = 2.5 * exp(-1.3 * t) + 0.7 + noise;
  const auto residuals = [&](const Tensor& p) {
    return select(p, 0, 0) * exp(-select(p, 0, 1) * t) + select(p, 0, 2) - y;
  };
  const Tensor x0 = full({3}, 1.0, f64);
  for (const auto algorithm : {optim::LeastSquaresAlgorithm::levenberg_marquardt, optim::LeastSquaresAlgorithm::dogleg,
                               optim::LeastSquaresAlgorithm::gauss_newton}) {
    const auto eager = optim::least_squares(residuals, x0, {.algorithm = algorithm});
    const auto captured = optim::least_squares(residuals, x0, {.algorithm = algorithm, .capture = true});
    check_same_run(eager, captured);
    CHECK(eager.value < 40 * 0.01 * 0.01);
    CHECK(std::memcmp(eager.covariance().value().raw(), captured.covariance().value().raw(), 9 * sizeof(double)) == 0);
  }
}
