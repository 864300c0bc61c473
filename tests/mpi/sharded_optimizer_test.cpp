// SPDX-License-Identifier: BSD-3-Clause
// The optimizer's state divided among ranks, against the same optimizer whole. Run by mpirun on 1, 2, 3 and 4 ranks.
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/mpi.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/schedule_free.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/first_order/shampoo.hpp>
#include <newtape/optim/fisher/kfac.hpp>

#include "arrays.hpp"
#include "catch.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace newtape;

namespace {

const mpi::Group& everyone() {
  static const mpi::Group group({.timeout = 30});
  return group;
}

/// Matrices of several sizes, and a parameter that gets no gradient.
struct Net : nn::Module<Net> {
  Net() {
    std::uint64_t i = 0;
    for (const auto& p : parameters()) {
      Generator g(++i);
      p.set_value(Tensor(random::normal(p.shape(), 0, 0.3, f32, g)));
    }
  }
  Tensor forward(const Tensor& x) const { return c(tanh(b(tanh(a(x))))); }
  nn::Linear a = add("a", nn::Linear(5, 16)), b = add("b", nn::Linear(16, 12)), c = add("c", nn::Linear(12, 3));
  Parameter unused = add("unused", Parameter(core::full({7}, 1, f32)));
};

using Make = std::function<std::unique_ptr<optim::Optimizer>(std::vector<Parameter>)>;
template <class O, class Options>
Make maker(Options options) {
  return [options](std::vector<Parameter> params) { return std::make_unique<O>(std::move(params), options); };
}

const std::vector<std::pair<std::string, Make>>& optimizers() {
  using namespace optim;
  static const std::vector<std::pair<std::string, Make>> all{
      {"SGD", maker<SGD>(SGDOptions{.lr = 0.05, .momentum = 0.9})},
      {"Adam", maker<Adam>(AdamOptions{.lr = 0.01, .amsgrad = true})},
      {"AdamW", maker<AdamW>(AdamWOptions{.lr = 0.01})},
      {"NAdam", maker<NAdam>(NAdamOptions{})},
      {"RAdam", maker<RAdam>(RAdamOptions{})},
      {"LAMB", maker<LAMB>(LAMBOptions{})},
      {"Adagrad", maker<Adagrad>(AdagradOptions{})},
      {"Adadelta", maker<Adadelta>(AdadeltaOptions{})},
      {"RMSprop", maker<RMSprop>(RMSpropOptions{})},
      {"Rprop", maker<Rprop>(RpropOptions{})},
      {"Lion", maker<Lion>(LionOptions{})},
      {"Shampoo", maker<Shampoo>(ShampooOptions{})},
      {"SOAP", maker<SOAP>(SOAPOptions{})}};
  return all;
}

data::Batch batch_of(std::uint64_t seed) {
  return {normal<Array>({24, 5}, seed, f32), normal<Array>({24, 3}, seed + 100, f32)};
}

void train(mpi::DataParallel& parallel, optim::Optimizer& optimizer, const Net& net, int from, int to) {
  for (int i = from; i < to; ++i) {
    parallel.step(optimizer, batch_of(static_cast<std::uint64_t>(i)),
                  [&](const Tensor& x, const Tensor& y) { return nn::mse_loss(net(x), y); });
  }
}

void check_same(const NamedArrays& a, const NamedArrays& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(a[i].first);
    CHECK(a[i].first == b[i].first);
    CHECK(same_bits(a[i].second, b[i].second));
  }
}

std::int64_t elements_of_moments(const NamedArrays& state) {
  std::int64_t n = 0;
  for (const auto& [key, x] : state) {
    if (key.starts_with("state.") && x.ndim() > 0) n += x.size();
  }
  return n;
}

}  // namespace

TEST_CASE("an optimizer divided among ranks gives the bits of the whole one, and its state") {
  for (const auto& [name, make] : optimizers()) {
    CAPTURE(name);
    const Net whole, divided;
    const auto of_whole = make(whole.parameters());
    const auto of_divided = make(divided.parameters());
    mpi::DataParallel a(whole, everyone(), {.shards = 0});
    mpi::DataParallel b(divided, everyone(), {.shards = 0, .shard_optimizer = true});
    train(a, *of_whole, whole, 0, 2);
    train(b, *of_divided, divided, 0, 2);
    check_same(whole.state_dict(), divided.state_dict());
    const auto state = b.state_dict(*of_divided);
    check_same(of_whole->state_dict(), state);
    if (name != "Adam" && name != "Shampoo") continue;

    // Resumed from the state of all, it goes on with the same bits, and holds its part only.
    const Net resumed;
    const auto of_resumed = make(resumed.parameters());
    mpi::DataParallel c(resumed, everyone(), {.shards = 0, .shard_optimizer = true});
    resumed.load_state_dict(divided.state_dict());
    c.load_state_dict(*of_resumed, state);
    check_same(c.local_state_dict(*of_resumed), of_resumed->state_dict());
    train(a, *of_whole, whole, 2, 3);
    train(c, *of_resumed, resumed, 2, 3);
    check_same(whole.state_dict(), resumed.state_dict());
  }
}

TEST_CASE("the moments of a rank are its share of all") {
  const Net net;
  optim::Adam adam(net.parameters());
  mpi::DataParallel parallel(net, everyone(), {.shard_optimizer = true});
  train(parallel, adam, net, 0, 1);
  std::int64_t trained = 0, largest = 0;
  for (const auto& p : net.parameters()) {
    if (p.grad().defined()) trained += p.size();
    largest = std::max(largest, p.size());
  }
  const auto own = elements_of_moments(adam.state_dict());
  CHECK(everyone().all_reduce(core::full({}, static_cast<double>(own), i64)).item<std::int64_t>() == 2 * trained);
  CHECK(elements_of_moments(parallel.state_dict(adam)) == 2 * trained);
  // Dealt out to the rank with the least, no rank has more than the mean and the largest parameter.
  CHECK(own <= 2 * ((trained + 7) / everyone().size() + largest));
  if (everyone().size() > 1) CHECK(own < 2 * trained);
}

TEST_CASE("state that an optimizer had before is divided, too") {
  const Net net;
  optim::Adam adam(net.parameters());
  mpi::DataParallel whole(net, everyone());
  train(whole, adam, net, 0, 1);
  const auto before = elements_of_moments(adam.state_dict());
  mpi::DataParallel divided(net, everyone(), {.shard_optimizer = true});
  train(divided, adam, net, 1, 2);
  const auto own = elements_of_moments(adam.state_dict());
  CHECK(everyone().all_reduce(core::full({}, static_cast<double>(own), i64)).item<std::int64_t>() == before);
}

TEST_CASE("gradients stay, and are clipped by the norm of all") {
  const Net a, b;
  for (const Net* net : {&a, &b}) {
    mpi::DataParallel parallel(*net, everyone(), {.shard_optimizer = net == &b, .max_norm = 1e-2});
    optim::SGD sgd(net->parameters(), {.lr = 0.1});
    train(parallel, sgd, *net, 0, 2);
  }
  check_same(a.state_dict(), b.state_dict());
  const auto p = a.parameters(), q = b.parameters();
  for (std::size_t i = 0; i < p.size(); ++i) {
    REQUIRE(p[i].grad().defined() == q[i].grad().defined());
    if (p[i].grad().defined()) CHECK(same_bits(p[i].grad().value(), q[i].grad().value()));
  }
}

TEST_CASE("an optimizer whose state cannot be divided is an error") {
  if (everyone().size() == 1) return;
  const Net net;
  mpi::DataParallel parallel(net, everyone(), {.shard_optimizer = true, .check_every = 0});
  optim::AdamWScheduleFree free(net.parameters());
  CHECK_THROWS_WITH(train(parallel, free, net, 0, 1), contains("cannot be divided") && contains("AdamWScheduleFree"));
  optim::KFAC kfac(net.parameters());
  CHECK_THROWS_WITH(train(parallel, kfac, net, 0, 1), contains("cannot be divided") && contains("layers"));
}
