// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/conv.hpp>

#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/conv.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace newtape {

static const Op conv_op{"conv"};
static const Op conv_transpose_op{"conv_transpose"};
static const Op conv_weight_op{"conv_weight"};

namespace {

using Geometry = std::shared_ptr<const core::ConvGeometry>;

Tensor forward(const In& x, const In& w, const In& b, const Geometry& g);
Tensor backward(const In& y, const In& w, const In& b, const Geometry& g);
Tensor weight(const In& x, const In& y, const Geometry& g);

// The three functions are linear in each operand: a batch of cotangents becomes a batch of images or, where the sum is
// over images, additional channels in each group.

/// f(x) for x [extra.., n, c, spatial..], with the extra axes merged into the batch axis n.
template <class F>
Tensor over_images(const Tensor& x, const Geometry& g, const F& f) {
  const std::size_t ndim = g->input.size() + 2;
  if (x.ndim() == ndim) return f(x);
  Shape flat(x.shape().end() - ndim, x.shape().end());
  Shape result = leading(x, ndim);
  result.push_back(flat[0]);
  flat[0] = element_count(result);
  const Tensor y = f(reshape(x, flat));
  for (std::size_t i = 1; i < ndim; ++i) result.push_back(y.shape()[i]);
  return reshape(y, result);
}

/// x with axis `from` moved to position `to`.
Tensor move_axis(const Tensor& x, std::size_t from, std::size_t to) {
  Dims order;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    if (i != from) order.push_back(static_cast<std::int64_t>(i));
  }
  order.insert(to, static_cast<std::int64_t>(from));
  return permute(x, order);
}

/// [extra.., .., groups * each, ..] -> [.., groups * extra * each, ..]: extra axes become channels of each group.
/// `axis` is the channel axis, counted without the extra axes.
Tensor into_channels(const Tensor& x, std::size_t ndim, std::size_t axis, std::int64_t groups) {
  const Shape before(x.shape().end() - ndim, x.shape().end());
  const std::int64_t extra = element_count(leading(x, ndim));
  Shape split{extra};
  Shape joined;
  for (std::size_t i = 0; i < ndim; ++i) {
    joined.push_back(i == axis ? before[i] * extra : before[i]);
    if (i == axis) split.push_back(groups);
    split.push_back(i == axis ? before[i] / groups : before[i]);
  }
  return reshape(move_axis(reshape(x, split), 0, axis + 1), joined);
}

/// The inverse of into_channels, for extra axes of shape `extra`.
Tensor from_channels(const Tensor& x, const Shape& extra, std::size_t axis, std::int64_t groups) {
  const std::int64_t count = element_count(extra);
  Shape split;
  Shape joined(extra);
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const std::int64_t length = x.shape()[i];
    if (i != axis) {
      split.push_back(length);
      joined.push_back(length);
      continue;
    }
    // count > 0: the caller handles empty batches.
    split.push_back(groups);
    split.push_back(count);
    split.push_back(length / groups / count);
    joined.push_back(length / count);
  }
  return reshape(move_axis(reshape(x, split), axis + 1, 0), joined);
}

/// f(x) for x [extra.., ..], with the extra axes merged into the channel axis `axis`; in the result of f they are part
/// of axis `out_axis`. Returns [extra.., shape..].
template <class F>
Tensor over_channels(const Tensor& x, std::size_t axis, std::int64_t groups, std::size_t out_axis,
                     std::int64_t out_groups, const Shape& shape, const F& f) {
  const std::size_t ndim = shape.size();
  if (x.ndim() == ndim) return f(x);
  const Shape extra = leading(x, ndim);
  if (element_count(extra) == 0) return zeros(with_leading(x, ndim, shape), x.dtype());
  return from_channels(f(into_channels(x, ndim, axis, groups)), extra, out_axis, out_groups);
}

/// The pullback of the bias b [channels]: the sum over images and pixels.
auto bias_pullback(const Geometry& g) {
  return [axes = g->input.size()](const Tensor& cotangent) {
    Dims others{-static_cast<std::int64_t>(axes) - 2};
    for (std::size_t i = axes; i > 0; --i) others.push_back(-static_cast<std::int64_t>(i));
    return sum(cotangent, others);
  };
}

Tensor forward(const In& x, const In& w, const In& b, const Geometry& g) {
  Array value = core::conv(x.value(), w.value(), b.value(), *g);
  if (!recorded(x, w, b)) return value;
  return conv_op(std::move(value),
                 wrt(x,
                     [w = w.tensor(), g](const Tensor& y) {
                       return over_images(y, g, [&](const Tensor& flat) { return backward(flat, w, In::absent(), g); });
                     }),
                 wrt(w,
                     [x = x.tensor(), g, shape = w.shape(), weight_node = w.tensor().node().get(),
                      bias_node = b.tensor().node().get()](const Tensor& y) {
                       const auto pass = [&] {
                         return LayerPass{
                             .weight = weight_node, .bias = bias_node, .input = x, .grad = y, .conv = g.get()};
                       };
                       if (show_layer(pass)) return Tensor();
                       return over_channels(y, 1, g->groups, 0, g->groups, shape,
                                            [&](const Tensor& flat) { return weight(x, flat, g); });
                     }),
                 wrt(b, bias_pullback(g)));
}

Tensor backward(const In& y, const In& w, const In& b, const Geometry& g) {
  Array value = core::conv_transpose(y.value(), w.value(), b.value(), *g);
  if (!recorded(y, w, b)) return value;
  return conv_transpose_op(
      std::move(value),
      wrt(y,
          [w = w.tensor(), g](const Tensor& x) {
            return over_images(x, g, [&](const Tensor& flat) { return forward(flat, w, In::absent(), g); });
          }),
      wrt(w,
          [y = y.tensor(), g, shape = w.shape()](const Tensor& x) {
            return over_channels(x, 1, g->groups, 1, 1, shape, [&](const Tensor& flat) { return weight(flat, y, g); });
          }),
      wrt(b, bias_pullback(g)));
}

Tensor weight(const In& x, const In& y, const Geometry& g) {
  Array value = core::conv_weight(x.value(), y.value(), *g);
  if (!recorded(x, y)) return value;
  return conv_weight_op(std::move(value),
                        wrt(x,
                            [y = y.tensor(), g, shape = x.shape()](const Tensor& w) {
                              return over_channels(w, 1, 1, 1, g->groups, shape, [&](const Tensor& flat) {
                                return backward(y, flat, In::absent(), g);
                              });
                            }),
                        wrt(y, [x = x.tensor(), g, shape = y.shape()](const Tensor& w) {
                          return over_channels(w, 0, g->groups, 1, g->groups, shape,
                                               [&](const Tensor& flat) { return forward(x, flat, In::absent(), g); });
                        }));
}

std::string text(const In& x, const In& w, const In* b) {
  std::string s = "x " + to_string(x.shape()) + ", w " + to_string(w.shape());
  if (b != nullptr) s += ", b " + to_string(b->shape());
  return s;
}

/// Checks the operands of conv and conv_transpose. `b` is null without a bias.
void check(const Op& kind, const char* op, In& x, In& w, In* b, std::size_t axes, std::int64_t groups,
           bool transposed) {
  match(kind, x, w);
  if (b != nullptr) match(kind, x, *b);
  expect_floating(op, x.value());
  if (groups < 1)
    raise<ValueError>(std::string(op) + ": invalid number of groups", "at least 1", std::to_string(groups));
  const bool ranks =
      (x.ndim() == axes + 1 || x.ndim() == axes + 2) && w.ndim() == axes + 2 && (b == nullptr || b->ndim() == 1);
  bool fits = ranks;
  if (ranks) {
    const auto channels = x.shape()[x.ndim() - axes - 1];
    const auto out = transposed ? w.shape()[1] * groups : w.shape()[0];
    fits = channels == (transposed ? w.shape()[0] : w.shape()[1] * groups) && w.shape()[0] % groups == 0 &&
           (b == nullptr || b->shape()[0] == out);
  }
  if (!fits) {
    const std::string spatial(axes == 1 ? "l" : axes == 2 ? "h, w" : "d, h, w");
    const std::string kernel(axes == 1 ? "k" : axes == 2 ? "kh, kw" : "kd, kh, kw");
    const std::string per_group = groups == 1 ? "" : " / " + std::to_string(groups);
    raise<ShapeError>(std::string(op) + ": the channels must agree",
                      "x [n, c, " + spatial + "] or [c, " + spatial + "], w " +
                          (transposed ? "[c, o" + per_group : "[o, c" + per_group) + ", " + kernel + "], b [o]",
                      text(x, w, b));
  }
}

Shape last(const Shape& shape, std::size_t axes) { return Shape(shape.end() - axes, shape.end()); }

/// f(x), for x with or without the batch axis.
template <class F>
Tensor with_images(const In& x, std::size_t axes, const F& f) {
  if (x.ndim() == axes + 2) return f(x);
  return squeeze(f(In(unsqueeze(x, 0), x.location())), 0);
}

Tensor convolve(const char* op, std::size_t axes, In& x, In& w, In* b, const ConvFuncOptions& o) {
  check(conv_op, op, x, w, b, axes, o.groups, false);
  const auto g = std::make_shared<core::ConvGeometry>();
  g->input = last(x.shape(), axes);
  g->kernel = last(w.shape(), axes);
  g->stride = o.stride.over(op, "stride", axes, 1);
  g->dilation = o.dilation.over(op, "dilation", axes, 1);
  g->padding = o.padding.lengths().over(op, "padding", axes, 0);
  g->groups = o.groups;
  const bool same = o.padding.mode() == Padding::same;
  g->output = g->input;
  for (std::size_t a = 0; a < axes; ++a) {
    const std::int64_t reach = g->dilation[a] * (g->kernel[a] - 1);
    if (same) {
      if (g->stride[a] != 1) {
        raise<ValueError>(std::string(op) + ": Padding::same requires stride 1", "stride 1", to_string(g->stride));
      }
      g->padding[a] = reach / 2;  // an odd zero is added at the end, as in PyTorch
    } else {
      const std::int64_t room = g->input[a] + 2 * g->padding[a] - reach - 1;
      g->output[a] = room < 0 ? 0 : room / g->stride[a] + 1;
    }
    if (g->output[a] < 1 || g->kernel[a] < 1) {
      raise<ShapeError>(std::string(op) + ": the kernel must fit into the padded input",
                        "an input longer than dilation (k - 1) - 2 padding along every axis, and k at least 1",
                        text(x, w, b));
    }
  }
  const auto run = [&] {
    return with_images(x, axes,
                       [&](const In& images) { return forward(images, w, b != nullptr ? *b : In::absent(), g); });
  };
  if (!detail::is_traced()) return run();
  return detail::trace_call("conv", {x, w, b != nullptr ? b->tensor() : Tensor()},
                            {{"stride", g->stride},
                             {"dilation", g->dilation},
                             {"padding", g->padding},
                             {"same", same},
                             {"groups", g->groups}},
                            run, x.location());
}

Tensor convolve_transposed(const char* op, std::size_t axes, In& x, In& w, In* b, const ConvTransposeFuncOptions& o) {
  check(conv_transpose_op, op, x, w, b, axes, o.groups, true);
  const auto g = std::make_shared<core::ConvGeometry>();
  g->output = last(x.shape(), axes);
  g->kernel = last(w.shape(), axes);
  g->stride = o.stride.over(op, "stride", axes, 1);
  g->dilation = o.dilation.over(op, "dilation", axes, 1);
  g->padding = o.padding.over(op, "padding", axes, 0);
  g->groups = o.groups;
  const Dims more = o.output_padding.over(op, "output_padding", axes, 0);
  g->input = g->output;
  for (std::size_t a = 0; a < axes; ++a) {
    if (more[a] >= std::max(g->stride[a], g->dilation[a])) {
      raise<ValueError>(std::string(op) + ": invalid output_padding", "less than stride or dilation", to_string(more));
    }
    g->input[a] =
        (g->output[a] - 1) * g->stride[a] - 2 * g->padding[a] + g->dilation[a] * (g->kernel[a] - 1) + 1 + more[a];
    if (g->input[a] < 1 || g->output[a] < 1 || g->kernel[a] < 1) {
      raise<ShapeError>(std::string(op) + ": the output must not be empty", "lengths of at least 1",
                        to_string(g->input) + " from " + text(x, w, b));
    }
  }
  const auto run = [&] {
    return with_images(x, axes,
                       [&](const In& images) { return backward(images, w, b != nullptr ? *b : In::absent(), g); });
  };
  if (!detail::is_traced()) return run();
  return detail::trace_call("conv_transpose", {x, w, b != nullptr ? b->tensor() : Tensor()},
                            {{"stride", g->stride},
                             {"dilation", g->dilation},
                             {"padding", g->padding},
                             {"output_padding", more},
                             {"groups", g->groups}},
                            run, x.location());
}

}  // namespace

Tensor conv1d(In x, In w, In b, const ConvFuncOptions& options) { return convolve("conv1d", 1, x, w, &b, options); }
Tensor conv2d(In x, In w, In b, const ConvFuncOptions& options) { return convolve("conv2d", 2, x, w, &b, options); }
Tensor conv3d(In x, In w, In b, const ConvFuncOptions& options) { return convolve("conv3d", 3, x, w, &b, options); }
Tensor conv1d(In x, In w, const ConvFuncOptions& options) { return convolve("conv1d", 1, x, w, nullptr, options); }
Tensor conv2d(In x, In w, const ConvFuncOptions& options) { return convolve("conv2d", 2, x, w, nullptr, options); }
Tensor conv3d(In x, In w, const ConvFuncOptions& options) { return convolve("conv3d", 3, x, w, nullptr, options); }

Tensor conv_transpose1d(In x, In w, In b, const ConvTransposeFuncOptions& options) {
  return convolve_transposed("conv_transpose1d", 1, x, w, &b, options);
}
Tensor conv_transpose2d(In x, In w, In b, const ConvTransposeFuncOptions& options) {
  return convolve_transposed("conv_transpose2d", 2, x, w, &b, options);
}
Tensor conv_transpose3d(In x, In w, In b, const ConvTransposeFuncOptions& options) {
  return convolve_transposed("conv_transpose3d", 3, x, w, &b, options);
}
Tensor conv_transpose1d(In x, In w, const ConvTransposeFuncOptions& options) {
  return convolve_transposed("conv_transpose1d", 1, x, w, nullptr, options);
}
Tensor conv_transpose2d(In x, In w, const ConvTransposeFuncOptions& options) {
  return convolve_transposed("conv_transpose2d", 2, x, w, nullptr, options);
}
Tensor conv_transpose3d(In x, In w, const ConvTransposeFuncOptions& options) {
  return convolve_transposed("conv_transpose3d", 3, x, w, nullptr, options);
}

}  // namespace newtape
