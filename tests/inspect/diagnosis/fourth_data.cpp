// SPDX-License-Identifier: BSD-3-Clause
#include "fourth_data.hpp"
#include "draws.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/regression.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace zoo::fourth {

using namespace newtape;
using second::cut;
using second::Draws;
using second::floats;
using second::integers;
using second::pi;
using second::standardised;

namespace {

Tensor class_loss(const Tensor& output, const Tensor& y) { return nn::cross_entropy(output, y); }
Tensor side_loss(const Tensor& output, const Tensor& y) { return nn::binary_cross_entropy_with_logits(output, y); }
Tensor square_loss(const Tensor& output, const Tensor& y) { return nn::mse_loss(output, y); }
/// Hadsell et al. 2006, with the margin 1.5.
Tensor distance_loss(const Tensor& d, const Tensor& same) {
  return mean(same * square(d) + (1.0 - same) * square(relu(1.5 - d)));
}
/// The expected reward of a policy, negated.
Tensor reward_loss(const Tensor& scores, const Tensor& rewards) { return -mean(sum(softmax(scores, 1) * rewards, 1)); }

float narrowed(double x) { return static_cast<float>(x); }

std::vector<double> normals(Draws& draws, std::size_t n, double deviation = 1) {
  std::vector<double> v(n);
  for (auto& e : v) e = draws.normal(deviation);
  return v;
}

}  // namespace

TrainingData profiles(std::uint64_t seed) {
  Draws draws(71, seed);
  constexpr std::int64_t n = 1200;
  Array x = core::zeros({n, 24}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const double centre = draws.uniform(4, 20);
    const double height = draws.uniform(0.5, 2);
    const double slope = draws.normal(0.7);
    for (std::int64_t k = 0; k < 24; ++k) {
      const auto t = static_cast<double>(k);
      const double bump = height * std::exp(-0.05 * (t - centre) * (t - centre));
      floats(x)[24 * i + k] = narrowed(bump + slope * (t / 12 - 1) + draws.normal(0.05));
    }
  }
  const Array scaled = standardised(x);
  return cut(scaled, scaled, 900, square_loss);
}

TrainingData people(std::uint64_t seed) {
  Draws draws(72, seed);
  constexpr std::int64_t n = 1500;
  const auto faces = normals(draws, 12 * 6, 1.3);
  Array x = core::zeros({n, 2, 10}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t a = draws.below(12);
    const std::int64_t b = i % 2 == 0 ? a : draws.below(12);
    for (std::int64_t k = 0; k < 20; ++k) {
      const std::int64_t who = k < 10 ? a : b;
      // Six columns are of the person, four of the light.
      const double face = k % 10 < 6 ? faces[static_cast<std::size_t>(6 * who + k % 10)] : 0;
      floats(x)[20 * i + k] = narrowed(face + draws.normal(k % 10 < 6 ? 0.35 : 1.0));
    }
    floats(y)[i] = a == b ? 1.0F : 0.0F;
  }
  return cut(x, y, 1200, distance_loss);
}

TrainingData phrases(std::uint64_t seed) {
  Draws draws(73, seed);
  constexpr std::int64_t n = 1500;
  Array x = core::zeros({n, 14}, i64);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t length = 6 + draws.below(9);
    std::int64_t last = 0;
    for (std::int64_t t = 14 - length; t < 14; ++t) {
      // Words 1 .. 8 are keywords of four kinds, two each; 9 .. 29 are not.
      const bool keyword = draws.uniform() < 0.35 || t == 13 - length / 2;
      const std::int64_t word = keyword ? 1 + draws.below(8) : 9 + draws.below(21);
      integers(x)[14 * i + t] = word;
      if (keyword) last = (word - 1) / 2;
    }
    integers(y)[i] = last;
  }
  return cut(x, y, 1200, class_loss);
}

TrainingData arm(std::uint64_t seed) {
  Draws draws(74, seed);
  constexpr std::int64_t n = 1300;
  Array x = core::zeros({n, 8}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    float* r = floats(x) + 8 * i;
    for (int k = 0; k < 8; ++k) r[k] = narrowed(draws.uniform(-1.7, 1.7));
    const double reach = std::cos(r[0]) + 0.8 * std::cos(r[0] + r[1]) + 0.6 * std::sin(r[2]);
    floats(y)[i] = narrowed(reach + 0.5 * r[3] * r[4] - 0.4 * std::abs(r[5]) + draws.normal(0.1));
  }
  return cut(x, standardised(y), 1000, square_loss);
}

TrainingData bandit(std::uint64_t seed) {
  Draws draws(75, seed);
  constexpr std::int64_t n = 1400;
  const auto w = normals(draws, 32);
  Array x = core::zeros({n, 8}, f32);
  Array y = core::zeros({n, 4}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    std::array<double, 4> value{};
    for (std::size_t k = 0; k < 8; ++k) {
      const double c = draws.normal();
      floats(x)[8 * i + static_cast<std::int64_t>(k)] = narrowed(c);
      for (std::size_t a = 0; a < 4; ++a) value[a] += w[8 * a + k] * (a % 2 == 0 ? c : std::abs(c) - 0.8);
    }
    const auto best = std::max_element(value.begin(), value.end()) - value.begin();
    for (std::int64_t a = 0; a < 4; ++a) {
      floats(y)[4 * i + a] = draws.uniform() < (a == best ? 0.95 : 0.05) ? 1.0F : 0.0F;
    }
  }
  return cut(x, y, 1100, reward_loss);
}

TrainingData clicks(std::uint64_t seed) {
  Draws draws(76, seed);
  constexpr std::int64_t n = 2000;
  const auto users = normals(draws, 40 * 2);
  const auto items = normals(draws, 40 * 2);
  Array x = core::zeros({n, 2}, i64);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t u = draws.below(40);
    const std::int64_t v = draws.below(40);
    integers(x)[2 * i] = u;
    integers(x)[2 * i + 1] = v;
    const auto a = static_cast<std::size_t>(2 * u);
    const auto b = static_cast<std::size_t>(2 * v);
    const double like = users[a] * items[b] + users[a + 1] * items[b + 1] + 0.3;
    floats(y)[i] = like + draws.normal(0.1) > 0 ? 1.0F : 0.0F;
  }
  return cut(x, y, 1700, side_loss);
}

TrainingData quadrants(std::uint64_t seed) {
  Draws draws(77, seed);
  constexpr std::int64_t n = 1100;
  Array x = core::zeros({n, 1, 12, 12}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    float* picture = floats(x) + 144 * i;
    for (std::int64_t k = 0; k < 144; ++k) picture[k] = narrowed(draws.normal(0.4));
    const auto spot = [&](double brightness) {
      const std::int64_t row = 1 + draws.below(10);
      const std::int64_t column = 1 + draws.below(10);
      for (std::int64_t k = 0; k < 9; ++k) {
        picture[12 * (row - 1 + k / 3) + column - 1 + k % 3] += narrowed(brightness);
      }
      return 2 * (row / 6) + column / 6;
    };
    spot(-2);
    integers(y)[i] = spot(2);
  }
  return cut(x, y, 800, class_loss);
}

TrainingData stains(std::uint64_t seed) {
  Draws draws(78, seed);
  constexpr std::int64_t n = 600;
  Array x = core::zeros({n, 1, 12, 12}, f32);
  Array y = core::zeros({n, 12, 12}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const double row = draws.uniform(2, 9);
    const double column = draws.uniform(2, 9);
    const double radius = draws.uniform(1.5, 2.7);
    const double light = draws.normal(0.3);
    for (std::int64_t k = 0; k < 144; ++k) {
      const double dr = static_cast<double>(k / 12) - row;
      const double dc = static_cast<double>(k % 12) - column;
      const bool inside = dr * dr + dc * dc < radius * radius;
      integers(y)[144 * i + k] = inside ? 1 : 0;
      floats(x)[144 * i + k] = narrowed((inside ? 1.2 : 0) + light + draws.normal(0.5));
    }
  }
  return cut(x, y, 450, class_loss);
}

TrainingData series(std::uint64_t seed) {
  Draws draws(79, seed);
  constexpr std::int64_t n = 1200;
  Array x = core::zeros({n, 24, 1}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const double frequency = draws.uniform(0.3, 0.9);
    const double phase = draws.uniform(0, 2 * pi);
    const double height = draws.uniform(0.8, 1.8);
    const auto at = [&](double t) { return height * std::sin(frequency * t + phase); };
    for (std::int64_t t = 0; t < 24; ++t) {
      floats(x)[24 * i + t] = narrowed(at(static_cast<double>(t)) + draws.normal(0.05));
    }
    floats(y)[i] = narrowed(at(26));
  }
  return cut(x, y, 900, square_loss);
}

TrainingData beats(std::uint64_t seed) {
  Draws draws(80, seed);
  constexpr std::int64_t n = 1200;
  Array x = core::zeros({n, 1, 48}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t kind = draws.below(3);
    integers(y)[i] = kind;
    float* signal = floats(x) + 48 * i;
    for (std::int64_t t = 0; t < 48; ++t) signal[t] = narrowed(draws.normal(0.5));
    // Regular beats, every second one late, or irregular ones.
    double at = draws.uniform(2, 8);
    for (int beat = 0; at < 46; ++beat) {
      const auto t = static_cast<std::int64_t>(at);
      signal[t] += 2;
      signal[t + 1] -= 1;
      at += kind == 0 ? 8 : kind == 1 ? (beat % 2 == 0 ? 5 : 11) : draws.uniform(3, 14);
    }
  }
  return cut(x, y, 900, class_loss);
}

TrainingData houses(std::uint64_t seed) {
  Draws draws(81, seed);
  constexpr std::int64_t n = 900;
  const auto w = normals(draws, 9);
  Array x = core::zeros({n, 9}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const double place = draws.normal(0.6);
    double price = 0;
    for (std::size_t k = 0; k < 9; ++k) {
      const double v = 0.8 * draws.normal() + place;
      floats(x)[9 * i + static_cast<std::int64_t>(k)] = narrowed(v);
      price += w[k] * v;
    }
    floats(y)[i] = narrowed(price + 0.1 * price * std::abs(price) + draws.normal(0.3));
  }
  return cut(standardised(x), standardised(y), 700, square_loss);
}

TrainingData sensors(std::uint64_t seed) {
  Draws draws(82, seed);
  constexpr std::int64_t n = 1200;
  Array x = core::zeros({n, 6}, f32);
  Array y = core::zeros({n, 3}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    float* r = floats(x) + 6 * i;
    for (int k = 0; k < 6; ++k) r[k] = narrowed(draws.normal());
    floats(y)[3 * i] = narrowed(std::tanh(r[0] + r[1]) + draws.normal(0.05));
    floats(y)[3 * i + 1] = narrowed(r[2] * r[3] + draws.normal(0.05));
    floats(y)[3 * i + 2] = narrowed(std::abs(r[4]) - 0.5 * r[5] + draws.normal(0.05));
  }
  return cut(x, standardised(y), 900, square_loss);
}

TrainingData badges(std::uint64_t seed) {
  Draws draws(83, seed);
  constexpr std::int64_t n = 1100;
  Array x = core::zeros({n, 3, 10, 10}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t figure = draws.below(3);
    const bool red = draws.below(2) == 0;
    integers(y)[i] = 2 * figure + (red ? 1 : 0);
    const std::int64_t shift = draws.below(4);
    for (std::int64_t k = 0; k < 100; ++k) {
      const std::int64_t row = k / 10 - shift;
      const std::int64_t column = k % 10 - shift;
      const bool within = row >= 0 && row < 6 && column >= 0 && column < 6;
      const bool line = figure == 0   ? row == column
                        : figure == 1 ? row == 0 || row == 5 || column == 0 || column == 5
                                      : row == 3 || column == 3;
      for (std::int64_t c = 0; c < 3; ++c) {
        const double colour = within && line ? (c == (red ? 0 : 2) ? 1.5 : 0.5) : 0;
        floats(x)[300 * i + 100 * c + k] = narrowed(colour + draws.normal(0.4));
      }
    }
  }
  return cut(x, y, 800, class_loss);
}

}  // namespace zoo::fourth
