// SPDX-License-Identifier: BSD-3-Clause
// Trains and saves checkpoints until it is done, or is killed: `resume <path> <rank> <n> <microseconds>` kills this rank so
// long after it has begun its n-th save (0: its first batch). Goes on from the last checkpoint at <path>. Rank 0 prints a
// hash of the parameters, the optimizer's state, the loader and the random state at the end. Run by resume.cmake.
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/mpi.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace nt = newtape;
namespace nn = nt::nn;

namespace {

constexpr int epochs = 4;

/// FNV-1a of all names and bytes.
std::uint64_t hash_of(const std::vector<nt::NamedArrays>& states) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  const auto add = [&](const void* from, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) hash = (hash ^ static_cast<const unsigned char*>(from)[i]) * 0x100000001B3U;
  };
  for (const auto& state : states) {
    for (const auto& [name, x] : state) {
      add(name.data(), name.size());
      add(x.raw(), static_cast<std::size_t>(x.size()) * nt::item_size(x.dtype()));
    }
  }
  return hash;
}

void kill_later(int microseconds) {
  std::thread([microseconds] {
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    std::raise(SIGKILL);
  }).detach();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string path = argv[1];
  const nt::mpi::Group world({.timeout = 20});
  const bool victim = world.rank() == std::atoi(argv[2]);
  const int when = std::atoi(argv[3]);
  const int delay = std::atoi(argv[4]);

  nt::manual_seed(1);
  const nn::Sequential model(nn::Linear(6, 64), nn::Tanh(), nn::Dropout(0.3), nn::Linear(64, 3));
  nt::optim::Adam optimizer(model.parameters(), {.lr = 0.02});
  nt::Generator g(5);
  const auto x = nt::random::normal({60, 6}, 0, 1, nt::f32, g);
  const auto y = nt::random::integers({60}, 0, 3, g);
  nt::data::Loader loader(nt::data::Dataset{x, y}, {.batch_size = 12, .shuffle = true, .seed = 3});
  nt::mpi::DataParallel parallel(model, world, {.shard_optimizer = true});

  if (const auto saved = nt::mpi::find_checkpoint(path, world)) {
    model.load_state_dict((*saved)["model"]);
    parallel.load_state_dict(optimizer, (*saved)["optimizer"]);
    nt::default_generator().load_state_dict((*saved)["generator"]);
    loader.load_state_dict((*saved)["loader"]);
    if (world.rank() == 0) std::printf("resumed in epoch %d\n", static_cast<int>(loader.epoch()));
  }
  int saves = 0;
  if (victim && when == 0) kill_later(delay);
  while (loader.epoch() < epochs) {
    for (auto& batch : loader) {
      parallel.step(optimizer, batch,
                    [&](const nt::Tensor& a, const nt::Tensor& b) { return nn::cross_entropy(model(a), b); });
      if (victim && ++saves == when) kill_later(delay);
      nt::mpi::save_checkpoint(path,
                               {{{"model", model.state_dict()},
                                 {"optimizer", parallel.local_state_dict(optimizer)},
                                 {"generator", nt::default_generator().state_dict()},
                                 {"loader", loader.state_dict()}}},
                               world);
    }
  }
  const auto state = parallel.state_dict(optimizer);
  if (world.rank() == 0) {
    std::printf("end %016llx\n",
                static_cast<unsigned long long>(
                    hash_of({model.state_dict(), state, nt::default_generator().state_dict(), loader.state_dict()})));
  }
}
