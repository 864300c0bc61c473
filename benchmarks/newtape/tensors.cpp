// SPDX-License-Identifier: BSD-3-Clause
// Single operations and chains of them; torch/tensors.cpp is the other side.
#include "problems.hpp"

#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/fuse.hpp>

namespace bench {

namespace {

Workload small_chain() {
  const auto x = variable({16}, 1);
  const auto y = variable({16}, 2);
  return gradients({x, y}, [=] { return problems::small_chain(x, y); });
}

Workload ew_chain() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] { return nt::sum(problems::elementwise_chain(x)); });
}

Workload fuse_chain() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] { return nt::sum(nt::fuse(problems::elementwise_chain, x)); });
}

Workload row_softmax() {
  const auto x = variable({1024, 1024}, 1);
  const auto b = variable({1024}, 2);
  return gradients({x, b}, [=] { return nt::mean(nt::log_softmax(x + b, -1)); });
}

Workload reduce_axis0() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] {
    const Tensor m = nt::mean(x, 0);
    return nt::sum(nt::mean(x * x, 0) - m * m);
  });
}

Workload transpose_mul() {
  const auto x = variable({1024, 1024}, 1);
  return gradients({x}, [=] { return nt::sum(nt::transpose(x) * x); });
}

Workload matmul(std::int64_t n) {
  const auto a = variable({n, n}, 1);
  const auto b = variable({n, n}, 2);
  const auto w = constant({n, n}, 3);
  return gradients({a, b}, [=] { return nt::sum(w * nt::matmul(a, b)); });
}

Workload bmm() {
  const auto a = variable({64, 64, 64}, 1);
  const auto b = variable({64, 64, 64}, 2);
  const auto w = constant({64, 64, 64}, 3);
  return gradients({a, b}, [=] { return nt::sum(w * nt::matmul(a, b)); });
}

const Workloads tensors{
    {"small_chain", small_chain},
    {"ew_chain", ew_chain},
    {"fuse_chain", fuse_chain},
    {"row_softmax", row_softmax},
    {"reduce_axis0", reduce_axis0},
    {"transpose_mul", transpose_mul},
    {"matmul_64", [] { return matmul(64); }},
    {"matmul_512", [] { return matmul(512); }},
    {"bmm", bmm},
};

}  // namespace

}  // namespace bench
