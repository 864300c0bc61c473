// SPDX-License-Identifier: BSD-3-Clause
#include "bounds.hpp"
#include "catch.hpp"

#include <newtape/autograd/observe/backward_observer.hpp>
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/transforms/fuse.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/inspect/probe/probe.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/second_order/second_order.hpp>

#include <cmath>
#include <memory>
#include <optional>

using namespace newtape;

namespace {
struct ProbedMlp : nn::Module<ProbedMlp> {
  nn::Linear fc1 = add("fc1", nn::Linear(6, 8));
  nn::Linear fc2 = add("fc2", nn::Linear(8, 2));
  Tensor forward(const Tensor& x) const { return fc2(relu(fc1(x))); }
};

const inspect::ProbedParameter& parameter_of(const inspect::Probe& probe, const std::string& name) {
  for (const auto& p : probe.parameters()) {
    if (p.name == name) return p;
  }
  throw std::runtime_error("no parameter " + name);
}
const inspect::ProbedResult& result_of(const inspect::Probe& probe, const std::string& name) {
  for (const auto& r : probe.results()) {
    if (r.name() == name) return r;
  }
  throw std::runtime_error("no result " + name);
}
double norm_of(const Array& x) { return core::norm(x, 2).item(); }
std::int64_t count_zeros(const Array& x) {
  const Array flat = core::copy(x);
  std::int64_t zeros = 0;
  for (std::int64_t i = 0; i < flat.size(); ++i) zeros += flat.data<float>()[i] == 0 ? 1 : 0;
  return zeros;
}
}  // namespace

TEST_CASE("Probe measures parameters, gradients and steps") {
  const ProbedMlp model;
  optim::SGD sgd(model.parameters(), {.lr = 0.5});
  const Tensor x = random::normal({16, 6});
  const Tensor y = random::normal({16, 2});
  const inspect::Probe probe(model, sgd, {.every = 2});
  // f32 norms of at most 48 elements, from kernels that add in other orders.
  const double tolerance = 4 * bounds::gamma(50, f32);
  for (int step = 0; step < 4; ++step) {
    const double before = norm_of(model.fc1.parameter("weight").value());
    const double loss = sgd.step([&] { return nn::mse_loss(model(x), y); }).item();
    CHECK(probe.losses().latest().value == loss);
    const auto& p = parameter_of(probe, "fc1.weight");
    CHECK(p.held);
    CHECK(p.history.seen() == step / 2 + 1);
    if (step % 2 != 0) continue;
    const auto& r = p.history.latest();
    CHECK(r.step == step);
    CHECK(r.value.norm() == Approx(before).epsilon(tolerance));
    const double grad = norm_of(model.fc1.parameter("weight").grad().value());
    CHECK(r.grad.norm() == Approx(grad).epsilon(tolerance));
    CHECK(r.swept_norm == Approx(grad).epsilon(tolerance));
    // Rounding of p - lr g is relative to p.
    CHECK(std::abs(r.step_norm - 0.5 * grad) <= bounds::gamma(3, f32) * before + tolerance * grad);
    CHECK(r.update_ratio() == r.step_norm / r.value.norm());
  }
  CHECK(probe.steps() == 4);
  CHECK(probe.step_records().latest().lr == 0.5);
  CHECK(probe.step_records().latest().sweeps == 1);
}

TEST_CASE("Probe sees results of modules and tensors that come from functions") {
  const ProbedMlp model;
  optim::SGD sgd(model.parameters(), {.lr = 0.1});
  const Tensor x = random::normal({32, 6});
  const inspect::Probe probe(model, sgd, {.every = 1});
  const Tensor hidden = model.fc1(x).detach();
  sgd.step([&] { return mean(square(model(x))); });

  const auto& fc1 = result_of(probe, "fc1");
  CHECK(fc1.type == "Linear");
  CHECK(fc1.shape == Shape{32, 8});
  CHECK(fc1.history.latest().value.rms() ==
        Approx(norm_of(hidden.value()) / std::sqrt(256.0)).epsilon(4 * bounds::gamma(256, f32)));
  const auto& activation = result_of(probe, "fc2 input");
  CHECK(activation.op == "relu");
  const std::int64_t dead = count_zeros(relu(hidden).value());
  CHECK(activation.history.latest().value.zeros == dead);
  // The gradient of relu is 0 where its value is.
  CHECK(fc1.history.latest().grad.zeros >= dead);
  CHECK(result_of(probe, "model input").history.latest().value.examined == 32 * 6);
  CHECK(result_of(probe, "fc1 input").history.empty());  // the model's
  CHECK(result_of(probe, "fc2").history.latest().grad.examined == 64);
  CHECK(probe.to_string().find("fc2 input") != std::string::npos);
}

TEST_CASE("Probe tells clipped and accumulated gradients from those of the last sweep") {
  const ProbedMlp model;
  optim::SGD sgd(model.parameters(), {.lr = 0.0});
  const Tensor x = random::normal({16, 6});
  const inspect::Probe probe(model, sgd, {.every = 1});
  const auto backward = [&] { mean(square(model(x))).backward(); };

  backward();
  const double norm = optim::clip_grad_norm(model.parameters(), 1e-3);
  sgd.step();
  CHECK(probe.step_records().latest().swept_norm == Approx(norm).epsilon(bounds::gamma(100, f32)));
  CHECK(probe.step_records().latest().grad_norm == Approx(1e-3).epsilon(1e-3));

  sgd.zero_grad();
  backward();
  backward();
  sgd.step();
  CHECK(probe.step_records().latest().sweeps == 2);
  // The parameters have not changed, so that the sum is twice the gradient.
  CHECK(probe.step_records().latest().grad_norm == Approx(2 * norm).epsilon(bounds::gamma(100, f32)));
}

TEST_CASE("Probe counts saturated elements of any bounded activation") {
  struct Bounded : nn::Module<Bounded> {
    nn::Linear layer = add("layer", nn::Linear(1, 1));
    nn::Lambda<Tensor (*)(In)> activation = add("activation", nn::Lambda<Tensor (*)(In)>(tanh_of));
    static Tensor tanh_of(In x) { return newtape::tanh(std::move(x)); }
    Tensor forward(const Tensor& x) const { return activation(layer(x)); }
  };
  const Bounded model;
  model.layer.parameter("weight").set_value(Tensor(core::full({1, 1}, 1, f32)));
  model.layer.parameter("bias").set_value(Tensor(core::full({1}, 0, f32)));
  const inspect::Probe probe(model, {.every = 1});
  // tanh(6) = 0.99998771, tanh(0.5) = 0.46: of range 2, within 0.02 of the ends are the first two.
  const Tensor x = tensor({6.0, -6.0, 0.5, -0.5}).reshape({4, 1});
  mean(model(x)).backward();
  model.zero_grad();
  mean(model(x)).backward();
  const auto& r = result_of(probe, "activation").history.latest();
  CHECK(r.value.saturated == 2);
  CHECK(r.value.saturated_share() == 0.5);
}

TEST_CASE("Probe and its model and optimizer may be destroyed in any order") {
  std::optional<ProbedMlp> model(std::in_place);
  std::optional<optim::Adam> adam(std::in_place, model->parameters(), optim::AdamOptions{.lr = 0.01});
  std::optional<inspect::Probe> probe(std::in_place, *model, *adam, inspect::ProbeOptions{.every = 1});
  const Tensor x = random::normal({4, 6});
  const auto step = [&] { adam->step([&] { return mean(square((*model)(x))); }); };
  step();

  SECTION("probe first") {
    const Tensor pending = mean(square((*model)(x)));  // its nodes have the probe's hooks
    probe.reset();
    pending.backward();
    step();
    CHECK_FALSE(newtape::detail::backward_is_observed);
  }
  SECTION("optimizer first") {
    adam.reset();
    CHECK(probe->steps() == 1);
    probe.reset();
  }
  SECTION("model first") {
    model.reset();
    adam.reset();
    CHECK(parameter_of(*probe, "fc2.bias").history.seen() == 1);
  }
  SECTION("moved") {
    inspect::Probe other = std::move(*probe);
    probe.reset();
    step();
    CHECK(other.steps() == 2);
  }
}

TEST_CASE("Probe ignores clones, evaluation and forward passes that are not recorded") {
  const ProbedMlp model;
  optim::SGD sgd(model.parameters(), {.lr = 0.1});
  const inspect::Probe probe(model, sgd, {.every = 1});
  const Tensor x = random::normal({4, 6});
  const ProbedMlp other = nn::clone(model);
  mean(square(other(x))).backward();
  {
    const NoGrad off;
    model(x);
  }
  CHECK(probe.losses().empty());
  CHECK(result_of(probe, "fc1").history.empty());
}

TEST_CASE("Probe follows second-order methods and unfrozen parameters") {
  const ProbedMlp model;
  const Tensor x = random::normal({16, 6});
  const Tensor y = random::normal({16, 2});
  SECTION("L-BFGS") {
    optim::LBFGS lbfgs(model.parameters());
    const inspect::Probe probe(model, lbfgs, {.every = 1});
    lbfgs.step([&] { return nn::mse_loss(model(x), y); });
    const auto& r = parameter_of(probe, "fc1.weight").history.latest();
    CHECK(probe.steps() == 1);
    CHECK(r.step_norm > 0);
    CHECK(r.grad.norm() == Approx(norm_of(model.fc1.parameter("weight").grad().value())).epsilon(1e-5));
  }
  SECTION("unfrozen") {
    optim::SGD sgd(model.parameters(), {.lr = 0.1});
    model.fc1.requires_grad(false);
    const inspect::Probe probe(model, sgd, {.every = 1});
    sgd.step([&] { return nn::mse_loss(model(x), y); });
    CHECK(parameter_of(probe, "fc1.weight").history.latest().grad.examined == 0);
    model.fc1.requires_grad(true);
    sgd.step([&] { return nn::mse_loss(model(x), y); });
    CHECK(parameter_of(probe, "fc1.weight").history.latest().swept_norm > 0);
  }
}

TEST_CASE("History keeps a bounded, evenly spaced series with its ends") {
  for (const std::int64_t n : {1, 5, 8, 9, 100, 1000}) {
    inspect::History<std::int64_t> history(8);
    for (std::int64_t i = 0; i < n; ++i) history.push(i);
    const auto kept = history.records();
    CHECK(kept.size() <= 9);
    CHECK(kept.front() == 0);
    CHECK(kept.back() == n - 1);
    CHECK(history.seen() == n);
    for (std::size_t i = 2; i + 1 < kept.size(); ++i) CHECK(kept[i] - kept[i - 1] == kept[1] - kept[0]);
  }
}

TEST_CASE("Probe rejects options that make no sense") {
  const ProbedMlp model;
  CHECK_THROWS_AS(inspect::Probe(model, {.every = 0}), ValueError);
  CHECK_THROWS_AS(inspect::Probe(model, {.saturation = 0.6}), ValueError);
}

TEST_CASE("Probe looks at no placeholder arrays of fuse") {
  struct Fused : nn::Module<Fused> {
    nn::Lambda<Tensor (*)(In)> activation = add("activation", nn::Lambda<Tensor (*)(In)>(newtape::relu));
    Tensor forward(const Tensor& x) const {
      return fuse([this](const auto& v) { return activation(v * 2.0); }, x);
    }
  };
  const Fused model;
  const inspect::Probe probe(model, {.every = 1});
  const Tensor x = variable(core::full({3}, 2, f32));
  sum(model(x)).backward();
  CHECK(sum(x.grad()).item() == 6);
  CHECK(result_of(probe, "activation").history.empty());
}
