// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

#include <optional>
#include <type_traits>

/// Parameters computed from other parameters, which are trained instead (PyTorch's torch.nn.utils.parametrize):
///
///     nn::Linear fc = add("fc", nn::parametrize::spectral_norm(nn::Linear(64, 64)));
///
/// The originals become the module's parameters, as "parametrizations.weight.original" (or "original0", "original1");
/// parameters and buffers of the parametrization are under "parametrizations.weight.0". Every call of the module
/// recomputes the value before its forward: `fc.weight` holds the value of the last call, with its node in that graph.
/// So a module with parametrizations must not be called from two threads at once. Construct optimizers afterwards.
namespace newtape::nn::parametrize {

namespace detail {
Tensor value_of(const ModuleBase& module, std::string_view name);
void install(const ModuleBase& module, std::string_view name, const ModuleBase& parametrization,
             std::function<std::vector<Tensor>(const Tensor&)> inverse,
             std::function<Tensor(std::span<const Tensor>)> compute);
}  // namespace detail

/// Computes this module's own parameter `name` by `parametrization.forward(original)` or `forward(original0,
/// original1)`. The initial originals are `right_inverse(value)`, a tensor or a vector of tensors, if it exists, else
/// the value. ValueError when there is no such parameter or it is already parametrized; ShapeError, DTypeError when the
/// computed value has another shape or dtype. Nothing is changed then.
template <class M>
void register_parametrization(const ModuleBase& module, std::string_view name, const M& parametrization) {
  const auto inverse = [parametrization](const Tensor& value) -> std::vector<Tensor> {
    if constexpr (requires { parametrization.right_inverse(value); }) {
      const NoGrad guard;
      auto originals = parametrization.right_inverse(value);
      if constexpr (std::is_same_v<decltype(originals), Tensor>) {
        return {std::move(originals)};
      } else {
        return originals;
      }
    } else {
      return {value};
    }
  };
  detail::install(module, name, parametrization, inverse, [parametrization](std::span<const Tensor> o) -> Tensor {
    if constexpr (requires { parametrization.forward(o[0], o[1]); }) {
      return parametrization(o[0], o[1]);
    } else {
      return parametrization(o[0]);
    }
  });
}

/// Whether the module's own parameter `name` (for an empty name, any) is parametrized.
bool is_parametrized(const ModuleBase& module, std::string_view name = {});
/// Makes it an ordinary parameter again, with its current value. ValueError unless it is parametrized.
void remove_parametrizations(const ModuleBase& module, std::string_view name);

struct WeightNormOptions {
  std::optional<std::int64_t> dim = 0;  ///< the axis with separate norms; unset: one norm of the whole weight
};
/// g v / |v| (Salimans & Kingma 2016): original0 holds the norms g, original1 the directions v.
/// Where v is 0 the weight is 0.
struct WeightNorm : Module<WeightNorm> {
  explicit WeightNorm(const WeightNormOptions& o = {}) : options(o) {}
  Tensor forward(In g, In v) const;
  std::vector<Tensor> right_inverse(const Tensor& w) const;
  WeightNormOptions options;
};

struct SpectralNormOptions {
  int n_power_iterations = 1;  ///< per call in training
  double eps = 1e-12;          ///< lower bound of the norms in divisors
  std::int64_t dim = 0;        ///< the output axis: 1 for transposed convolutions
};
/// w / sigma, where sigma approximates the largest singular value of w as a matrix (Miyato et al. 2018), by power
/// iterations on the buffers u and v, which eval() freezes. A vector w is divided by its norm. Zeros stay zeros.
struct SpectralNorm : Module<SpectralNorm> {
  explicit SpectralNorm(const Tensor& w, const SpectralNormOptions& options = {});
  Tensor forward(In w) const;
  Tensor right_inverse(const Tensor& w) const;  ///< w itself, after 15 power iterations
  SpectralNormOptions options;
  Buffer u, v;

 private:
  Tensor matrix(const Tensor& w) const;
  void iterate(const Tensor& w, int times) const;
};

/// The map from skew-symmetric to orthogonal matrices: exp(a), or the Cayley map (1 - a/2)^-1 (1 + a/2).
enum class OrthogonalMap { matrix_exp, cayley };
struct OrthogonalOptions {
  OrthogonalMap map = OrthogonalMap::matrix_exp;
};
/// Matrices with orthonormal columns, or rows if there are fewer: a fixed matrix, the buffer "base", times exp(a) or
/// (1 - a/2)^-1 (1 + a/2), where a is the skew-symmetric part of the original (Lezcano-Casado 2019). The initial value
/// is the Q factor of the parameter.
struct Orthogonal : Module<Orthogonal> {
  explicit Orthogonal(const Tensor& w, const OrthogonalOptions& options = {});
  Tensor forward(In x) const;
  Tensor right_inverse(const Tensor& w) const;
  OrthogonalOptions options;
  Buffer base;
};

/// Symmetric matrices, from the upper triangle.
struct Symmetric : Module<Symmetric> {
  Tensor forward(In x) const;
};

/// These register the parametrizations above for a parameter and return the same module.
template <class M>
M weight_norm(M module, std::string_view name = "weight", const WeightNormOptions& options = {}) {
  register_parametrization(module, name, WeightNorm(options));
  return module;
}
template <class M>
M spectral_norm(M module, std::string_view name = "weight", const SpectralNormOptions& options = {}) {
  register_parametrization(module, name, SpectralNorm(detail::value_of(module, name), options));
  return module;
}
template <class M>
M orthogonal(M module, std::string_view name = "weight", const OrthogonalOptions& options = {}) {
  register_parametrization(module, name, Orthogonal(detail::value_of(module, name), options));
  return module;
}
template <class M>
M symmetric(M module, std::string_view name = "weight") {
  register_parametrization(module, name, Symmetric());
  return module;
}

}  // namespace newtape::nn::parametrize
