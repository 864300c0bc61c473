// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/module/draw_order.hpp>

#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cstring>

namespace newtape::nn::detail {

namespace {

/// How a parameter was drawn. The cell is only compared with others: it may be gone.
struct Draw {
  const Tensor* cell;
  std::uint64_t begin;
  std::function<Array(Generator&)> make;
};

/// Successive draws of this thread, without gaps, from one seed.
struct Log {
  std::vector<Draw> draws;
  std::uint64_t seed = 0;
  std::uint64_t end = 0;

  bool continues(const Generator& g) const { return !draws.empty() && g.seed() == seed && g.position() == end; }
};
thread_local Log history;

bool identical(const Array& a, const Array& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Array x = core::contiguous(a);
  const Array y = core::contiguous(b);
  return std::memcmp(x.raw(), y.raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype())) == 0;
}

Generator at(std::uint64_t seed, std::uint64_t position) {
  Generator g(seed);
  g.seek(position);
  return g;
}

/// A parameter and its draw, an index into the log.
struct Drawn {
  Parameter parameter;
  std::size_t draw;
};

/// The parameters of the modules that are in the log, module by module.
std::vector<Drawn> find_drawn(const std::vector<ModuleBase>& modules, const std::vector<Draw>& draws) {
  std::vector<Drawn> found;
  for (const auto& module : modules) {
    const auto first = static_cast<std::ptrdiff_t>(found.size());
    for (const auto& p : module.parameters()) {
      const auto last =
          std::find_if(draws.rbegin(), draws.rend(), [&](const Draw& d) { return d.cell == &p.tensor(); });
      if (last != draws.rend()) found.push_back({p, static_cast<std::size_t>(draws.rend() - last) - 1});
    }
    std::sort(found.begin() + first, found.end(), [](const Drawn& a, const Drawn& b) { return a.draw < b.draw; });
  }
  return found;
}

}  // namespace

void draw(const Parameter& p, Generator& generator, const std::function<Array(Generator&)>& make) {
  auto& log = history;
  const bool kept = &generator == &default_generator();
  if (kept && !log.continues(generator)) log = {{}, generator.seed(), generator.position()};
  const auto begin = generator.position();
  p.set_value(make(generator));
  if (!kept) return;
  log.draws.push_back({&p.tensor(), begin, make});
  log.end = generator.position();
}

void draw_in_order(const std::vector<ModuleBase>& modules) {
  auto& log = history;
  if (modules.size() < 2 || !log.continues(default_generator())) return;
  const auto found = find_drawn(modules, log.draws);
  const auto before = [](const Drawn& a, const Drawn& b) { return a.draw < b.draw; };
  if (std::is_sorted(found.begin(), found.end(), before)) return;
  // They must be all that was drawn since the first of them.
  const auto first = std::min_element(found.begin(), found.end(), before)->draw;
  if (found.size() != log.draws.size() - first) return;

  Generator g = at(log.seed, log.draws[first].begin);
  std::vector<Draw> again;
  for (const auto& [parameter, index] : found) {
    const Draw& old = log.draws[index];
    Generator then = at(log.seed, old.begin);
    const bool untouched = identical(old.make(then), parameter.value());
    again.push_back({old.cell, g.position(), old.make});
    const Array value = old.make(g);
    if (untouched) parameter.set_value(value);
  }
  std::copy(again.begin(), again.end(), log.draws.begin() + static_cast<std::ptrdiff_t>(first));
}

}  // namespace newtape::nn::detail
