// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/pooling.hpp>

#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/resample.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/max_pool.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

namespace newtape {

static const Op max_pool_op{"max_pool"};

namespace {

using Axis = core::WindowAxis;
using WindowsRef = std::shared_ptr<const std::vector<Axis>>;

void check_rank(const char* op, const In& x, std::size_t axes) {
  if (x.is_number() || (x.ndim() != axes + 1 && x.ndim() != axes + 2)) {
    const std::string spatial(axes == 1 ? "l" : axes == 2 ? "h, w" : "d, h, w");
    raise<ShapeError>(std::string(op) + ": the number of spatial axes must be " + std::to_string(axes),
                      "x [n, c, " + spatial + "] or [c, " + spatial + "]",
                      x.is_number() ? "a number" : "x " + to_string(x.shape()));
  }
  expect_floating(op, x.value());
}

/// Start indices of the windows along one axis; negative in the padding.
struct Starts {
  std::int64_t input, kernel, stride, padding, dilation, output;
  std::int64_t operator[](std::int64_t i) const { return i * stride - padding; }
};

std::vector<Starts> starts(const char* op, const In& x, std::size_t axes, const PerAxis& kernel_size,
                           const PerAxis& stride, const PerAxis& padding, const PerAxis& dilation, bool ceil_mode) {
  check_rank(op, x, axes);
  const Dims kernel = kernel_size.over(op, "kernel_size", axes, 1);
  const Dims steps = stride.empty() ? kernel : stride.over(op, "stride", axes, 1);
  const Dims pad = padding.over(op, "padding", axes, 0);
  const Dims spread = dilation.over(op, "dilation", axes, 1);
  std::vector<Starts> all;
  for (std::size_t a = 0; a < axes; ++a) {
    const std::int64_t reach = spread[a] * (kernel[a] - 1);
    if (2 * pad[a] > reach + 1) {
      raise<ValueError>(std::string(op) + ": invalid padding", "at most half of the kernel",
                        "padding " + to_string(pad) + ", kernel_size " + to_string(kernel));
    }
    const std::int64_t input = x.shape()[x.ndim() - axes + a];
    // Distance available to window starts; with ceil_mode the last window may extend beyond the input.
    const std::int64_t room = input + 2 * pad[a] - reach - 1 + (ceil_mode ? steps[a] - 1 : 0);
    std::int64_t output = room < 0 ? 0 : room / steps[a] + 1;
    if (ceil_mode && (output - 1) * steps[a] >= input + pad[a]) --output;
    if (output < 1) {
      raise<ShapeError>(std::string(op) + ": the kernel must fit into the padded input",
                        "an input longer than dilation (k - 1) - 2 padding along every axis",
                        "x " + to_string(x.shape()) + ", kernel_size " + to_string(kernel));
    }
    all.push_back({input, kernel[a], steps[a], pad[a], spread[a], output});
  }
  return all;
}

std::vector<Axis> windows(const char* op, const std::vector<Starts>& all) {
  std::vector<Axis> axes;
  for (const auto& s : all) {
    Axis axis{s.input, s.dilation};
    for (std::int64_t i = 0; i < s.output; ++i) {
      const std::int64_t skipped = s[i] >= 0 ? 0 : (-s[i] + s.dilation - 1) / s.dilation;
      const std::int64_t first = s[i] + skipped * s.dilation;
      const std::int64_t inside = first >= s.input ? 0 : (s.input - first - 1) / s.dilation + 1;
      if (inside < 1) {
        raise<ShapeError>(std::string(op) + ": every window must contain an input element", "less padding or dilation",
                          "padding " + std::to_string(s.padding) + ", dilation " + std::to_string(s.dilation) +
                              " on length " + std::to_string(s.input));
      }
      axis.first.push_back(first);
      axis.count.push_back(std::min(s.kernel - skipped, inside));
    }
    axes.push_back(std::move(axis));
  }
  return axes;
}

/// Windows of about equal lengths that cover the input. ShapeError when the input is empty.
std::vector<Axis> adaptive_windows(const char* op, const In& x, std::size_t axes, const PerAxis& output_size) {
  check_rank(op, x, axes);
  const Dims outputs = output_size.over(op, "output_size", axes, 1);
  std::vector<Axis> all;
  for (std::size_t a = 0; a < axes; ++a) {
    Axis axis{x.shape()[x.ndim() - axes + a]};
    if (axis.input == 0) {
      raise<ShapeError>(std::string(op) + ": the input must not be empty", "spatial axes with elements",
                        "x " + to_string(x.shape()));
    }
    for (std::int64_t i = 0; i < outputs[a]; ++i) {
      axis.first.push_back(i * axis.input / outputs[a]);
      axis.count.push_back(((i + 1) * axis.input + outputs[a] - 1) / outputs[a] - axis.first.back());
    }
    all.push_back(std::move(axis));
  }
  return all;
}

/// Indices of the maxima of x, a constant.
Array indices(const Tensor& x, const WindowsRef& w) { return core::max_pool_indices(x.value(), *w); }

Tensor max_pool(const In& x, std::vector<Axis> axes) {
  const auto w = std::make_shared<const std::vector<Axis>>(std::move(axes));
  return max_pool_op(core::max_pool(x.value(), *w),
                     wrt(x, [x = x.tensor().detach(), w](const Tensor& g, const Tensor& y) {
                       if (!recorded(g)) return Tensor(core::max_pool_grad(g.value(), x.value(), y.value(), *w));
                       // The indices refer to the flattened spatial axes.
                       const std::size_t batch = x.ndim() - w->size();
                       const std::size_t before = g.ndim() - w->size();
                       std::int64_t length = 1;
                       for (const auto& axis : *w) length *= axis.input;
                       Shape flat(g.shape().begin(), g.shape().begin() + before);
                       flat.push_back(element_count(Shape(g.shape().begin() + before, g.shape().end())));
                       const Shape at(flat.end() - batch - 1, flat.end());
                       return reshape(gather_adjoint(reshape(g, flat), -1, reshape(Tensor(indices(x, w)), at), length),
                                      with_leading(g, x.ndim(), x.shape()));
                     }));
}

std::vector<Axis> max_windows(const char* op, const In& x, std::size_t axes, const PerAxis& kernel_size,
                              const MaxPoolOptions& o) {
  return windows(op, starts(op, x, axes, kernel_size, o.stride, o.padding, o.dilation, o.ceil_mode));
}

std::pair<Tensor, Tensor> max_pool_with_indices(const In& x, std::vector<Axis> w) {
  Tensor at = core::max_pool_indices(x.value(), w);
  return {max_pool(x, std::move(w)), std::move(at)};
}

/// The arguments of a pooling operation for a tracer.
std::vector<OpAttribute> traced_windows(const char* op, std::size_t axes, const PerAxis& kernel_size,
                                        const PerAxis& stride, const PerAxis& padding, const PerAxis& dilation,
                                        bool ceil_mode) {
  const Dims kernel = kernel_size.over(op, "kernel_size", axes, 1);
  return {{"kernel", kernel},
          {"stride", stride.empty() ? kernel : stride.over(op, "stride", axes, 1)},
          {"padding", padding.over(op, "padding", axes, 0)},
          {"dilation", dilation.over(op, "dilation", axes, 1)},
          {"ceil_mode", ceil_mode}};
}

Tensor max_pooled(const char* op, const In& x, std::size_t axes, const PerAxis& kernel_size, const MaxPoolOptions& o) {
  const auto run = [&] { return max_pool(x, max_windows(op, x, axes, kernel_size, o)); };
  if (!detail::is_traced()) return run();
  return detail::trace_call("max_pool", {x},
                            traced_windows(op, axes, kernel_size, o.stride, o.padding, o.dilation, o.ceil_mode), run,
                            x.location());
}

std::pair<Tensor, Tensor> max_pooled_with_indices(const char* op, const In& x, std::size_t axes,
                                                  const PerAxis& kernel_size, const MaxPoolOptions& o) {
  const auto run = [&] { return max_pool_with_indices(x, max_windows(op, x, axes, kernel_size, o)); };
  if (!detail::is_traced()) return run();
  return detail::trace_call("max_pool", {x},
                            traced_windows(op, axes, kernel_size, o.stride, o.padding, o.dilation, o.ceil_mode), run,
                            x.location());
}

Tensor adaptive_max_pool(const char* op, const In& x, std::size_t axes, const PerAxis& output_size) {
  const auto run = [&] { return max_pool(x, adaptive_windows(op, x, axes, output_size)); };
  if (!detail::is_traced()) return run();
  return detail::trace_call("adaptive_max_pool", {x}, {{"size", output_size.over(op, "output_size", axes, 1)}}, run,
                            x.location());
}

Tensor avg_pool(const char* op, const In& x, std::size_t axes, const PerAxis& kernel_size, const AvgPoolOptions& o) {
  if (detail::is_traced()) {
    auto attributes = traced_windows(op, axes, kernel_size, o.stride, o.padding, 1, o.ceil_mode);
    attributes.emplace_back("count_include_pad", o.count_include_pad);
    attributes.emplace_back("divisor", o.divisor_override);
    return detail::trace_call(
        "avg_pool", {x}, std::move(attributes), [&] { return avg_pool(op, x, axes, kernel_size, o); }, x.location());
  }
  const auto all = starts(op, x, axes, kernel_size, o.stride, o.padding, 1, o.ceil_mode);
  if (o.divisor_override < 0) {
    raise<ValueError>(std::string(op) + ": invalid divisor_override", "at least 1", std::to_string(o.divisor_override));
  }
  // A window's number of elements is the product over axes, so the division is done axis by axis.
  std::vector<detail::ResamplingRef> maps;
  for (const auto& s : all) {
    core::BandMatrix m;
    m.input = s.input;
    for (std::int64_t i = 0; i < s.output; ++i) {
      const std::int64_t first = std::max<std::int64_t>(s[i], 0);
      const std::int64_t end = std::min(s[i] + s.kernel, s.input);
      const std::int64_t padded_end = std::min(s[i] + s.kernel, s.input + s.padding);
      const auto count = static_cast<double>(o.count_include_pad ? padded_end - s[i] : end - first);
      const double w = o.divisor_override == 0 ? 1 / count
                       : maps.empty()          ? 1 / static_cast<double>(o.divisor_override)
                                               : 1.0;
      m.add_row(first, std::vector<double>(static_cast<std::size_t>(std::max<std::int64_t>(end - first, 0)), w));
    }
    maps.push_back(detail::resampling(std::move(m)));
  }
  return detail::resample(x, maps);
}

Tensor adaptive_avg_pool(const char* op, const In& x, std::size_t axes, const PerAxis& output_size) {
  if (detail::is_traced()) {
    return detail::trace_call(
        "adaptive_avg_pool", {x}, {{"size", output_size.over(op, "output_size", axes, 1)}},
        [&] { return adaptive_avg_pool(op, x, axes, output_size); }, x.location());
  }
  std::vector<detail::ResamplingRef> maps;
  for (const auto& axis : adaptive_windows(op, x, axes, output_size)) {
    core::BandMatrix m;
    m.input = axis.input;
    for (std::size_t i = 0; i < axis.first.size(); ++i) {
      const auto count = static_cast<std::size_t>(axis.count[i]);
      m.add_row(axis.first[i], std::vector<double>(count, 1 / static_cast<double>(count)));
    }
    maps.push_back(detail::resampling(std::move(m)));
  }
  return detail::resample(x, maps);
}

/// Whether the sums of powers x^p are finite, and no power that is not 0 is so small that it loses digits.
bool powers_fit(const Array& x, const Array& sums, double p) {
  const double range = x.dtype() == f32 ? 1e30 : 1e290;
  const auto extreme = [](const Array& of) { return core::cast(of, f64).item(); };
  const Array sizes = core::abs(sums);
  if (!(extreme(core::max(sizes)) < range)) return false;
  if (extreme(core::min(sizes)) > 1 / range) return true;
  const Array elements = core::abs(x);
  const auto number = [&](double value) { return core::full({}, value, x.dtype()); };
  const Array lost =
      core::logical_and(core::greater(elements, number(0)), core::less(elements, number(std::pow(range, -1 / p))));
  return !core::any(lost).item<bool>();
}

/// A root has no derivative at 0: windows of zeros get gradient 0, as in PyTorch.
Tensor root_of(const Tensor& sums, double norm) {
  const Tensor none = sums == 0.0;
  return where(none, 0.0, pow(where(none, 1.0, sums), 1 / norm));
}

/// lp_pool for elements whose powers overflow or underflow: each window in units of its largest element.
Tensor lp_pool_scaled(const In& x, const std::vector<Starts>& all, double norm) {
  Tensor windows = x;
  Dims last;
  for (std::size_t a = 0; a < all.size(); ++a) {
    // The window's elements along a new axis behind its own; beyond the end there is a 0.
    const auto& s = all[a];
    const auto axis = static_cast<std::int64_t>(x.ndim() - all.size() + 2 * a);
    Array at = Array::empty({s.output, s.kernel}, i64);
    for (std::int64_t i = 0; i < s.output; ++i) {
      for (std::int64_t k = 0; k < s.kernel; ++k) {
        at.data<std::int64_t>()[i * s.kernel + k] = std::min(s[i] + k, s.input);
      }
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> widths(windows.ndim() - static_cast<std::size_t>(axis));
    widths[0] = {0, 1};
    windows = take(pad(windows, widths), Tensor(at), axis);
    last.push_back(axis + 1);
  }
  const Tensor unit = core::binary_scale(windows.value(), last);
  return reshape(unit, sum(unit, last).shape()) * root_of(sum(pow(windows / unit, norm), last), norm);
}

Tensor lp_pool(const char* op, const In& x, std::size_t axes, double norm, const PerAxis& kernel_size,
               const LPPoolOptions& o) {
  if (!(norm > 0)) raise<ValueError>(std::string(op) + ": norm must be positive", "above 0", std::to_string(norm));
  check_rank(op, x, axes);
  Tensor sums = avg_pool(op, pow(x, norm), axes, kernel_size,
                         {.stride = o.stride, .ceil_mode = o.ceil_mode, .divisor_override = 1});
  if (norm == 1) return sums;
  if (sums.size() > 0 && !powers_fit(x.value(), sums.value(), norm)) {
    return lp_pool_scaled(x, starts(op, x, axes, kernel_size, o.stride, 0, 1, o.ceil_mode), norm);
  }
  return root_of(sums, norm);
}

}  // namespace

Tensor max_pool1d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options) {
  return max_pooled("max_pool1d", x, 1, kernel_size, options);
}
Tensor max_pool2d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options) {
  return max_pooled("max_pool2d", x, 2, kernel_size, options);
}
Tensor max_pool3d(In x, const PerAxis& kernel_size, const MaxPoolOptions& options) {
  return max_pooled("max_pool3d", x, 3, kernel_size, options);
}
std::pair<Tensor, Tensor> max_pool1d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options) {
  return max_pooled_with_indices("max_pool1d_with_indices", x, 1, kernel_size, options);
}
std::pair<Tensor, Tensor> max_pool2d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options) {
  return max_pooled_with_indices("max_pool2d_with_indices", x, 2, kernel_size, options);
}
std::pair<Tensor, Tensor> max_pool3d_with_indices(In x, const PerAxis& kernel_size, const MaxPoolOptions& options) {
  return max_pooled_with_indices("max_pool3d_with_indices", x, 3, kernel_size, options);
}

Tensor avg_pool1d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options) {
  return avg_pool("avg_pool1d", x, 1, kernel_size, options);
}
Tensor avg_pool2d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options) {
  return avg_pool("avg_pool2d", x, 2, kernel_size, options);
}
Tensor avg_pool3d(In x, const PerAxis& kernel_size, const AvgPoolOptions& options) {
  return avg_pool("avg_pool3d", x, 3, kernel_size, options);
}

Tensor adaptive_avg_pool1d(In x, const PerAxis& output_size) {
  return adaptive_avg_pool("adaptive_avg_pool1d", x, 1, output_size);
}
Tensor adaptive_avg_pool2d(In x, const PerAxis& output_size) {
  return adaptive_avg_pool("adaptive_avg_pool2d", x, 2, output_size);
}
Tensor adaptive_avg_pool3d(In x, const PerAxis& output_size) {
  return adaptive_avg_pool("adaptive_avg_pool3d", x, 3, output_size);
}
Tensor adaptive_max_pool1d(In x, const PerAxis& output_size) {
  return adaptive_max_pool("adaptive_max_pool1d", x, 1, output_size);
}
std::pair<Tensor, Tensor> adaptive_max_pool1d_with_indices(In x, const PerAxis& output_size) {
  return max_pool_with_indices(x, adaptive_windows("adaptive_max_pool1d_with_indices", x, 1, output_size));
}
Tensor adaptive_max_pool2d(In x, const PerAxis& output_size) {
  return adaptive_max_pool("adaptive_max_pool2d", x, 2, output_size);
}
std::pair<Tensor, Tensor> adaptive_max_pool2d_with_indices(In x, const PerAxis& output_size) {
  return max_pool_with_indices(x, adaptive_windows("adaptive_max_pool2d_with_indices", x, 2, output_size));
}
Tensor adaptive_max_pool3d(In x, const PerAxis& output_size) {
  return adaptive_max_pool("adaptive_max_pool3d", x, 3, output_size);
}
std::pair<Tensor, Tensor> adaptive_max_pool3d_with_indices(In x, const PerAxis& output_size) {
  return max_pool_with_indices(x, adaptive_windows("adaptive_max_pool3d_with_indices", x, 3, output_size));
}

Tensor lp_pool1d(In x, double norm, const PerAxis& kernel_size, const LPPoolOptions& options) {
  return lp_pool("lp_pool1d", x, 1, norm, kernel_size, options);
}
Tensor lp_pool2d(In x, double norm, const PerAxis& kernel_size, const LPPoolOptions& options) {
  return lp_pool("lp_pool2d", x, 2, norm, kernel_size, options);
}

}  // namespace newtape
