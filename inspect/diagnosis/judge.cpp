// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/judge.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
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

bool is_named(const Fired& f, const char* name) { return std::string_view(f.rule->name) == name; }
bool among(const std::vector<Fired>& fired, const char* name) {
  return std::any_of(fired.begin(), fired.end(), [&](const Fired& f) { return is_named(f, name); });
}

/// The first of the names, with spaces between, that fired; empty when none did.
std::string said_by(const std::vector<Fired>& fired, const char* names) {
  std::istringstream words(names != nullptr ? names : "");
  for (std::string name; words >> name;) {
    if (among(fired, name.c_str())) return name;
  }
  return {};
}

/// A remedy that makes the model better on examples that it has not seen.
bool gained_on_held(const Fired& f, double least_gain) {
  return f.suspect.gain && f.held.gain >= least_gain && f.held.deviations >= enough_deviations;
}

/// Takes out what another rule explains, and "the labels do not depend on the inputs" where a remedy shows that they do.
std::vector<Fired> take_explained(std::vector<Fired>& fired, double least_gain) {
  const bool learned =
      std::any_of(fired.begin(), fired.end(), [&](const Fired& f) { return gained_on_held(f, least_gain); });
  std::vector<Fired> kept;
  std::vector<Fired> explained;
  for (auto& f : fired) {
    const auto better = said_by(fired, f.rule->unless);
    const bool disproved = learned && is_named(f, "shuffled_labels");
    if (!better.empty()) f.suspect.explained_by = better;
    (!better.empty() || disproved ? explained : kept).push_back(f);
  }
  fired = std::move(kept);
  return explained;
}

/// Whether a run that ended well did so without this remedy: in the fewer steps of an experiment it only came nearer to
/// what the run reached.
bool only_sooner(const Fired& f, double last_error) {
  constexpr double well = 0.15;
  return f.rule->certainty == Certainty::hint && last_error < well && !f.outcome.errors.empty() &&
         f.outcome.error_rate() > 0.9 * last_error;
}

/// Whether it is a cause; sets the weight.
bool is_cause(Fired& f, double least_gain, bool heart, double last_error) {
  Suspect& s = f.suspect;
  const bool proof = f.rule->certainty == Certainty::proof;
  if (s.gain) {
    const bool gained = *s.gain >= least_gain && s.deviations >= enough_deviations && !only_sooner(f, last_error);
    // A proof stays a cause where its remedy gains nothing within the few steps of an experiment.
    s.weight = gained ? *s.gain : f.rule->phase == Phase::run ? 0.05 : 0.5;
    // Of labels that do not depend on inputs the gain is learned by heart.
    if (gained && heart && !gained_on_held(f, least_gain)) s.weight *= 0.4;
    if (gained && proof) s.weight = std::max(s.weight, 0.95);
    return gained || proof;
  }
  s.weight = proof ? 0.95 : f.rule->substitution ? std::clamp(s.measured, 0.5, 0.9) : 0.5;
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
  // It measures 1 or more where the loss ended above its first value, too.
  if (is_named(f, "rate_too_high") && (rose || f.suspect.measured >= 1)) return std::numeric_limits<double>::infinity();
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
  const auto spike = std::find_if(fired.begin(), fired.end(), [](const Fired& f) { return f.one_example; });
  if (spike != fired.end()) return spike;
  if (const auto at = most([&](const Fired& f) { return excess(f, diagnosis); }); at != fired.end()) return at;
  if (const auto at = most(small_gain); at != fired.end()) return at;
  const bool only = std::all_of(fired.begin(), fired.end(), only_describes);
  return only ? most([](const Fired& f) { return f.suspect.name == "no_progress" ? 0.0 : 1.0; }) : fired.end();
}

/// Whether the remedy of `a` leaves more errors than that of `b`, beyond chance and by a twentieth of all.
bool remedy_is_worse(const Fired& a, const Fired& b) {
  const PairedGain g = paired_gain(a.outcome, b.outcome);
  return g.deviations > 2 && a.outcome.error_rate() - b.outcome.error_rate() > 0.05;
}

/// Whether `a` is named before `b`. Remedies that were tried are compared example by example, and gains that do not
/// differ by more than chance are equal: the earlier phase is the cause of what comes later.
bool comes_first(const Fired& a, const Fired& b) {
  const auto rank = [](const Fired& f) { return std::floor(f.suspect.weight * 10 + 0.5); };
  // A proof before what is only likely.
  const auto certain = [](const Fired& f) {
    return f.rule->certainty == Certainty::proof && f.rule->phase != Phase::run;
  };
  if (certain(a) && !certain(b) && !b.suspect.gain) return true;
  if (certain(b) && !certain(a) && !a.suspect.gain) return false;
  const bool tried = a.suspect.gain && b.suspect.gain && !a.outcome.errors.empty() && !b.outcome.errors.empty();
  const bool equal = tried ? !remedy_is_worse(a, b) && !remedy_is_worse(b, a) : rank(a) == rank(b);
  if (!equal) return rank(a) != rank(b) ? rank(a) > rank(b) : a.suspect.weight > b.suspect.weight;
  if (a.rule->phase != b.rule->phase) return a.rule->phase < b.rule->phase;
  return rank(a) > rank(b);
}

/// In order of rank. Equality within chance is not transitive: the first is the one that most others do not come before.
std::vector<Fired> ranked(std::vector<Fired> causes) {
  std::vector<Fired> order;
  while (!causes.empty()) {
    std::size_t best = 0;
    std::size_t least = causes.size() + 1;
    for (std::size_t i = 0; i < causes.size(); ++i) {
      const auto before = static_cast<std::size_t>(std::count_if(
          causes.begin(), causes.end(), [&](const Fired& f) { return &f != &causes[i] && comes_first(f, causes[i]); }));
      if (before < least) least = before, best = i;
    }
    order.push_back(std::move(causes[best]));
    causes.erase(causes.begin() + static_cast<std::ptrdiff_t>(best));
  }
  return order;
}

}  // namespace

bool explained(std::vector<Fired> fired, double least_gain, double last_error) {
  const bool heart = among(fired, "shuffled_labels");
  take_explained(fired, least_gain);
  return std::any_of(fired.begin(), fired.end(), [&](Fired& f) { return is_cause(f, least_gain, heart, last_error); });
}

std::vector<Fired> judge(std::vector<Fired> fired, double least_gain, Diagnosis& diagnosis, double last_error) {
  std::vector<Fired> rest = take_explained(fired, least_gain);
  const bool heart = among(fired, "shuffled_labels");
  std::vector<Fired> causes;
  for (auto& f : fired) (is_cause(f, least_gain, heart, last_error) ? causes : rest).push_back(std::move(f));
  fired = std::move(rest);
  if (causes.empty() && stands_still(fired, diagnosis)) {
    const auto at = likeliest(fired, diagnosis);
    if (at != fired.end()) {
      causes.push_back(std::move(*at));
      fired.erase(at);
    }
  }
  for (auto& f : fired) (f.rule->mistake ? diagnosis.mistakes : diagnosis.symptoms).push_back(std::move(f.suspect));
  return ranked(std::move(causes));
}

bool rivals(const Fired& first, const Fired& second) {
  const auto gained = [](const Fired& f) { return f.best && f.rule->certainty != Certainty::proof && f.suspect.gain; };
  return gained(first) && gained(second) && *second.suspect.gain > 0.5 * *first.suspect.gain &&
         second.suspect.deviations >= enough_deviations;
}

bool overrules(const std::vector<Fired>& causes) {
  return causes.size() > 1 && !causes[0].best && causes[0].rule->certainty == Certainty::strong && causes[1].best &&
         causes[1].suspect.gain && causes[1].suspect.deviations >= enough_deviations;
}

bool explains(const Fired& cause, const StillFiring& with_cause, const Fired& other, const StillFiring& with_other) {
  const auto fires = [](const StillFiring& still, const Fired& f) {
    return std::find(still.begin(), still.end(), f.rule->name) != still.end();
  };
  return !fires(with_cause, other) && fires(with_other, cause);
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
    // A hint is a second cause only where its remedy gains with the first one's.
    if (i > 0 && causes[i].rule->certainty == Certainty::hint && !causes[i].gains_with_first) explained = true;
    if (explained) {
      s.explained_by = diagnosis.causes[0].name;
      diagnosis.symptoms.push_back(std::move(s));
    } else {
      diagnosis.causes.push_back(s);
    }
  }
}

}  // namespace newtape::inspect
