// SPDX-License-Identifier: BSD-3-Clause
// Optimizers on gradients in rows. PyTorch's steps: files/optim/make_sparse.py.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/embedding.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/first_order/shampoo.hpp>
#include <newtape/optim/first_order/sparse_adam.hpp>

#include <functional>
#include <memory>

namespace newtape {
namespace {

using Make = std::function<std::unique_ptr<optim::Optimizer>(const std::vector<Parameter>&)>;

template <class O, class Options>
Make make(const Options& options) {
  return [options](const std::vector<Parameter>& params) { return std::make_unique<O>(params, options); };
}

struct Case {
  const char* name;
  Make make;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"sparse_adam", make<optim::SparseAdam>(optim::SparseAdamOptions{.lr = 0.1})},
      {"sparse_adam_options",
       make<optim::SparseAdam>(optim::SparseAdamOptions{.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3})},
      {"sgd", make<optim::SGD>(optim::SGDOptions{.lr = 0.05})},
      {"adagrad", make<optim::Adagrad>(optim::AdagradOptions{.lr = 0.1})},
      {"adagrad_options", make<optim::Adagrad>(optim::AdagradOptions{
                              .lr = 0.1, .lr_decay = 0.2, .initial_accumulator_value = 0.5, .eps = 1e-3})}};
  return all;
}

Tensor loss_of(const Parameter& table, const Tensor& indices, const Tensor& c, bool sparse = true) {
  const Tensor e = embedding(indices, table, {.sparse = sparse});
  return sum(c * e) + sum(e * e) / 2;
}

/// The gradients of make_sparse.py's step.
void run_backward(const Reference& torch, const std::string& dtype, const Parameter& table, std::int64_t step,
                  bool sparse = true) {
  const Tensor indices = torch(dtype + "/indices");
  const Tensor c = torch(dtype + "/c");
  const auto once = [&](std::int64_t k) {
    const Tensor at = tensor({k});
    loss_of(table, squeeze(take(indices, at), 0), squeeze(take(c, at), 0), sparse).backward();
  };
  once(step);
  if (step == 2) once(0);
}

const Reference& torch_steps() {
  static const Reference reference("optim/sparse.txt");
  return reference;
}

}  // namespace

TEST_CASE("SparseAdam, SGD and Adagrad take PyTorch's steps on gradients in rows") {
  for (const auto& [name, make_optimizer] : cases()) {
    for (const DType dtype : {f64, f32}) {
      INFO(name << " " << newtape::name(dtype));
      const std::string at(newtape::name(dtype));
      const Parameter table(torch_steps()(at + "/start"));
      const auto optimizer = make_optimizer({table});
      for (std::int64_t step = 0; step < 6; ++step) {
        optimizer->zero_grad();
        run_backward(torch_steps(), at, table, step);
        CHECK(row_grad(table).defined());
        optimizer->step();
        // Some ten operations a step.
        CHECK(distance(table.value(), torch_steps()(at + "/" + name + "/" + std::to_string(step))) <=
              16 * static_cast<double>(step + 1) * epsilon(dtype));
      }
    }
  }
}

TEST_CASE("gradients in rows: SGD and Adagrad have the bits of dense steps") {
  for (const auto& [name, make_optimizer] : cases()) {
    if (std::string(name).find("adam") != std::string::npos) continue;
    INFO(name);
    const Parameter lazy(torch_steps()("f32/start"));
    const Parameter dense(core::copy(lazy.value()));
    const auto by_rows = make_optimizer({lazy});
    const auto whole = make_optimizer({dense});
    for (std::int64_t step = 0; step < 6; ++step) {
      by_rows->zero_grad();
      whole->zero_grad();
      run_backward(torch_steps(), "f32", lazy, step);
      run_backward(torch_steps(), "f32", dense, step, false);
      CHECK(row_grad(lazy).defined());
      CHECK(!row_grad(dense).defined());
      by_rows->step();
      whole->step();
      // Two backward calls may round the sums of a row differently.
      CHECK(distance(lazy.value(), dense.value()) <= (step < 2 ? 0 : 8 * epsilon(f32)));
    }
  }
}

TEST_CASE("SparseAdam leaves rows without a gradient, and their moments, as they are") {
  const Parameter table(torch_steps()("f32/start"));
  const Array before = core::copy(table.value());
  optim::SparseAdam optimizer({table}, {.lr = 0.1});
  const Tensor rows = tensor({5, 1, 5});
  for (int step = 0; step < 3; ++step)
    optimizer.step([&] { return sum(square(embedding(rows, table, {.sparse = true}))); });
  const Tensor others = tensor({0, 2, 3, 4, 6});
  CHECK(identical(take(table, others).value(), take(Tensor(before), others).value()));
  CHECK(distance(take(table, tensor({1, 5})).value(), take(Tensor(before), tensor({1, 5})).value()) > 0.1);
  for (const auto& [name, value] : optimizer.state_dict()) {
    if (name.find("exp_avg") == std::string::npos) continue;
    INFO(name);
    CHECK(max(abs(take(Tensor(value), others))).item() == 0);
    CHECK(min(abs(take(Tensor(value), tensor({1, 5})))).item() > 0);
  }
  // A state dict takes the run up again, with the same bits.
  const Parameter copied(core::copy(table.value()));
  optim::SparseAdam again({copied}, {.lr = 7});
  again.load_state_dict(optimizer.state_dict());
  const auto next = [&](optim::Optimizer& o, const Parameter& p) {
    o.step([&] { return sum(square(embedding(rows, p, {.sparse = true}))); });
  };
  next(optimizer, table);
  next(again, copied);
  CHECK(identical(table.value(), copied.value()));
}

TEST_CASE("gradients in rows are clipped as dense ones") {
  const Parameter lazy(torch_steps()("f64/start"));
  const Parameter dense(core::copy(lazy.value()));
  const Parameter other(tensor({3.0, -4.0}, f64).value());
  const auto grads = [&](const Parameter& p, bool sparse) {
    p.zero_grad();
    run_backward(torch_steps(), "f64", p, 2, sparse);
    other.set_grad(tensor({0.3, -0.4}, f64));
  };
  for (const bool by_value : {false, true}) {
    grads(lazy, true);
    double norm = 0;
    if (by_value) {
      optim::clip_grad_value({lazy, other}, 0.25);
    } else {
      norm = optim::clip_grad_norm({lazy, other}, 0.5);
    }
    const Tensor clipped = row_grad(lazy).to_dense();
    grads(dense, false);
    if (by_value) {
      optim::clip_grad_value({dense, other}, 0.25);
    } else {
      CHECK(norm == Approx(optim::clip_grad_norm({dense, other}, 0.5)).epsilon(16 * epsilon(f64)));
    }
    CHECK(distance(clipped.value(), dense.grad().value()) <= 16 * epsilon(f64));
  }
}

TEST_CASE("optimizers that do not take gradients in rows say which do") {
  const Parameter table(torch_steps()("f32/start"));
  const Array before = core::copy(table.value());
  run_backward(torch_steps(), "f32", table, 0);
  const auto refuses = [&](optim::Optimizer& optimizer, const char* part) {
    CHECK_THROWS_WITH(optimizer.step(), contains(part) && contains("SparseAdam") && contains("in rows"));
    CHECK(identical(table.value(), before));
    CHECK(row_grad(table).defined());
  };
  optim::Adam adam({table});
  refuses(adam, "Adam: the gradient");
  optim::AdamW adamw({table});
  refuses(adamw, "AdamW: the gradient");
  optim::SGD momentum({table}, {.momentum = 0.9});
  refuses(momentum, "momentum moves the other rows");
  optim::SGD decay({table}, {.weight_decay = 0.1});
  refuses(decay, "weight_decay moves the other rows");
  optim::Adagrad adagrad({table}, {.weight_decay = 0.1});
  refuses(adagrad, "weight_decay moves the other rows");
  optim::Shampoo shampoo({table});
  refuses(shampoo, "whole gradients");
  optim::SGD plain({table}, {.lr = 0.5});
  plain.step();
  CHECK(!identical(table.value(), before));
}

}  // namespace newtape
