// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/module/module.hpp>

#include <functional>
#include <vector>

/// The order in which initial weights are drawn. In `Sequential(Linear(3, 4), Linear(4, 2))` it is that in which the
/// compiler evaluates the arguments: GCC begins with the last, Clang with the first.
namespace newtape::nn::detail {

/// Sets p to make(generator), and remembers how if it is the default generator.
void draw(const Parameter& p, Generator& generator, const std::function<Array(Generator&)>& make);
void draw(const Buffer& b, Generator& generator, const std::function<Array(Generator&)>& make);

/// Whether both have the same shape, dtype and bits.
bool identical(const Array& a, const Array& b);

/// A parametrized parameter: its cell was drawn, and its originals follow from the drawn value.
struct DrawnOriginals {
  Parameter cell;
  std::function<bool(const Array& drawn)> follows;
  std::function<void(const Array& drawn)> reset;
};
/// Those of the module and of all below it.
std::vector<DrawnOriginals> drawn_originals(const ModuleBase& module);

/// Draws the parameters of these modules again, in the order of the modules, if they are what was drawn last and in
/// another order; of parametrized ones, the originals follow. Parameters that no longer have their drawn values keep
/// those that they have.
void draw_in_order(const std::vector<ModuleBase>& modules);

/// Records, while it exists, how this thread draws parameters from the default generator.
class RecordDraws {
 public:
  RecordDraws();
  ~RecordDraws();
  RecordDraws(const RecordDraws&) = delete;
  RecordDraws& operator=(const RecordDraws&) = delete;

  /// The innermost of this thread, or null.
  static RecordDraws* current() noexcept;
  /// p was set to make(before).
  void record(const Parameter& p, const Generator& before, const std::function<Array(Generator&)>& make);
  /// Draws p again from `generator`, if its draw is recorded here and it has kept that value since.
  bool redraw(const Parameter& p, Generator generator);

 private:
  struct Entry {
    Parameter cell;
    Generator before;
    std::function<Array(Generator&)> make;
  };
  std::vector<Entry> entries_;
  RecordDraws* outer_;
};

}  // namespace newtape::nn::detail
