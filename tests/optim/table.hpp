// SPDX-License-Identifier: BSD-3-Clause
// The table of optimizers: every class in the headers of optim/ has a row, and each row goes through every driver of
// properties (every_test.cpp, step_test.cpp).
#pragma once

#include "reference.hpp"

#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/optim/optimizer.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace newtape::optim::table {

/// What a step needs.
enum class Needs {
  gradients,  ///< gradients in the parameters are enough: step()
  loss,       ///< a recorded loss: step(loss)
  closure,    ///< step(closure)
  outputs,    ///< step(outputs, loss)
  residuals,  ///< step(closure) that returns residuals
};

struct Row {
  std::string name;
  std::function<std::unique_ptr<Optimizer>(const std::vector<Parameter>&)> make;
  Needs needs = Needs::gradients;
  bool in_torch = false;  ///< files/optim/reference.txt has five of PyTorch's steps
  bool matrices = false;  ///< trains matrices only
  /// Several line searches a step, whose paths in f32 and f64 part: the minimum that they reach is compared.
  bool converges = false;

  bool from_loss() const { return needs == Needs::gradients || needs == Needs::loss; }
};
const std::vector<Row>& rows();
/// The name of the row's class, without namespaces.
std::string type_of(const Row& row);

/// The problem of PyTorch's reference: sum((x a - y)^2) + sum(c b^2). For rows that need more than a loss c is positive,
/// so that there is a minimum.
struct Problem {
  Tensor x, y, c;
  Parameter a, b;
  UnaryFunction of_b = {};  ///< of b, what the loss sees in its place

  Problem(const std::string& dtype, const Row& row);

  std::vector<Parameter> params() const { return {a, b}; }
  Tensor loss() const;
  /// The errors and b as one vector, and the loss as a function of it.
  Tensor outputs() const;
  Tensor loss_of(const Tensor& outputs) const;
  /// Half of their sum of squares is the loss.
  Tensor residuals() const;

 private:
  Tensor seen() const { return of_b ? of_b(b) : b.tensor(); }
};

/// In f64, with a minimum for every row: c is positive. `matrices` as in Row.
Problem problem_with_minimum(const Row& row, bool matrices);

/// One step of a row's optimizer by a forward-only closure; calls `before` in each evaluation. Returns what the step
/// returns.
Tensor step(const Row& row, Optimizer& optimizer, const Problem& problem, const std::function<void()>& before = {});
void train(const Row& row, Optimizer& optimizer, const Problem& problem, int steps);

const Reference& reference();

}  // namespace newtape::optim::table
