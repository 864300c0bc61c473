// SPDX-License-Identifier: BSD-3-Clause
// Every row, with its gradients and theirs, captured: replays on other operands have the bits of the eager calls.
#include "driver.hpp"

#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>

#include <set>
#include <string>

namespace newtape::table {
namespace {

/// The value, the gradients for a fixed cotangent, and the gradients of a weighted sum of these.
std::vector<Tensor> value_and_gradients(const Row& row, const Sample& sample, const std::vector<Tensor>& operands) {
  std::vector<Tensor> xs;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const bool varies = row.order > 0 && is_float(row, i);
    xs.push_back(varies ? variable(operands[i]) : operands[i]);
  }
  const Tensor y = call(sample.call, xs);
  std::vector<Tensor> all{y};
  if (!y.requires_grad()) return all;
  const auto first = gradients(y, xs, Tensor(random_like(y.shape(), y.dtype(), 5)), row.order > 1);
  Tensor total;
  for (const auto& g : first) {
    if (!g.defined()) continue;
    all.push_back(g);
    if (!g.requires_grad()) continue;
    const Tensor part = sum(g * Tensor(random_like(g.shape(), g.dtype(), 6)));
    total = total.defined() ? total + part : part;
  }
  if (!total.defined()) return all;
  for (const auto& g : gradients(total, xs, ones(total.shape(), total.dtype()))) {
    if (g.defined()) all.push_back(g);
  }
  return all;
}

std::vector<Tensor> tensors(const std::vector<Array>& xs) { return {xs.begin(), xs.end()}; }

/// Whether the calls of a sample were replayed.
bool check_replays(const Row& row, const Sample& sample, DType dtype) {
  detail::CapturedFunction f(
      [&](std::span<const Tensor> xs) {
        return value_and_gradients(row, sample, std::vector<Tensor>(xs.begin(), xs.end()));
      },
      {.fallback = true});
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    const auto operands = draw(row, sample, dtype, seed < 3 ? 1 : seed);
    const auto want = value_and_gradients(row, sample, tensors(operands));
    const auto got = f.call(tensors(operands));
    REQUIRE(got.size() == want.size());
    for (std::size_t k = 0; k < got.size(); ++k) {
      INFO("call " << seed << ", result " << k << "\n" << f.plan());
      CHECK(got[k].shape() == want[k].shape());
      CHECK(bytes(got[k].value()) == bytes(want[k].value()));
    }
  }
  return f.counts().replayed > 0;
}

/// Operations some of whose samples read elements on the host, such as a number of steps: they fall back, and say so.
const std::set<std::string> on_host = {"argwhere",
                                       "corrcoef",
                                       "cov",
                                       "cov with counts",
                                       "custom_linear_solve",
                                       "custom_root",
                                       "det of singular matrices",
                                       "eig",
                                       "embedding_bag",
                                       "fractional_max_pool2d",
                                       "fractional_max_pool3d",
                                       "histc",
                                       "histogram",
                                       "histogram's edges",
                                       "histogram's weights",
                                       "index_reduce",
                                       "ldl",
                                       "logm",
                                       "lp_pool",
                                       "matrix_function",
                                       "matrix_function at equal values",
                                       "matrix_function, an exponential, at equal values",
                                       "matrix_log",
                                       "matrix_log at equal values",
                                       "matrix_rsqrt",
                                       "matrix_rsqrt at equal values",
                                       "nanmedian",
                                       "nanmedian of nothing",
                                       "nanquantile",
                                       "odeint_adjoint",
                                       "pca_lowrank",
                                       "quadratic_program",
                                       "repeat_interleave",
                                       "scatter_reduce amax",
                                       "scatter_reduce amin",
                                       "scatter_reduce prod",
                                       "segment_reduce",
                                       "singular_value_function",
                                       "singular_value_function at equal values",
                                       "solve_continuous_lyapunov",
                                       "solve_discrete_lyapunov",
                                       "solve_sylvester",
                                       "sqrtm",
                                       "svd_lowrank",
                                       "unique along an axis",
                                       "unique along an axis's counts",
                                       "unique along an axis's inverse",
                                       "whitening at equal values"};

TEST_CASE("table: captured calls, gradients and second gradients replay bit for bit") {
  each_row([](const Row& row) {
    bool replayed = true;
    for (const auto& sample : row.samples) {
      INFO(describe(row, sample));
      for (const DType dtype : {f64, f32}) {
        INFO(name(dtype));
        replayed = check_replays(row, sample, dtype) && replayed;
      }
    }
    CHECK(replayed != (on_host.count(row.name) != 0));
  });
}

}  // namespace
}  // namespace newtape::table
