// SPDX-License-Identifier: BSD-3-Clause
// LibTorch's side of `./dev bench optim lbfgs`: torch_lbfgs <problem> <f32|f64> <evaluations> prints a line for each
// evaluation: its number, the seconds so far, the loss.
#include "lbfgs_problem.hpp"

#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const bench::LbfgsProblem problem = bench::read_problem(argv[1]);
  const auto dtype = std::string(argv[2]) == "f32" ? torch::kFloat : torch::kDouble;
  const long evaluations = std::atol(argv[3]);
  torch::set_num_threads(1);

  const auto array = [&](const std::vector<double>& values, torch::IntArrayRef shape) {
    return torch::tensor(values, torch::kDouble).view(shape).to(dtype);
  };
  const auto x = array(problem.x, {problem.samples, problem.features});
  const auto labels = torch::tensor(problem.labels, torch::kDouble).to(torch::kLong);
  std::vector<torch::Tensor> p;
  const auto shapes = problem.shapes();
  for (std::size_t i = 0; i < shapes.size(); ++i) p.push_back(array(problem.parameters[i], shapes[i]).requires_grad_());

  const auto loss_of = [&] {
    auto h = torch::linear(x, p[0], p[1]);
    if (p.size() > 2) h = torch::linear(torch::tanh(h), p[2], p[3]);
    auto loss = torch::nn::functional::cross_entropy(h, labels);
    for (std::size_t i = 0; i < p.size(); i += 2) loss = loss + problem.penalty * p[i].square().sum();
    return loss;
  };
  // What the first evaluation sets up is not counted.
  loss_of().backward();

  torch::optim::LBFGS optimizer(p, torch::optim::LBFGSOptions(1)
                                       .max_iter(evaluations)
                                       .max_eval(evaluations)
                                       .tolerance_grad(1e-10)
                                       .tolerance_change(0)
                                       .history_size(10)
                                       .line_search_fn("strong_wolfe"));
  long count = 0;
  std::vector<std::pair<double, double>> trace;
  trace.reserve(static_cast<std::size_t>(2 * evaluations));
  const auto start = std::chrono::steady_clock::now();
  optimizer.step([&] {
    for (auto& q : p) q.mutable_grad().reset();
    auto loss = loss_of();
    loss.backward();
    ++count;
    trace.emplace_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                       loss.item().toDouble());
    return loss;
  });
  for (std::size_t i = 0; i < trace.size(); ++i)
    std::printf("%zu %.9g %.17g\n", i + 1, trace[i].first, trace[i].second);
}
