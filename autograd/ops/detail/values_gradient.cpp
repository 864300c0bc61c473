// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/values_gradient.hpp>

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/detail/ties.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_set>

namespace newtape::linalg {

static const Op values_gradient_op{"values_gradient"};
static const Op without_derivative_op{"without_derivative"};

Tensor without_derivative(const Tensor& x, const Tensor& a, const Tensor& g, const core::SpectralOp& op) {
  const auto pullback = [op](std::size_t i, const Tensor& h) {
    if (i == 0) return h;
    if (any(h.detach() != 0.0).item<bool>()) core::raise_undetermined(op);
    return Tensor();
  };
  return without_derivative_op(x.value(), wrt_all(std::array{x, a, g}, pullback));
}

namespace {

using detail::Node;
using detail::NodeRef;

/// The nodes where the dependence of g ends: recordings of w, and others that may hide a further dependence on the same
/// matrix: variables, vectors, values of other factorizations.
struct Sources {
  std::vector<Tensor> same;
  std::vector<Tensor> others;
};

Sources sources_of(const Tensor& g, const Tensor& w) {
  const Node& values = *w.node();
  const auto factorized = [](const Node& node) {
    const std::string_view name = node.op->name();
    return node.output_index >= 0 && (name == "eigh" || name == "svd" || name == "eig");
  };
  Sources found;
  std::unordered_set<Node*> seen{nullptr};
  std::vector<Node*> path{g.node().get()};
  while (!path.empty()) {
    Node* node = path.back();
    path.pop_back();
    if (!seen.insert(node).second) continue;
    if (node->op != nullptr && !factorized(*node)) {
      for (const auto& edge : node->edges) path.push_back(edge.get());
      continue;
    }
    const bool same = node->op != nullptr && node->edges[0].get() == values.edges[0].get() &&
                      node->output_index == values.output_index;
    (same ? found.same : found.others).emplace_back(Array(), NodeRef(node));
  }
  return found;
}

Shape joined(const Shape& a, const Shape& b) {
  Shape all = a;
  for (const auto d : b) all.push_back(d);
  return all;
}
Shape ones_of(std::size_t count) { return Shape(count, 1); }

/// What a sweep from g [lead.., stack.., k] to w [stack.., k] tells, one member of `lead` at a time; constants.
class Dependence {
 public:
  Dependence(const Tensor& g, const Tensor& w) : g_(g), w_(w), lead_(leading(g, w.ndim())) {
    if (g.requires_grad() && !g.is_leaf()) sources_ = sources_of(g, w);
  }

  /// dg_i / dw_j [lead.., stack.., i, j]; parts of different matrices of the stack are added up, which cancels where
  /// values are equal in differences of columns of a symmetric function.
  Tensor jacobian() const {
    const auto k = w_.shape(-1);
    const auto members = element_count(lead_);
    Tensor sum = zeros(joined(Shape{members, k}, w_.shape()), w_.dtype());
    if (!sources_.same.empty()) {
      const Tensor units = reshape(eye(k, w_.dtype()), joined(joined(Shape{1, k}, ones_of(w_.ndim())), Shape{k}));
      const Tensor rows = expand(units, joined(Shape{members, k, members}, w_.shape()));
      const Shape one_of = joined(Shape{members, 1, members}, ones_of(w_.ndim()));
      const Tensor all = rows * reshape(eye(members, w_.dtype()), one_of);
      const Tensor cotangents = reshape(all, joined(Shape{members, k}, g_.shape()));
      for (const auto& part : swept(sources_.same, cotangents)) {
        if (part.defined()) sum = sum + part;
      }
    }
    return reshape(moveaxis(sum, 1, -2), joined(g_.shape(), Shape{k}));
  }

  /// Whether the sums over i of z_i dg_i [stack.., k] by everything but w vanish, relative to those of |z_i| dg_i.
  bool vanishes_elsewhere(const Tensor& z, double tolerance) const {
    if (sources_.others.empty()) return true;
    const auto members = element_count(lead_);
    const Tensor one_of = reshape(eye(members, w_.dtype()), joined(Shape{members, members}, ones_of(w_.ndim())));
    const auto by = [&](const Tensor& x) {
      return swept(sources_.others, reshape(one_of * x, joined(Shape{members}, g_.shape())));
    };
    const auto found = by(z);
    const auto sizes = by(abs(z));
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!found[i].defined() || found[i].size() == 0) continue;
      if (!(max(abs(found[i])).item() <= tolerance * max(abs(sizes[i])).item())) return false;
    }
    return true;
  }

 private:
  std::vector<Tensor> swept(const std::vector<Tensor>& to, const Tensor& cotangents) const {
    const detail::TieSearch ties;
    return detail::grad_between(g_, to, cotangents, false, true);
  }

  const Tensor& g_;
  const Tensor& w_;
  Shape lead_;
  Sources sources_;
};

/// The gap, relative to max|w|, up to which slopes are tried in place of quotients. The rounding of a quotient is eps /
/// gap, and the error of the mean of two slopes gap^2, to which different matrices of a stack may add a gap.
double near_limit(const Tensor& w) { return std::pow(epsilon(w.dtype()), w.ndim() > 1 ? 1.0 / 2 : 1.0 / 3); }

/// A derivative with a relative error above eps^error_exponent counts as wrong.
constexpr double error_exponent = 0.375;

/// How much larger, at most, the next derivative of a function is than one, times max|w|.
constexpr double curvature = 16;

/// max|w| of each matrix [.., 1], 1 where that is 0.
Tensor scale_of(const Tensor& w) {
  const Tensor largest = max(abs(w), -1, true);
  return where(largest == 0.0, 1.0, largest);
}

/// w_i - w_j [.., k, k]; infinite for i = j.
Tensor gaps_of(const Tensor& w) {
  const double far = std::numeric_limits<double>::infinity();
  return where(eye(w.shape(-1), w.dtype()) == 1.0, far, column(w) - row(w));
}
Tensor near_pairs(const Tensor& w) { return abs(gaps_of(w)) <= column(scale_of(w)) * near_limit(w); }

/// Whether quotients (g_i - g_j) / (w_i - w_j) lose digits by the rounding of g: at near values, and at small ones of a
/// function such as exp, whose g are all nearly the same.
bool loses_digits(const Tensor& g, const Tensor& w) {
  if (w.shape(-1) < 2 || g.size() == 0) return false;
  if (any(near_pairs(w)).item<bool>()) return true;
  const double eps = epsilon(w.dtype());
  const Tensor differences = abs(column(g) - row(g));
  const Tensor size = max(abs(g), -1, true);
  const Tensor rounding = column(size) * eps / min(abs(gaps_of(w)), Axes{-2, -1}, true);
  const Tensor quotients = max(differences / abs(gaps_of(w)), Axes{-2, -1}, true);
  const Tensor distinct = max(differences, Axes{-2, -1}, true) > column(size) * (16 * eps);
  return any(distinct & (rounding > quotients * std::sqrt(eps))).item<bool>();
}

/// Factors of the derivative of left diag(g) right between vectors i and j; constants, NaN where they cannot be told.
struct Factors {
  Tensor minus;    ///< (g_i - g_j) / (w_i - w_j) [.., k, k], for i = j that of the values equal to w_i
  Tensor plus;     ///< (g_i + g_j) / (s_i + s_j), as of s_i and -s_j
  Tensor outside;  ///< g_i / s_i [.., k], as of s_i and the values 0 of vectors beyond k
};

/// The quotients difference / gap, or where the gap is small the slope of g between the values: the mean of g's slopes
/// at both ends, which differ by `asymmetry`.
class SlopesOrQuotients {
 public:
  SlopesOrQuotients(const Tensor& g, const Tensor& w, bool singular_values) {
    const Dependence dependence(g, w);
    const NoGrad off;
    g_ = g.detach();
    w_ = w.detach();
    scale_ = scale_of(w_);
    jacobian_ = dependence.jacobian();
    eps_ = epsilon(w.dtype());
    const Tensor largest_g = max(abs(g_), -1, true);
    floor_ = max(abs(jacobian_), Axes{-2, -1}, true) + column(largest_g / scale_);
    const Tensor near = near_pairs(w_);
    // Differences of near values with different weights, and values near 0.
    const Tensor c = sin(reshape(arange(w.size(), w.dtype()), w.shape()) + 1.0);
    Tensor z = sum(where(near, column(c) - row(c), 0.0), -1);
    Tensor gap = max(where(near, abs(column(w_) - row(w_)) / column(scale_), 0.0));
    if (singular_values) {
      const Tensor zero = w_ <= scale_ * near_limit(w_);
      z = z + where(zero, c, 0.0);
      gap = maximum(gap, max(where(zero, w_ / scale_, 0.0)));
    }
    alone_ = dependence.vanishes_elsewhere(z, std::pow(eps_, error_exponent) + gap.item() * curvature);
  }

  Factors factors(bool singular_values) const {
    const Tensor own = diagonal(jacobian_, 0, -2, -1);
    const Tensor mixed = transpose(jacobian_);
    const Tensor sizes = column(abs(g_)) + row(abs(g_));
    const auto pairs = [&](double sign) {
      const Tensor at_i = column(own) + jacobian_ * sign;
      const Tensor at_j = row(own) + mixed * sign;
      return slope_or_quotient(column(g_) + row(g_) * sign, column(w_) + row(w_) * sign, sizes, (at_i + at_j) * 0.5,
                               at_i - at_j);
    };
    Factors f;
    f.minus = pairs(-1);
    // The diagonal of a block of equal values is as any other element of it, in another basis.
    const Tensor diagonal_of = eye(w_.shape(-1), w_.dtype()) == 1.0;
    const Tensor same = Tensor(core::equal_values(w_.value())) & !diagonal_of;
    const Tensor counts = maximum(sum(same.to(w_.dtype()), -1, true), 1.0);
    f.minus = where(diagonal_of, sum(where(same, f.minus, 0.0), -1, true) / counts, f.minus);
    if (!singular_values) return f;
    f.plus = pairs(1);
    f.outside =
        squeeze(slope_or_quotient(column(g_), column(w_), column(abs(g_)), column(own), column(zeros_like(own))), -1);
    return f;
  }

 private:
  Tensor slope_or_quotient(const Tensor& difference, const Tensor& gap, const Tensor& sizes, const Tensor& slope,
                           const Tensor& asymmetry) const {
    const Tensor rounding = floor_ * (64 * eps_);
    const Tensor size = max(abs(jacobian_), Axes{-2, -1}, true);
    const Tensor third = abs(gap) / column(scale_) * floor_ * curvature;
    const Tensor smooth = abs(asymmetry) <= size * std::pow(eps_, error_exponent) + third + rounding;
    // Within the rounding of the quotient.
    const Tensor consistent = abs(difference - slope * gap) <= (sizes + size * column(scale_)) * (64 * eps_);
    const Tensor none = full({}, std::numeric_limits<double>::quiet_NaN(), g_.dtype());
    // Up to here, the rounding of a quotient counts as an error.
    const Tensor equal = abs(gap) <= column(scale_) * std::pow(eps_, 1 - error_exponent);
    const Tensor quotient = where(equal, none, difference / where(equal, 1.0, gap));
    return alone_ ? where(smooth & consistent, slope, quotient) : quotient;
  }

  Tensor g_, w_, scale_, jacobian_;
  Tensor floor_;  ///< of slopes, in units of rounding
  double eps_ = 0;
  bool alone_ = true;
};

/// The derivative of left diag(g) right along the symmetric h, as far as it is that of the vectors.
Tensor along(const Tensor& h, const ValuesOf& v, const Factors& f) {
  const Tensor left = v.left.detach();
  const Tensor right = v.right.detach();
  const Tensor p = matmul(matmul(transpose(left), h), transpose(right));
  const auto times = [&](const Tensor& part, const Tensor& factor) {
    const Tensor untold = factor != factor;
    const Tensor size = max(abs(p.detach()), Axes{-2, -1}, true) * std::sqrt(epsilon(p.dtype()));
    if (any(untold & (abs(part.detach()) > size)).item<bool>()) core::raise_undetermined(v.op);
    return part * where(untold, 0.0, factor);
  };
  // The cotangent of g has the means of p's diagonal over equal values.
  const Tensor means = matmul(row(diagonal(p, 0, -2, -1)), Tensor(core::equal_means(v.w.value())));
  Tensor inner = times(symmetrized(p) - diag_embed(squeeze(means, -2)), f.minus);
  if (!v.singular_values) return matmul(matmul(left, inner), right);
  inner = inner + times((p - transpose(p)) * 0.5, f.plus);
  Tensor result = matmul(matmul(left, inner), right);
  if (left.shape(-2) > left.shape(-1)) {
    const Tensor beyond = matmul(h, transpose(right)) - matmul(left, p);
    result = result + matmul(times(beyond, row(f.outside)), right);
  }
  if (right.shape(-1) > right.shape(-2)) {
    const Tensor beyond = matmul(transpose(left), h) - matmul(p, right);
    result = result + matmul(left, times(beyond, column(f.outside)));
  }
  return result;
}

/// Whether a constant g leaves derivatives of any order to the vectors: near values are equal, and have equal g.
bool left_to_vectors(const Tensor& g, const Tensor& means, const Tensor& w) {
  const Tensor distinct = near_pairs(w) & !Tensor(core::equal_values(w.value()));
  const Tensor bound = max(abs(g)) * (16 * epsilon(g.dtype()));
  return !any(distinct).item<bool>() && all(abs(means - row(g)) <= bound).item<bool>();
}

}  // namespace

Tensor gradient_of_values(const Tensor& g, const ValuesOf& v) {
  const bool equal = core::any_equal(v.w.value());
  const Tensor means = equal ? matmul(row(g), Tensor(core::equal_means(v.w.value()))) : row(g);
  if (!recorded(v.a) && !recorded(g)) return matmul(v.left * means, v.right);
  const bool outside = v.left.shape(-2) != v.right.shape(-1) && core::any_zero(v.w.value());
  Tensor constant = matmul(v.left.detach() * means.detach(), v.right.detach());
  // A multiple of the trace.
  const Tensor first = slice(g, -1, 0, std::min<std::int64_t>(v.w.shape(-1), 1));
  if (!g.requires_grad() && !v.singular_values && all(g == first).item<bool>()) return constant;
  const bool near = loses_digits(g.detach(), v.w.detach());
  if (!near && !outside) return matmul(v.left * row(g), v.right);
  if (!g.requires_grad() && !outside && left_to_vectors(g, means, v.w.detach())) return matmul(v.left * means, v.right);
  return values_gradient_op(constant.value(),
                            wrt(means,
                                [v](const Tensor& h) {
                                  const Tensor by_columns = matmul(h, transpose(v.right.detach()));
                                  const Tensor x = sum(v.left.detach() * by_columns, -2, true);
                                  return without_derivative(x, v.a, Tensor(), v.op);
                                }),
                            wrt(v.a, [v, g](const Tensor& h) {
                              const SlopesOrQuotients parts(g, v.w, v.singular_values);
                              return without_derivative(along(h, v, parts.factors(v.singular_values)), v.a, g, v.op);
                            }));
}

}  // namespace newtape::linalg
