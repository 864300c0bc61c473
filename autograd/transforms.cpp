// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms.hpp>

namespace newtape {

namespace {
std::vector<Tensor> variables(std::span<const Tensor> xs) {
  std::vector<Tensor> leaves;
  leaves.reserve(xs.size());
  for (const auto& x : xs) leaves.push_back(variable(x));
  return leaves;
}
}  // namespace

std::pair<Tensor, Tensor> jvp(const Function& f, std::span<const Tensor> xs, std::span<const Tensor> vs) {
  const auto leaves = variables(xs);
  const GradMode on(true);
  const Tensor y = f(leaves);
  if (!y.requires_grad()) return {y, zeros_like(y)};
  const Tensor u = variable(zeros_like(y));
  const auto pulled = grad(std::span(&y, 1), leaves, {.create_graph = true, .grad_outputs = {u}, .allow_unused = true});
  std::vector<Tensor> outputs;
  std::vector<Tensor> tangents;
  for (std::size_t i = 0; i < pulled.size(); ++i) {
    if (!pulled[i].requires_grad()) continue;  // f does not depend on this input
    outputs.push_back(pulled[i]);
    tangents.push_back(vs[i].detach());
  }
  if (outputs.empty()) return {y.detach(), zeros_like(y)};
  auto forward = grad(outputs, std::span(&u, 1), {.grad_outputs = tangents, .allow_unused = true});
  return {y.detach(), forward[0]};
}

std::pair<Tensor, std::vector<Tensor>> vjp(const Function& f, std::span<const Tensor> xs, const Tensor& cotangent) {
  const auto leaves = variables(xs);
  const GradMode on(true);
  const Tensor y = f(leaves);
  return {y.detach(), grad(std::span(&y, 1), leaves, {.grad_outputs = {cotangent}, .allow_unused = true})};
}

}  // namespace newtape
