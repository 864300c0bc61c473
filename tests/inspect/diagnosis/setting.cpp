// SPDX-License-Identifier: BSD-3-Clause
#include "setting.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace zoo {

std::vector<SecondProgram> programs_of(const std::vector<Subject>& subjects, const std::vector<Row>& rows) {
  std::vector<SecondProgram> all;
  for (const Subject& s : subjects) {
    all.push_back({s.name, nullptr, {}, [s](Seed seed) { return s.trial(s.healthy(seed)); }});
  }
  for (const Row& row : rows) {
    const auto at = std::find_if(subjects.begin(), subjects.end(),
                                 [&](const Subject& s) { return std::string(s.name) == row.model; });
    if (at == subjects.end()) throw std::logic_error(std::string("no model ") + row.model);
    all.push_back({row.model, row.fault, row.causes, [s = *at, plant = row.plant](Seed seed) {
                     Setting setting = s.healthy(seed);
                     plant(setting, seed);
                     return s.trial(setting);
                   }});
  }
  return all;
}

std::vector<Goal> goals_of(const std::vector<Subject>& subjects) {
  std::vector<Goal> goals;
  for (const Subject& s : subjects) goals.push_back({s.name, s.error, s.goal});
  return goals;
}

}  // namespace zoo
