// SPDX-License-Identifier: BSD-3-Clause
// What the driver needs of numbers: operands drawn for a sample, in several layouts, and comparisons with what comes
// out.
#pragma once

#include "table.hpp"

#include <newtape/autograd/transforms/grad.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace newtape::table {

/// How an operand lies in memory.
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
/// Contiguous memory of its own, not shared with anything.
Array own_copy(const Array& x);

/// Numbers as they are in memory; works for any dtype and layout.
Values values(const Array& x);
inline Values values(const Tensor& x) { return values(x.value()); }
std::vector<Values> values(const std::vector<Array>& xs);
Array array(const Values& v, DType dtype);
/// Signs at random, sizes between 1/2 and 3/2.
Array random_like(const Shape& shape, DType dtype, std::uint64_t seed);

bool is_float(const Row& row, std::size_t operand);
/// Floats become variables, unless `constant` is their number; all others are constants.
std::vector<Tensor> variables(const std::vector<Array>& xs, std::size_t constant = ~std::size_t{0});
/// The operands handed over as lvalues: the caller keeps them.
Tensor call(const Call& f, std::span<const Tensor> xs);
/// Handed over as temporaries.
Tensor call_moved(const Call& f, std::vector<Tensor>&& xs);
/// <w, y>'s gradients in all variables among `xs`, zero where nothing arrives, undefined for constants.
std::vector<Tensor> gradients(const Tensor& y, std::span<const Tensor> xs, const Tensor& w, bool create_graph = false);

/// Empty when shapes, dtypes and numbers agree; else where they do not. `relative` is to each element's own size
/// (`own`), or to that of the largest.
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
