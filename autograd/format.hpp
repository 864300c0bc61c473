// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/core/array/print.hpp>

/// Tensors and parameters print as their arrays: `fmt::print("{:.3}\n", x)`, `std::cout << x`.
namespace newtape {

/// NumPy's format of the values, as of an array; the graph is not shown.
inline std::string to_string(const Tensor& x, const ToStringOptions& options = {}) {
  return to_string(x.value(), options);
}
inline std::ostream& operator<<(std::ostream& os, const Tensor& x) { return os << x.value(); }

}  // namespace newtape

template <>
struct fmt::formatter<newtape::Tensor> : fmt::formatter<newtape::Array> {
  auto format(const newtape::Tensor& x, fmt::format_context& ctx) const {
    return fmt::formatter<newtape::Array>::format(x.value(), ctx);
  }
};
template <>
struct fmt::formatter<newtape::Parameter> : fmt::formatter<newtape::Tensor> {
  auto format(const newtape::Parameter& x, fmt::format_context& ctx) const {
    return fmt::formatter<newtape::Tensor>::format(x.tensor(), ctx);
  }
};
