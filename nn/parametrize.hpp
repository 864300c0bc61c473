// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/module/module.hpp>

#include <optional>
#include <type_traits>

/// Parameters that are functions of others, which are trained in their place, as PyTorch's torch.nn.utils.parametrize:
///
///     nn::Linear fc = add("fc", nn::parametrize::spectral_norm(nn::Linear(64, 64)));
///
/// The others are the module's parameters then, as "parametrizations.weight.original" (or "original0", "original1"),
/// and what else the parametrization keeps is under "parametrizations.weight.0". The value is computed anew by every
/// call of the module, before its forward: `fc.weight` holds what the last call computed, with its place in that graph.
/// So a module with parametrizations is not to be called from two threads at once. Make optimizers afterwards.
namespace newtape::nn::parametrize {

namespace detail {
Tensor value_of(const ModuleBase& module, std::string_view name);
void install(const ModuleBase& module, std::string_view name, const ModuleBase& parametrization,
             const std::vector<Tensor>& originals, std::function<Tensor(std::span<const Tensor>)> compute);
}  // namespace detail

/// Lets `parametrization.forward(original)`, or `forward(original0, original1)`, compute the parameter `name` of this
/// module itself. Its `right_inverse(value)`, a tensor or a vector of tensors, gives the first originals; without one
/// that is the value. ValueError when there is no such parameter, or when it is parametrized already; ShapeError,
/// DTypeError when what is computed does not fit it. Nothing is changed then.
template <class M>
void register_parametrization(const ModuleBase& module, std::string_view name, const M& parametrization) {
  const Tensor value = detail::value_of(module, name);
  std::vector<Tensor> originals{value};
  if constexpr (requires { parametrization.right_inverse(value); }) {
    const NoGrad guard;
    auto inverse = parametrization.right_inverse(value);
    if constexpr (std::is_same_v<decltype(inverse), Tensor>) {
      originals = {std::move(inverse)};
    } else {
      originals = std::move(inverse);
    }
  }
  detail::install(module, name, parametrization, originals, [parametrization](std::span<const Tensor> o) -> Tensor {
    if constexpr (requires { parametrization.forward(o[0], o[1]); }) {
      return parametrization(o[0], o[1]);
    } else {
      return parametrization(o[0]);
    }
  });
}

/// Is this parameter of the module itself (any, for an empty name) computed from others?
bool is_parametrized(const ModuleBase& module, std::string_view name = {});
/// Makes it a parameter of its own again, with the value that it has now. ValueError unless it is parametrized.
void remove_parametrizations(const ModuleBase& module, std::string_view name);

struct WeightNormOptions {
  std::optional<std::int64_t> dim = 0;  ///< the axis of what has a length of its own; without it all have one
};
/// g v / |v| (Salimans & Kingma 2016): original0 holds the lengths g, original1 the directions v.
struct WeightNorm : Module<WeightNorm> {
  explicit WeightNorm(const WeightNormOptions& o = {}) : options(o) {}
  Tensor forward(In g, In v) const;
  std::vector<Tensor> right_inverse(const Tensor& w) const;
  WeightNormOptions options;
};

struct SpectralNormOptions {
  int n_power_iterations = 1;  ///< for each call in training
  double eps = 1e-12;          ///< vectors are divided by no less
  std::int64_t dim = 0;        ///< the axis of the outputs: 1 for transposed convolutions
};
/// w / sigma, where sigma approximates the largest singular value of w as a matrix (Miyato et al. 2018), by power
/// iterations whose vectors are buffers; eval() keeps them as they are. A vector w is divided by its length.
struct SpectralNorm : Module<SpectralNorm> {
  explicit SpectralNorm(const Tensor& w, const SpectralNormOptions& options = {});
  Tensor forward(In w) const;
  SpectralNormOptions options;
  Buffer u, v;

 private:
  Tensor matrix(const Tensor& w) const;
  void iterate(const Tensor& w, int times) const;
};

enum class OrthogonalMap { matrix_exp, cayley };
struct OrthogonalOptions {
  OrthogonalMap map = OrthogonalMap::matrix_exp;
};
/// Matrices with orthogonal columns of length 1, or, where there are fewer of them, rows: a fixed one, the buffer
/// "base", turned by exp(a), or by (1 - a/2)^-1 (1 + a/2), for a the skew part of the original (Lezcano-Casado 2019).
/// It starts at the Q factor of the value.
struct Orthogonal : Module<Orthogonal> {
  explicit Orthogonal(const Tensor& w, const OrthogonalOptions& options = {});
  Tensor forward(In x) const;
  Tensor right_inverse(const Tensor& w) const;
  OrthogonalOptions options;
  Buffer base;
};

/// Symmetric matrices: the upper triangle, mirrored.
struct Symmetric : Module<Symmetric> {
  Tensor forward(In x) const;
};

/// These register the above for a parameter, and return the module, which stays the same.
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
