// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/module/module_body.hpp>

namespace newtape::nn {

StateDict ModuleBase::state_dict(std::string_view prefix) const {
  StateDict state;
  body_->walk(std::string(prefix), [&](const std::string& path, const Body& body) {
    for (const auto& [name, p] : body.parameters) state.emplace_back(path + name, p.value());
    for (const auto& [name, b] : body.buffers) state.emplace_back(path + name, b.value());
  });
  return state;
}

LoadReport ModuleBase::load_state_dict(const StateDict& state, const LoadStateDictOptions& options) const {
  newtape::detail::StateReader reader(state, options.prefix);
  std::vector<std::pair<Parameter, Array>> parameters;
  std::vector<std::pair<Buffer, Array>> buffers;
  const auto read = [&](const std::string& path, const auto& members, auto& found) {
    for (const auto& [name, cell] : members) {
      Array value = reader.take(path + name, cell.dtype(), cell.shape(), true);
      if (!value.defined()) continue;
      const bool own = options.assign || value.reusable();  // a converted value is in memory of its own
      found.emplace_back(cell, own ? std::move(value) : core::copy(value));
    }
  };
  body_->walk("", [&](const std::string& path, const Body& body) {
    read(path, body.parameters, parameters);
    read(path, body.buffers, buffers);
  });
  reader.finish("load_state_dict", options.strict);
  LoadReport report{reader.missing(), reader.unexpected()};
  // Nothing below throws: all values are there.
  for (auto& [p, value] : parameters) p.exchange(Tensor(std::move(value), p.tensor().node()));
  for (auto& [b, value] : buffers) b.exchange(std::move(value));
  return report;
}

}  // namespace newtape::nn
