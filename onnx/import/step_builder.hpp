// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/import/join.hpp>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace newtape::onnx::detail {

/// Makes steps and prepared values, and tells what is known of values before a run.
class StepBuilder {
 public:
  explicit StepBuilder(Plan& plan) : plan_(plan) {}

  /// Makes the step a preparation; its results.
  std::vector<Ref> prepare(Step step);
  /// A step that takes the place of `like`, whose name its errors have.
  Step make(Joined kind, const Step& like, std::vector<Ref> inputs, std::vector<std::int32_t> outputs);
  /// Gives the step's node an attribute.
  void set_real(Step& step, std::string_view name, double value);
  /// The two results of a preparation of a convolution's weight and bias; the shape of the first one is that of `inputs[0]`.
  std::pair<Ref, Ref> prepare_convolution(Joined kind, const Step& like, std::vector<Ref> inputs);

  std::optional<Shape> shape_of(const Ref& ref) const;
  /// The number that a constant of one float is.
  std::optional<double> number_of(const Ref& ref) const;
  std::optional<Dims> integers_of(const Ref& ref) const;

 private:
  format::NodeProto& own_node(Step& step);

  Plan& plan_;
  std::vector<std::optional<Shape>> prepared_shapes_;
};

}  // namespace newtape::onnx::detail
