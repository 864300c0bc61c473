// SPDX-License-Identifier: BSD-3-Clause
// L-BFGS trains a network on the full batch, here 1500 digits; compared with Adam after as many gradients.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

#include <chrono>

namespace nt = newtape;
namespace nn = nt::nn;
namespace optim = nt::optim;

namespace {

nn::Sequential network() {
  nt::manual_seed(1);
  return nn::Sequential(nn::Linear(64, 48), nn::Tanh(), nn::Linear(48, 10));
}

double accuracy(const nn::Sequential& model, const nt::Tensor& x, const nt::Tensor& labels) {
  const nt::NoGrad off;
  return nt::mean((nt::argmax(model(x), 1) == labels).to(nt::f64)).item();
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t iterations = 200;
  CLI::App app{"L-BFGS on a network, with the full batch."};
  app.add_option("--iterations", iterations, "maximum number of iterations")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const auto [train, test] = nt::data::digits();
  const nt::Tensor x = nt::reshape(train.array("images"), {-1, 64});
  const nt::Tensor labels = train.array("labels");
  const nt::Tensor unseen = nt::reshape(test.array("images"), {-1, 64});
  const nt::Tensor unseen_labels = test.array("labels");
  // A small penalty, so that a minimum exists.
  const auto loss_of = [&](const nn::Sequential& model) {
    nt::Tensor loss = nn::cross_entropy(model(x), labels);
    for (const auto& p : model.parameters()) loss += 1e-4 * nt::sum(nt::square(p));
    return loss;
  };

  const auto model = network();
  const auto result =
      optim::minimize([&] { return loss_of(model); }, model.parameters(),
                      {.method = optim::lbfgs({.history = 20}), .stop = {.max_iterations = iterations}});
  fmt::print("L-BFGS, every 20th iteration\n{}\n", optim::trace_header());
  for (const auto& i : result.trace) {
    if (i.index % 20 == 0) fmt::print("{}\n", optim::to_string(i));
  }
  const double right = accuracy(model, unseen, unseen_labels);
  fmt::print("{} after {} iterations and {} evaluations: loss {:.5f}; {:.1f} % of {} test digits\n", result.message,
             result.iterations, result.counts.evaluations(), result.value, 100 * right, unseen.shape(0));

  // Adam on the same full batch, with as many gradients.
  const auto other = network();
  optim::Adam adam(other.parameters(), {.lr = 1e-2});
  double loss = 0;
  for (std::int64_t i = 0; i < result.counts.evaluations(); ++i) {
    adam.zero_grad();
    const nt::Tensor now = loss_of(other);
    now.backward();
    adam.step();
    loss = now.item();
  }
  fmt::print("Adam after as many gradients: loss {:.5f}; {:.1f} %\n", loss,
             100 * accuracy(other, unseen, unseen_labels));
  return result.value < loss && right > 0.9 ? 0 : 1;
}
