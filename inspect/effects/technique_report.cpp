// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/check_technique.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace newtape::inspect {

namespace {

std::string spectrum_text(const SingularSpectrum& s) {
  return fmt::format("largest {:.3g}, median {:.3g}, smallest {:.3g}, mean square {:.3g}", s.largest(), s.median(),
                     s.smallest(), s.mean_square());
}

/// JSON has no infinities: null.
nlohmann::json number_list(const std::vector<double>& values) {
  nlohmann::json list = nlohmann::json::array();
  for (const double v : values) list.push_back(std::isfinite(v) ? nlohmann::json(v) : nlohmann::json(nullptr));
  return list;
}

}  // namespace

namespace {
/// The change over all blocks, and by each on average; "-" where nothing was measured.
std::string change_text(double change, std::size_t depth) {
  if (depth == 0) return "-\n";
  return fmt::format("x {:.3g} over {} blocks, x {:.3f} a block\n", change, depth,
                     std::pow(change, 1 / static_cast<double>(depth)));
}
}  // namespace

std::string to_string(const TechniqueReport& r) {
  const auto depth = [](const std::vector<double>& changes) { return changes.empty() ? 0 : changes.size() - 1; };
  std::string text;
  text += fmt::format("derivatives   {}, largest relative error {:.1e}\n", r.derivatives ? "right" : "WRONG",
                      r.derivatives.worst);
  text += "signal        " + change_text(r.signal.empty() ? 0 : r.signal.back(), depth(r.signal));
  text += "gradient      " + change_text(r.gradient.empty() ? 0 : r.gradient.front(), depth(r.gradient));
  text += fmt::format("Jacobian      of a block: {}\n", spectrum_text(r.block));
  text += fmt::format("              of {} blocks: {}\n", depth(r.signal), spectrum_text(r.stack));
  for (const auto& e : r.effects) text += "effect        " + summary(e) + "\n";
  text += r.ok() ? "findings      none\n" : "";
  for (const auto& f : r.findings) text += "finding       " + f + "\n";
  return text;
}

std::string to_json(const TechniqueReport& r) {
  nlohmann::json effects = nlohmann::json::array();
  for (const auto& e : r.effects) effects.push_back(nlohmann::json::parse(to_json(e)));
  const nlohmann::json json = {{"derivatives",
                                {{"ok", r.derivatives.ok},
                                 {"worst", number_list({r.derivatives.worst})[0]},
                                 {"message", r.derivatives.message}}},
                               {"signal", number_list(r.signal)},
                               {"gradient", number_list(r.gradient)},
                               {"block_singular_values", number_list(r.block.values)},
                               {"stack_singular_values", number_list(r.stack.values)},
                               {"effects", std::move(effects)},
                               {"findings", r.findings}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace newtape::inspect
