// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/diagnosis/diagnose.hpp>

#include <cstdint>
#include <functional>
#include <vector>

/// A second set of programs, decided before any of them was run: other problems and architectures than those of the zoo
/// and of the first fresh programs. Faults are of the kinds that Zhang et al. (2018), Islam et al. (2019) and Humbatova et
/// al. (2020) found in programs of practitioners, and DeepCrime's mutations of them; causes also name rules that do not
/// exist.
namespace zoo {

/// A training program that can be run, and diagnosed.
struct Trial {
  newtape::inspect::TraineeFactory make;
  newtape::inspect::TrainingData data;
  std::int64_t steps = 150;
};

struct SecondProgram {
  const char* model;
  const char* fault;  ///< null: healthy; the first of a model is the twin of those with faults
  std::vector<const char*> causes;
  std::function<Trial(std::uint64_t seed)> trial;
};
const std::vector<SecondProgram>& second_programs();

/// What a healthy program of a model reaches on examples that were kept back, and a faulty one misses.
struct Goal {
  const char* model;
  double (*error)(const newtape::Tensor& output, const newtape::Tensor& target);
  double goal;
};
const std::vector<Goal>& second_goals();

}  // namespace zoo
