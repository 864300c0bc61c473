// SPDX-License-Identifier: BSD-3-Clause
// Operands for the driver: drawn for a sample, in several memory layouts; and comparison of results.
#pragma once

#include "table.hpp"

#include <newtape/autograd/transforms/grad.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace newtape::table {

/// The memory layout of an operand.
enum class Layout {
  contiguous,
  transposed,  ///< the axes in reverse order
  stepped,     ///< every second element along every axis of a larger block; NaN between them
  stretched,   ///< stride 0 along the first axis: its elements are all those of index 0
};

/// Operands for a sample, the same numbers in every float dtype.
std::vector<Array> draw(const Row& row, const Sample& sample, DType dtype, std::uint64_t seed = 1);
/// The same numbers (but see `stretched`) in another layout.
Array laid_out(const Array& x, Layout layout);
/// A contiguous copy in unshared memory.
Array own_copy(const Array& x);

/// The elements in C order, for any dtype and layout.
Values values(const Array& x);
inline Values values(const Tensor& x) { return values(x.value()); }
std::vector<Values> values(const std::vector<Array>& xs);
Array array(const Values& v, DType dtype);
/// Random signs, magnitudes in [1/2, 3/2).
Array random_like(const Shape& shape, DType dtype, std::uint64_t seed);

inline const Domain& domain(const Row& row, std::size_t operand) {
  return row.domains[std::min(operand, row.domains.size() - 1)];
}
bool is_float(const Row& row, std::size_t operand);
/// Floats become variables, except operand number `constant`; others are constants.
std::vector<Tensor> variables(const std::vector<Array>& xs, std::size_t constant = ~std::size_t{0});
/// Passes the operands as lvalues.
Tensor call(const Call& f, std::span<const Tensor> xs);
/// Passes the operands as temporaries.
Tensor call_moved(const Call& f, std::vector<Tensor>&& xs);
/// The gradients of <w, y> with respect to the variables among `xs`, zero for unused ones, undefined for constants.
std::vector<Tensor> gradients(const Tensor& y, std::span<const Tensor> xs, const Tensor& w, bool create_graph = false);

/// Empty when shapes, dtypes and numbers agree; else a description. `relative` is the tolerance relative to each
/// element (`own`) or to the largest.
std::string differ(const Tensor& got, const Values& want, double relative, bool own = false);
inline std::string differ(const Tensor& got, const Tensor& want, double relative) {
  return differ(got, values(want), relative);
}
/// The bytes of an array's elements, in C order.
std::string bytes(const Array& x);
bool all_finite(const Values& v);

/// For messages.
std::string describe(const Row& row, const Sample& sample);

}  // namespace newtape::table
