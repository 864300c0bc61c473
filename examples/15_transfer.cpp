// SPDX-License-Identifier: BSD-3-Clause
// Transfer learning: a network that PyTorch trained on the digits 0 to 4 learns 5 to 9 from a few examples, by a new
// head on the frozen body; against the same network trained from scratch.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

namespace nt = newtape;
namespace nn = nt::nn;

/// The architecture of the training script, examples/assets/make_digits_0_to_4.py.
struct Network : nn::Module<Network> {
  nn::Sequential body =
      add("body", nn::Sequential(nn::Conv2d(1, 32, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2),
                                 nn::Conv2d(32, 64, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten()));
  nn::Linear head = add("head", nn::Linear(256, 5));
  nt::Tensor forward(nt::In x) const { return head(body(nt::unsqueeze(std::move(x), 1))); }
};

/// The digits from `first` to `first` + 4, with labels from 0.
nt::data::Dataset five(const nt::data::Dataset& digits, std::int64_t first) {
  const nt::Tensor label = digits.array("labels");
  const nt::Tensor wanted = nt::argwhere(nt::logical_and(label >= first, label < first + 5));
  const nt::data::Dataset part = digits[nt::squeeze(wanted, 1).value()];
  const nt::Tensor from_0 = nt::Tensor(part.array("labels")) - first;
  return {part.array("images"), from_0.value()};
}

std::int64_t right(const Network& network, const nt::data::Dataset& digits) {
  const nt::NoGrad off;
  const auto& [x, y] = digits.arrays();
  return nt::sum(nt::argmax(network(x), 1) == y).item<std::int64_t>();
}

/// Trains the parameters that are not frozen.
void fit(const Network& network, const nt::data::Dataset& digits, int steps) {
  nt::optim::AdamW optimizer(network.parameters(), {.lr = 1e-2});
  const auto& [x, y] = digits.arrays();
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    nn::cross_entropy(network(x), y).backward();
    optimizer.step();
  }
}

int main(int argc, char** argv) {
  std::string file;
  std::int64_t shots = 3;
  int draws = 10;
  int steps = 100;
  CLI::App app{"Fine-tunes a network that PyTorch trained."};
  app.add_option("file", file, "examples/assets/digits_0_to_4.safetensors")->required();
  app.add_option("--shots", shots, "examples of each new digit")->capture_default_str();
  app.add_option("--draws", draws, "number of random draws of them; the results are means")->capture_default_str();
  app.add_option("--steps", steps, "training steps")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const auto saved = nt::data::load_safetensors(file);
  const auto [train, test] = nt::data::digits();
  const auto old_test = five(test, 0);
  const auto new_train = five(train, 5);
  const auto new_test = five(test, 5);

  const Network loaded;
  loaded.load_state_dict(saved.arrays);
  const auto as_trained = right(loaded, old_test);
  fmt::print("digits 0 to 4: {} of {} right, by {} {}\n", as_trained, old_test.size(), saved.metadata.at("made_by"),
             saved.metadata.at("right"));

  const auto share_right = [&](const Network& n) {
    return 100. * static_cast<double>(right(n, new_test)) / static_cast<double>(new_test.size()) / draws;
  };
  double before = 0;
  double tuned = 0;
  double scratch = 0;
  for (int draw = 0; draw < draws; ++draw) {
    nt::manual_seed(static_cast<std::uint64_t>(draw));
    const double share = static_cast<double>(5 * shots) / static_cast<double>(new_train.size());
    const auto few = nt::data::stratified_split(new_train, new_train.array(1), share, nt::default_generator()).first;

    const Network transferred;  // its head is new
    transferred.body.load_state_dict(saved.arrays, {.prefix = "body."});
    transferred.body.requires_grad(false);
    before += share_right(transferred);
    fit(transferred, few, steps);
    tuned += share_right(transferred);

    const Network fresh;
    fit(fresh, few, steps);
    scratch += share_right(fresh);
  }
  fmt::print("digits 5 to 9, {} examples of each, mean of {} draws:\n", shots, draws);
  fmt::print("  new head, untrained     {:5.1f} %\n", before);
  fmt::print("  new head, trained       {:5.1f} %\n", tuned);
  fmt::print("  trained from scratch    {:5.1f} %\n", scratch);
  return as_trained == std::stoll(saved.metadata.at("right")) && tuned > scratch ? 0 : 1;
}
