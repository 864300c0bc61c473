// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

#include <optional>
#include <string>

namespace newtape {

struct VmapOptions {
  /// The axis of each argument along which the examples lie, none for an argument that all examples share; a single entry is
  /// for all arguments, and by default it is 0.
  std::vector<std::optional<std::int64_t>> in_axes = {};
  std::int64_t out_axis = 0;  ///< of the examples in the results
  bool allow_loop = true;     ///< otherwise ValueError with the reason, where the examples would be computed one by one
};

/// f of single examples as a function of a batch, with the results stacked. f is traced on the first and on the last example,
/// and each of its operations computed for the whole batch, most of them by broadcasting. Where an operation has no such rule,
/// the two traces differ (a random number, an operation that depends on the elements), or f reads an element by `item` (a
/// branch), f is called for one example after the other; `explain_vmap` says why. The results are recorded: it composes with
/// grad, jvp, hessian and itself, on both sides. f may not read elements by other ways, such as data(). The
/// two traces are calls of f: what it changes (running statistics, a generator) changes twice, too. ValueError for an
/// empty f; ShapeError for different numbers of examples, and where the results of examples differ in shape.
MultiFunction vmap(Located<MultiFunction> f, const VmapOptions& options = {});
Function vmap(Located<Function> f, const VmapOptions& options = {});
UnaryFunction vmap(Located<UnaryFunction> f, const VmapOptions& options = {});

/// Why vmap would compute the examples one by one, with the line of the operation; empty when it computes them together.
std::string explain_vmap(const Located<MultiFunction>& f, std::span<const Tensor> xs, const VmapOptions& options = {});

}  // namespace newtape
