// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/diagnosis/trainee.hpp>

#include <utility>

namespace newtape::inspect {

Trainee::~Trainee() {
  for (const auto& f : last_acts_) f();
}

void Trainee::at_end(std::function<void()> f) { last_acts_.push_back(std::move(f)); }

}  // namespace newtape::inspect
