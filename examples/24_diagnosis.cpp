// SPDX-License-Identifier: BSD-3-Clause
// Trains a network that fails, asks why, mends it as the diagnosis says, and shows both runs in one report.
#include <newtape/newtape.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace inspect = nt::inspect;

namespace {

nn::Sequential make_model() {
  return nn::Sequential(nn::Flatten(), nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 64), nn::ReLU(),
                        nn::Linear(64, 10));
}

/// Trains 400 steps, adds what a probe saw to the report, and returns the accuracy on `test`.
double train_and_show(inspect::Report& report, const std::string& name, double lr, const nt::data::Dataset& train,
                      const nt::data::Dataset& test) {
  nt::manual_seed(0);
  const nn::Sequential model = make_model();
  nt::optim::SGD optimizer(model.parameters(), {.lr = lr});
  const inspect::Probe probe(model, optimizer, {.every = 5});
  std::int64_t step = 0;
  for (std::uint64_t epoch = 0; step < 400; ++epoch) {
    nt::data::Loader loader(train, {.batch_size = 64, .shuffle = true, .seed = epoch});
    for (auto& [inputs, labels] : loader) {
      optimizer.step([&, &x = inputs, &y = labels] { return nn::cross_entropy(model(x), y); });
      if (++step == 400) break;
    }
  }
  report.add_probe(probe, name);

  const nt::NoGrad off;
  inspect::Accuracy accuracy;
  accuracy.update(model(test.arrays()[0]), test.arrays()[1]);
  return accuracy.compute().value;
}

}  // namespace

int main(int argc, char** argv) {
  const auto [train, test] = nt::data::digits();
  inspect::Report report(argc > 1 ? argv[1] : "diagnosis.html", {.title = "A network that failed, and its remedy"});
  const double failed = train_and_show(report, "as written", 5, train, test);

  const auto diagnosis = inspect::diagnose(
      make_model, [](const nn::Sequential& model) { return nt::optim::SGD(model.parameters(), {.lr = 5}); },
      {.train = train,
       .loss = [](const nt::Tensor& output, const nt::Tensor& target) { return nn::cross_entropy(output, target); },
       .test = test,
       .batch = 64},
      {.steps = 150});
  fmt::print("{}\n", diagnosis.to_string());
  report.add_diagnosis(diagnosis);

  const double mended = train_and_show(report, "mended", 0.11, train, test);
  report.add_table("Accuracy on test data", {{"run", "accuracy"},
                                             {"as written, lr 5", fmt::format("{:.3f}", failed)},
                                             {"mended, lr 0.11", fmt::format("{:.3f}", mended)}});
  report.finish();
  fmt::print("accuracy on test data: {:.3f} as written, {:.3f} mended; report: {}\n", failed, mended, report.path());
  const bool named = !diagnosis.causes.empty() && diagnosis.causes[0].name == "rate_too_high";
  return named && failed < 0.5 && mended > 0.8 ? 0 : 1;
}
