// SPDX-License-Identifier: BSD-3-Clause
#include "fresh_models.hpp"

#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>

#include <cctype>
#include <cmath>
#include <limits>

namespace zoo::fresh {

namespace {

Tensor class_loss(const Tensor& output, const Tensor& y) { return nn::cross_entropy(output, y); }
Tensor binary_loss(const Tensor& output, const Tensor& y) { return nn::binary_cross_entropy_with_logits(output, y); }
Tensor square_loss(const Tensor& output, const Tensor& y) { return nn::mse_loss(output, y); }

Tensor column_means(const Tensor& x) { return mean(x, 0, true); }
Tensor column_stds(const Tensor& x) { return sqrt(mean(square(x - column_means(x)), 0, true)); }

/// Splits shuffled examples, and standardises inputs by the first part.
TrainingData split(const Tensor& x, const Tensor& y, std::int64_t n, std::uint64_t seed, bool raw) {
  Generator g(500 + seed);
  const auto parts = data::Dataset{x, y}.split({n, -1}, g);
  TrainingData result;
  result.train = parts[0];
  result.test = parts[1];
  if (raw) return result;
  const Tensor first = parts[0].array(0);
  const Tensor m = column_means(first);
  const Tensor s = column_stds(first);
  result.train = data::Dataset{(first - m) / s, parts[0].array(1)};
  result.test = data::Dataset{(Tensor(parts[1].array(0)) - m) / s, parts[1].array(1)};
  return result;
}

Tensor x_in(const data::Dataset& set) { return set.array(0); }
Tensor y_in(const data::Dataset& set) { return set.array(1); }

template <class F>
TrainingData with_targets(TrainingData data, const F& f) {
  data.train = data::Dataset{x_in(data.train), f(y_in(data.train))};
  if (data.test.size() > 0) data.test = data::Dataset{x_in(data.test), f(y_in(data.test))};
  return data;
}

}  // namespace

TrainingData wine(std::uint64_t seed, bool raw) {
  const auto set = data::wine(f32);
  auto data = split(set.features(), set.target(), 130, seed, raw);
  data.loss = class_loss;
  return data;
}

TrainingData tumours(std::uint64_t seed, bool raw) {
  const auto set = data::breast_cancer(f32);
  const Tensor y = Tensor(set.target()).to(f32).reshape({-1, 1});
  auto data = split(set.features(), y, 400, seed, raw);
  data.loss = binary_loss;
  data.batch = 64;
  return data;
}

TrainingData cells(std::uint64_t seed) {
  const auto set = data::breast_cancer(f32);
  auto data = split(set.features(), set.features(), 400, seed, false);
  data.train = data::Dataset{x_in(data.train), x_in(data.train)};
  data.test = data::Dataset{x_in(data.test), x_in(data.test)};
  data.loss = square_loss;
  return data;
}

TrainingData diabetes(std::uint64_t seed, bool raw) {
  const auto set = data::diabetes(f32);
  Tensor y = Tensor(set.target()).to(f32).reshape({-1, 1});
  if (!raw) y = (y - column_means(y)) / column_stds(y);
  auto data = split(set.features(), y, 330, seed, false);
  data.loss = square_loss;
  return data;
}

TrainingData iris(std::uint64_t seed) {
  const auto set = data::iris(f32);
  auto data = split(set.features(), set.target(), 120, seed, false);
  data.loss = class_loss;
  data.batch = 120;
  return data;
}

TrainingData digits(std::uint64_t seed) {
  Generator g(700 + seed);
  const auto parts = data::digits().train.split({1000, 300, -1}, g);
  return {.train = parts[0], .loss = class_loss, .test = parts[1]};
}

TrainingData sunspots(std::uint64_t seed) {
  const Array number = core::cast(data::sunspots().array("number"), f64);
  constexpr std::int64_t window = 20;
  const std::int64_t n = number.size() - window;
  Array x = Array::empty({n, window, 1}, f32);
  Array y = Array::empty({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto at = [&](std::int64_t k) { return static_cast<float>((number.data<double>()[k] - 50) / 40); };
    for (std::int64_t k = 0; k < window; ++k) x.data<float>()[i * window + k] = at(i + k);
    y.data<float>()[i] = at(i + window);
  }
  auto data = split(x, y, 220, seed, true);
  data.loss = square_loss;
  return data;
}

TrainingData letters(std::uint64_t seed) {
  std::vector<std::int64_t> codes;  // 1 to 26, others 0
  for (const char c : data::pride_and_prejudice().substr(5000, 8000)) {
    const auto u = static_cast<unsigned char>(c);
    codes.push_back(std::isalpha(u) != 0 ? std::tolower(u) - 'a' + 1 : 0);
  }
  constexpr std::int64_t n = 3000;
  Array x = Array::empty({n, 4}, i64);
  Array y = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < 4; ++k) x.data<std::int64_t>()[4 * i + k] = codes[static_cast<std::size_t>(i + k)];
    y.data<std::int64_t>()[i] = codes[static_cast<std::size_t>(i + 4)];
  }
  auto data = split(x, y, 2400, seed, true);
  data.loss = class_loss;
  data.batch = 64;
  return data;
}

TrainingData plus_one(TrainingData data) {
  return with_targets(std::move(data), [](const Tensor& y) { return y + 1; });
}

TrainingData test_of(TrainingData data, const TrainingData& other) {
  data.test = other.test;
  return data;
}

TrainingData reversed_columns(TrainingData data) {
  data.test = data::Dataset{flip(x_in(data.test), {1}), y_in(data.test)};
  return data;
}

TrainingData leaked(TrainingData data) {
  const auto half = data.test[{0, data.test.size() / 2}];
  const Array xs[] = {data.train.array(0), half.array(0)};
  const Array ys[] = {data.train.array(1), half.array(1)};
  data.train = data::Dataset{core::concatenate(xs), core::concatenate(ys)};
  return data;
}

TrainingData first_ones(TrainingData data, std::int64_t n) {
  data.train = data.train[{0, n}];
  return data;
}

TrainingData nan_target(TrainingData data) {
  Array y = core::copy(data.train.array(1));
  y.data<float>()[17] = std::numeric_limits<float>::quiet_NaN();
  data.train = data::Dataset{data.train.array(0), y};
  return data;
}

TrainingData shuffled_inputs(TrainingData data, std::uint64_t seed) {
  Generator g(900 + seed);
  const Array order = random::permutation(data.train.size(), g);
  data.train = data::Dataset{core::take(data.train.array(0), order, 0), data.train.array(1)};
  return data;
}

TrainingData unknown_inputs(TrainingData data) {
  data.train = data::Dataset{core::zeros(data.train.array(0).shape(), i64), data.train.array(1)};
  return data;
}

TrainingData signed_labels(TrainingData data) {
  return with_targets(std::move(data), [](const Tensor& y) { return 2.0 * y - 1.0; });
}

TrainingData broadcast(TrainingData data) {
  data = with_targets(std::move(data), [](const Tensor& y) { return y.reshape({-1}); });
  data.loss = [](const Tensor& output, const Tensor& y) { return mean(square(output - y)); };
  return data;
}

}  // namespace zoo::fresh
