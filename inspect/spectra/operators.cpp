// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/operators.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>

#include <memory>
#include <string>

namespace newtape::inspect {

namespace {

using Piece = LossSurface::Piece;
/// The product with a curvature matrix of one batch, on tensors of the parameters' shapes.
using Product = std::function<std::vector<Tensor>(std::span<const Tensor> vs)>;
using MakeProduct = std::function<Product(const Piece& piece, std::span<const Tensor> xs)>;

Array flat_array(std::span<const Tensor> parts) { return core::contiguous(parameters_to_vector(parts).value()); }

/// The mean over the batches of the surface, each by `make`.
LinearOperator mean_operator(const LossSurface& surface, const MakeProduct& make) {
  const std::vector<Tensor> xs = surface.values();
  if (!surface.has_loader()) {
    Product product;
    surface.each([&](const Piece& p) { product = make(p, xs); });
    return {surface.size(), surface.dtype(), [xs, product = std::move(product)](const Array& v) {
              const NoGrad constants;
              return flat_array(product(vector_to_parameters(Tensor(v), xs)));
            }};
  }
  return {
      surface.size(), surface.dtype(), [surface, xs, make](const Array& v) {
        const NoGrad constants;
        const auto vs = vector_to_parameters(Tensor(v), xs);
        Array sum = core::zeros(v.shape(), v.dtype());
        surface.each([&](const Piece& p) { sum = core::axpy(p.weight, flat_array(make(p, xs)(vs)), std::move(sum)); });
        return sum;
      }};
}

void expect_outputs(const char* op, const LossSurface& surface) {
  if (surface.has_outputs()) return;
  raise<ValueError>(std::string(op) + ": the surface needs outputs and loss as two functions",
                    "LossSurface(model, outputs, loss)", "a loss alone");
}

/// sum over rows r and draws k of J_r^T c_kr c_kr^T J_r v, for cotangents c [k, outputs.., d] that are independent
/// between rows.
Product outer_products(const Piece& piece, std::span<const Tensor> xs, const SampledFisherOperatorOptions& options) {
  const auto j = std::make_shared<const Linearization>(piece.outputs, xs);
  const Tensor& y = j->values()[0];
  Generator generator = Generator(options.seed).fork(static_cast<std::uint64_t>(piece.index));
  const Tensor drawn = optim::sampled_cotangents(piece.of_outputs, y, options.likelihood, options.samples, generator);
  const bool single = y.ndim() == 1 && options.likelihood == optim::Likelihood::independent;
  const auto d = y.ndim() == 0 || single ? 1 : y.shape().back();
  const auto rows = d == 0 ? 0 : y.size() / d;
  const Tensor c = reshape(drawn, {options.samples, rows, d});
  return [j, c, rows, d](std::span<const Tensor> vs) {
    const Tensor u = j->jvp(vs)[0];
    const Tensor along = sum(c * reshape(u, {rows, d}), -1, true);
    const Tensor g = reshape(sum(c * along, 0), u.shape());
    return j->vjp({&g, 1});
  };
}

}  // namespace

LinearOperator hessian_operator(const LossSurface& surface) {
  return mean_operator(surface, [](const Piece& p, std::span<const Tensor> xs) -> Product {
    return [h = std::make_shared<const HessianProduct>(p.loss, xs)](std::span<const Tensor> vs) { return (*h)(vs); };
  });
}

LinearOperator hessian_operator(const UnaryFunction& f, const Tensor& x) {
  const NoGrad constants;
  const Function lifted = [&f](std::span<const Tensor> xs) { return f(xs[0]); };
  const auto h = std::make_shared<const HessianProduct>(lifted, std::span<const Tensor>(&x, 1));
  return {x.size(), x.dtype(), [h, shape = x.shape()](const Array& v) {
            const NoGrad off;
            const Tensor shaped = reshape(Tensor(v), shape);
            return flat_array((*h)({&shaped, 1}));
          }};
}

LinearOperator gauss_newton_operator(const LossSurface& surface) {
  expect_outputs("gauss_newton_operator", surface);
  return mean_operator(surface, [](const Piece& p, std::span<const Tensor> xs) -> Product {
    const auto product = std::make_shared<const optim::FisherProduct>(p.outputs, p.of_outputs, xs);
    return [product](std::span<const Tensor> vs) { return (*product)(vs); };
  });
}

LinearOperator empirical_fisher_operator(const LossSurface& surface) {
  return mean_operator(surface, [](const Piece& p, std::span<const Tensor> xs) -> Product {
    const auto product = std::make_shared<const optim::EmpiricalFisherProduct>(p.losses, xs);
    return [product](std::span<const Tensor> vs) { return (*product)(vs); };
  });
}

LinearOperator sampled_fisher_operator(const LossSurface& surface, const SampledFisherOperatorOptions& options) {
  expect_outputs("sampled_fisher_operator", surface);
  return mean_operator(
      surface, [options](const Piece& p, std::span<const Tensor> xs) { return outer_products(p, xs, options); });
}

LinearOperator jacobian_operator(const UnaryFunction& f, const Tensor& x) {
  const NoGrad constants;
  const Function lifted = [&f](std::span<const Tensor> xs) { return f(xs[0]); };
  const auto j = std::make_shared<const Linearization>(lifted, std::span<const Tensor>(&x, 1));
  const Tensor& y = j->values()[0];
  if (y.dtype() != x.dtype()) {
    raise<DTypeError>("jacobian_operator: the function must keep the dtype", name(x.dtype()), name(y.dtype()));
  }
  const auto times = [j, shape = x.shape()](const Array& v) {
    const NoGrad off;
    const Tensor shaped = reshape(Tensor(v), shape);
    return flat_array(j->jvp({&shaped, 1}));
  };
  const auto adjoint = [j, shape = y.shape()](const Array& u) {
    const NoGrad off;
    const Tensor shaped = reshape(Tensor(u), shape);
    return flat_array(j->vjp({&shaped, 1}));
  };
  return {y.size(), x.size(), x.dtype(), times, adjoint};
}

Spectrum spectrum(const LossSurface& surface, const SpectrumOptions& options) {
  return spectrum(hessian_operator(surface), options);
}

}  // namespace newtape::inspect
