// SPDX-License-Identifier: BSD-3-Clause
// The processor time of a training step with a Probe, or a Profiler, over that without one, in turns.
#include "probe_cost.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/probe/probe.hpp>
#include <newtape/inspect/profile/profiler.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/transformer.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <string>
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

/// Two models with the same weights, trained on the same batch in turns, ten steps each.
template <class M>
class Turns {
 public:
  Turns(const M& model, const nt::Tensor& x)
      : plain_(nn::clone(model)), other_(nn::clone(model)), x_(x), y_(nt::random::integers({x.shape(0)}, 0, 10)) {}

  const M& other() const { return other_; }
  const nt::optim::Adam& optimizer() const { return of_other_; }

  /// Prints the time of a step of the plain model, and the other's over it. `begin` and `end` are called around the
  /// other's steps, and not timed.
  template <class Begin, class End>
  void print(const char* name, const std::string& what, int rounds, const Begin& begin, const End& end) {
    const auto other_steps = [&] {
      begin();
      const double seconds = ten_steps(other_, of_other_);
      end();
      return seconds;
    };
    ten_steps(plain_, of_plain_), other_steps();
    std::vector<double> ratios;
    std::vector<double> seconds;
    for (int r = 0; r < rounds; ++r) {
      double without = 0;
      double with = 0;
      if (r % 2 == 0) without = ten_steps(plain_, of_plain_), with = other_steps();
      if (r % 2 == 1) with = other_steps(), without = ten_steps(plain_, of_plain_);
      ratios.push_back(with / without);
      seconds.push_back(without / 10);
    }
    std::sort(ratios.begin(), ratios.end());
    std::sort(seconds.begin(), seconds.end());
    const auto at = [&](double share) { return ratios[static_cast<std::size_t>(share * (rounds - 1))]; };
    fmt::print("{:<34} {:>8.3f} ms  {:<22} {:.4f} [{:.4f}, {:.4f}]\n", name, 1e3 * seconds[seconds.size() / 2], what,
               at(0.5), at(0.25), at(0.75));
  }

 private:
  double ten_steps(const M& model, nt::optim::Adam& adam) const {
    const double start = processor_seconds();
    for (int i = 0; i < 10; ++i) adam.step([&] { return nn::cross_entropy(model(x_), y_); });
    return processor_seconds() - start;
  }

  M plain_, other_;
  nt::Tensor x_, y_;
  nt::optim::Adam of_plain_{plain_.parameters(), {.lr = 1e-4}};
  nt::optim::Adam of_other_{other_.parameters(), {.lr = 1e-4}};
};

template <class M>
void measure(const char* name, const M& model, const nt::Tensor& x, int rounds) {
  const auto nothing = [] {};
  for (const std::int64_t every : {1, 10, 1000000}) {
    Turns<M> turns(model, x);
    const nt::inspect::Probe probe(turns.other(), turns.optimizer(), {.every = every});
    turns.print(name, fmt::format("probe every {}", every), rounds, nothing, nothing);
  }
  for (const bool layers : {false, true}) {
    Turns<M> turns(model, x);
    std::optional<nt::inspect::Profiler> profiler;
    const auto begin = [&] {
      if (layers) {
        profiler.emplace(turns.other());
      } else {
        profiler.emplace();
      }
    };
    turns.print(name, layers ? "profiler with layers" : "profiler", rounds, begin, [&] { profiler->stop(); });
  }
}

}  // namespace

void print_probe_cost() {
  fmt::print("a step without a probe or profiler, and with one over without: median and quartiles\n");
  measure("784-512-512-10, batch 64", Mlp(512), nt::Tensor(nt::random::uniform({64, 784})), 100);
  measure("784-64-64-10, batch 32", Mlp(64), nt::Tensor(nt::random::uniform({32, 784})), 1000);
  measure("transformer, d 64, t 32, batch 16", Transformer(), nt::Tensor(nt::random::normal({16, 32, 32})), 100);
}
