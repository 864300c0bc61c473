// SPDX-License-Identifier: BSD-3-Clause
// References are the definitions in long double.
#include "operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/normalization.hpp>
#include <newtape/autograd/ops/reduce.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

/// Maps an index of x to its group, whose elements are normalised together, or to the index of its weight.
using Key = std::function<std::size_t(const Dims&)>;

/// (x - mean) / sqrt(var + eps) * weight + bias, with the statistics of each group.
Reference normalized(Key set, Key channel, long double eps, bool centred = true) {
  return [=](const std::vector<Values>& v) {
    const Values& x = v[0];
    Values y(x.shape);
    std::vector<long double> sum(x.data.size() + 1), squares(x.data.size() + 1), count(x.data.size() + 1);
    const auto each = [&](const auto& f) { for_each_index(x.shape, [&](const Dims& i) { f(i, set(i)); }); };
    each([&](const Dims& i, std::size_t s) {
      sum[s] += centred ? x[i] : 0;
      count[s] += 1;
    });
    each([&](const Dims& i, std::size_t s) {
      const long double d = x[i] - sum[s] / count[s];
      squares[s] += d * d;
    });
    each([&](const Dims& i, std::size_t s) {
      y[i] = (x[i] - sum[s] / count[s]) / std::sqrt(squares[s] / count[s] + eps);
      if (v.size() > 1) y[i] *= v[1].data[channel(i)];
      if (v.size() > 2) y[i] += v[2].data[channel(i)];
    });
    return y;
  };
}

Key second() {
  return [](const Dims& i) { return static_cast<std::size_t>(i[1]); };
}
/// Groups of channels in each image.
Key group(std::int64_t channels, std::int64_t each) {
  return [=](const Dims& i) { return static_cast<std::size_t>(i[0] * (channels / each) + i[1] / each); };
}
/// The flat index along some axes of x.
Key position(const Shape& shape, std::size_t first, std::size_t end) {
  return [=](const Dims& i) {
    std::int64_t at = 0;
    for (std::size_t a = first; a < end; ++a) at = at * shape[a] + i[a];
    return static_cast<std::size_t>(at);
  };
}

/// Calls with x alone, with weight, and with weight and bias.
using Normalize = std::function<Tensor(In, const Tensor&, const Tensor&)>;
Sample sample_of(const Shape& x, const Shape& w, std::size_t operands, const Normalize& f, const Reference& reference) {
  std::vector<Shape> shapes{x};
  if (operands > 1) shapes.push_back(w);
  if (operands > 2) shapes.push_back(w);
  return {shapes,
          [f, operands](Args& a) {
            if (operands == 1) return f(a[0], {}, {});
            if (operands == 2) return f(a[0], a[1], {});
            return f(a[0], a[1], a[2]);
          },
          reference};
}

constexpr double large_eps = 0.25;  // large enough for accuracy with nearly equal elements

std::vector<Sample> batches() {
  std::vector<Sample> all;
  const auto add = [&](const Shape& x, std::size_t operands) {
    all.push_back(sample_of(
        x, {x[1]}, operands,
        [](In in, const Tensor& w, const Tensor& b) { return batch_norm(std::move(in), w, b, large_eps); },
        normalized(second(), second(), large_eps)));
  };
  add({4, 3}, 3);
  add({3, 2, 2}, 3);
  add({2, 3, 2, 2}, 2);
  add({2, 1, 4, 5}, 1);
  add({2, 2, 17}, 3);  // contiguous channels
  add({0, 2, 3}, 3);
  return all;
}

std::vector<Sample> batches_by_statistics() {
  std::vector<Sample> all;
  for (const Shape& x : {Shape{4, 3}, Shape{2, 2, 3}, Shape{0, 2, 3}}) {
    all.push_back({{x, {x[1]}, {x[1]}, {x[1]}, {x[1]}},
                   [](Args& a) { return batch_norm_by(a[0], a[1], square(a[2]), a[3], a[4], large_eps); },
                   [](const std::vector<Values>& v) {
                     Values y(v[0].shape);
                     for_each_index(y.shape, [&](const Dims& i) {
                       const auto c = static_cast<std::size_t>(i[1]);
                       const long double d = v[0][i] - v[1].data[c];
                       y[i] = d / std::sqrt(v[2].data[c] * v[2].data[c] + large_eps) * v[3].data[c] + v[4].data[c];
                     });
                     return y;
                   }});
  }
  return all;
}

std::vector<Sample> layers(bool centred) {
  std::vector<Sample> all;
  const auto add = [&](const Shape& x, const Shape& last, std::size_t operands) {
    const auto first = x.size() - last.size();
    const Normalize f = [last, centred](In in, const Tensor& w, const Tensor& b) {
      return centred ? layer_norm(std::move(in), last, w, b, large_eps) : rms_norm(std::move(in), last, w, large_eps);
    };
    all.push_back(sample_of(x, last, centred ? operands : std::min<std::size_t>(operands, 2), f,
                            normalized(position(x, 0, first), position(x, first, x.size()), large_eps, centred)));
  };
  add({3, 4}, {4}, 3);
  add({2, 2, 3}, {2, 3}, 3);
  add({5}, {5}, 2);
  add({2, 21}, {21}, 1);
  add({3, 1}, {1}, 2);
  add({0, 3}, {3}, 3);
  return all;
}

std::vector<Sample> groups() {
  std::vector<Sample> all;
  const auto add = [&](const Shape& x, std::int64_t number, std::size_t operands) {
    all.push_back(sample_of(
        x, {x[1]}, operands,
        [number](In in, const Tensor& w, const Tensor& b) {
          return group_norm(std::move(in), number, w, b, large_eps);
        },
        normalized(group(x[1], x[1] / number), second(), large_eps)));
  };
  add({2, 4, 3}, 2, 3);
  add({2, 4}, 2, 3);
  add({1, 3, 2, 2}, 1, 2);
  add({2, 2, 3}, 2, 1);
  add({0, 2, 3}, 1, 3);
  return all;
}

std::vector<Sample> instances() {
  std::vector<Sample> all;
  const auto add = [&](const Shape& x, std::size_t operands) {
    all.push_back(sample_of(
        x, {x[1]}, operands,
        [](In in, const Tensor& w, const Tensor& b) { return instance_norm(std::move(in), w, b, large_eps); },
        normalized(group(x[1], 1), second(), large_eps)));
  };
  add({2, 2, 4}, 3);
  add({2, 3, 2, 2}, 1);
  add({0, 2, 3}, 3);
  return all;
}

Reference local_response(std::int64_t size, long double alpha, long double beta, long double k) {
  return [=](const std::vector<Values>& v) {
    const Values& x = v[0];
    Values y(x.shape);
    for_each_index(x.shape, [&](const Dims& i) {
      long double squares = 0;
      for (std::int64_t c = i[1] - size / 2; c <= i[1] + (size - 1) / 2; ++c) {
        if (c < 0 || c >= x.shape[1]) continue;
        Dims at = i;
        at[1] = c;
        squares += x[at] * x[at];
      }
      y[i] = x[i] / std::pow(k + alpha * squares / static_cast<long double>(size), beta);
    });
    return y;
  };
}
std::vector<Sample> local_responses() {
  std::vector<Sample> all;
  for (const std::int64_t size : {3, 2}) {
    for (const Shape& x : {Shape{2, 5}, Shape{1, 4, 2}, Shape{0, 3, 2}}) {
      all.push_back(
          {{x},
           [size](Args& a) { return local_response_norm(a[0], size, {.alpha = 0.5, .beta = 0.75, .k = 1.5}); },
           local_response(size, 0.5L, 0.75L, 1.5L)});
    }
  }
  return all;
}

Tensor images() { return ones({2, 4, 3}); }
Tensor integers() { return ones({2, 4, 3}, i64); }

const Rows normalizations{{
    {.name = "batch_norm",
     .samples = batches(),
     .rejects = {{Error::shape, "batch_norm: x must have a channel axis", [] { batch_norm(three()); }},
                 {Error::dtype, "batch_norm: the dtype must be a float", [] { batch_norm(integers()); }},
                 {Error::value, "batch_norm: x must be a tensor", [] { batch_norm(2.0); }},
                 {Error::shape, "batch_norm: weight", [] { batch_norm(images(), three()); }},
                 {Error::dtype, "batch_norm: bias", [] { batch_norm(images(), {}, ones({4}, f64)); }},
                 {Error::value, "batch_norm: the variance needs several elements",
                  [] {
                    batch_norm(ones({1, 4}));
                  }}},
     .tolerance_scale = 4},
    {.name = "batch_norm_by",
     .samples = batches_by_statistics(),
     .rejects = {{Error::shape, "batch_norm: mean", [] { batch_norm_by(images(), three(), three()); }},
                 {Error::value, "batch_norm: mean and var must be defined", [] { batch_norm_by(images(), {}, {}); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "layer_norm",
     .samples = layers(true),
     .rejects = {{Error::shape, "x [.., 4]", [] { layer_norm(images(), {4}); }},
                 {Error::shape, "layer_norm: the last axes", [] { layer_norm(images(), {}); }},
                 {Error::shape, "layer_norm: bias", [] { layer_norm(images(), {3}, three(), one_two()); }},
                 {Error::dtype, "layer_norm: the dtype must be a float", [] { layer_norm(integers(), {3}); }}},
     .tolerance_scale = 4},
    {.name = "rms_norm",
     .samples = layers(false),
     .rejects = {{Error::shape, "rms_norm: the last axes",
                  [] {
                    rms_norm(images(), {2, 3});
                  }},
                 {Error::dtype, "rms_norm: weight", [] { rms_norm(images(), {3}, three_doubles()); }}},
     .tolerance_scale = 4},
    {.name = "group_norm",
     .samples = groups(),
     .rejects = {{Error::value, "group_norm: num_groups must divide the channels", [] { group_norm(images(), 3); }},
                 {Error::value, "group_norm: num_groups must divide the channels", [] { group_norm(images(), 0); }},
                 {Error::shape, "group_norm: weight", [] { group_norm(images(), 2, three()); }}},
     .tolerance_scale = 4},
    {.name = "instance_norm",
     .samples = instances(),
     .rejects = {{Error::value, "instance_norm: the variance needs several elements",
                  [] {
                    instance_norm(ones({2, 4}));
                  }},
                 {Error::shape, "instance_norm: x must have a channel axis", [] { instance_norm(three()); }}},
     .tolerance_scale = 4},
    {.name = "local_response_norm",
     .samples = local_responses(),
     .rejects = {{Error::shape, "local_response_norm", [] { local_response_norm(three(), 2); }},
                 {Error::dtype, "local_response_norm", [] { local_response_norm(integers(), 2); }},
                 {Error::value, "local_response_norm: invalid size", [] { local_response_norm(images(), 0); }}},
     .composite = true,
     .tolerance_scale = 4},
}};

}  // namespace
}  // namespace newtape::table
