// SPDX-License-Identifier: BSD-3-Clause
// Linear algebra in f64, one matrix a step; torch/linalg.cpp is the other side. Losses of eigenvectors and singular
// vectors are made of squares, so that the choice of signs does not matter.
#include "matrices.hpp"
#include "support.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/reduce.hpp>

namespace bench {

namespace {

Tensor general(std::int64_t n) { return nt::variable(array({n, n}, general_matrix(n, 1))); }
Tensor positive_definite(std::int64_t n) { return nt::variable(array({n, n}, positive_definite_matrix(n, 1))); }

Workload chol_solve(std::int64_t n) {
  const auto a = positive_definite(n);
  const auto b = variable<double>({n, 1}, 2);
  const auto w = constant<double>({n, 1}, 3);
  return gradients({a, b}, [=] { return nt::sum(w * nt::linalg::cholesky_solve(b, nt::linalg::cholesky(a))); });
}

Workload inv(std::int64_t n) {
  const auto a = general(n);
  const auto w = constant<double>({n, n}, 2);
  return gradients({a}, [=] { return nt::sum(w * nt::linalg::inv(a)); });
}

Workload eigh(std::int64_t n) {
  const auto a = positive_definite(n);
  const auto w = constant<double>({n}, 2);
  const auto u = constant<double>({n, n}, 3);
  return gradients({a}, [=] {
    const auto [values, vectors] = nt::linalg::eigh(a);
    return nt::sum(w * values) + nt::sum(u * nt::square(vectors));
  });
}

Workload svd(std::int64_t n) {
  const auto a = general(n);
  const auto w = constant<double>({n}, 2);
  const auto p = constant<double>({n, n}, 3);
  const auto q = constant<double>({n, n}, 4);
  return gradients({a}, [=] {
    const auto [u, s, vh] = nt::linalg::svd(a);
    return nt::sum(w * s) + nt::sum(p * nt::square(u)) + nt::sum(q * nt::square(vh));
  });
}

const Workloads linalg{
    {"chol_solve_32", [] { return chol_solve(32); }},
    {"chol_solve_256", [] { return chol_solve(256); }},
    {"inv_32", [] { return inv(32); }},
    {"inv_256", [] { return inv(256); }},
    {"eigh_32", [] { return eigh(32); }},
    {"eigh_256", [] { return eigh(256); }},
    {"svd_32", [] { return svd(32); }},
    {"svd_256", [] { return svd(256); }},
};

}  // namespace

}  // namespace bench
