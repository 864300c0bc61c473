// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/conv.hpp>
#include <newtape/autograd/ops/per_axis.hpp>

namespace newtape::table {
namespace {

/// One convolution: the shapes of both arrays, and the kernel's stride, padding and dilation.
struct ConvCase {
  std::int64_t images, in, out;  ///< channels
  Shape input, kernel, output;
  Dims stride, padding, dilation;
  std::int64_t groups = 1;

  std::size_t axes() const { return input.size(); }
  Shape with(std::int64_t a, std::int64_t b, const Shape& spatial) const {
    Shape s{a, b};
    for (const auto d : spatial) s.push_back(d);
    return s;
  }
  Shape x() const { return with(images, in, input); }
  Shape w() const { return with(out, in / groups, kernel); }
  Shape y() const { return with(images, out, output); }

  /// Calls f(index in x, index in w, index in y) for every product in the convolution's sums.
  template <class F>
  void each(const F& f) const {
    for_each_index(y(), [&](const Dims& at_y) {
      for_each_index(w(), [&](const Dims& at_w) {
        if (at_w[0] != at_y[1]) return;
        Dims at_x{at_y[0], at_y[1] / (out / groups) * (in / groups) + at_w[1]};
        for (std::size_t a = 0; a < axes(); ++a) {
          const auto i = at_y[a + 2] * stride[a] - padding[a] + at_w[a + 2] * dilation[a];
          if (i < 0 || i >= input[a]) return;
          at_x.push_back(i);
        }
        f(at_x, at_w, at_y);
      });
    });
  }
};

const std::vector<ConvCase> conv_cases{
    {2, 2, 3, {5}, {3}, {3}, {1}, {0}, {1}},
    {1, 2, 2, {6}, {2}, {4}, {2}, {1}, {1}},  // one zero of the padding is read
    {2, 2, 4, {7}, {2}, {4}, {1}, {0}, {3}, 2},
    {1, 1, 1, {1}, {1}, {1}, {1}, {0}, {1}},
    {2, 2, 3, {3, 4}, {2, 3}, {2, 2}, {1, 1}, {0, 0}, {1, 1}},
    {2, 1, 2, {4, 5}, {3, 2}, {2, 3}, {2, 1}, {1, 0}, {1, 2}},
    {1, 3, 3, {3, 3}, {3, 3}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 3},  // depthwise
    {1, 2, 4, {5, 4}, {2, 2}, {2, 2}, {3, 2}, {1, 0}, {2, 1}, 2},
    {2, 3, 2, {2, 2}, {1, 1}, {2, 2}, {1, 1}, {0, 0}, {1, 1}},
    {1, 2, 7, {3, 3}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {1, 1}},  // enough channels for vectorisation
    {2, 7, 1, {3, 3}, {2, 2}, {2, 2}, {2, 2}, {1, 1}, {1, 1}},
    {1, 1, 2, {2, 3, 2}, {2, 2, 1}, {3, 1, 2}, {1, 2, 1}, {1, 0, 0}, {1, 1, 1}},
    {0, 2, 3, {3, 3}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {1, 1}},
    {2, 0, 2, {3}, {2}, {2}, {1}, {0}, {1}},
};

/// Some cases use a padding mode.
Padding padding_of(const ConvCase& c) {
  if (c.kernel == Shape{3, 3} && c.padding == Dims{1, 1} && c.stride == Dims{1, 1}) return Padding::same;
  if (c.kernel == Shape{2, 3} && c.padding == Dims{0, 0}) return Padding::valid;
  return c.padding;
}

Tensor convolution(const ConvCase& c, const In& x, const In& w) {
  const ConvFuncOptions o{.stride = c.stride, .padding = padding_of(c), .dilation = c.dilation, .groups = c.groups};
  return c.axes() == 1 ? conv1d(x, w, o) : c.axes() == 2 ? conv2d(x, w, o) : conv3d(x, w, o);
}
Tensor convolution(const ConvCase& c, const In& x, const In& w, const In& b) {
  const ConvFuncOptions o{.stride = c.stride, .padding = padding_of(c), .dilation = c.dilation, .groups = c.groups};
  return c.axes() == 1 ? conv1d(x, w, b, o) : c.axes() == 2 ? conv2d(x, w, b, o) : conv3d(x, w, b, o);
}

void add_bias(Values& y, const Values& b) {
  for_each_index(y.shape, [&](const Dims& i) { y[i] += b[{i[1]}]; });
}

std::vector<Sample> convolutions() {
  std::vector<Sample> samples;
  for (const auto& c : conv_cases) {
    const Reference reference = [c](const std::vector<Values>& v) {
      Values y(c.y());
      c.each([&](const Dims& x, const Dims& w, const Dims& at) { y[at] += v[0][x] * v[1][w]; });
      if (v.size() == 3) add_bias(y, v[2]);
      return y;
    };
    if (c.groups == 1) {
      samples.push_back(
          {{c.x(), c.w(), {c.out}}, [c](Args& a) { return convolution(c, a[0], a[1], a[2]); }, reference});
    } else {
      samples.push_back({{c.x(), c.w()}, [c](Args& a) { return convolution(c, a[0], a[1]); }, reference});
    }
  }
  // One image without a batch axis.
  const ConvCase one{1, 2, 2, {4}, {2}, {3}, {1}, {0}, {1}};
  samples.push_back({{{2, 4}, {2, 2, 2}},
                     [](Args& a) { return conv1d(a[0], a[1]); },
                     [one](const std::vector<Values>& v) {
                       Values y({2, 3});
                       one.each([&](const Dims& x, const Dims& w, const Dims& at) {
                         y[{at[1], at[2]}] += v[0][{x[1], x[2]}] * v[1][w];
                       });
                       return y;
                     }});
  // An even kernel: Padding::same adds the odd zero at the end.
  const ConvCase even{1, 1, 1, {4}, {2}, {4}, {1}, {0}, {1}};
  samples.push_back({{even.x(), even.w()},
                     [](Args& a) { return conv1d(a[0], a[1], {.padding = Padding::same}); },
                     [even](const std::vector<Values>& v) {
                       Values y(even.y());
                       even.each([&](const Dims& x, const Dims& w, const Dims& at) { y[at] += v[0][x] * v[1][w]; });
                       return y;
                     }});
  return samples;
}

/// output_padding of conv_transpose: the number of input elements beyond the last window.
Dims output_padding(const ConvCase& c) {
  Dims more;
  for (std::size_t a = 0; a < c.axes(); ++a) {
    more.push_back(c.input[a] -
                   ((c.output[a] - 1) * c.stride[a] - 2 * c.padding[a] + c.dilation[a] * (c.kernel[a] - 1) + 1));
  }
  return more;
}

std::vector<Sample> transposed_convolutions() {
  std::vector<Sample> samples;
  for (const auto& c : conv_cases) {
    const ConvTransposeFuncOptions o{.stride = c.stride,
                                     .padding = c.padding,
                                     .output_padding = output_padding(c),
                                     .dilation = c.dilation,
                                     .groups = c.groups};
    const Reference reference = [c](const std::vector<Values>& v) {
      Values x(c.x());
      c.each([&](const Dims& at, const Dims& w, const Dims& y) { x[at] += v[0][y] * v[1][w]; });
      if (v.size() == 3) add_bias(x, v[2]);
      return x;
    };
    if (c.groups == 1) {
      samples.push_back({{c.y(), c.w(), {c.in}},
                         [c, o](Args& a) {
                           return c.axes() == 1   ? conv_transpose1d(a[0], a[1], a[2], o)
                                  : c.axes() == 2 ? conv_transpose2d(a[0], a[1], a[2], o)
                                                  : conv_transpose3d(a[0], a[1], a[2], o);
                         },
                         reference});
    } else {
      samples.push_back({{c.y(), c.w()},
                         [c, o](Args& a) {
                           return c.axes() == 1 ? conv_transpose1d(a[0], a[1], o) : conv_transpose2d(a[0], a[1], o);
                         },
                         reference});
    }
  }
  return samples;
}

std::vector<Sample> weight_gradients() {
  std::vector<Sample> samples;
  for (const auto& c : conv_cases) {
    if (c.in == 0) continue;
    samples.push_back({{c.x(), c.y()},
                       [c](Args& a) {
                         const Tensor x = a[0];
                         return pulled_back([&](const Tensor& w) { return convolution(c, x, w); }, c.w(), a[1]);
                       },
                       [c](const std::vector<Values>& v) {
                         Values w(c.w());
                         c.each([&](const Dims& x, const Dims& at, const Dims& y) { w[at] += v[0][x] * v[1][y]; });
                         return w;
                       }});
  }
  return samples;
}

const Rows convolving{{
    {.name = "conv",
     .samples = convolutions(),
     .rejects = {{Error::shape, "conv2d: the channels",
                  [] {
                    conv2d(of({2, 3, 5, 5}), of({4, 2, 3, 3}));
                  }},
                 {Error::shape, "[o, c / 2, kh, kw]",
                  [] {
                    conv2d(of({2, 4, 5, 5}), of({4, 4, 3, 3}), {.groups = 2});
                  }},
                 {Error::shape, "x [3, 4, 5, 5]",
                  [] {
                    conv1d(of({3, 4, 5, 5}), of({4, 4, 3}));
                  }},
                 {Error::shape, "b [3]",
                  [] {
                    conv1d(of({1, 1, 5}), of({2, 1, 3}), of({3}));
                  }},
                 {Error::shape, "conv1d: the channels",
                  [] {
                    conv1d(of({1, 1, 5}), of({2, 1, 3}), 0.5);
                  }},
                 {Error::shape, "must fit",
                  [] {
                    conv1d(of({1, 1, 4}), of({1, 1, 3}), {.dilation = 2});
                  }},
                 {Error::shape, "must fit",
                  [] {
                    conv1d(of({1, 1, 4}), of({1, 1, 0}));
                  }},
                 {Error::value, "stride",
                  [] {
                    conv1d(of({1, 1, 4}), of({1, 1, 3}), {.stride = 0});
                  }},
                 {Error::value, "padding",
                  [] {
                    conv2d(of({1, 1, 4, 4}), of({1, 1, 3, 3}), {.padding = {1, 1, 1}});
                  }},
                 {Error::value, "same",
                  [] {
                    conv1d(of({1, 1, 4}), of({1, 1, 3}), {.stride = 2, .padding = Padding::same});
                  }},
                 {Error::value, "groups",
                  [] {
                    conv1d(of({1, 1, 4}), of({1, 1, 3}), {.groups = 0});
                  }},
                 {Error::dtype, "f32 [1, 1, 4] and f64",
                  [] {
                    conv1d(of({1, 1, 4}), of({1, 1, 3}, f64));
                  }},
                 {Error::dtype, "must be a float",
                  [] {
                    conv1d(of({1, 1, 4}, i64), of({1, 1, 3}, i64));
                  }}},
     .tolerance_scale = 2},
    {.name = "conv_transpose",
     .samples = transposed_convolutions(),
     .rejects = {{Error::shape, "conv_transpose2d: the channels",
                  [] {
                    conv_transpose2d(of({2, 3, 5, 5}), of({4, 3, 3, 3}));
                  }},
                 {Error::shape, "the output must not be empty",
                  [] {
                    conv_transpose1d(of({1, 1, 1}), of({1, 1, 2}), {.padding = 1});
                  }},
                 {Error::value, "output_padding",
                  [] {
                    conv_transpose3d(of({1, 1, 2, 2, 2}), of({1, 1, 2, 2, 2}), {.stride = 2, .output_padding = 2});
                  }},
                 {Error::dtype, "conv_transpose",
                  [] {
                    conv_transpose1d(of({1, 1, 4}), of({1, 1, 3}, f64));
                  }}},
     .tolerance_scale = 2},
    {.name = "conv_weight", .samples = weight_gradients(), .tolerance_scale = 2},
}};

}  // namespace
}  // namespace newtape::table
