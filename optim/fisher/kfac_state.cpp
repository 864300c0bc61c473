// SPDX-License-Identifier: BSD-3-Clause
// KFAC's state besides that of its base class: "layers" (steps, number of layers) and, for each,
// "layers.<layer>.<what>".
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/optim/fisher/kfac.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace newtape::optim {

namespace {
Array numbers(const std::vector<std::int64_t>& list) {
  Array x = Array::empty({static_cast<std::int64_t>(list.size())}, i64);
  std::copy(list.begin(), list.end(), x.data<std::int64_t>());
  return x;
}
std::string key(std::size_t layer, const char* what) { return fmt::format("layers.{}.{}", layer, what); }
}  // namespace

void KFAC::save_more(std::string_view prefix, StateDict& state) const {
  const auto put = [&](const std::string& name, Array value) {
    state.emplace_back(fmt::format("{}{}", prefix, name), std::move(value));
  };
  put("layers", numbers({steps_, static_cast<std::int64_t>(layers_.size())}));
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    std::vector<std::int64_t> form{layer.factors.count(), layer.transposed ? 1 : 0,
                                   static_cast<std::int64_t>(layer.weight)};
    for (const auto b : layer.biases) form.push_back(static_cast<std::int64_t>(b));
    form.resize(5, -1);
    put(key(i, "form"), numbers(form));
    auto factors = layer.factors;
    factors.each([&](const char* name, const Array& x) {
      if (x.defined()) put(key(i, name), x);
    });
  }
}

std::function<void()> KFAC::load_more(newtape::detail::StateReader& reader) {
  const Array head = reader.take("layers", i64, {2});
  std::vector<Layer> layers;
  if (!head.defined()) return {};
  const auto* const counts = head.data<std::int64_t>();
  const auto fits = [&](const Array& form) {
    const auto* const f = form.data<std::int64_t>();
    const auto n = static_cast<std::int64_t>(slots().size());
    if (f[0] < 0 || f[1] < 0 || f[1] > 1 || f[2] < 0 || f[2] >= n) return false;
    const Shape& shape = slots()[static_cast<std::size_t>(f[2])].param.shape();
    if (shape.size() < 2 || (f[1] == 1 && shape.size() != 2) || element_count(shape) == 0) return false;
    return std::all_of(f + 3, f + 5, [&](std::int64_t b) {
      return b == -1 || (b >= 0 && b < n &&
                         slots()[static_cast<std::size_t>(b)].param.shape() == Shape{f[1] == 1 ? shape[1] : shape[0]});
    });
  };
  for (std::size_t i = 0; static_cast<std::int64_t>(i) < counts[1]; ++i) {
    const Array form = reader.take(key(i, "form"), i64, {5});
    if (!form.defined()) break;
    if (!fits(form)) {
      reader.reject(key(i, "form"), "expected a layer of these parameters, got another layer");
      break;
    }
    const auto* const f = form.data<std::int64_t>();
    Layer& layer = layers.emplace_back();
    layer.factors.set_count(f[0]);
    layer.transposed = f[1] == 1;
    layer.weight = static_cast<std::size_t>(f[2]);
    for (const auto b : {f[3], f[4]}) {
      if (b >= 0) layer.biases.push_back(static_cast<std::size_t>(b));
    }
    const auto [m, k] = size_of(layer);
    const std::array shapes{Shape{k, k}, Shape{m, m}, Shape{m, m}, Shape{k, k}, Shape{m, k}};
    std::size_t which = 0;
    layer.factors.each([&](const char* name, Array& x) {
      const Shape& shape = shapes[which++];
      if (!reader.contains(key(i, name))) return;
      const Array stored = reader.take(key(i, name), slots()[layer.weight].param.dtype(), shape);
      if (stored.defined()) x = core::copy(stored);
    });
  }
  return [this, layers = std::move(layers), steps = counts[0]]() mutable {
    layers_ = std::move(layers);
    steps_ = steps;
  };
}

}  // namespace newtape::optim
