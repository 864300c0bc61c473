// SPDX-License-Identifier: BSD-3-Clause
// One file per run, replaced atomically; a resumed run gives bitwise equal results.
#include "catch.hpp"
#include "data/files.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/formats/checkpoint.hpp>
#include <newtape/data/formats/safetensors.hpp>
#include <newtape/data/loading/dataset.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace nt = newtape;
namespace nn = nt::nn;

namespace {

/// A run with all kinds of state: dropout, moments, a learning rate schedule, shuffled batches, noise.
struct Run {
  nn::Sequential model{nn::Linear(6, 8), nn::Tanh(), nn::Dropout(0.3), nn::Linear(8, 3)};
  nt::optim::AdamW optimizer{model.parameters(), {.lr = 0.02}};
  nt::data::Loader loader = make_loader();

  static nt::data::Loader make_loader() {
    nt::Generator g(5);
    const auto x = nt::random::normal({50, 6}, 0, 1, nt::f32, g);
    const auto y = nt::random::integers({50}, 0, 3, g);
    const nt::data::Transform noise = [](nt::data::Batch b, nt::Generator& generator) {
      b[0] = nt::core::add(b[0], nt::random::normal(b[0].shape(), 0, 0.1, nt::f32, generator));
      return b;
    };
    return nt::data::Loader(nt::data::Dataset{x, y}.map(noise),
                            {.batch_size = 8, .shuffle = true, .seed = 3, .workers = 2});
  }

  /// Trains until `epochs` or `stop_at` batches (in total) are done.
  void train(std::int64_t epochs, int stop_at, const std::string& path = {}) {
    int count = 0;
    while (loader.epoch() < epochs || count == 0) {
      for (auto& [x, y] : loader) {
        optimizer.set_lr(0.02 / (1 + static_cast<double>(loader.epoch())));
        optimizer.zero_grad();
        nn::cross_entropy(model(x), y).backward();
        optimizer.step();
        if (++count == stop_at) {
          save(path);
          return;
        }
      }
    }
  }
  void save(const std::string& path) const {
    nt::data::save_checkpoint(path, {{{"model", model.state_dict()},
                                      {"optimizer", optimizer.state_dict()},
                                      {"generator", nt::default_generator().state_dict()},
                                      {"loader", loader.state_dict()}},
                                     {{"note", "half way"}}});
  }
  void load(const std::string& path) {
    const auto c = nt::data::load_checkpoint(path);
    CHECK(c.metadata == std::map<std::string, std::string>{{"note", "half way"}});
    model.load_state_dict(c["model"]);
    optimizer.load_state_dict(c["optimizer"]);
    nt::default_generator().load_state_dict(c["generator"]);
    loader.load_state_dict(c["loader"]);
  }
};

}  // namespace

TEST_CASE("checkpoint: a run resumed anywhere gives the same bits as the uninterrupted run") {
  const TemporaryDirectory folder;
  const std::string path = folder / "run.safetensors";
  nt::manual_seed(17);
  Run whole;
  const auto start = whole.model.state_dict();
  const auto generator = nt::default_generator();
  whole.train(3, -1);
  const auto wanted = whole.model.state_dict();

  // In the first epoch, at its last batch (7 per epoch), in between, and in the last epoch.
  for (const int stop_at : {1, 5, 7, 8, 14, 20}) {
    INFO("stopped after " << stop_at << " batches");
    {
      nt::manual_seed(99);
      Run first;
      first.model.load_state_dict(start);
      nt::default_generator() = generator;
      first.train(3, stop_at, path);
    }
    nt::manual_seed(1234);
    Run second;
    second.load(path);
    second.train(3, -1);
    const auto got = second.model.state_dict();
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(identical(got[i].second, wanted[i].second));
  }
}

TEST_CASE("checkpoint: if the writer is killed, the old or the new file is intact") {
  const TemporaryDirectory folder;
  const std::string path = folder / "run.safetensors";
  const auto content = [](double k) {
    nt::data::Checkpoint c;
    c.parts = {{"model", {{"w", nt::core::full({60000}, k, nt::f32)}}},
               {"count", {{"k", nt::core::full({}, k, nt::f64)}}}};
    return c;
  };
  nt::data::save_checkpoint(path, content(0));
  double last = 0;
  for (int round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (double k = last + 1;; ++k) nt::data::save_checkpoint(path, content(k));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 700 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto c = nt::data::load_checkpoint(path);
    const double k = c["count"][0].second.item();
    REQUIRE(k >= last);
    REQUIRE(nt::core::min(c["model"][0].second).item() == k);
    REQUIRE(nt::core::max(c["model"][0].second).item() == k);
    last = k;
  }
  CHECK(last > 0);
}

TEST_CASE("checkpoint: parts and errors") {
  const TemporaryDirectory folder;
  const std::string path = folder / "run.safetensors";
  nt::data::save_checkpoint(path, {{{"empty", {}}, {"b", {{"x.y", nt::core::ones({2}, nt::f32)}}}}});
  const auto c = nt::data::load_checkpoint(path);
  CHECK(c.contains("empty"));
  CHECK(c["empty"].empty());
  CHECK(c["b"][0].first == "x.y");
  CHECK_THROWS_WITH(c["model"], contains("empty, b") && contains("model"));
  CHECK_THROWS_AS(nt::data::save_checkpoint(path, {{{"a.b", {}}}}), nt::ValueError);
  CHECK_THROWS_AS(nt::data::save_checkpoint(path, {{{"", {}}}}), nt::ValueError);
  CHECK_THROWS_AS(nt::data::save_checkpoint(path, {{{"a", {}}, {"a", {}}}}), nt::ValueError);
  CHECK(nt::data::load_checkpoint(path).contains("empty"));
  nt::data::save_safetensors(path, {{"x", nt::core::ones({2}, nt::f32)}});
  CHECK_THROWS_WITH(nt::data::load_checkpoint(path), contains("not a checkpoint"));
}

TEST_CASE("checkpoint: mismatched states change nothing") {
  auto loader = Run::make_loader();
  auto state = loader.state_dict();
  nt::data::Loader other(loader.dataset(), {.batch_size = 4});
  CHECK_THROWS_WITH(other.load_state_dict(state),
                    contains("batch_size: 8, but this loader has 4") && contains("shuffle"));
  state[1].second = nt::core::full({}, 8, nt::i64);
  CHECK_THROWS_WITH(loader.load_state_dict(state), contains("batch: not in [0, 7]"));
  state.pop_back();
  CHECK_THROWS_WITH(loader.load_state_dict(state), contains("missing: shuffle"));
  CHECK(loader.epoch() == 0);
  nt::Generator g(7);
  g.next();
  const auto saved = g.state_dict();
  nt::Generator h;
  CHECK_THROWS_AS(h.load_state_dict({}), nt::ValueError);
  h.load_state_dict(saved);
  CHECK(h.next() == g.next());
}
