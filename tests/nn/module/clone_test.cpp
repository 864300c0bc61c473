// SPDX-License-Identifier: BSD-3-Clause
// Clones, the printed tree, and options of users' own modules.
#include "catch.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/nn/nn.hpp>

#include <fmt/format.h>
#include <sstream>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {

struct CloneNet : nn::Module<CloneNet> {
  nn::Linear first = add("first", nn::Linear(3, 4));
  nn::BatchNorm1d norm = add("norm", nn::BatchNorm1d(4));
  nn::Sequential last = add("last", nn::Sequential(nn::Linear(4, 4), nt::relu, nn::Linear(4, 2)));
  nn::ModuleList<nn::Linear> more = add("more", nn::ModuleList<nn::Linear>{nn::Linear(2, 2)});
  nn::Parameter scale = add("scale", nn::Parameter(nt::ones({2})));
  nt::Tensor forward(const nt::Tensor& x) const { return more[0](last(norm(first(x)))) * scale; }
};

/// Two names for one parameter.
struct TiedNet : nn::Module<TiedNet> {
  nn::Parameter in = add("in", nn::Parameter(nt::ones({2, 2})));
  nn::Parameter out = add("out", in);
  nt::Tensor forward(const nt::Tensor& x) const { return matmul(matmul(x, in), out); }
};

struct WarmOptions {
  double temperature = 1;
  bool shift = false;
};
struct WarmNet : nn::Module<WarmNet> {
  nt::Tensor forward(const nt::Tensor& x, const WarmOptions& options = {}) const {
    return x / options.temperature + (options.shift ? 1.0 : 0.0);
  }
};

}  // namespace

TEST_CASE("a clone of a module has values, modes and cells of its own") {
  nt::manual_seed(5);
  const CloneNet net;
  const nt::Tensor x = nt::randn({6, 3});
  net(x);
  const CloneNet copy = nn::clone(net);
  CHECK_FALSE(copy == net);
  const auto values = net.state_dict();
  const auto ours = copy.state_dict();
  REQUIRE(ours.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO(values[i].first);
    CHECK(ours[i].first == values[i].first);
    CHECK(nt::array_equal(ours[i].second, values[i].second));
  }
  // What forward uses is what is listed.
  for (const auto& p : copy.parameters()) p.set_value(nt::zeros(p.shape()));
  CHECK(nt::all(copy(x) == 0).item<bool>());
  CHECK(nt::any(net(x) != 0).item<bool>());
  CHECK(copy.parameters().size() == net.parameters().size());
  for (const auto& p : net.parameters()) {
    for (const auto& q : copy.parameters()) CHECK_FALSE(p == q);
  }
  copy.eval();
  CHECK(net.is_training());
  CHECK(net.last.is_training());
  CHECK_FALSE(copy.last.is_training());
  // Gradients go to the clone's own variables.
  const CloneNet other = nn::clone(net);
  nt::sum(other(x)).backward();
  CHECK(other.first.weight.grad().defined());
  CHECK_FALSE(net.first.weight.grad().defined());
  // Buffers, too.
  const nt::Tensor before = net.norm.running_mean.tensor();
  other(x);
  CHECK(nt::array_equal(net.norm.running_mean, before));
}

TEST_CASE("a clone shares what the original shares") {
  const TiedNet net;
  const TiedNet copy = nn::clone(net);
  CHECK(copy.in == copy.out);
  CHECK_FALSE(copy.in == net.in);
  CHECK(copy.parameters().size() == 1);
  const TiedNet alias = copy;  // outside of clone, copies refer to the same module
  CHECK(alias == copy);
  CHECK(alias.in == copy.in);
}

TEST_CASE("a clone keeps frozen parameters, parametrizations and hooks") {
  const CloneNet net;
  net.first.requires_grad(false);
  int calls = 0;
  net.register_forward_pre_hook([&](const nn::ModuleBase&, auto) { ++calls; });
  nn::parametrize::weight_norm(net.more[0]);
  const CloneNet copy = nn::clone(net);
  CHECK_FALSE(copy.first.weight.requires_grad());
  CHECK(copy.last.parameters()[0].requires_grad());
  copy(nt::ones({2, 3}));
  CHECK(calls == 1);
  for (const auto& [name, p] : copy.more.named_parameters()) {
    INFO(name);
    CHECK_FALSE(p == net.more.parameter(name));
  }
  // The computed weight follows the clone's originals.
  for (const auto& p : copy.more.parameters()) p.set_value(nt::ones(p.shape()));
  const nt::Tensor y = copy.more[0](nt::ones({1, 2}));
  CHECK(nt::allclose(y, nt::full({1, 2}, 1 + std::sqrt(2.0))));
}

TEST_CASE("a module prints as a tree") {
  const CloneNet net;
  net.last.requires_grad(false);
  const std::string text = nn::to_string(net);
  CHECK(text ==
        "CloneNet(scale [2]\n"
        "  (first): Linear(weight [4, 3], bias [4])\n"
        "  (norm): BatchNorm1d(weight [4], bias [4], running_mean [4], running_var [4], num_batches_tracked [])\n"
        "  (last): Sequential(\n"
        "    (0): Linear(weight [4, 4] frozen, bias [4] frozen)\n"
        "    (1): Lambda()\n"
        "    (2): Linear(weight [2, 4] frozen, bias [2] frozen)\n"
        "  )\n"
        "  (more): ModuleList(\n"
        "    (0): Linear(weight [2, 2], bias [2])\n"
        "  )\n"
        ")");
  CHECK(fmt::format("{}", net) == text);
  std::ostringstream os;
  os << net;
  CHECK(os.str() == text);
}

TEST_CASE("a module's own options are given in braces") {
  const WarmNet net;
  const nt::Tensor x = nt::tensor({2.0, 4});
  CHECK(nt::array_equal(net(x), x));
  CHECK(nt::array_equal(net(x, {.temperature = 2}), nt::tensor({1.0, 2})));
  CHECK(nt::array_equal(net(x, {.temperature = 2, .shift = true}), nt::tensor({2.0, 3})));
  const WarmOptions options{.shift = true};
  CHECK(nt::array_equal(net(x, options), nt::tensor({3.0, 5})));
  CHECK_THROWS_WITH(CloneNet()(nt::ones({2, 5})), contains("first: ") && contains("clone_test.cpp:"));
}
