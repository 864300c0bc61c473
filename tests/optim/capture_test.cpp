// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/optim.hpp>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace newtape;

namespace {

bool bits_equal(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.value().raw(), b.value().raw(), static_cast<std::size_t>(a.size()) * item_size(a.dtype())) == 0;
}

/// A network 4-8-1 with tanh.
struct SmallNet {
  explicit SmallNet(std::uint64_t seed) : random(seed) {}
  Generator random;
  Parameter w1{random::normal({8, 4}, 0, 0.5, f32, random)}, b1{random::normal({8}, 0, 0.5, f32, random)},
      w2{random::normal({1, 8}, 0, 0.5, f32, random)}, b2{random::normal({1}, 0, 0.5, f32, random)};

  std::vector<Parameter> parameters() const { return {w1, b1, w2, b2}; }
  Tensor operator()(const Tensor& x) const { return linear(tanh(linear(x, w1, b1)), w2, b2); }
};

using MakeOptimizer = std::function<std::unique_ptr<optim::Optimizer>(const std::vector<Parameter>&)>;

/// 20 steps with and without capture, from the same start: the same bits.
void check_training(const MakeOptimizer& make, bool clip) {
  SmallNet net(1), captured_net(1);
  const auto optimizer = make(net.parameters());
  const auto captured_optimizer = make(captured_net.parameters());
  const auto step_of = [clip](const SmallNet& n, optim::Optimizer& o) {
    return [&n, &o, clip](const Tensor& x, const Tensor& y) {
      o.zero_grad();
      const Tensor loss = mean(square(n(x) - y));
      loss.backward();
      if (clip) optim::clip_grad_norm(n.parameters(), 0.1);
      o.step();
      return loss;
    };
  };
  const auto eager = step_of(net, *optimizer);
  auto step = capture(step_of(captured_net, *captured_optimizer));
  Generator data(2);
  for (int i = 0; i < 20; ++i) {
    if (i == 12) {
      optimizer->set_lr(0.02);
      captured_optimizer->set_lr(0.02);
    }
    const Tensor x = random::normal({16, 4}, 0, 1, f32, data);
    const Tensor y = random::normal({16, 1}, 0, 1, f32, data);
    const Tensor a = eager(x, y);
    const Tensor b = step(x, y);
    INFO("step " << i << "\n" << step.plan());
    CHECK(bits_equal(a.detach(), b));
    CHECK_FALSE(b.requires_grad());
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(bits_equal(net.parameters()[k].detach(), captured_net.parameters()[k].detach()));
      CHECK(bits_equal(net.parameters()[k].grad(), captured_net.parameters()[k].grad()));
    }
  }
  CHECK(step.counts().recorded == 1);
  CHECK(step.counts().checked == 1);
  CHECK(step.counts().replayed == 18);
}

template <class O, class Options>
MakeOptimizer maker(const Options& options) {
  return [options](const std::vector<Parameter>& p) { return std::make_unique<O>(p, options); };
}

}  // namespace

TEST_CASE("capture: training steps replay bit for bit, with every change of the learning rate") {
  SECTION("SGD") { check_training(maker<optim::SGD>(optim::SGDOptions{.lr = 0.05}), false); }
  SECTION("momentum") { check_training(maker<optim::SGD>(optim::SGDOptions{.lr = 0.05, .momentum = 0.9}), true); }
  SECTION("Adam") { check_training(maker<optim::Adam>(optim::AdamOptions{.lr = 0.01}), false); }
  SECTION("AdamW") { check_training(maker<optim::AdamW>(optim::AdamWOptions{.lr = 0.01}), true); }
}
