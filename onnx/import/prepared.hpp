// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/import/call.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace newtape::onnx::detail {

/// The prepared values of a model, computed when they are first used and kept until a weight or a statistic that they
/// depend on gets another value. Holding on to those makes optimizers write new values into other memory.
class Prepared {
 public:
  explicit Prepared(const Plan& plan) : plan_(plan), values_(plan.prepared_by.size()) {}

  /// Drops everything unless it is what the weights and statistics of a run give.
  void refresh(const Context& context);
  void clear() noexcept;
  /// Counts the times that values were dropped.
  std::size_t generation() const noexcept { return generation_; }
  const Value& at(const Context& context, std::int32_t index);

 private:
  void compute(const Context& context, const Step& step);
  void note_source(const Context& context, const Ref& ref);

  const Plan& plan_;
  std::vector<Value> values_;
  std::vector<std::pair<Ref, Array>> sources_;  ///< weights and statistics, with the values that were used
  DType dtype_ = f32;
  std::size_t generation_ = 0;
};

}  // namespace newtape::onnx::detail
