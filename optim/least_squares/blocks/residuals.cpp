// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/optim/least_squares/blocks/residuals.hpp>
#include <newtape/optim/least_squares/robust.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace newtape::optim {

namespace {

/// Blocks evaluated at once: arrays of one number a block, of which a sweep keeps a hundred, fill the second-level
/// cache, and are long enough for an operation's cost to be its elements'.
constexpr std::int64_t chunk_blocks = 1024;
constexpr double block_curvature_kept = 0.1;  // times rho', lower bound of rho' + 2 rho'' s, as in the dense solver

constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

/// Cotangents [r, c, r]: the k-th is 1 for the k-th residual of each block.
Tensor unit_cotangents(const Tensor& y, std::int64_t r) {
  Shape shape = y.shape();
  const std::int64_t c = shape[0];
  shape.insert(0, r);
  Array g = core::zeros(shape, f64);
  for (std::int64_t k = 0; k < r; ++k) {
    for (std::int64_t i = 0; i < c; ++i) g.data<double>()[(k * c + i) * r + k] = 1;
  }
  return core::cast(g, y.dtype());
}

std::string group_text(std::size_t number, const BlockOptions& options) {
  return fmt::format("least_squares, group {}{}", number, options.name.empty() ? "" : " (" + options.name + ")");
}

}  // namespace

BlockResiduals::BlockResiduals(const LeastSquaresProblem& problem, BlockLayout layout)
    : problem_(problem), layout_(std::move(layout)) {
  for (const auto& source : problem_.groups()) {
    Group g;
    g.number = groups_.size();
    g.count = source.count;
    std::vector<Array> data;
    for (std::size_t k = 0; k < source.arguments.size(); ++k) {
      data.emplace_back();
      if (source.parameter[k] < 0) {
        const Array& given = source.arguments[k].tensor().value();
        // By columns, so that each is contiguous.
        data.back() = given.ndim() == 2 ? core::contiguous(core::transpose(given, 0, 1)) : given;
        continue;
      }
      const auto v = static_cast<std::size_t>(source.parameter[k]);
      const BlockVariable& variable = layout_.variables[v];
      if (variable.constant) continue;
      Argument a{.position = k, .variable = v, .tangent = variable.tangent, .offset = g.width, .column = {}};
      a.column.reserve(source.index[k].size());
      for (const std::int64_t row : source.index[k]) a.column.push_back(variable.column[static_cast<std::size_t>(row)]);
      g.width += a.tangent;
      g.unknown.push_back(std::move(a));
    }
    groups_.push_back(std::move(g));
    data_.push_back(std::move(data));
  }
  bases_.resize(layout_.variables.size());
}

Array BlockResiduals::start() const {
  Array x = Array::empty({layout_.elements}, f64);
  for (const auto& v : layout_.variables) {
    const Array from = core::contiguous(core::cast(v.parameter.value(), f64));
    std::copy_n(from.data<double>(), from.size(), x.data<double>() + v.first);
  }
  return x;
}

std::vector<Tensor> BlockResiduals::split(const Array& x) const {
  std::vector<Tensor> xs;
  for (const auto& v : layout_.variables) {
    const Array part = core::reshape(core::slice(x, 0, v.first, v.first + v.rows * v.size), {v.rows, v.size});
    xs.emplace_back(core::copy(core::cast(part, layout_.dtype)));
  }
  return xs;
}

Array BlockResiduals::moved(const Array& x, const std::vector<double>& step) const {
  Array y = core::copy(x);
  double* to = y.data<double>();
  const NoGrad constant;
  for (std::size_t k = 0; k < layout_.variables.size(); ++k) {
    const auto& v = layout_.variables[k];
    if (v.constant) continue;
    const auto& plus = problem_.manifold(k).plus;
    Array delta = core::zeros({v.rows, v.tangent}, f64);
    for (std::int64_t i = 0; i < v.rows; ++i) {
      const std::int64_t column = v.column[static_cast<std::size_t>(i)];
      if (column < 0) continue;
      if (plus) {
        std::copy_n(step.data() + column, v.tangent, delta.data<double>() + i * v.tangent);
      } else {
        for (std::int64_t j = 0; j < v.size; ++j)
          to[v.first + i * v.size + j] += step[static_cast<std::size_t>(column + j)];
      }
    }
    if (!plus) continue;
    const Array from = core::reshape(core::slice(x, 0, v.first, v.first + v.rows * v.size), {v.rows, v.size});
    const Tensor reached = plus(core::cast(from, layout_.dtype), core::cast(delta, layout_.dtype));
    if (reached.shape() != from.shape()) {
      raise<ShapeError>("least_squares: the manifold's plus must return points " + problem_.manifold(k).name,
                        describe(from), describe(reached.value()));
    }
    const Array rows = core::contiguous(core::cast(reached.value(), f64));
    for (std::int64_t i = 0; i < v.rows; ++i) {
      if (v.column[static_cast<std::size_t>(i)] < 0) continue;
      std::copy_n(rows.data<double>() + i * v.size, v.size, to + v.first + i * v.size);
    }
  }
  return layout_.dtype == f64 ? y : core::cast(core::cast(y, layout_.dtype), f64);
}

void BlockResiduals::expect_manifolds(const Array& x) const {
  constexpr double farthest = 1e-3;
  for (std::size_t k = 0; k < layout_.variables.size(); ++k) {
    const auto& manifold = problem_.manifold(k);
    if (!manifold.distance) continue;
    const NoGrad off;
    const Array off_by =
        core::contiguous(core::cast(manifold.distance(problem_.parameters()[k].detach()).value(), f64));
    for (std::int64_t i = 0; i < off_by.size(); ++i) {
      if (!(off_by.data<double>()[i] > farthest)) continue;
      raise<ValueError>(
          fmt::format("least_squares: row {} of parameter {} is not on its manifold, {}", i, k, manifold.name),
          "one that is, as a quaternion of length 1", fmt::format("off by {:.3g}", off_by.data<double>()[i]));
    }
  }
  const Array y = moved(x, std::vector<double>(static_cast<std::size_t>(layout_.columns), 0.));
  for (std::size_t k = 0; k < layout_.variables.size(); ++k) {
    const auto& v = layout_.variables[k];
    for (std::int64_t i = 0; i < v.rows * v.size; ++i) {
      const double before = x.data<double>()[v.first + i], after = y.data<double>()[v.first + i];
      if (std::abs(after - before) <= 1e-5 * (1 + std::abs(before)) || !std::isfinite(before)) continue;
      raise<ValueError>(
          fmt::format("least_squares: a step of zeros moves row {} of parameter {} off its place", i / v.size, k),
          fmt::format("plus(x, 0) = x for the points of the manifold {}", problem_.manifold(k).name),
          fmt::format("element {} changes from {:g} to {:g}", i % v.size, before, after));
    }
  }
}

Array BlockResiduals::rows(const Array& x, std::size_t variable, const std::int64_t* index, std::int64_t count) const {
  const BlockVariable& v = layout_.variables[variable];
  Array columns = Array::empty({v.size, count}, f64);
  const double* from = x.data<double>() + v.first;
  double* to = columns.data<double>();
  for (std::int64_t i = 0; i < count; ++i) {
    const double* row = from + index[i] * v.size;
    for (std::int64_t j = 0; j < v.size; ++j) to[j * count + i] = row[j];
  }
  return core::transpose(layout_.dtype == f64 ? columns : core::cast(columns, layout_.dtype), 0, 1);
}

std::vector<Tensor> BlockResiduals::arguments(const Group& g, const Array& x, const Chunk& chunk) const {
  const auto& source = problem_.groups()[g.number];
  std::vector<Tensor> xs;
  xs.reserve(source.arguments.size());
  for (std::size_t k = 0; k < source.arguments.size(); ++k) {
    const Array& data = data_[g.number][k];
    if (!data.defined()) {
      xs.emplace_back(
          rows(x, static_cast<std::size_t>(source.parameter[k]), source.index[k].data() + chunk.first, chunk.count));
    } else if (data.ndim() == 2) {
      xs.emplace_back(core::transpose(core::slice(data, 1, chunk.first, chunk.first + chunk.count), 0, 1));
    } else {
      xs.emplace_back(core::slice(data, 0, chunk.first, chunk.first + chunk.count));
    }
  }
  return xs;
}

/// The residuals [count, r] of a chunk in f64.
Array BlockResiduals::checked(Group& g, const Tensor& y, const Chunk& chunk) {
  const auto& options = problem_.groups()[g.number].options;
  const bool fits = y.defined() && (y.ndim() == 1 || y.ndim() == 2) && y.shape(0) == chunk.count;
  const std::int64_t r = fits ? (y.ndim() == 2 ? y.shape(1) : 1) : -1;
  if (r < 0 || (g.r >= 0 && g.r != r)) {
    raise<ShapeError>(
        group_text(g.number, options) + ": the function must return a row of residuals for each block",
        g.r >= 0 ? fmt::format("[{}, {}]", chunk.count, g.r) : fmt::format("[{}, r] or [{}]", chunk.count, chunk.count),
        y.defined() ? describe(y.value()) : "an undefined tensor");
  }
  if (y.dtype() != layout_.dtype) {
    raise<DTypeError>(group_text(g.number, options) + ": residuals must have the parameters' dtype",
                      name(layout_.dtype), name(y.dtype()));
  }
  g.r = r;
  return core::contiguous(core::cast(y.value(), f64));
}

template <class F>
void BlockResiduals::each_chunk(F&& f) {
  for (auto& g : groups_) {
    for (std::int64_t i = 0; i < g.count; i += chunk_blocks) f(g, Chunk{i, std::min(chunk_blocks, g.count - i)});
  }
}

double BlockResiduals::value(const Array& x) {
  budget.expect(counts);
  ++counts.values;
  const NoGrad constant;
  double sum = 0;
  try {
    each_chunk([&](Group& g, const Chunk& chunk) {
      const auto& source = problem_.groups()[g.number];
      const Array y = checked(g, source.f(arguments(g, x, chunk)), chunk);
      const double* r = y.data<double>();
      for (std::int64_t i = 0; i < chunk.count; ++i, r += g.r) {
        double square = 0;
        for (std::int64_t k = 0; k < g.r; ++k) square += r[k] * r[k];
        sum += rho(source.options.loss, source.options.loss_scale, square).value;
      }
    });
  } catch (const NumericalError&) {
    return no_value;
  }
  return 0.5 * sum;
}

void BlockResiduals::settle_sizes() {
  rows_ = 0;
  for (auto& g : groups_) {
    if (g.r < 0) g.r = 0;  // an empty group
    g.first = rows_;
    rows_ += g.count * g.r;
    g.jacobian.resize(static_cast<std::size_t>(g.count * g.r * g.width));
  }
  weighted_.resize(static_cast<std::size_t>(rows_));
}

double BlockResiduals::linearize(const Array& x, bool plain) {
  budget.expect(counts);
  if (rows_ == 0) {
    if (!std::isfinite(value(x))) return no_value;
    settle_sizes();
  }
  ++counts.gradients;
  gradient_.assign(static_cast<std::size_t>(layout_.columns), 0.);
  squares_.assign(static_cast<std::size_t>(layout_.columns), 0.);
  const NoGrad outside;
  double sum = 0;
  try {
    update_bases(x);
    each_chunk([&](Group& g, const Chunk& chunk) {
      differentiate(g, x, chunk);
      sum += weigh(g, chunk, plain);
    });
  } catch (const NumericalError&) {
    return no_value;
  }
  const bool finite = std::all_of(squares_.begin(), squares_.end(), [](double s) { return std::isfinite(s); });
  return finite ? 0.5 * sum : no_value;
}

/// Fills the chunk's residuals and Jacobian, unweighted.
void BlockResiduals::differentiate(Group& g, const Array& x, const Chunk& chunk) {
  const auto& source = problem_.groups()[g.number];
  const std::vector<Tensor> all = arguments(g, x, chunk);
  std::vector<Tensor> unknown;
  for (const auto& a : g.unknown) unknown.push_back(all[a.position]);
  const Function f = [&](std::span<const Tensor> own) {
    std::vector<Tensor> xs = all;
    for (std::size_t k = 0; k < own.size(); ++k) xs[g.unknown[k].position] = own[k];
    return source.f(xs);
  };
  newtape::detail::RecordedFunction t = newtape::detail::record("least_squares", f, unknown);
  const Array y = checked(g, t.ys[0], chunk);
  std::copy_n(y.data<double>(), y.size(), weighted_.data() + g.first + chunk.first * g.r);
  if (g.unknown.empty() || g.r == 0) return;
  const std::vector<Tensor> cotangents = {unit_cotangents(t.ys[0], g.r)};
  const auto pulled = newtape::detail::pull(t.ys, cotangents, t.xs, newtape::detail::Graph::release, {g.r});
  for (std::size_t k = 0; k < g.unknown.size(); ++k) {
    const Array& j = pulled[k].value();
    read_jacobian(g, g.unknown[k], layout_.dtype == f64 ? j : core::cast(j, f64), chunk);
  }
}

/// Copies one argument's part, [r, count, size], to the rows of the Jacobian, times the manifold's basis.
void BlockResiduals::read_jacobian(Group& g, const Argument& a, const Array& pulled, const Chunk& chunk) {
  const double* from = pulled.data<double>();
  const auto& step = pulled.strides();
  const std::int64_t size = layout_.variables[a.variable].size;
  const auto& basis = bases_[a.variable];
  const auto& index = problem_.groups()[g.number].index[a.position];
  for (std::int64_t i = 0; i < chunk.count; ++i) {
    const std::int64_t block = chunk.first + i;
    double* to = g.jacobian.data() + block * g.r * g.width + a.offset;
    const bool constant = a.column[static_cast<std::size_t>(block)] < 0;
    const double* b =
        basis.empty() ? nullptr : basis.data() + index[static_cast<std::size_t>(block)] * size * a.tangent;
    for (std::int64_t k = 0; k < g.r; ++k, to += g.width) {
      const double* row = from + k * step[0] + i * step[1];
      if (constant) {
        std::fill_n(to, a.tangent, 0.);
      } else if (b == nullptr) {
        for (std::int64_t j = 0; j < size; ++j) to[j] = row[j * step[2]];
      } else {
        for (std::int64_t q = 0; q < a.tangent; ++q) {
          to[q] = 0;
          for (std::int64_t j = 0; j < size; ++j) to[q] += row[j * step[2]] * b[j * a.tangent + q];
        }
      }
    }
  }
}

namespace {

/// Weights r [n] and its Jacobian [n, width] for a loss with this rho at |r|^2.
void weigh_block(const Rho& at, double square, bool plain, double* r, std::int64_t n, double* j, std::int64_t width) {
  const double weight = std::sqrt(at.first);
  // Where rho'' < 0, as for outliers, sqrt(rho') alone bounds rho from above: the model's minimum lowers the value, where
  // that with rho'' is too flat, so that steps are long and most of them fail.
  double alpha = 0;
  if (!plain && square > 0 && at.first > 0 && at.second > 0) {
    alpha = 1 - std::sqrt(std::max(1 + 2 * square * at.second / at.first, block_curvature_kept));
  }
  for (std::int64_t c = 0; c < width; ++c) {
    double along = 0;
    if (alpha != 0) {
      for (std::int64_t k = 0; k < n; ++k) along += r[k] * j[k * width + c];
    }
    for (std::int64_t k = 0; k < n; ++k) j[k * width + c] = weight * (j[k * width + c] - alpha / square * r[k] * along);
  }
  for (std::int64_t k = 0; k < n; ++k) r[k] *= weight / (1 - alpha);
}

}  // namespace

/// Weights the chunk, adds its part of gradient and squares, and returns its sum of rho.
double BlockResiduals::weigh(Group& g, const Chunk& chunk, bool plain) {
  const auto& options = problem_.groups()[g.number].options;
  double sum = 0;
  for (std::int64_t block = chunk.first; block < chunk.first + chunk.count; ++block) {
    double* r = weighted_.data() + g.first + block * g.r;
    double* j = g.jacobian.data() + block * g.r * g.width;
    double square = 0;
    for (std::int64_t k = 0; k < g.r; ++k) square += r[k] * r[k];
    const Rho at = rho(options.loss, options.loss_scale, square);
    sum += at.value;
    if (options.loss != RobustLoss::linear) {
      weigh_block(at, square > 0 ? square : 1, plain || square == 0, r, g.r, j, g.width);
    }
    for (const auto& a : g.unknown) {
      const std::int64_t column = a.column[static_cast<std::size_t>(block)];
      if (column < 0) continue;
      double* gradient = gradient_.data() + column;
      double* squares = squares_.data() + column;
      for (std::int64_t k = 0; k < g.r; ++k) {
        const double* row = j + k * g.width + a.offset;
        for (std::int64_t q = 0; q < a.tangent; ++q) {
          gradient[q] += row[q] * r[k];
          squares[q] += row[q] * row[q];
        }
      }
    }
  }
  return sum;
}

/// The derivative of each manifold's steps at 0.
void BlockResiduals::update_bases(const Array& x) {
  for (std::size_t k = 0; k < layout_.variables.size(); ++k) {
    const auto& v = layout_.variables[k];
    const auto& plus = problem_.manifold(k).plus;
    if (v.constant || !plus) continue;
    const Array part = core::reshape(core::slice(x, 0, v.first, v.first + v.rows * v.size), {v.rows, v.size});
    const Tensor from = core::cast(part, layout_.dtype);
    const Function f = [&](std::span<const Tensor> delta) { return plus(from, delta[0]); };
    const Tensor zero = zeros({v.rows, v.tangent}, layout_.dtype);
    const Tensor unit = unit_cotangents(from, v.size);
    const Array pulled = core::contiguous(core::cast(vjp(f, std::span(&zero, 1), unit).second[0].value(), f64));
    auto& basis = bases_[k];
    basis.resize(static_cast<std::size_t>(v.rows * v.size * v.tangent));
    for (std::int64_t j = 0; j < v.size; ++j) {
      for (std::int64_t i = 0; i < v.rows; ++i) {
        std::copy_n(pulled.data<double>() + (j * v.rows + i) * v.tangent, v.tangent,
                    basis.data() + (i * v.size + j) * v.tangent);
      }
    }
  }
}

double BlockResiduals::basis(std::size_t variable, std::int64_t row, std::int64_t i, std::int64_t j) const {
  const auto& b = bases_[variable];
  const auto& v = layout_.variables[variable];
  if (b.empty()) return i == j ? 1 : 0;
  return b[static_cast<std::size_t>((row * v.size + i) * v.tangent + j)];
}

std::vector<double> BlockResiduals::forward(const std::vector<double>& step) const {
  std::vector<double> u(static_cast<std::size_t>(rows_), 0.);
  for (const auto& g : groups_) {
    for (const auto& a : g.unknown) {
      for (std::int64_t block = 0; block < g.count; ++block) {
        const std::int64_t column = a.column[static_cast<std::size_t>(block)];
        if (column < 0) continue;
        const double* row = g.jacobian.data() + block * g.r * g.width + a.offset;
        double* to = u.data() + g.first + block * g.r;
        for (std::int64_t k = 0; k < g.r; ++k, row += g.width) {
          double sum = 0;
          for (std::int64_t q = 0; q < a.tangent; ++q) sum += row[q] * step[static_cast<std::size_t>(column + q)];
          to[k] += sum;
        }
      }
    }
  }
  return u;
}

double BlockResiduals::noise(const Array& x) const {
  double sum = 0;
  for (const auto& g : groups_) {
    for (std::int64_t block = 0; block < g.count; ++block) {
      for (std::int64_t k = 0; k < g.r; ++k) {
        const double r = std::abs(weighted_[static_cast<std::size_t>(g.first + block * g.r + k)]);
        double scale = r;
        for (const auto& a : g.unknown) {
          if (a.column[static_cast<std::size_t>(block)] < 0) continue;
          const auto& v = layout_.variables[a.variable];
          const auto row = problem_.groups()[g.number].index[a.position][static_cast<std::size_t>(block)];
          const double* at = x.data<double>() + v.first + row * v.size;
          const double* j = g.jacobian.data() + (block * g.r + k) * g.width + a.offset;
          // On a manifold a step's elements are of the size of the point's.
          double largest = 0;
          for (std::int64_t q = 0; q < v.size; ++q) largest = std::max(largest, std::abs(at[q]));
          for (std::int64_t q = 0; q < a.tangent; ++q) {
            scale += std::abs(j[q]) * (a.tangent == v.size ? std::abs(at[q]) : largest);
          }
        }
        sum += r * scale;
      }
    }
  }
  return epsilon(layout_.dtype) * sum;
}

}  // namespace newtape::optim
