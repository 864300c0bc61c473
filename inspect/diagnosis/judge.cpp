// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/stable_sort.hpp>
#include <newtape/inspect/diagnosis/judge.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>

namespace newtape::inspect {

std::vector<Fired> apply_rules(const Evidence& evidence, Diagnosis& diagnosis) {
  std::vector<Fired> fired;
  for (const Rule* rule : all_rules()) {
    const auto m = rule->measure(evidence);
    if (!m) {
      diagnosis.not_examined.push_back(std::string(rule->name) + " (needs " + rule->needs + ")");
    } else if (m->value > rule->threshold) {
      Suspect s{rule->name,   rule->cause,  m->evidence, m->where,       rule->remedy,
                rule->reason, rule->source, m->value,    rule->threshold};
      fired.push_back({rule, std::move(s)});
    } else {
      diagnosis.ruled_out.emplace_back(rule->name);
    }
  }
  return fired;
}

namespace {

constexpr double enough_deviations = 3;

/// Whether it is a cause; sets the weight.
bool is_cause(Fired& f, double least_gain) {
  Suspect& s = f.suspect;
  const bool proof = f.rule->certainty == Certainty::proof;
  if (s.gain) {
    // A proof stays a cause where its remedy gains nothing within the few steps of an experiment.
    const bool gained = *s.gain >= least_gain && s.deviations >= enough_deviations;
    s.weight = gained ? *s.gain : f.rule->phase == Phase::run ? 0.05 : 0.5;
    return gained || proof;
  }
  s.weight = proof ? 0.95 : 0.5;
  return f.rule->certainty != Certainty::hint;
}

/// Whether the run certainly has a cause: it died, or the loss did not fall.
bool stands_still(const std::vector<Fired>& fired, const Diagnosis& diagnosis) {
  return diagnosis.died || std::any_of(fired.begin(), fired.end(),
                                       [](const Fired& f) { return std::string_view(f.rule->name) == "no_progress"; });
}

/// Says how a run stands still, not why.
bool only_describes(const Fired& f) {
  const std::string_view name = f.rule->name;
  return name == "plateau" || name == "saddle_point" || name == "no_progress";
}

/// How far the measure is beyond its threshold, in factors of e; 0 for what explains nothing, or was disproved by a
/// remedy that gained nothing. A loss that rises is first of all a matter of the rate, also where the fewer steps of the
/// experiment did not come to it.
double excess(const Fired& f, const Diagnosis& diagnosis) {
  const bool rose =
      diagnosis.died || !(diagnosis.last_loss - diagnosis.first_loss <= 0.5 * std::abs(diagnosis.first_loss));
  if (rose && std::string_view(f.rule->name) == "rate_too_high") return std::numeric_limits<double>::infinity();
  if (only_describes(f) || !(f.rule->threshold > 0)) return 0;
  if (f.suspect.gain && !f.rule->partial_remedy && !rose) return 0;
  return std::log(f.suspect.measured / f.rule->threshold);
}

/// What a remedy gained beyond chance, though less than a confirmed cause must.
double small_gain(const Fired& f) {
  const Suspect& s = f.suspect;
  return s.gain && s.deviations >= enough_deviations - 1 ? *s.gain : 0;
}

/// The likeliest cause of a run that stands still where none was confirmed; end() when there is no likely one.
std::vector<Fired>::iterator likeliest(std::vector<Fired>& fired, const Diagnosis& diagnosis) {
  const auto most = [&](const auto& measure) {
    const auto at = std::max_element(fired.begin(), fired.end(),
                                     [&](const Fired& a, const Fired& b) { return measure(a) < measure(b); });
    return at != fired.end() && measure(*at) > 0 ? at : fired.end();
  };
  if (const auto at = most([&](const Fired& f) { return excess(f, diagnosis); }); at != fired.end()) return at;
  if (const auto at = most(small_gain); at != fired.end()) return at;
  const bool only = std::all_of(fired.begin(), fired.end(), only_describes);
  return only ? most([](const Fired& f) { return f.suspect.name == "no_progress" ? 0.0 : 1.0; }) : fired.end();
}

}  // namespace

std::vector<Fired> judge(std::vector<Fired> fired, double least_gain, Diagnosis& diagnosis) {
  std::vector<Fired> causes;
  std::vector<Fired> rest;
  for (auto& f : fired) (is_cause(f, least_gain) ? causes : rest).push_back(std::move(f));
  fired = std::move(rest);
  if (causes.empty() && stands_still(fired, diagnosis)) {
    const auto at = likeliest(fired, diagnosis);
    if (at != fired.end()) {
      causes.push_back(std::move(*at));
      fired.erase(at);
    }
  }
  for (auto& f : fired) (f.rule->mistake ? diagnosis.mistakes : diagnosis.symptoms).push_back(std::move(f.suspect));
  // Gains within a tenth are equal: the earlier phase is the cause of what comes later.
  const auto rank = [](const Fired& f) { return std::floor(f.suspect.weight * 10 + 0.5); };
  newtape::detail::stable_sort(causes, [&](const Fired& a, const Fired& b) {
    if (rank(a) != rank(b)) return rank(a) > rank(b);
    return a.rule->phase < b.rule->phase;
  });
  return causes;
}

void settle(std::vector<Fired> causes, const StillFiring* still, Diagnosis& diagnosis) {
  for (std::size_t i = 0; i < causes.size(); ++i) {
    Suspect& s = causes[i].suspect;
    const Phase phase = causes[i].rule->phase;
    bool explained = false;
    if (causes[i].rule->certainty == Certainty::proof && phase != Phase::run) {
      // True whatever else is.
    } else if (i > 0 && still != nullptr) {
      explained = std::find(still->begin(), still->end(), s.name) == still->end();
    } else if (i > 0) {
      explained = phase == Phase::run && causes[0].rule->phase != Phase::run;
    }
    if (explained) {
      s.explained_by = diagnosis.causes[0].name;
      diagnosis.symptoms.push_back(std::move(s));
    } else {
      diagnosis.causes.push_back(s);
    }
  }
}

}  // namespace newtape::inspect
