// SPDX-License-Identifier: BSD-3-Clause
// Loads a model saved by 05_fashion_mnist and applies it to pictures given on the command line.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

namespace nt = newtape;
namespace nn = nt::nn;

int main(int argc, char** argv) {
  std::string model_file;
  std::vector<std::string> pictures;
  bool invert = false;
  CLI::App app{"Classifies small images (PNG, JPEG, BMP, PGM, PPM)."};
  app.add_option("model", model_file, "a .safetensors file written by 05_fashion_mnist")->required();
  app.add_option("pictures", pictures, "images of the size that the model was trained on")->required();
  app.add_flag("--invert", invert, "for dark strokes on a bright background");
  CLI11_PARSE(app, argc, argv);

  try {
    // The shapes of the weights give the widths of the layers.
    const auto file = nt::data::load_safetensors(model_file);
    const auto width = [&](const char* layer) { return file[layer].shape(0); };
    const std::int64_t pixels = file["1.weight"].shape(1);
    const nn::Sequential model(nn::Flatten(), nn::Linear(pixels, width("1.weight")), nn::ReLU(),
                               nn::Linear(width("1.weight"), width("3.weight")), nn::ReLU(),
                               nn::Linear(width("3.weight"), width("5.weight")));
    model.load_state_dict(file.arrays);
    model.eval();
    const bool clothes = file.metadata.count("data") != 0 && file.metadata.at("data") == "fashion-mnist";

    const nt::NoGrad off;
    for (const auto& picture : pictures) {
      nt::Tensor image = nt::data::read_image(picture);
      if (invert) image = 1 - image;
      const nt::Tensor probability = nt::softmax(model(nt::unsqueeze(image, 0)));
      const int best = nt::argmax(probability, 1).item<int>();
      const std::string name = clothes ? nt::data::fashion_mnist_classes[best] : std::to_string(best);
      fmt::print("{}{}: {} ({:.1f} %)\n\n", nt::inspect::draw_image(image.value()), picture, name,
                 100 * nt::max(probability).item());
    }
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
