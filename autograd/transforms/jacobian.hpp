// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

/// Whole matrices of derivatives. They are made by sweeps with batches of cotangents, as many at once as keep what a
/// sweep works on inside the cache. Like the other transforms they compose (see transforms.hpp).
namespace newtape {

struct JacobianOptions {
  /// Rows by sweeps back (as JAX's jacrev), columns by tangents (jacfwd), or what needs less work.
  enum class Mode { automatic, reverse, forward };
  Mode mode = Mode::automatic;
  std::int64_t chunk = 0;  ///< rows or columns in one sweep; 0: chosen from the sizes in the graph
};

/// The derivatives of every element of f(x) in every element of x: shape y.shape + x.shape.
Tensor jacobian(const UnaryFunction& f, const Tensor& x, const JacobianOptions& options = {});
/// One for each input.
std::vector<Tensor> jacobian(const Function& f, std::span<const Tensor> xs, const JacobianOptions& options = {});
/// [i][j]: of result i in input j.
std::vector<std::vector<Tensor>> jacobian(const MultiFunction& f, std::span<const Tensor> xs,
                                          const JacobianOptions& options = {});

/// The second derivatives of a function with one number as result: shape x.shape + x.shape. ShapeError unless f returns
/// one element.
Tensor hessian(const UnaryFunction& f, const Tensor& x, const JacobianOptions& options = {});
/// [i][j]: in inputs i and j, of shape xs[i].shape + xs[j].shape. Only those with i <= j are computed; the others are
/// their transposes.
std::vector<std::vector<Tensor>> hessian(const Function& f, std::span<const Tensor> xs,
                                         const JacobianOptions& options = {});
/// The same as one matrix [n, n] over all n elements of all inputs, in their order; they must have one dtype.
Tensor hessian_matrix(const Function& f, std::span<const Tensor> xs, const JacobianOptions& options = {});
/// The diagonal of the Hessian, of x's shape.
Tensor hessian_diag(const UnaryFunction& f, const Tensor& x, const JacobianOptions& options = {});

/// A loss of each sample: parameters and a part of the data (some of its first indices) to as many losses [m].
using SampleLoss = std::function<Tensor(std::span<const Tensor> parameters, std::span<const Tensor> batch)>;
/// The gradient of every sample's loss in each of `parameters`: [n, parameter.shape..], for data of n samples along
/// the first axis. The loss must treat each sample by itself; it is called for a few samples at a time (`chunk`).
std::vector<Tensor> per_sample_grad(const SampleLoss& loss, std::span<const Tensor> parameters,
                                    std::span<const Tensor> batch, std::int64_t chunk = 0);

/// All elements of the tensors one after the other, [n]: as PyTorch's parameters_to_vector.
Tensor parameters_to_vector(std::span<const Tensor> xs);
/// The way back: parts of `vector` [n] in the shapes of `like`. ShapeError when the number of elements differs.
std::vector<Tensor> vector_to_parameters(const Tensor& vector, std::span<const Tensor> like);

}  // namespace newtape
