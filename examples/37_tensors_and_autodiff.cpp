// SPDX-License-Identifier: BSD-3-Clause
// Tensors are values, parameters are cells, modules are handles: what each means, checked line by line, and what errors
// say. The code of docs/tensors_and_autodiff.md and docs/errors.md.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;

bool all_true = true;
void expect(bool true_, const char* what) {
  if (!true_) fmt::print("not so: {}\n", what);
  all_true = all_true && true_;
}
bool near(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

void values() {
  const nt::Tensor x = nt::tensor({{1, 2}, {3, 4}}, nt::f64);
  nt::Tensor y = x;                                         // copies no memory
  y += 1;                                                   // y is another tensor now
  const nt::Tensor column = x[{nt::Slice(), 0}];            // a view: copies no memory either
  const nt::Tensor changed = nt::index_put(x, {0, 0}, 10);  // a copy in which one element differs
  expect(x[{0, 0}].item() == 1 && y[{0, 0}].item() == 2, "values do not change");
  expect(column[1].item() == 3 && changed[{0, 0}].item() == 10, "views and copies");
}

void derivatives() {
  const nt::Tensor x = nt::variable(nt::tensor({1, 2, 3}, nt::f64));
  const nt::Tensor y = nt::sum(nt::exp(x) * x);
  y.backward();  // adds dy/dx to x.grad()
  const nt::Tensor g = x.grad();

  // As functions, which leave every grad() alone.
  const auto f = [](const nt::Tensor& t) { return nt::sum(nt::exp(t) * t); };
  const nt::Tensor same = nt::grad(f)(x);
  const nt::Tensor h = nt::hessian(f, x);                          // [3, 3]
  const auto [value, hv] = nt::hvp(f, x, nt::ones({3}, nt::f64));  // H v without H
  const nt::Tensor third = nt::grad([&](const nt::Tensor& t) { return nt::sum(nt::hessian_diag(f, t)); })(x);
  const nt::Tensor rows = nt::vmap(f)(nt::stack({x.detach(), g}));  // f of each row: [2]
  expect(near(g[1].item(), 3 * std::exp(2)) && nt::array_equal(g, same), "the gradient is exp(x) (x + 1)");
  expect(near(h[{1, 1}].item(), 4 * std::exp(2)) && near(hv[1].item(), h[{1, 1}].item()),
         "the Hessian is exp(x) (x + 2)");
  expect(near(third[2].item(), 6 * std::exp(3)) && near(value.item(), y.item()),
         "the third derivative is exp(x) (x + 3)");
  expect(near(rows[0].item(), y.item()) && near(rows[1].item(), f(g).item()), "vmap is f of each row");
}

void cells() {
  const nt::Parameter p(nt::tensor({1, 2}, nt::f64));
  const nt::Parameter same = p;                 // the same cell
  const nt::Tensor before = p.tensor();         // the value that it has now
  const nt::Tensor y = nt::sum(nt::square(p));  // remembers that value
  p.set_value(nt::tensor({5, 5}, nt::f64));
  y.backward();  // the derivative at (1, 2)
  expect(same.tensor()[0].item() == 5 && before[0].item() == 1, "a cell has a new value, tensors keep theirs");
  expect(p.grad()[1].item() == 4, "the derivative belongs to the value that was read");
}

void handles() {
  const nn::Linear layer(3, 2);
  const nn::Linear same = layer;             // another handle to the same parameters
  const nn::Linear copy = nn::clone(layer);  // parameters of its own
  nt::optim::SGD optimizer(layer.parameters(), {.lr = 0.1});
  optimizer.step([&] { return nt::sum(layer(nt::ones({1, 3}))); });
  expect(nt::array_equal(same.weight.tensor(), layer.weight.tensor()), "handles share");
  expect(!nt::array_equal(copy.weight.tensor(), layer.weight.tensor()), "clones do not");
}

void errors() {
  try {
    nt::matmul(nt::ones({2, 3}), nt::ones({4, 5}));
  } catch (const nt::ShapeError& e) {
    fmt::print("{}\n\n", e.what());
  }
  try {
    const nt::DetectAnomaly on;
    const nt::Tensor x = nt::variable(nt::tensor({-1.0, 1.0}));
    nt::sum(nt::log(x)).backward();
    expect(false, "the logarithm of a negative number is an error under DetectAnomaly");
  } catch (const nt::NumericalError& e) {
    fmt::print("{}\n\n", e.what());
  }
}

int main() {
  values();
  derivatives();
  cells();
  handles();
  errors();
  fmt::print("{}: {}\n", all_true ? "all as the page says" : "something differs",
             "a tensor is a value, a parameter is a cell, a module is a handle.");
  return all_true ? 0 : 1;
}
