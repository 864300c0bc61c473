// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/module/draw_order.hpp>
#include <newtape/nn/parametrize.hpp>

namespace newtape::nn::parametrize {

namespace {
/// The norms of the slices of w along axis `dim`, which is kept; unset: the norm of w.
Tensor lengths(const Tensor& w, const std::optional<std::int64_t>& dim) {
  if (!dim) return norm(w, 2);
  const auto kept = normalize_axis("weight_norm", *dim, w.ndim());
  Dims others;
  for (std::size_t i = 0; i < w.ndim(); ++i) {
    if (i != kept) others.push_back(static_cast<std::int64_t>(i));
  }
  return others.empty() ? abs(w) : norm(w, 2, Axes(others), true);
}
}  // namespace

Tensor WeightNorm::forward(In g, In v) const {
  // A direction of zeros has no length; the weight is 0 whatever the factor.
  const Tensor length = lengths(v, options.dim);
  const Tensor none = length == 0.0;
  return v * where(none, 1.0, g / where(none, 1.0, length));
}
std::vector<Tensor> WeightNorm::right_inverse(const Tensor& w) const { return {lengths(w, options.dim), w}; }

SpectralNorm::SpectralNorm(const Tensor& w, const SpectralNormOptions& o) : options(o) {
  if (o.n_power_iterations < 1) {
    raise<ValueError>("spectral_norm: n_power_iterations must be positive", {}, std::to_string(o.n_power_iterations));
  }
  if (w.ndim() == 0) raise<ShapeError>("spectral_norm: the parameter must have an axis", "[n, ..]", "[]");
  if (w.ndim() == 1) return;
  const Tensor m = matrix(w);
  const auto start = [&](std::int64_t n) {
    Buffer b(Array::empty({n}, w.dtype()));
    nn::detail::draw(b, default_generator(), [n, dtype = w.dtype(), eps = options.eps](Generator& g) {
      return normalize(random::normal({n}, 0, 1, dtype, g), 2, -1, eps).value();
    });
    return b;
  };
  u = add("_u", start(m.shape(0)));
  v = add("_v", start(m.shape(1)));
}

Tensor SpectralNorm::right_inverse(const Tensor& w) const {
  if (u.defined()) iterate(w, 15);  // as in PyTorch
  return w;
}

Tensor SpectralNorm::matrix(const Tensor& w) const {
  const Tensor first = moveaxis(w, options.dim, 0);
  return reshape(first, {first.shape(0), -1});
}

void SpectralNorm::iterate(const Tensor& w, int times) const {
  const NoGrad guard;
  const Tensor m = matrix(w.detach());
  Tensor left;
  Tensor right = v.tensor().to(m.dtype());
  for (int i = 0; i < times; ++i) {
    const Tensor image = matmul(m, right);
    if (!any(image != 0.0).item<bool>()) return;  // a weight of zeros: the vectors serve once it is trained
    left = normalize(image, 2, -1, options.eps);
    right = normalize(matmul(transpose(m), left), 2, -1, options.eps);
  }
  u.set_value(left.to(u.dtype()).value());
  v.set_value(right.to(v.dtype()).value());
}

Tensor SpectralNorm::forward(In w) const {
  if (!u.defined()) return normalize(std::move(w), 2, 0, options.eps);
  if (is_training()) iterate(w, options.n_power_iterations);
  const Tensor sigma = dot(u.tensor().to(w.dtype()), matmul(matrix(w), v.tensor().to(w.dtype())));
  return w / where(sigma == 0.0, 1.0, sigma);  // a weight of zeros stays
}

namespace {
bool is_wide(const Tensor& w) { return w.shape(-2) < w.shape(-1); }
Tensor tall(const Tensor& w) { return is_wide(w) ? transpose(w) : w; }

/// The complete Q factor of w = q r, with signs such that r has a positive diagonal.
Tensor complete_q(const Tensor& w) {
  const NoGrad guard;
  const Tensor a = tall(w.detach());
  const auto [q, r] = linalg::qr(a, linalg::QRMode::complete);
  const auto columns = a.shape(-1);
  const Tensor down = unsqueeze(diagonal(r, 0, -2, -1) < 0.0, -2);
  const Tensor first = slice(q, -1, 0, columns);
  return concatenate({where(down, -first, first), slice(q, -1, columns, q.shape(-1))}, -1);
}
}  // namespace

Orthogonal::Orthogonal(const Tensor& w, const OrthogonalOptions& o) : options(o) {
  if (w.ndim() < 2) raise<ShapeError>("orthogonal: the parameter must be a matrix", "[.., n, m]", to_string(w.shape()));
  base = add("base", Buffer(complete_q(w)));
}

Tensor Orthogonal::right_inverse(const Tensor& w) const {
  base.set_value(complete_q(w).value());
  return zeros_like(w);
}

Tensor Orthogonal::forward(In x) const {
  const Tensor original = tall(x);
  const auto n = original.shape(-2);
  const auto columns = original.shape(-1);
  const Tensor half = pad(tril(original, -1), {{0, 0}, {0, n - columns}});
  const Tensor a = half - transpose(half);
  Tensor turn;
  if (options.map == OrthogonalMap::matrix_exp) {
    turn = linalg::matrix_exp(a);
  } else {
    const Tensor one = eye(n, a.dtype());
    turn = linalg::solve(one - 0.5 * a, one + 0.5 * a);
  }
  const Tensor y = matmul(base.tensor().to(a.dtype()), slice(turn, -1, 0, columns));
  return is_wide(x) ? transpose(y) : y;
}

Tensor Symmetric::forward(In x) const {
  if (x.ndim() < 2 || x.tensor().shape(-1) != x.tensor().shape(-2)) {
    raise<ShapeError>("symmetric: the parameter must be square", "[.., n, n]", to_string(x.shape()));
  }
  return triu(x) + transpose(triu(x, 1));
}

}  // namespace newtape::nn::parametrize
