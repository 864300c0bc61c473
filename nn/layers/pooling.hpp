// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/nn/module/module.hpp>

#include <utility>

/// Pooling as layers; see <newtape/autograd/ops/pooling.hpp> for the functions.
///
///     nn::MaxPool2d(2), nn::AvgPool1d(3, {.stride = 1}), nn::AdaptiveAvgPool2d(1)
namespace newtape::nn {

/// A layer that calls `f(x, kernel_size, options)`.
template <class Self, class Options, Tensor (*f)(In, const PerAxis&, const Options&)>
struct Pooling : Module<Self> {
  explicit Pooling(PerAxis kernel, const Options& o = {}) : kernel_size(std::move(kernel)), options(o) {}
  Tensor forward(In x) const { return f(std::move(x), kernel_size, options); }
  PerAxis kernel_size;
  Options options;
};

/// The maximum of each window of x [n, c, l] or [c, l]; see max_pool1d.
struct MaxPool1d : Pooling<MaxPool1d, MaxPoolOptions, max_pool1d> {
  using Pooling::Pooling;
};
/// The maximum of each window of x [n, c, h, w] or [c, h, w]; see max_pool2d.
struct MaxPool2d : Pooling<MaxPool2d, MaxPoolOptions, max_pool2d> {
  using Pooling::Pooling;
};
/// The maximum of each window of x [n, c, d, h, w] or [c, d, h, w]; see max_pool3d.
struct MaxPool3d : Pooling<MaxPool3d, MaxPoolOptions, max_pool3d> {
  using Pooling::Pooling;
};
/// The mean of each window of x [n, c, l] or [c, l]; see avg_pool1d.
struct AvgPool1d : Pooling<AvgPool1d, AvgPoolOptions, avg_pool1d> {
  using Pooling::Pooling;
};
/// The mean of each window of x [n, c, h, w] or [c, h, w]; see avg_pool2d.
struct AvgPool2d : Pooling<AvgPool2d, AvgPoolOptions, avg_pool2d> {
  using Pooling::Pooling;
};
/// The mean of each window of x [n, c, d, h, w] or [c, d, h, w]; see avg_pool3d.
struct AvgPool3d : Pooling<AvgPool3d, AvgPoolOptions, avg_pool3d> {
  using Pooling::Pooling;
};

/// A layer that calls `f(x, norm_type, kernel_size, options)`.
template <class Self, Tensor (*f)(In, double, const PerAxis&, const LPPoolOptions&)>
struct LpPooling : Module<Self> {
  LpPooling(double norm, PerAxis kernel, const LPPoolOptions& o = {})
      : norm_type(norm), kernel_size(std::move(kernel)), options(o) {}
  Tensor forward(In x) const { return f(std::move(x), norm_type, kernel_size, options); }
  double norm_type;
  PerAxis kernel_size;
  LPPoolOptions options;
};

/// (sum of x^norm_type)^(1 / norm_type) of each window of x [n, c, l] or [c, l]; see lp_pool1d.
struct LPPool1d : LpPooling<LPPool1d, lp_pool1d> {
  using LpPooling::LpPooling;
};
/// (sum of x^norm_type)^(1 / norm_type) of each window of x [n, c, h, w] or [c, h, w]; see lp_pool2d.
struct LPPool2d : LpPooling<LPPool2d, lp_pool2d> {
  using LpPooling::LpPooling;
};

/// A layer that calls `f(x, indices, kernel_size, options)`.
template <class Self, Tensor (*f)(In, const Tensor&, const PerAxis&, const MaxUnpoolOptions&)>
struct MaxUnpooling : Module<Self> {
  explicit MaxUnpooling(PerAxis kernel, const MaxUnpoolOptions& o = {}) : kernel_size(std::move(kernel)), options(o) {}
  Tensor forward(In x, const Tensor& indices) const { return f(std::move(x), indices, kernel_size, options); }
  PerAxis kernel_size;
  MaxUnpoolOptions options;
};

/// Elements of x [n, c, l] or [c, l] at the indices of maxima, zeros elsewhere; see max_unpool1d.
struct MaxUnpool1d : MaxUnpooling<MaxUnpool1d, max_unpool1d> {
  using MaxUnpooling::MaxUnpooling;
};
/// Elements of x [n, c, h, w] or [c, h, w] at the indices of maxima, zeros elsewhere; see max_unpool2d.
struct MaxUnpool2d : MaxUnpooling<MaxUnpool2d, max_unpool2d> {
  using MaxUnpooling::MaxUnpooling;
};
/// Elements of x [n, c, d, h, w] or [c, d, h, w] at the indices of maxima, zeros elsewhere; see max_unpool3d.
struct MaxUnpool3d : MaxUnpooling<MaxUnpool3d, max_unpool3d> {
  using MaxUnpooling::MaxUnpooling;
};

/// A layer that calls `f(x, kernel_size, options, default_generator())`, in training and after eval().
template <class Self, Tensor (*f)(In, const PerAxis&, const FractionalMaxPoolOptions&, Generator&)>
struct FractionalMaxPooling : Module<Self> {
  FractionalMaxPooling(PerAxis kernel, const FractionalMaxPoolOptions& o)
      : kernel_size(std::move(kernel)), options(o) {}
  Tensor forward(In x) const { return f(std::move(x), kernel_size, options, default_generator()); }
  PerAxis kernel_size;
  FractionalMaxPoolOptions options;
};

/// Maxima of x [n, c, h, w] or [c, h, w] over windows of random positions; see fractional_max_pool2d.
struct FractionalMaxPool2d : FractionalMaxPooling<FractionalMaxPool2d, fractional_max_pool2d> {
  using FractionalMaxPooling::FractionalMaxPooling;
};
/// Maxima of x [n, c, d, h, w] or [c, d, h, w] over windows of random positions; see fractional_max_pool3d.
struct FractionalMaxPool3d : FractionalMaxPooling<FractionalMaxPool3d, fractional_max_pool3d> {
  using FractionalMaxPooling::FractionalMaxPooling;
};

/// A layer that calls `f(x, output_size)`.
template <class Self, Tensor (*f)(In, const PerAxis&)>
struct AdaptivePooling : Module<Self> {
  explicit AdaptivePooling(PerAxis size) : output_size(std::move(size)) {}
  Tensor forward(In x) const { return f(std::move(x), output_size); }
  PerAxis output_size;
};

/// Means of x [n, c, l] or [c, l], spatial axes of length output_size; see adaptive_avg_pool1d.
struct AdaptiveAvgPool1d : AdaptivePooling<AdaptiveAvgPool1d, adaptive_avg_pool1d> {
  using AdaptivePooling::AdaptivePooling;
};
/// Means of x [n, c, h, w] or [c, h, w], spatial axes of length output_size; see adaptive_avg_pool2d.
struct AdaptiveAvgPool2d : AdaptivePooling<AdaptiveAvgPool2d, adaptive_avg_pool2d> {
  using AdaptivePooling::AdaptivePooling;
};
/// Means of x [n, c, d, h, w] or [c, d, h, w], spatial axes of length output_size; see adaptive_avg_pool3d.
struct AdaptiveAvgPool3d : AdaptivePooling<AdaptiveAvgPool3d, adaptive_avg_pool3d> {
  using AdaptivePooling::AdaptivePooling;
};
/// Maxima of x [n, c, l] or [c, l], spatial axes of length output_size; see adaptive_max_pool1d.
struct AdaptiveMaxPool1d : AdaptivePooling<AdaptiveMaxPool1d, adaptive_max_pool1d> {
  using AdaptivePooling::AdaptivePooling;
};
/// Maxima of x [n, c, h, w] or [c, h, w], spatial axes of length output_size; see adaptive_max_pool2d.
struct AdaptiveMaxPool2d : AdaptivePooling<AdaptiveMaxPool2d, adaptive_max_pool2d> {
  using AdaptivePooling::AdaptivePooling;
};
/// Maxima of x [n, c, d, h, w] or [c, d, h, w], spatial axes of length output_size; see adaptive_max_pool3d.
struct AdaptiveMaxPool3d : AdaptivePooling<AdaptiveMaxPool3d, adaptive_max_pool3d> {
  using AdaptivePooling::AdaptivePooling;
};

}  // namespace newtape::nn
