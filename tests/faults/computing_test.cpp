// SPDX-License-Identifier: BSD-3-Clause
// Training steps, minimisers, linear algebra and the loader, as memory fails.
#include "faults.hpp"

#include <newtape/newtape.hpp>

using faults::Action;
using faults::bytes_of;
using faults::Resource;
using faults::survives;

namespace newtape {
namespace {

Tensor drawn(const Shape& shape, std::uint64_t seed) {
  Generator g(seed);
  return Tensor(random::normal(shape, 0, 1, f64, g));
}

TEST_CASE("faults: gradients, as memory fails") {
  const Tensor x = drawn({6, 5}, 1);
  const Tensor w = drawn({5, 4}, 2);
  const auto f = [x](const Tensor& v) { return sum(log_softmax(tanh(matmul(x, v)), 1) * matmul(x, v)); };
  survives({.name = "grad", .run = [&] { return bytes_of(grad(UnaryFunction(f))(w)); }}, Resource::memory);
  survives({.name = "hvp", .run = [&] { return bytes_of(hvp(UnaryFunction(f), w, w).second); }}, Resource::memory);
  survives({.name = "hessian", .run = [&] { return bytes_of(hessian(UnaryFunction(f), w)); }}, Resource::memory, 100);
}

TEST_CASE("faults: linear algebra, as memory fails") {
  for (const std::int64_t n : {5, 96}) {  // small matrices stay out of BLAS
    const Tensor a = drawn({n, n}, 3);
    const Tensor spd = matmul(a, transpose(a)) + 5.0 * eye(n, f64);
    const std::vector<Action> actions{
        {.name = "matmul", .run = [&] { return bytes_of(matmul(a, a)); }},
        {.name = "solve", .run = [&] { return bytes_of(linalg::solve(a, a)); }},
        {.name = "inv", .run = [&] { return bytes_of(linalg::inv(a)); }},
        {.name = "cholesky", .run = [&] { return bytes_of(linalg::cholesky(spd)); }},
        {.name = "qr", .run = [&] { return bytes_of(linalg::qr(a).r); }},
        {.name = "eig", .run = [&] { return bytes_of(linalg::eigvals(a)[0]); }},
        {.name = "eigh", .run = [&] { return bytes_of(linalg::eigh(spd).w); }},
        {.name = "svd", .run = [&] { return bytes_of(linalg::svd(a).s); }},
        {.name = "lstsq", .run = [&] { return bytes_of(linalg::lstsq(a, a).solution); }},
        {.name = "det", .run = [&] { return bytes_of(linalg::det(a)); }},
        {.name = "matrix_exp", .run = [&] { return bytes_of(linalg::matrix_exp(a)); }},
    };
    for (const auto& action : actions) survives(action, Resource::memory);
  }
}

/// A training step from a fixed start, with all its state.
struct Run {
  nn::Sequential model{nn::Linear(4, 6), nn::Tanh(), nn::Linear(6, 3)};
  Tensor x = drawn({8, 4}, 5).to(f32);
  Tensor y = tensor({0, 1, 2, 0, 1, 2, 0, 1}, i64);
  NamedArrays start = copied(model.state_dict());

  static NamedArrays copied(const NamedArrays& all) {
    NamedArrays copy;
    for (const auto& [name, v] : all) copy.push_back({name, core::copy(v)});
    return copy;
  }
  /// One step; the optimizer is made anew, as its state belongs to the step.
  template <class Optimizer>
  std::string step() {
    model.load_state_dict(start);
    Optimizer optimizer(model.parameters(), {});
    optimizer.zero_grad();
    nn::cross_entropy(model(x), y).backward();
    optimizer.step();
    return bytes_of(model.state_dict());
  }
};

template <class Optimizer>
void step_survives(const std::string& name) {
  Run run;
  const std::string before = bytes_of(run.start);
  const std::string after = run.step<Optimizer>();
  const auto damage = [&]() -> std::string {
    const std::string now = bytes_of(run.model.state_dict());
    return now == before || now == after ? "" : "parameters are half-changed";
  };
  survives({name, [&] { return run.step<Optimizer>(); }, [] {}, damage}, Resource::memory, 200);
}

TEST_CASE("faults: training steps, as memory fails") {
  step_survives<optim::SGD>("SGD");
  step_survives<optim::Adam>("Adam");
  step_survives<optim::AdamW>("AdamW");
  step_survives<optim::RMSprop>("RMSprop");
  step_survives<optim::Shampoo>("Shampoo");
  step_survives<optim::SOAP>("SOAP");
  step_survives<optim::LAMB>("LAMB");
}

TEST_CASE("faults: minimisers, as memory fails") {
  const auto rosenbrock = [](const Tensor& v) { return square(1.0 - v[0]) + 100.0 * square(v[1] - square(v[0])); };
  const Tensor start = tensor({-1.2, 1}, f64);
  survives({.name = "minimize", .run = [&] { return bytes_of(optim::minimize(UnaryFunction(rosenbrock), start).x()); }},
           Resource::memory, 60);
}

TEST_CASE("faults: the loader, as memory fails") {
  const data::Dataset examples{drawn({20, 3}, 7).value(), core::arange(20, i64)};
  for (const int workers : {1, 2}) {
    const auto run = [&] {
      data::Loader loader(examples, {.batch_size = 6, .shuffle = true, .seed = 3, .workers = workers});
      std::string text;
      for (auto& [x, y] : loader) text += bytes_of(Tensor(x)) + bytes_of(Tensor(y));
      return text;
    };
    survives({"loader of " + std::to_string(workers) + " workers", run}, Resource::memory, 150);
  }
}

}  // namespace
}  // namespace newtape
