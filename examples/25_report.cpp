// SPDX-License-Identifier: BSD-3-Clause
// Shows a run: nested progress bars and a curve in the terminal, metrics with their intervals, and a report of three
// seeds in one HTML file, with gradient norms, activations, a confusion matrix, and the pictures that were mistaken.
#include <newtape/newtape.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace inspect = nt::inspect;

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "report.html";
  const auto [train, test] = nt::data::digits();
  const auto& [images, labels] = test.arrays();
  const inspect::Config config{{"data", "digits"}, {"epochs", 20}, {"lr", 3e-3}, {"batch_size", 64}};
  inspect::Report report(path, {.title = "Handwritten digits, three seeds"});
  report.set_config(config);
  inspect::TensorBoardWriter board("report_events");  // the same for TensorBoard
  nn::Sequential model;
  std::vector<double> losses;

  inspect::Progress seeds("seeds", 3, {.unit = "runs"});
  for (int seed = 0; seed < 3; ++seed) {
    nt::manual_seed(seed);
    model = nn::Sequential(nn::Flatten(), nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 32), nn::ReLU(),
                           nn::Linear(32, 10));
    nt::optim::Adam optimizer(model.parameters(), {.lr = 3e-3});
    nt::data::Loader loader(train, {.batch_size = 64, .shuffle = true, .seed = static_cast<std::uint64_t>(seed)});
    inspect::EarlyStopping stopping({.patience = 2});
    std::int64_t step = 0;
    inspect::Progress epochs("epochs", 20, {.unit = "epochs", .plot = true});
    for (int epoch = 0; epoch < 20; ++epoch) {
      for (auto& [inputs, targets] : loader) {
        const nt::Tensor loss =
            optimizer.step([&, &x = inputs, &y = targets] { return nn::cross_entropy(model(x), y); });
        report.add_scalar("loss/train", loss.item(), step, seed);
        if (seed == 0) {
          losses.push_back(loss.item());
          board.add_scalar("loss/train", loss.item(), step);
          std::vector<std::pair<std::string, double>> norms;
          for (const auto& [name, p] : model.named_parameters()) {
            norms.emplace_back(name, nt::sqrt(nt::sum(nt::square(p.grad()))).item());
          }
          report.add_column("gradient norms", norms, step);
        }
        ++step;
      }
      const nt::NoGrad off;
      const double loss = nn::cross_entropy(model(images), labels).item();
      inspect::Accuracy accuracy;
      accuracy.update(model(images), labels);
      report.add_scalar("loss/test", loss, step, seed);
      report.add_scalar("accuracy/test", accuracy.compute().value, step, seed);
      epochs.advance(1, loss);
      if (stopping.step(loss)) break;
    }
    seeds.advance(1);
  }
  seeds.finish();

  const nt::NoGrad off;
  const nt::Tensor probability = nt::softmax(model(images));
  const nt::Array predicted = nt::argmax(probability, 1).value();
  inspect::ConfusionMatrix confusion(10);
  confusion.update(probability, labels);
  inspect::Calibration calibration({.bins = 10});
  calibration.update(probability, labels);
  std::vector<nt::Array> pictures;
  std::vector<std::string> captions;
  std::vector<bool> wrong;
  for (std::int64_t i = 0; i < test.size() && pictures.size() < 12; ++i) {
    const auto guess = nt::core::select(predicted, 0, i).item<int>();
    const auto truth = nt::core::select(labels, 0, i).item<int>();
    if (guess == truth && i > 4) continue;  // the first five, then mistakes
    pictures.push_back(nt::core::select(images, 0, i));
    captions.push_back(guess == truth ? fmt::format("{}", guess) : fmt::format("{}, is {}", guess, truth));
    wrong.push_back(guess != truth);
  }
  const std::string metrics =
      fmt::format("accuracy          {}\nmacro F1          {}\ncalibration error {}\nBrier score       {}\n",
                  confusion.accuracy(), confusion.f1(), calibration.ece(), calibration.brier());
  report.add_histogram("first hidden layer's weights", model.named_parameters()[0].second);
  report.add_spectrum("singular values of the first layer's weight",
                      nt::linalg::svdvals(model.named_parameters()[0].second.tensor()));
  report.add_confusion("Confusion matrix", confusion.counts());
  report.add_images("Predictions", pictures, captions, wrong);
  report.add_text("Metrics", metrics);
  const nn::Summary summary = nn::summary(model, {64, 8, 8});
  report.add_summary(summary);
  report.finish();
  board.add_hparams(config, {{"accuracy", confusion.accuracy().value}});

  fmt::print("{}\n", inspect::plot(losses, {.title = "loss of the first run", .rows = 6}));
  fmt::print("{}\n{}\n{}\n", inspect::draw_images(std::span(pictures).first(5), captions, {.columns = 8}), summary,
             metrics);
  fmt::print("report: {}; events for TensorBoard: {}\n", report.path(), board.path());
  return confusion.accuracy().value > 0.9 ? 0 : 1;
}
