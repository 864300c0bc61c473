// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace newtape {

/// Mixed precision for a scope, on this thread, as torch.autocast("cpu", torch.bfloat16):
///
///     {
///       const nt::Autocast mixed;
///       loss = criterion(model(x), y);
///     }
///     loss.backward();
///
/// `matmul` of two matrices, `linear`, `addmm` and what is made of them (`nn::Linear`, the projections of attention) round
/// f32 operands to bf16 and sum in f32. Results stay f32, and so do parameters, gradients and all other operations:
/// convolutions, stacks of matrices, recurrences, norms, softmax, losses. A pullback has the precision of its operation,
/// wherever the sweep runs. Without effect where `available()` is false, on f64, and on products of fewer than 2^18
/// multiply-adds or with a length below 16, which would not gain.
class Autocast {
 public:
  explicit Autocast(bool on = true) noexcept;
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

  /// Whether the processor has dot products of bf16, and oneDNN is found, when Newtape is built and when it runs;
  /// `build_info().mixed_precision` says what is missing.
  static bool available();
  /// Whether products on this thread round their operands.
  static bool is_on() noexcept;

 private:
  bool before_;
};

}  // namespace newtape
