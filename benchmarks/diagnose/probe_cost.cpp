// SPDX-License-Identifier: BSD-3-Clause
// The processor time of a training step with a Probe over that without one, in turns.
#include "probe_cost.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/probe/probe.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/transformer.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <vector>

namespace {

namespace nt = newtape;
namespace nn = newtape::nn;

struct Mlp : nn::Module<Mlp> {
  explicit Mlp(std::int64_t width)
      : a(add("a", nn::Linear(784, width))),
        b(add("b", nn::Linear(width, width))),
        c(add("c", nn::Linear(width, 10))) {}
  nt::Tensor forward(const nt::Tensor& x) const { return c(nt::relu(b(nt::relu(a(x))))); }
  nn::Linear a, b, c;
};
struct Transformer : nn::Module<Transformer> {
  static nn::TransformerEncoderLayer layer() { return nn::TransformerEncoderLayer(64, 4, {.dim_feedforward = 256}); }
  nn::Linear in = add("in", nn::Linear(32, 64));
  nn::TransformerEncoderLayer first = add("first", layer());
  nn::TransformerEncoderLayer second = add("second", layer());
  nn::Linear out = add("out", nn::Linear(64, 10));
  nt::Tensor forward(const nt::Tensor& x) const { return out(nt::mean(second(first(in(x))), 1)); }
};

double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class M>
void measure(const char* name, const M& plain, const nt::Tensor& x, int rounds) {
  const nt::Tensor y = nt::random::integers({x.shape(0)}, 0, 10);
  for (const std::int64_t every : {1, 10, 1000000}) {
    const M probed = nn::clone(plain);
    nt::optim::Adam a(plain.parameters(), {.lr = 1e-4});
    nt::optim::Adam b(probed.parameters(), {.lr = 1e-4});
    const nt::inspect::Probe probe(probed, b, {.every = every});
    const auto ten_steps = [&](const M& model, nt::optim::Adam& adam) {
      const double start = processor_seconds();
      for (int i = 0; i < 10; ++i) adam.step([&] { return nn::cross_entropy(model(x), y); });
      return processor_seconds() - start;
    };
    ten_steps(plain, a), ten_steps(probed, b);
    std::vector<double> ratios;
    std::vector<double> seconds;
    for (int r = 0; r < rounds; ++r) {
      double without = 0;
      double with = 0;
      if (r % 2 == 0) without = ten_steps(plain, a), with = ten_steps(probed, b);
      if (r % 2 == 1) with = ten_steps(probed, b), without = ten_steps(plain, a);
      ratios.push_back(with / without);
      seconds.push_back(without / 10);
    }
    std::sort(ratios.begin(), ratios.end());
    std::sort(seconds.begin(), seconds.end());
    const auto at = [&](double share) { return ratios[static_cast<std::size_t>(share * (rounds - 1))]; };
    fmt::print("{:<34} {:>8.3f} ms  every {:>7}: {:.4f} [{:.4f}, {:.4f}]\n", name, 1e3 * seconds[seconds.size() / 2],
               every, at(0.5), at(0.25), at(0.75));
  }
}

}  // namespace

void print_probe_cost() {
  fmt::print("a step without a probe, and with one over without: median and quartiles\n");
  measure("784-512-512-10, batch 64", Mlp(512), nt::Tensor(nt::random::uniform({64, 784})), 100);
  measure("784-64-64-10, batch 32", Mlp(64), nt::Tensor(nt::random::uniform({32, 784})), 1000);
  measure("transformer, d 64, t 32, batch 16", Transformer(), nt::Tensor(nt::random::normal({16, 32, 32})), 100);
}
