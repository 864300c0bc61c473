// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/run.hpp>

#include <newtape/nn/module/random_streams.hpp>

#include <utility>

namespace newtape::inspect {

namespace {
std::pair<std::string_view, bool Vary::*> describe(Source source) {
  switch (source) {
    case Source::initialization: return {"initialization", &Vary::initialization};
    case Source::order: return {"order", &Vary::order};
    case Source::split: return {"split", &Vary::split};
    case Source::augmentation: return {"augmentation", &Vary::augmentation};
    default: return {"noise", &Vary::noise};
  }
}
}  // namespace

Generator Run::generator(Source source, std::string_view name) const {
  const auto [purpose, member] = describe(source);
  const Generator stream =
      Generator(seed_).fork(purpose).fork(vary_.*member ? static_cast<std::uint64_t>(index_) : std::uint64_t{0});
  return name.empty() ? stream : stream.fork(name);
}

data::LoaderOptions Run::loader(data::LoaderOptions options) const {
  options.shuffle = options.sampler.draw == nullptr;
  options.seed = seed(Source::order);
  options.transform_seed = seed(Source::augmentation);
  return options;
}

void Run::initialize(const nn::ModuleBase& model, std::string_view name) const {
  nn::redraw_initial_values(model, generator(Source::initialization, name));
  nn::use_random_streams(model, generator(Source::noise, name));
}

}  // namespace newtape::inspect
