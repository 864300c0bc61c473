// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/module/draw_order.hpp>

#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

namespace newtape::nn::detail {

bool identical(const Array& a, const Array& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Array x = core::contiguous(a);
  const Array y = core::contiguous(b);
  return std::memcmp(x.raw(), y.raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype())) == 0;
}

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
thread_local RecordDraws* recording = nullptr;

Generator at(std::uint64_t seed, std::uint64_t position) {
  Generator g(seed);
  g.seek(position);
  return g;
}

/// What was drawn, a parameter, a buffer or the initial value of a parametrized parameter, with the index of its draw.
struct Drawn {
  std::function<void(const Array&)> set;
  std::function<bool(const Array&)> untouched;  ///< empty for a buffer, which belongs to a parametrization
  bool derived;                                 ///< set after all others, as it may use the buffers
  std::size_t draw;
  std::optional<Parameter> parameter = {};  ///< if it is one
};

/// What of the modules is in the log, module by module.
std::vector<Drawn> find_drawn(const std::vector<ModuleBase>& modules, const std::vector<Draw>& draws) {
  std::vector<Drawn> found;
  for (const auto& module : modules) {
    const auto first = static_cast<std::ptrdiff_t>(found.size());
    const auto add = [&](const Tensor& cell, auto set, auto untouched, bool derived = false) {
      const auto last = std::find_if(draws.rbegin(), draws.rend(), [&](const Draw& d) { return d.cell == &cell; });
      if (last == draws.rend()) return;
      found.push_back({set, untouched, derived, static_cast<std::size_t>(draws.rend() - last) - 1});
    };
    for (const auto& p : module.parameters()) {
      const auto before = found.size();
      add(
          p.tensor(), [p](const Array& x) { p.set_value(x); }, [p](const Array& x) { return identical(x, p.value()); });
      if (found.size() > before) found.back().parameter = p;
    }
    for (const auto& b : module.buffers()) {
      add(
          b.tensor(), [b](const Array& x) { b.set_value(x); }, std::function<bool(const Array&)>());
    }
    for (const auto& o : drawn_originals(module)) add(o.cell.tensor(), o.reset, o.follows, true);
    std::sort(found.begin() + first, found.end(), [](const Drawn& a, const Drawn& b) { return a.draw < b.draw; });
  }
  return found;
}

/// Sets p to make(generator), and remembers how if it is the default generator.
template <class Cell>
void set_drawn(const Cell& p, Generator& generator, const std::function<Array(Generator&)>& make) {
  auto& log = history;
  const bool kept = &generator == &default_generator();
  if (kept && !log.continues(generator)) log = {{}, generator.seed(), generator.position()};
  const auto begin = generator.position();
  p.set_value(make(generator));
  if (!kept) return;
  if constexpr (std::is_same_v<Cell, Parameter>) {
    if (recording != nullptr) recording->record(p, at(generator.seed(), begin), make);
  }
  log.draws.push_back({&p.tensor(), begin, make});
  log.end = generator.position();
}

}  // namespace

void draw(const Parameter& p, Generator& generator, const std::function<Array(Generator&)>& make) {
  set_drawn(p, generator, make);
}
void draw(const Buffer& b, Generator& generator, const std::function<Array(Generator&)>& make) {
  set_drawn(b, generator, make);
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
  std::vector<Array> values;
  std::vector<bool> untouched;
  bool all_untouched = true;
  for (const auto& one : found) {
    const Draw& old = log.draws[one.draw];
    Generator then = at(log.seed, old.begin);
    untouched.push_back(!one.untouched || one.untouched(old.make(then)));
    all_untouched = all_untouched && untouched.back();
    again.push_back({old.cell, g.position(), old.make});
    values.push_back(old.make(g));
  }
  for (const bool derived : {false, true}) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      const bool sets = found[i].untouched ? bool{untouched[i]} : all_untouched;
      if (found[i].derived != derived || !sets) continue;
      found[i].set(values[i]);
      if (recording != nullptr && found[i].parameter) {
        recording->record(*found[i].parameter, at(log.seed, again[i].begin), again[i].make);
      }
    }
  }
  std::copy(again.begin(), again.end(), log.draws.begin() + static_cast<std::ptrdiff_t>(first));
}

RecordDraws::RecordDraws() : outer_(std::exchange(recording, this)) {}
RecordDraws::~RecordDraws() { recording = outer_; }
RecordDraws* RecordDraws::current() noexcept { return recording; }

void RecordDraws::record(const Parameter& p, const Generator& before, const std::function<Array(Generator&)>& make) {
  std::erase_if(entries_, [&](const Entry& e) { return e.cell == p; });
  entries_.push_back({p, before, make});
}

bool RecordDraws::redraw(const Parameter& p, Generator generator) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.cell == p; });
  if (found == entries_.end()) return false;
  Generator before = found->before;
  if (!identical(core::cast(found->make(before), p.dtype()), p.value())) return false;
  found->before = generator;
  p.set_value(core::cast(found->make(generator), p.dtype()));
  return true;
}

}  // namespace newtape::nn::detail
