// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/diagnosis.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>

namespace newtape::inspect {
namespace {

void describe(std::string& text, const Suspect& s) {
  const auto to = std::back_inserter(text);
  fmt::format_to(to, "{} [{}]\n", s.cause, s.name);
  fmt::format_to(to, "   Evidence: {}{}.\n", s.evidence, s.where.empty() ? "" : " (" + s.where + ")");
  if (s.measured > s.threshold) {  // else it was found by elimination
    fmt::format_to(to, "   Limit:    {:.3g}, here {:.3g}: {} ({}).\n", s.threshold, s.measured, s.reason, s.source);
  }
  fmt::format_to(to, "   Remedy:   {}\n", s.remedy);
  if (s.gain) {
    fmt::format_to(to, "   Tried:    the remedy removes {:.0f}% of the error ({:.1f} standard errors).\n",
                   100 * *s.gain, s.deviations);
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Bytes that are no UTF-8, in a message of a user's exception say, become replacement characters.
std::string dumped(const nlohmann::ordered_json& j) {
  return j.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

nlohmann::ordered_json as_json(const Suspect& s) {
  nlohmann::ordered_json j{{"name", s.name},     {"cause", s.cause},       {"evidence", s.evidence},
                           {"where", s.where},   {"remedy", s.remedy},     {"reason", s.reason},
                           {"source", s.source}, {"measured", s.measured}, {"threshold", s.threshold},
                           {"weight", s.weight}};
  j["gain"] = s.gain ? nlohmann::ordered_json(*s.gain) : nlohmann::ordered_json(nullptr);
  j["deviations"] = s.deviations;
  j["explained_by"] = s.explained_by;
  return j;
}

}  // namespace

std::string Diagnosis::to_string() const {
  std::string text;
  const auto to = std::back_inserter(text);
  fmt::format_to(to, "Diagnosis of {} steps: the loss went from {:.4g} to {:.4g}.\n", steps, first_loss, last_loss);
  if (died) fmt::format_to(to, "The run died: {}\n", error);
  if (causes.empty()) {
    text += died ? "\nNo rule explains why.\n" : "\nNo cause for concern was found.\n";
  } else {
    text += "\nFirst cause\n";
    for (std::size_t i = 0; i < causes.size(); ++i) {
      if (i == 1) text += "\nFurther suspects\n";
      fmt::format_to(to, "{}. ", i + 1);
      describe(text, causes[i]);
    }
  }
  if (!mistakes.empty()) {
    text += "\nMistakes that do no harm yet\n";
    for (const auto& s : mistakes) {
      fmt::format_to(to, " - {} [{}]\n   Evidence: {}{}.\n   Remedy:   {}\n", s.cause, s.name, s.evidence,
                     s.where.empty() ? "" : " (" + s.where + ")", s.remedy);
    }
  }
  if (!symptoms.empty()) {
    text += "\nSymptoms, no causes by themselves\n";
    for (const auto& s : symptoms) {
      fmt::format_to(to, " - {}: {}", s.name, s.evidence);
      if (s.gain) fmt::format_to(to, "; its remedy removes {:.0f}% of the error", 100 * *s.gain);
      if (!s.explained_by.empty()) fmt::format_to(to, "; follows from {}", s.explained_by);
      text += "\n";
    }
  }
  if (!ruled_out.empty()) fmt::format_to(to, "\nRuled out: {}.\n", joined(ruled_out));
  if (!not_examined.empty()) fmt::format_to(to, "Not examined: {}.\n", joined(not_examined));
  if (experiment_steps > 0) {
    fmt::format_to(to, "Each remedy was tried for {} steps with the same batches and random numbers.\n",
                   experiment_steps);
  }
  return text;
}

std::string Diagnosis::to_json() const {
  nlohmann::ordered_json j{{"steps", steps},
                           {"first_loss", first_loss},
                           {"last_loss", last_loss},
                           {"died", died},
                           {"error", error},
                           {"run_seconds", run_seconds},
                           {"experiment_seconds", experiment_seconds},
                           {"experiment_steps", experiment_steps}};
  j["causes"] = nlohmann::ordered_json::array();
  for (const auto& s : causes) j["causes"].push_back(as_json(s));
  j["symptoms"] = nlohmann::ordered_json::array();
  for (const auto& s : symptoms) j["symptoms"].push_back(as_json(s));
  j["mistakes"] = nlohmann::ordered_json::array();
  for (const auto& s : mistakes) j["mistakes"].push_back(as_json(s));
  j["ruled_out"] = ruled_out;
  j["not_examined"] = not_examined;
  return dumped(j);
}

}  // namespace newtape::inspect
