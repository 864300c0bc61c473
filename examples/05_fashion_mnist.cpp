// SPDX-License-Identifier: BSD-3-Clause
// Trains a multilayer perceptron on Fashion-MNIST (or, where that is not installed, on handwritten digits): progress,
// accuracy, confusion matrix, some images with their predictions, and a saved model for 06_apply_model.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

namespace nt = newtape;
namespace nn = nt::nn;

int main(int argc, char** argv) {
  int epochs = 10;
  int hidden = 256;
  double lr = 2e-3;
  std::int64_t batch_size = 128;
  bool digits = false;
  std::string model_file = "model.safetensors";
  std::string export_folder;
  std::string report_file = "report.html";
  CLI::App app{"Trains a classifier of small grey images."};
  app.add_option("--epochs", epochs, "passes over the training set")->capture_default_str();
  app.add_option("--hidden", hidden, "units of the first hidden layer; the second has half")->capture_default_str();
  app.add_option("--lr", lr, "initial learning rate; it falls to a tenth")->capture_default_str();
  app.add_option("--batch-size", batch_size, "images in a batch")->capture_default_str();
  app.add_option("--save", model_file, "file for the model")->capture_default_str();
  app.add_option("--report", report_file, "file for a report of the run, to open in a browser")->capture_default_str();
  app.add_option("--export-images", export_folder, "folder for five test images as PGM, for 06_apply_model");
  app.add_flag("--digits", digits, "train on the handwritten digits that come with Newtape");
  CLI11_PARSE(app, argc, argv);

  nt::data::TrainTest set;
  if (!digits) {
    try {
      set = nt::data::fashion_mnist();
    } catch (const nt::IoError& e) {
      fmt::print("{}\n\nContinuing with the handwritten digits.\n", e.what());
      digits = true;
    }
  }
  if (digits) set = nt::data::digits();
  std::vector<const char*> names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  if (!digits) names.assign(nt::data::fashion_mnist_classes, nt::data::fashion_mnist_classes + 10);
  const std::int64_t pixels = set.train.array(0).shape(1) * set.train.array(0).shape(2);
  fmt::print("{} training and {} test images of {} pixels\n", set.train.size(), set.test.size(), pixels);

  nt::manual_seed(1);
  const nn::Sequential model(nn::Flatten(), nn::Linear(pixels, hidden), nn::ReLU(), nn::Linear(hidden, hidden / 2),
                             nn::ReLU(), nn::Linear(hidden / 2, 10));
  nt::optim::Adam optimizer(model.parameters(), {.lr = lr});
  nt::data::Loader loader(set.train, {.batch_size = batch_size, .shuffle = true, .seed = 1});

  nt::inspect::Report report(report_file, {.title = digits ? "Handwritten digits" : "Fashion-MNIST"});
  report.set_config({{"data", digits ? "digits" : "fashion-mnist"},
                     {"epochs", epochs},
                     {"hidden", hidden},
                     {"lr", lr},
                     {"batch_size", batch_size}});
  std::int64_t step = 0;
  double seconds = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    nt::inspect::Progress progress(fmt::format("epoch {:2}/{}", epoch, epochs), set.train.size());
    optimizer.set_lr(lr * std::pow(0.1, static_cast<double>(epoch - 1) / std::max(1, epochs - 1)));
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      const nt::Tensor loss = nn::cross_entropy(model(x), y);
      loss.backward();
      optimizer.step();
      progress.advance(x.shape(0), loss.item());
      report.add_scalar("loss/train", loss.item(), ++step);
    }
    seconds += progress.seconds();
    std::vector<std::pair<std::string, double>> norms;
    for (const auto& [name, p] : model.named_parameters()) {
      norms.emplace_back(name, nt::sqrt(nt::sum(nt::square(p.grad()))).item());
    }
    report.add_column("gradient norms, one batch of each epoch", norms, epoch);
  }
  fmt::print("trained in {:.1f} s\n\n", seconds);

  model.eval();
  const nt::NoGrad off;
  const auto& [images, labels] = set.test.all();
  const nt::Tensor probability = nt::softmax(model(images));
  const nt::Array predicted = nt::argmax(probability, 1).value();
  const nt::Array confusion = nt::inspect::confusion_matrix(predicted, labels, 10);
  const double accuracy = nt::inspect::accuracy(confusion);
  fmt::print("{}\ntest accuracy {:.2f} %\n\n", nt::inspect::format_confusion(confusion, names), 100 * accuracy);

  const std::vector<std::string> classes(names.begin(), names.end());
  report.add_confusion("Confusion matrix", confusion, classes);
  std::vector<nt::Array> shown;
  std::vector<std::string> captions;
  for (int i = 0; i < 5; ++i) {
    const auto guess = nt::core::select(predicted, 0, i).item<int>();
    const auto truth = nt::core::select(labels, 0, i).item<int>();
    shown.push_back(nt::core::select(images, 0, i));
    captions.push_back(fmt::format("{} {:.0f} %{}", names[guess], 100 * nt::max(nt::select(probability, 0, i)).item(),
                                   guess == truth ? "" : fmt::format(" (is {})", names[truth])));
    if (!export_folder.empty())
      nt::data::write_image(fmt::format("{}/{}_{}.pgm", export_folder, i, names[truth]), shown.back());
  }
  fmt::print("{}\n", nt::inspect::draw_images(shown, captions));

  report.add_images("Predictions", shown, captions);
  report.add_text("Result", fmt::format("test accuracy {:.2f} %", 100 * accuracy));
  report.add_summary(nn::summary(model, {batch_size, images.shape(1), images.shape(2)}));
  report.finish();
  fmt::print("report of the run: {}\n", report.path());
  nt::data::save_safetensors(model_file, model.state_dict(), {{"data", digits ? "digits" : "fashion-mnist"}});
  fmt::print("saved {0}; to apply it: 06_apply_model {0} <pictures>\n", model_file);
  return accuracy > 0.85 ? 0 : 1;
}
