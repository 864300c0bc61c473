// SPDX-License-Identifier: BSD-3-Clause
// Properties of every first-order optimizer: one table, and one driver for each property.
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/muon.hpp>
#include <newtape/optim/first_order/proximal.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/first_order/shampoo.hpp>
#include <newtape/optim/optimizer.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>
#include <newtape/optim/second_order/hessian_diagonal.hpp>

#include <memory>

namespace nt = newtape;
namespace optim = newtape::optim;

namespace {

using Make = std::function<std::unique_ptr<optim::Optimizer>(const std::vector<nt::Parameter>&)>;

template <class O, class Options>
Make make(const Options& options) {
  return [options](const std::vector<nt::Parameter>& params) { return std::make_unique<O>(params, options); };
}

struct Row {
  std::string name;
  Make make;
  bool in_torch = true;   ///< files/optim/reference.txt has five of PyTorch's steps
  bool matrices = false;  ///< trains matrices only
};

const std::vector<Row> table = {
    {"sgd", make<optim::SGD>(optim::SgdOptions{.lr = 0.02})},
    {"sgd_momentum", make<optim::SGD>(optim::SgdOptions{.lr = 0.02, .momentum = 0.9})},
    {"sgd_nesterov", make<optim::SGD>(optim::SgdOptions{.lr = 0.02, .momentum = 0.9, .nesterov = true})},
    {"sgd_dampening", make<optim::SGD>(optim::SgdOptions{.lr = 0.02, .momentum = 0.8, .dampening = 0.3})},
    {"sgd_decay", make<optim::SGD>(optim::SgdOptions{.lr = 0.02, .momentum = 0.5, .weight_decay = 0.1})},
    {"adam", make<optim::Adam>(optim::AdamOptions{.lr = 0.1})},
    {"adam_options",
     make<optim::Adam>(optim::AdamOptions{.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.2})},
    {"adamw", make<optim::AdamW>(optim::AdamWOptions{.lr = 0.1})},
    {"adamw_options",
     make<optim::AdamW>(optim::AdamWOptions{.lr = 0.05, .betas = {0.8, 0.95}, .eps = 1e-3, .weight_decay = 0.2})},
    {"adam_amsgrad", make<optim::Adam>(optim::AdamOptions{.lr = 0.1, .betas = {0.5, 0.6}, .amsgrad = true})},
    {"adamw_amsgrad",
     make<optim::AdamW>(optim::AdamWOptions{.lr = 0.1, .betas = {0.5, 0.6}, .weight_decay = 0.3, .amsgrad = true})},
    {"radam", make<optim::RAdam>(optim::RAdamOptions{.lr = 0.1})},
    {"radam_options",
     make<optim::RAdam>(optim::RAdamOptions{.lr = 0.1, .betas = {0.8, 0.9}, .eps = 1e-3, .weight_decay = 0.2})},
    {"adagrad", make<optim::Adagrad>(optim::AdagradOptions{.lr = 0.1})},
    {"adagrad_options",
     make<optim::Adagrad>(optim::AdagradOptions{
         .lr = 0.1, .lr_decay = 0.2, .weight_decay = 0.1, .initial_accumulator_value = 0.5, .eps = 1e-3})},
    {"adadelta", make<optim::Adadelta>(optim::AdadeltaOptions{.lr = 1})},
    {"adadelta_options",
     make<optim::Adadelta>(optim::AdadeltaOptions{.lr = 0.5, .rho = 0.7, .eps = 1e-2, .weight_decay = 0.1})},
    {"rmsprop", make<optim::RMSprop>(optim::RmspropOptions{.lr = 0.02})},
    {"rmsprop_momentum", make<optim::RMSprop>(optim::RmspropOptions{.lr = 0.02, .momentum = 0.9})},
    {"rmsprop_centered", make<optim::RMSprop>(optim::RmspropOptions{.lr = 0.02, .centered = true})},
    {"rmsprop_options",
     make<optim::RMSprop>(optim::RmspropOptions{
         .lr = 0.02, .alpha = 0.8, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.7, .centered = true})},
    {"rprop", make<optim::Rprop>(optim::RpropOptions{.lr = 0.1})},
    {"rprop_options",
     make<optim::Rprop>(optim::RpropOptions{.lr = 0.3, .etas = {0.3, 1.7}, .step_sizes = {0.01, 0.5}})},
    // PyTorch 1.13 does not have these, or has them wrong; other tests compare them with their papers' formulas.
    {"nadam", make<optim::NAdam>(optim::NAdamOptions{.lr = 0.1}), false},
    {"lion", make<optim::Lion>(optim::LionOptions{.lr = 0.01, .weight_decay = 0.1}), false},
    {"lamb", make<optim::LAMB>(optim::LambOptions{.lr = 0.01, .weight_decay = 0.1}), false},
    {"schedule_free", make<optim::AdamWScheduleFree>(optim::AdamWScheduleFreeOptions{.lr = 0.01, .warmup_steps = 3}),
     false},
    {"muon", make<optim::Muon>(optim::MuonOptions{.weight_decay = 0.1}), false, true},
    {"shampoo", make<optim::Shampoo>(optim::ShampooOptions{.update_interval = 2}), false},
    {"shampoo_options",
     make<optim::Shampoo>(optim::ShampooOptions{.lr = 0.02,
                                                .momentum = 0.9,
                                                .beta2 = 0.9,
                                                .eps = 1e-2,
                                                .weight_decay = 0.1,
                                                .grafting = optim::Grafting::adagrad,
                                                .block_size = 2}),
     false},
    // The second gradient equals the first here: in all other directions Adam would see only rounding errors, which eps
    // keeps small.
    {"soap", make<optim::SOAP>(optim::SoapOptions{.lr = 0.02, .eps = 1e-2, .precondition_interval = 2}), false},
    {"adahessian", make<optim::AdaHessian>(optim::AdaHessianOptions{.seed = 3}), false},
    {"sophia", make<optim::Sophia>(optim::SophiaOptions{.lr = 0.01, .hessian_interval = 2, .seed = 3}), false},
    {"proximal_sgd", make<optim::ProximalSGD>(optim::ProximalSgdOptions{.lr = 0.02, .l1 = 0.1}), false},
    {"proximal_sgd_momentum",
     make<optim::ProximalSGD>(optim::ProximalSgdOptions{.lr = 0.02, .l1 = 0.1, .momentum = 0.9}), false},
    {"proximal_adam", make<optim::ProximalAdam>(optim::ProximalAdamOptions{.lr = 0.02, .l1 = 0.1}), false},
};

/// The problem of the reference: sum((x a - y)^2) + sum(c b^2).
struct Problem {
  nt::Tensor x, y, c;
  nt::Parameter a, b;

  Problem(const Reference& torch, const std::string& dtype, const Row& row)
      : x(torch(dtype + "/x")),
        y(torch(dtype + "/y")),
        c(nt::reshape(nt::Tensor(torch(dtype + "/c")), row.matrices ? nt::Shape{2, 2} : nt::Shape{4})),
        a(nt::core::copy(torch(dtype + "/a"))),
        b(nt::core::copy(nt::core::reshape(torch(dtype + "/b"), c.shape()))) {}
  nt::Tensor loss() const { return nt::sum(nt::square(nt::matmul(x, a) - y)) + nt::sum(c * b * b); }
  void train(optim::Optimizer& o, int steps) const {
    for (int i = 0; i < steps; ++i) o.step(loss());
  }
};

const Reference& reference() {
  static const Reference torch("optim/reference.txt");
  return torch;
}

void check_identical(const optim::StateDict& a, const optim::StateDict& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].first == b[i].first);
    CHECK(identical(a[i].second, b[i].second));
  }
}

}  // namespace

TEST_CASE("five steps of every optimizer agree with PyTorch's") {
  for (const auto& [dtype, tolerance] : {std::pair("f64", 1e-13), std::pair("f32", 2e-6)}) {
    for (const auto& row : table) {
      if (!row.in_torch) continue;
      const Problem p(reference(), dtype, row);
      const auto o = row.make({p.a, p.b});
      for (int step = 0; step < 5; ++step) {
        p.train(*o, 1);
        const auto at = std::string(dtype) + "/" + row.name + "/" + std::to_string(step) + "/";
        INFO(at);
        CHECK(distance(p.a.value(), reference()(at + "a")) < tolerance);
        CHECK(distance(p.b.value(), reference()(at + "b")) < tolerance);
      }
    }
  }
}

TEST_CASE("every optimizer resumes from a state dict bit for bit") {
  for (const auto& row : table) {
    for (const char* dtype : {"f32", "f64"}) {
      INFO(row.name << " " << dtype);
      const Problem whole(reference(), dtype, row);
      const auto first = row.make({whole.a, whole.b});
      whole.train(*first, 3);
      const auto state = first->state_dict("optimizer.");

      const Problem resumed(reference(), dtype, row);
      resumed.a.set_value(whole.a.value());
      resumed.b.set_value(whole.b.value());
      const auto second = row.make({resumed.a, resumed.b});
      second->set_lr(0.9);  // the state restores the learning rate
      second->load_state_dict(state, {.prefix = "optimizer."});
      whole.train(*first, 4);
      resumed.train(*second, 4);
      CHECK(identical(whole.a.value(), resumed.a.value()));
      CHECK(identical(whole.b.value(), resumed.b.value()));

      // Later steps did not change the saved state.
      const Problem again(reference(), dtype, row);
      const auto third = row.make({again.a, again.b});
      again.train(*third, 3);
      check_identical(state, third->state_dict("optimizer."));
    }
  }
}

TEST_CASE("every optimizer gives the same in f32 as in f64") {
  for (const auto& row : table) {
    INFO(row.name);
    const Problem single(reference(), "f32", row);
    const Problem exact(reference(), "f64", row);
    // Both from the same numbers.
    exact.a.set_value(nt::core::cast(single.a.value(), nt::f64));
    exact.b.set_value(nt::core::cast(single.b.value(), nt::f64));
    single.train(*row.make({single.a, single.b}), 5);
    exact.train(*row.make({exact.a, exact.b}), 5);
    CHECK(distance(nt::core::cast(single.a.value(), nt::f64), exact.a.value()) < 1e-4);
    CHECK(distance(nt::core::cast(single.b.value(), nt::f64), exact.b.value()) < 1e-4);
    CHECK_FALSE(identical(single.a.value(), reference()("f32/a")));
  }
}

TEST_CASE("every optimizer skips frozen parameters and those without a gradient") {
  for (const auto& row : table) {
    INFO(row.name);
    const Problem p(reference(), "f64", row);
    const Problem alone(reference(), "f64", row);
    const nt::Parameter unused(nt::ones({2, 2}, nt::f64));
    const nt::Parameter frozen(nt::ones({2, 3}, nt::f64));
    frozen.requires_grad(false);
    const auto o = row.make({unused, p.a, frozen, p.b});
    const auto other = row.make({alone.a, alone.b});
    for (int i = 0; i < 3; ++i) {
      o->step(p.loss() + nt::sum(frozen));
      alone.train(*other, 1);
    }
    CHECK(identical(unused.value(), nt::ones({2, 2}, nt::f64).value()));
    CHECK(identical(frozen.value(), nt::ones({2, 3}, nt::f64).value()));
    CHECK(identical(p.a.value(), alone.a.value()));
    CHECK(identical(p.b.value(), alone.b.value()));
    for (const auto& [name, value] : o->state_dict()) {
      CHECK(name.rfind("state.0", 0) != 0);
      CHECK(name.rfind("state.2", 0) != 0);
    }
    // No parameter to update.
    o->zero_grad();
    const nt::Array before = nt::core::copy(p.a.value());
    if (row.name != "adahessian") o->step();
    CHECK(identical(p.a.value(), before));
  }
}

TEST_CASE("every optimizer takes gradients of zeros, and parameters without elements") {
  for (const auto& row : table) {
    INFO(row.name);
    const nt::Parameter flat(nt::ones({3, 2}));
    const nt::Parameter none(nt::zeros({0, 3}));
    const nt::Parameter nowhere(nt::zeros({2, 0, 3}));
    const nt::Parameter nothing(row.matrices ? nt::zeros({0, 0}) : nt::zeros({0}));
    const auto params = std::vector{flat, none, nowhere, nothing};
    const auto o = row.make(params);
    const auto loss = [&] {
      nt::Tensor sum = nt::sum(0.0 * flat * flat);
      for (std::size_t i = 1; i < params.size(); ++i) sum = sum + nt::sum(params[i] * params[i]);
      return sum;
    };
    for (int i = 0; i < 3; ++i) o->step(loss());
    CHECK(nt::all(nt::isfinite(flat)).item<bool>());
    CHECK(none.shape() == nt::Shape{0, 3});
    CHECK(nowhere.shape() == nt::Shape{2, 0, 3});
    const auto state = o->state_dict();
    for (const auto& [name, value] : state) CHECK(nt::all(nt::isfinite(nt::Tensor(value))).item<bool>());
    const auto other = row.make(params);
    other->load_state_dict(state);
    check_identical(state, other->state_dict());
    o->step(loss());
  }
}

TEST_CASE("every optimizer takes scalars and kernels, and lowers a loss") {
  for (const auto& row : table) {
    INFO(row.name);
    Problem p(reference(), "f64", row);
    const nt::Parameter s(row.matrices ? nt::full({1, 1}, 0.5, nt::f64) : nt::tensor(0.5, nt::f64));
    p.c = nt::abs(p.c);
    const nt::Tensor weights = nt::reshape(nt::arange(24, nt::f64) / 12.0 + 0.5, {2, 3, 2, 2});
    const nt::Parameter kernel(0.1 * weights - 0.2);
    const auto o = row.make({p.a, p.b, s, kernel});
    const auto loss = [&] { return p.loss() + nt::sum(nt::square(s)) + nt::sum(weights * kernel * kernel); };
    const double first = loss().item();
    for (int i = 0; i < 30; ++i) o->step(loss());
    CHECK(loss().item() < first);
    CHECK(std::abs(s.value().item()) < 0.5);
  }
}

TEST_CASE("gradients of several parts of a batch add up to those of the whole") {
  for (const auto& row : table) {
    if (row.name == "adahessian") continue;  // it takes the loss itself
    INFO(row.name);
    const Problem whole(reference(), "f64", row);
    const Problem parts(reference(), "f64", row);
    const auto one = row.make({whole.a, whole.b});
    const auto other = row.make({parts.a, parts.b});
    for (int step = 0; step < 3; ++step) {
      one->zero_grad();
      nt::mean(nt::square(nt::matmul(whole.x, whole.a) - whole.y)).backward();
      one->step();
      other->zero_grad();
      constexpr int count = 3;
      for (int i = 0; i < count; ++i) {
        const nt::Slice rows(2 * i, 2 * i + 2);
        const nt::Tensor loss = nt::mean(nt::square(nt::matmul(parts.x[rows], parts.a) - parts.y[rows]));
        (loss / count).backward();
      }
      other->step();
      CHECK(distance(whole.a.value(), parts.a.value()) < 1e-9);
    }
    CHECK_FALSE(identical(whole.a.value(), reference()("f64/a")));
  }
}
