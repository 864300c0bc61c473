// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/inspect/spectra/loss_surface.hpp>
#include <newtape/optim/optimizer.hpp>

#include <string>

namespace newtape::inspect {

/// Options of sharpness and stability.
struct SharpnessOptions {
  double tolerance = 1e-3;         ///< on |H x - w x| / |H|; the error of w is about its square
  std::int64_t max_products = 0;   ///< products with the Hessian; 0: 1000
  Generator* generator = nullptr;  ///< null: the default generator
};

/// The largest eigenvalue of a loss's Hessian.
struct Sharpness {
  double value = 0;
  double residual = 0;  ///< |H x - value x| for the direction x
  Array direction;      ///< [n], of length 1
  bool converged = false;
  std::int64_t products = 0;
};

/// Sharpness by the Lanczos method, at the present values of the parameters.
Sharpness sharpness(const LossSurface& surface, const SharpnessOptions& options = {});

/// Whether an optimizer's steps are stable on the quadratic model of the loss: they grow along a direction of curvature
/// w where lr w is above the limit. Full batches settle at the limit, the edge of stability (Cohen et al. 2021).
struct Stability {
  double sharpness = 0;  ///< largest eigenvalue of the Hessian, preconditioned for adaptive methods
  double lr = 0;         ///< the largest of all groups
  double limit = 0;      ///< of lr x sharpness
  double ratio = 0;      ///< lr x sharpness / limit
  bool stable = false;   ///< ratio <= 1
  bool preconditioned = false;
  bool converged = false;  ///< of the eigenvalue
  std::string rule;        ///< the limit as a formula: "2 (1 + momentum)"
};

/// Stability of the optimizer's next steps on `surface`, from its learning rates, momenta and state. Limits of lr w are
///
///     SGD                     2; 2 (1 + momentum) / (1 - dampening); 2 (1 + momentum) / (1 + 2 momentum) with nesterov
///     Adam, AdamW             2 (1 + beta1) / (1 - beta1), 38 for beta1 = 0.9 (Cohen et al. 2022)
///     RMSprop, Adagrad        2 (1 + momentum)
///
/// where w is an eigenvalue of H, or of P^-1/2 H P^-1/2 for methods that divide the gradient by P, taken as constant.
/// Weight decay that adds to the gradient adds to H; decoupled decay is left out. Groups of different rates are scaled
/// to the first one's limit and to the largest rate. ValueError for other optimizers, for an adaptive one before its
/// first step, and when a trainable parameter of the surface is not the optimizer's.
Stability stability(const LossSurface& surface, const optim::Optimizer& optimizer,
                    const SharpnessOptions& options = {});

/// One line: "unstable: lr x sharpness = 0.1 x 31.4 = 3.14, above the limit 2".
std::string to_string(const Stability& s);

}  // namespace newtape::inspect
