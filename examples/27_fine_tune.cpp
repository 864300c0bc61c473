// SPDX-License-Identifier: BSD-3-Clause
// Fine-tuning of an ONNX file: a network that PyTorch trained on the digits 0 to 4 learns 5 to 9. Its head is replaced,
// its body frozen; what is trained is saved. `--values` prints where another model can be cut.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

namespace nt = newtape;
namespace nn = nt::nn;

struct Network : nn::Module<Network> {
  nt::onnx::Model body;
  nn::Linear head;
  Network(const nt::onnx::Model& b, std::int64_t features)
      : body(add("body", b)), head(add("head", nn::Linear(features, 5))) {}
  nt::Tensor forward(nt::In x) const { return head(body(std::move(x))); }
};

/// The digits 5 to 9 as images [n, 1, 8, 8] with labels from 0.
std::pair<nt::Tensor, nt::Tensor> later_digits(const nt::data::Dataset& digits) {
  const auto wanted = nt::squeeze(nt::argwhere(nt::Tensor(digits.array("labels")) >= 5), 1).value();
  const nt::data::Dataset part = digits[wanted];
  return {nt::unsqueeze(nt::Tensor(part.array("images")), 1), nt::Tensor(part.array("labels")) - 5};
}

double percent_right(const Network& network, const nt::Tensor& x, const nt::Tensor& y) {
  const nt::NoGrad off;
  return 100 * nt::mean((nt::argmax(network(x), 1) == y).to(nt::f64)).item();
}

int main(int argc, char** argv) {
  std::string file, cut = "/Flatten_output_0", saved = "fine_tuned.safetensors";
  bool values = false;
  CLI::App app{"Replaces the head of an ONNX model, and trains the new one."};
  app.add_option("file", file, "examples/assets/digits_0_to_4.onnx, or a model of images [n, 1, 8, 8]")->required();
  app.add_option("--cut", cut, "the value [n, features] that the new head takes")->capture_default_str();
  app.add_option("--save", saved, "where the weights go")->capture_default_str();
  app.add_flag("--values", values, "print the values that can be cut at, and stop");
  CLI11_PARSE(app, argc, argv);

  const auto whole = nt::onnx::load(file);
  if (values) {
    for (const auto& name : whole.values()) fmt::print("{}\n", name);
    return 0;
  }
  fmt::print("{}\n", nn::summary(whole, {1, 1, 8, 8}));

  nt::manual_seed(0);
  const auto [train, test] = nt::data::digits();
  const auto [x, y] = later_digits(train);
  const auto [test_x, test_y] = later_digits(test);
  // The file has its normalisation and dropout in training mode; here they are to follow the module's.
  const auto body = nt::onnx::load(file, {.outputs = {cut}, .evaluable = true});
  const Network network(body, body(x).shape(1));
  network.body.requires_grad(false);
  network.eval();  // the body keeps its running statistics
  fmt::print("{}\n", nn::summary(network, {1, 1, 8, 8}));

  const double before = percent_right(network, test_x, test_y);
  nt::optim::AdamW optimizer(network.parameters(), {.lr = 1e-2});
  for (int step = 0; step < 100; ++step) {
    optimizer.zero_grad();
    nn::cross_entropy(network(x), y).backward();
    optimizer.step();
  }
  const double after = percent_right(network, test_x, test_y);
  nt::data::save_safetensors(saved, network.state_dict());
  fmt::print("digits 5 to 9 right: {:.1f} % with the new head, {:.1f} % after training it; saved as {}\n", before,
             after, saved);
  return after > 90 ? 0 : 1;
}
