// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

/// The table of operators: one row for each, in the file of its family in rows/, and one line for each family in
/// table.cpp. (Rows that refer to each other by static constructors would be dropped by the linker from an archive.)
namespace newtape::onnx::detail {

class Call;
/// In the order of the operator's outputs; missing ones at the end are not computed.
using Results = std::vector<Value>;

inline constexpr std::string_view training_domain = "ai.onnx.preview.training";

/// The versions of a domain's operators in which an operator was introduced or changed, ascending.
struct Versions {
  std::int8_t since[12] = {};
  constexpr Versions(std::initializer_list<int> list) {
    std::size_t i = 0;
    for (const int v : list) since[i++] = static_cast<std::int8_t>(v);
  }
  /// The last one that is at most `version`; 0 if there is none.
  constexpr int at(std::int64_t version) const {
    int found = 0;
    for (const int v : since) found = v != 0 && v <= version ? v : found;
    return found;
  }
};

constexpr std::uint32_t input_bits(std::initializer_list<int> inputs) {
  std::uint32_t bits = 0;
  for (const int i : inputs) bits |= 1U << i;
  return bits;
}

struct Traits {
  /// Inputs that set how an operator works, such as a scale or a bound: initialisers there are not trained.
  std::uint32_t settings = 0;
  /// Inputs that are running statistics: initialisers there are buffers.
  std::uint32_t statistics = 0;
};

struct Row {
  std::string_view op;
  Versions versions;
  Results (*run)(Call& call);
  Traits traits = {};
  std::string_view domain = "";
};

using Rows = std::span<const Row>;
Rows math_rows();
Rows activation_rows();
Rows logic_rows();
Rows reduce_rows();
Rows shape_rows();
Rows index_rows();
Rows conv_rows();
Rows pool_rows();
Rows norm_rows();
Rows loss_rows();
Rows product_rows();
Rows recurrent_rows();
Rows quantize_rows();
Rows control_rows();
Rows sequence_rows();
Rows training_rows();
Rows resize_rows();
Rows random_rows();
Rows signal_rows();
Rows text_rows();
Rows detection_rows();
Rows cast_rows();

/// The row of an operator in a version of its domain; null if there is none.
const Row* find_row(std::string_view domain, std::string_view op, std::int64_t version);
/// All rows, in the order of the families.
std::vector<const Row*> all_rows();

}  // namespace newtape::onnx::detail
