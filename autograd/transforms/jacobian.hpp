// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

/// Jacobian and Hessian matrices, computed by sweeps with batches of cotangents; the batch size is chosen to keep the
/// arrays of a sweep in cache. Like the other transforms they compose (see grad.hpp).
namespace newtape {

struct JacobianOptions {
  /// reverse: by rows (JAX's jacrev); forward: by columns (jacfwd); automatic: whichever needs less work.
  enum class Mode { automatic, reverse, forward };
  Mode mode = Mode::automatic;
  std::int64_t chunk = 0;  ///< rows or columns in one sweep; 0: chosen from the sizes in the graph
};

/// The derivatives of all elements of y = f(x) with respect to all elements of x: shape y.shape + x.shape.
Tensor jacobian(const Located<UnaryFunction>& f, const Tensor& x, const JacobianOptions& options = {});
/// One Jacobian for each input.
std::vector<Tensor> jacobian(const Located<Function>& f, std::span<const Tensor> xs,
                             const JacobianOptions& options = {});
/// [i][j]: of result i with respect to input j.
std::vector<std::vector<Tensor>> jacobian(const Located<MultiFunction>& f, std::span<const Tensor> xs,
                                          const JacobianOptions& options = {});

/// The Hessian of a scalar-valued function: shape x.shape + x.shape. ShapeError unless f returns one element.
Tensor hessian(const Located<UnaryFunction>& f, const Tensor& x, const JacobianOptions& options = {});
/// [i][j]: with respect to inputs i and j, of shape xs[i].shape + xs[j].shape. Blocks with i <= j are computed; the
/// others are their transposes.
std::vector<std::vector<Tensor>> hessian(const Located<Function>& f, std::span<const Tensor> xs,
                                         const JacobianOptions& options = {});
/// The Hessian as one matrix [n, n] over all n elements of all inputs, in order. DTypeError unless all inputs have
/// the same dtype.
Tensor hessian_matrix(const Located<Function>& f, std::span<const Tensor> xs, const JacobianOptions& options = {});
/// The diagonal of the Hessian, of x's shape.
Tensor hessian_diag(const Located<UnaryFunction>& f, const Tensor& x, const JacobianOptions& options = {});

/// Maps parameters and m samples (a slice of the data along the first axis) to m losses [m].
using SampleLoss = std::function<Tensor(std::span<const Tensor> parameters, std::span<const Tensor> batch)>;
/// The gradients of all samples' losses with respect to each of `parameters`: [n, parameter.shape..], for n samples
/// along the first axis of `batch`. The loss must treat samples independently; it is called for `chunk` at a time.
std::vector<Tensor> per_sample_grad(const Located<SampleLoss>& loss, std::span<const Tensor> parameters,
                                    std::span<const Tensor> batch, std::int64_t chunk = 0);

/// The flattened tensors concatenated, [n]: PyTorch's parameters_to_vector.
Tensor parameters_to_vector(std::span<const Tensor> xs, SourceLocation location = SourceLocation::current());
/// The inverse: parts of `vector` [n] in the shapes of `like`. ShapeError when the number of elements differs.
std::vector<Tensor> vector_to_parameters(const Tensor& vector, std::span<const Tensor> like,
                                         SourceLocation location = SourceLocation::current());

}  // namespace newtape
