// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/nn/module/module.hpp>

#include <cstdint>
#include <string_view>

namespace newtape::inspect {

/// What random numbers of a training run are for.
enum class Source {
  initialization,  ///< initial weights
  order,           ///< order of the examples
  split,           ///< which examples are trained on
  augmentation,    ///< transforms of the examples
  noise,           ///< all others: dropout, labels drawn by K-FAC, numbers of one's own
};

/// Which of them differ from run to run; the others are the same in all runs. Varying all of them gives the least error
/// about what happens with other data and seeds (Bouthillier et al. 2021).
struct Vary {
  bool initialization = true;
  bool order = true;
  bool split = true;
  bool augmentation = true;
  bool noise = true;
};

/// The random numbers of one run of an experiment. The runs of two techniques that are a pair get equal ones: common
/// random numbers, which cancel in the difference. To each purpose and name belongs a stream of its own, so that numbers
/// that only one of the two draws do not shift any others.
class Run {
 public:
  Run(std::uint64_t seed, int index, const Vary& vary = {}) : seed_(seed), index_(index), vary_(vary) {}

  /// From 0.
  int index() const noexcept { return index_; }
  /// For options that take a seed.
  std::uint64_t seed(Source source) const { return generator(source).seed(); }
  /// The stream of a purpose, or that of a name within it.
  Generator generator(Source source, std::string_view name = {}) const;
  /// These options with shuffling, and the seeds of the order and of the augmentation.
  data::LoaderOptions loader(data::LoaderOptions options = {}) const;

  /// To be called when a model is made, before its optimizer: draws its initial weights again, each from the stream of its
  /// name, and lets the calls of its modules (dropout) draw from streams of their names (nn::use_random_streams). A
  /// layer's name in a Sequential counts the layers of its type: a normalisation or dropout put in between changes no
  /// other's. Weights that were set by hand, from a generator of one's own, or computed (weight_norm) stay as they are. Several models of
  /// a run need a `name` each.
  void initialize(const nn::ModuleBase& model, std::string_view name = "model") const;

 private:
  std::uint64_t seed_;
  int index_;
  Vary vary_;
};

}  // namespace newtape::inspect
