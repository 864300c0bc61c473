// SPDX-License-Identifier: BSD-3-Clause
#include "second_data.hpp"
#include "draws.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace zoo::second {

using namespace newtape;

namespace {

Tensor class_loss(const Tensor& output, const Tensor& y) { return nn::cross_entropy(output, y); }
Tensor label_loss(const Tensor& output, const Tensor& y) { return nn::binary_cross_entropy_with_logits(output, y); }
Tensor square_loss(const Tensor& output, const Tensor& y) { return nn::mse_loss(output, y); }
Tensor count_loss(const Tensor& output, const Tensor& y) { return nn::poisson_nll_loss(output, y); }
Tensor normal_loss(const Tensor& output, const Tensor& y) {
  const Tensor mean = slice(output, 1, 0, 1);
  return nn::gaussian_nll_loss(mean, y, exp(slice(output, 1, 1, 2)));
}

bool in_shape(std::int64_t kind, std::int64_t dx, std::int64_t dy, std::int64_t r) {
  if (std::max(std::abs(dx), std::abs(dy)) > r) return false;
  if (kind == 0) return std::max(std::abs(dx), std::abs(dy)) == r;
  if (kind == 1) return dx == 0 || dy == 0;
  if (kind == 2) return dx * dx + dy * dy <= r * r;
  return (dx + r) % 2 == 0;
}

/// Pictures of 12 x 12 without noise, and their classes.
std::pair<Array, Array> draw_shapes(std::int64_t n, Draws& draws) {
  Array x = core::zeros({n, 1, 12, 12}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t kind = draws.below(4);
    const std::int64_t r = 2 + draws.below(2);
    const std::int64_t cx = r + draws.below(12 - 2 * r);
    const std::int64_t cy = r + draws.below(12 - 2 * r);
    integers(y)[i] = kind;
    for (std::int64_t j = 0; j < 144; ++j) {
      floats(x)[144 * i + j] = in_shape(kind, j % 12 - cx, j / 12 - cy, r) ? 1.0F : 0.0F;
    }
  }
  return {x, y};
}

double wave(std::int64_t kind, double t, double phase) {
  const double u = t + phase;
  if (kind == 0) return std::sin(2 * pi * u);
  if (kind == 1) return std::sin(2 * pi * u) > 0 ? 1 : -1;
  if (kind == 2) return 2 * (u - std::floor(u)) - 1;
  return std::sin(2 * pi * u * (1 + t / 4));
}

std::pair<double, double> point(std::int64_t kind, double angle, Draws& draws) {
  const double s = draws.uniform(-1, 1);
  const double c = std::cos(angle);
  const double d = std::sin(angle);
  if (kind == 0) return {std::cos(pi * s), std::sin(pi * s)};
  if (kind == 1) return {1.6 * s * c, 1.6 * s * d};
  const double x = draws.normal(kind == 2 ? 0.7 : 0.25);
  const double y = draws.normal(kind == 2 ? 0.7 : 0.25);
  if (kind == 2) return {x, y};
  return {x + (s > 0 ? c : -c), y + (s > 0 ? d : -d)};
}

Tensor x_of(const data::Dataset& set) { return set.array(0); }
Tensor y_of(const data::Dataset& set) { return set.array(1); }

}  // namespace

TrainingData spirals(std::uint64_t seed) {
  Draws draws(11, seed);
  constexpr std::int64_t n = 1200;
  Array x = core::zeros({n, 2}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t arm = draws.below(3);
    const double r = draws.uniform(0.1, 1);
    const double angle = 2 * pi * static_cast<double>(arm) / 3 + 4 * r + draws.normal(0.15);
    floats(x)[2 * i] = static_cast<float>(2 * r * std::cos(angle));
    floats(x)[2 * i + 1] = static_cast<float>(2 * r * std::sin(angle));
    integers(y)[i] = arm;
  }
  return cut(x, y, 900, class_loss);
}

TrainingData shapes(std::uint64_t seed) {
  Draws draws(12, seed);
  const auto [x, y] = draw_shapes(1100, draws);
  return cut((Tensor(x) + noise(x, 0.3, seed)).value(), y, 800, class_loss);
}

TrainingData waves(std::uint64_t seed) {
  Draws draws(13, seed);
  constexpr std::int64_t n = 1000;
  Array x = core::zeros({n, 1, 64}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t kind = draws.below(4);
    const double periods = draws.uniform(2, 4);
    const double phase = draws.uniform();
    integers(y)[i] = kind;
    for (std::int64_t t = 0; t < 64; ++t) {
      floats(x)[64 * i + t] = static_cast<float>(wave(kind, periods * static_cast<double>(t) / 64, phase));
    }
  }
  return cut((Tensor(x) + noise(x, 0.2, seed)).value(), y, 700, class_loss);
}

TrainingData counts(std::uint64_t seed) {
  Draws draws(14, seed);
  constexpr std::int64_t n = 1200;
  Array x = core::zeros({n, 6}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    float* row = floats(x) + 6 * i;
    for (int k = 0; k < 6; ++k) row[k] = static_cast<float>(draws.normal());
    const double log_rate = 0.5 + 0.8 * row[0] - 0.5 * row[1] + 0.4 * std::abs(row[2]);
    floats(y)[i] = static_cast<float>(draws.poisson(std::exp(std::min(log_rate, 4.0))));
  }
  return cut(x, y, 900, count_loss);
}

TrainingData memory(std::uint64_t seed) {
  Draws draws(15, seed);
  constexpr std::int64_t n = 1500;
  Array x = core::zeros({n, 8}, i64);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t t = 0; t < 8; ++t) integers(x)[8 * i + t] = draws.below(6);
    integers(y)[i] = integers(x)[8 * i];
  }
  return cut(x, y, 1200, class_loss);
}

TrainingData friedman(std::uint64_t seed) {
  Draws draws(16, seed);
  constexpr std::int64_t n = 1000;
  Array x = core::zeros({n, 10}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    float* row = floats(x) + 10 * i;
    for (int k = 0; k < 10; ++k) row[k] = static_cast<float>(draws.uniform());
    const double value = 10 * std::sin(pi * row[0] * row[1]) + 20 * std::pow(row[2] - 0.5, 2) + 10 * row[3] +
                         5 * row[4] + draws.normal();
    floats(y)[i] = static_cast<float>(value);
  }
  return cut(standardised(x), standardised(y), 700, square_loss);
}

TrainingData ratings(std::uint64_t seed) {
  Draws draws(17, seed);
  constexpr std::int64_t users = 60, items = 40, n = 2200;
  std::vector<double> u(3 * users), v(3 * items);
  for (auto& e : u) e = draws.normal();
  for (auto& e : v) e = draws.normal();
  Array x = core::zeros({n, 2}, i64);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t a = draws.below(users);
    const std::int64_t b = draws.below(items);
    double value = draws.normal(0.2);
    for (std::int64_t k = 0; k < 3; ++k)
      value += u[static_cast<std::size_t>(3 * a + k)] * v[static_cast<std::size_t>(3 * b + k)];
    integers(x)[2 * i] = a;
    integers(x)[2 * i + 1] = b;
    floats(y)[i] = static_cast<float>(value);
  }
  auto data = cut(x, standardised(y), 1900, square_loss);
  data.batch = 64;
  return data;
}

TrainingData pictures(std::uint64_t seed) {
  Draws draws(18, seed);
  const Array clean = draw_shapes(900, draws).first;
  return cut((Tensor(clean) + noise(clean, 0.4, seed)).value(), clean, 700, label_loss);
}

TrainingData tags(std::uint64_t seed) {
  Draws draws(19, seed);
  constexpr std::int64_t n = 1400;
  std::vector<double> w(20 * 6);
  for (auto& e : w) e = draws.normal(0.5);
  Array x = core::zeros({n, 20}, f32);
  Array y = core::zeros({n, 6}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    for (int k = 0; k < 20; ++k) floats(x)[20 * i + k] = static_cast<float>(draws.normal());
    for (std::int64_t c = 0; c < 6; ++c) {
      double value = 0;
      for (std::int64_t k = 0; k < 20; ++k) value += w[static_cast<std::size_t>(20 * c + k)] * floats(x)[20 * i + k];
      floats(y)[6 * i + c] = value > 1 ? 1.0F : 0.0F;
    }
  }
  return cut(x, y, 1000, label_loss);
}

TrainingData clouds(std::uint64_t seed) {
  Draws draws(20, seed);
  constexpr std::int64_t n = 1100;
  Array x = core::zeros({n, 16, 2}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t kind = draws.below(4);
    const double angle = draws.uniform(0, 2 * pi);
    integers(y)[i] = kind;
    for (std::int64_t p = 0; p < 16; ++p) {
      const auto [a, b] = point(kind, angle, draws);
      floats(x)[32 * i + 2 * p] = static_cast<float>(a);
      floats(x)[32 * i + 2 * p + 1] = static_cast<float>(b);
    }
  }
  return cut(x, y, 800, class_loss);
}

TrainingData backwards(std::uint64_t seed) {
  Draws draws(21, seed);
  constexpr std::int64_t n = 1300;
  Array x = core::zeros({n, 6}, i64);
  Array y = core::zeros({n, 6}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t t = 0; t < 6; ++t) {
      integers(x)[6 * i + t] = draws.below(8);
      integers(y)[6 * i + 5 - t] = integers(x)[6 * i + t];
    }
  }
  return cut(x, y, 1000, class_loss);
}

TrainingData spread(std::uint64_t seed) {
  Draws draws(22, seed);
  constexpr std::int64_t n = 1200;
  Array x = core::zeros({n, 1}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const double u = draws.uniform(-1.5, 1.5);
    floats(x)[i] = static_cast<float>(u);
    floats(y)[i] = static_cast<float>(std::sin(2 * u) + draws.normal(0.05 + 0.3 * (u + 1.5) / 3));
  }
  return cut(x, y, 900, normal_loss);
}

TrainingData train_inputs(TrainingData data, const Change& f) {
  data.train = data::Dataset{f(x_of(data.train)), y_of(data.train)};
  return data;
}
TrainingData test_inputs(TrainingData data, const Change& f) {
  data.test = data::Dataset{f(x_of(data.test)), y_of(data.test)};
  return data;
}
TrainingData inputs(TrainingData data, const Change& f) { return test_inputs(train_inputs(std::move(data), f), f); }
TrainingData train_targets(TrainingData data, const Change& f) {
  data.train = data::Dataset{x_of(data.train), f(y_of(data.train))};
  return data;
}
TrainingData test_targets(TrainingData data, const Change& f) {
  data.test = data::Dataset{x_of(data.test), f(y_of(data.test))};
  return data;
}
TrainingData targets(TrainingData data, const Change& f) { return test_targets(train_targets(std::move(data), f), f); }

TrainingData some(TrainingData data, const std::function<bool(std::int64_t label, std::int64_t i)>& keep) {
  std::vector<std::int64_t> kept;
  const auto* labels = data.train.array(1).data<std::int64_t>();
  for (std::int64_t i = 0; i < data.train.size(); ++i) {
    if (keep(labels[i], i)) kept.push_back(i);
  }
  Array order = core::zeros({static_cast<std::int64_t>(kept.size())}, i64);
  std::copy(kept.begin(), kept.end(), integers(order));
  data.train = data.train[order];
  return data;
}

TrainingData sorted(TrainingData data) {
  Array order = core::arange(data.train.size(), i64);
  const auto* labels = data.train.array(1).data<std::int64_t>();
  std::stable_sort(integers(order), integers(order) + order.size(),
                   [&](std::int64_t a, std::int64_t b) { return labels[a] < labels[b]; });
  data.train = data.train[order];
  data.shuffle = false;
  return data;
}

TrainingData first(TrainingData data, std::int64_t n) {
  data.train = data.train[{0, n}];
  return data;
}

TrainingData mislabelled(TrainingData data, double share, std::int64_t classes, std::uint64_t seed) {
  Draws draws(30, seed);
  Array y = core::copy(data.train.array(1));
  for (std::int64_t i = 0; i < y.size(); ++i) {
    if (draws.uniform() < share) integers(y)[i] = draws.below(classes);
  }
  data.train = data::Dataset{data.train.array(0), y};
  return data;
}

TrainingData gaps(TrainingData data, double share, double value, std::uint64_t seed) {
  Draws draws(31, seed);
  Array x = core::copy(data.train.array(0));
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (draws.uniform() < share) floats(x)[i] = static_cast<float>(value);
  }
  data.train = data::Dataset{x, data.train.array(1)};
  return data;
}

Tensor noise(const Tensor& like, double deviation, std::uint64_t seed) {
  Generator g(40000 + seed);
  return random::normal(like.shape(), 0, deviation, f32, g);
}

Tensor roll(const Tensor& x) {
  const std::int64_t n = x.shape(0);
  Array order = core::arange(n, i64);
  std::rotate(integers(order), integers(order) + 1, integers(order) + n);
  return take(x, order);
}

}  // namespace zoo::second
