// SPDX-License-Identifier: BSD-3-Clause
#include "third_data.hpp"
#include "draws.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/losses/margin.hpp>
#include <newtape/nn/losses/regression.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace zoo::third {

using namespace newtape;
using second::cut;
using second::Draws;
using second::floats;
using second::integers;
using second::pi;

namespace {

Tensor named_loss(const Tensor& output, const Tensor& y) { return nn::cross_entropy(output, y); }
Tensor binary_loss(const Tensor& output, const Tensor& y) { return nn::binary_cross_entropy_with_logits(output, y); }
Tensor squared_loss(const Tensor& output, const Tensor& y) { return nn::mse_loss(output, y); }
/// Of the quantile 0.7 (Koenker and Bassett 1978).
Tensor quantile_loss(const Tensor& output, const Tensor& y) {
  const Tensor off = y - output;
  return mean(maximum(0.7 * off, -0.3 * off));
}

float as_float(double x) { return static_cast<float>(x); }

}  // namespace

TrainingData board(std::uint64_t seed) {
  Draws draws(51, seed);
  constexpr std::int64_t n = 1300;
  Array x = core::zeros({n, 2}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const double a = draws.uniform(-1.5, 1.5);
    const double b = draws.uniform(-1.5, 1.5);
    floats(x)[2 * i] = as_float(a);
    floats(x)[2 * i + 1] = as_float(b);
    const auto field = static_cast<std::int64_t>(std::floor(a + 1.5)) + static_cast<std::int64_t>(std::floor(b + 1.5));
    floats(y)[i] = field % 2 == 0 ? 1.0F : 0.0F;
  }
  return cut(x, y, 1000, binary_loss);
}

TrainingData molecules(std::uint64_t seed) {
  Draws draws(52, seed);
  constexpr std::int64_t n = 1200;
  Array x = core::zeros({n, 8, 11}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    float* graph = floats(x) + 88 * i;
    for (std::int64_t a = 0; a < 8; ++a) graph[11 * a + draws.below(3)] = 1;
    const double density = draws.uniform(0.15, 0.5);
    double like = 0;
    double edges = 0;
    for (std::int64_t a = 0; a < 8; ++a) {
      for (std::int64_t b = 0; b < a; ++b) {
        if (draws.uniform() > density) continue;
        graph[11 * a + 3 + b] = graph[11 * b + 3 + a] = 1;
        edges += 1;
        for (int k = 0; k < 3; ++k) like += graph[11 * a + k] * graph[11 * b + k];
      }
    }
    // Whether like nodes are linked more often than others, and how dense the graph is.
    const bool alike = like > edges / 3;
    integers(y)[i] = (alike ? 2 : 0) + (edges > 9 ? 1 : 0);
  }
  return cut(x, y, 900, named_loss);
}

TrainingData delays(std::uint64_t seed) {
  Draws draws(53, seed);
  constexpr std::int64_t n = 1300;
  Array x = core::zeros({n, 7}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    float* row = floats(x) + 7 * i;
    for (int k = 0; k < 7; ++k) row[k] = as_float(draws.normal());
    const double late = -0.3 * std::log(1 - draws.uniform());
    floats(y)[i] = as_float(row[0] + 0.8 * row[1] * row[2] - std::max(0.0F, row[3]) + late);
  }
  return cut(x, y, 1000, quantile_loss);
}

TrainingData pairs(std::uint64_t seed) {
  Draws draws(54, seed);
  constexpr std::int64_t n = 1400;
  std::vector<double> centres(6 * 8);
  for (auto& c : centres) c = draws.normal();
  Array x = core::zeros({n, 2, 8}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t a = draws.below(6);
    const std::int64_t b = i % 2 == 0 ? a : draws.below(6);
    for (std::int64_t k = 0; k < 8; ++k) {
      floats(x)[16 * i + k] = as_float(centres[static_cast<std::size_t>(8 * a + k)] + draws.normal(0.3));
      floats(x)[16 * i + 8 + k] = as_float(centres[static_cast<std::size_t>(8 * b + k)] + draws.normal(0.3));
    }
    floats(y)[i] = a == b ? 1.0F : 0.0F;
  }
  return cut(x, y, 1100, binary_loss);
}

TrainingData blobs(std::uint64_t seed) {
  Draws draws(55, seed);
  constexpr std::int64_t n = 1200;
  std::vector<double> centres(5 * 12);
  for (auto& c : centres) c = draws.normal();
  Array x = core::zeros({n, 12}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t c = draws.below(5);
    integers(y)[i] = c;
    for (std::int64_t k = 0; k < 12; ++k) {
      floats(x)[12 * i + k] = as_float(centres[static_cast<std::size_t>(12 * c + k)] + draws.normal());
    }
  }
  return cut(x, y, 900, [](const Tensor& o, const Tensor& t) { return nn::multi_margin_loss(o, t); });
}

TrainingData pieces(std::uint64_t seed) {
  Draws draws(56, seed);
  constexpr std::int64_t n = 1400;
  Array x = core::zeros({n, 4}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    float* r = floats(x) + 4 * i;
    for (int k = 0; k < 4; ++k) r[k] = as_float(draws.uniform(-1.7, 1.7));
    const double value = r[0] > 0 ? (r[1] > 0 ? r[2] : -r[3]) : (r[1] > 0 ? 0.7 * (r[3] - r[2]) : 1 + r[2]);
    floats(y)[i] = as_float(value + draws.normal(0.1));
  }
  return cut(x, second::standardised(y), 1100, squared_loss);
}

TrainingData bits(std::uint64_t seed) {
  Draws draws(57, seed);
  constexpr std::int64_t n = 900;
  Array x = core::zeros({n, 10, 1}, f32);
  Array y = core::zeros({n, 10}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t last = 0;
    for (std::int64_t t = 0; t < 10; ++t) {
      const std::int64_t bit = draws.below(2);
      floats(x)[10 * i + t] = as_float(2.0 * static_cast<double>(bit) - 1);
      integers(y)[10 * i + t] = bit == last ? 0 : 1;
      last = bit;
    }
  }
  return cut(x, y, 600, named_loss);
}

TrainingData patches(std::uint64_t seed) {
  Draws draws(58, seed);
  constexpr std::int64_t n = 1100;
  Array x = core::zeros({n, 3, 8, 8}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t kind = draws.below(5);
    const double phase = draws.uniform(0, 2 * pi);
    integers(y)[i] = kind;
    for (std::int64_t j = 0; j < 64; ++j) {
      const auto column = static_cast<double>(j % 8);
      const auto row = static_cast<double>(j / 8);
      const double along = kind % 2 == 0 ? column : row;
      const double t = std::sin((kind < 2 ? 0.8 : 1.7) * (kind == 4 ? column + row : along) + phase);
      for (std::int64_t c = 0; c < 3; ++c) {
        const double shade = c == kind % 3 ? 0.6 : 0.3;
        floats(x)[192 * i + 64 * c + j] = as_float(shade * t + draws.normal(0.5));
      }
    }
  }
  return cut(x, y, 800, named_loss);
}

TrainingData tiles(std::uint64_t seed) {
  Draws draws(59, seed);
  constexpr std::int64_t n = 1500;
  Array x = core::zeros({n, 4, 16}, f32);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    // One of the tiles has a ramp, the others a bump.
    const std::int64_t odd = draws.below(4);
    integers(y)[i] = odd;
    for (std::int64_t p = 0; p < 4; ++p) {
      const double place = draws.uniform(4, 11);
      for (std::int64_t k = 0; k < 16; ++k) {
        const double t = static_cast<double>(k) - place;
        const double value = p == odd ? std::tanh(t / 2) : 2 * std::exp(-0.25 * t * t) - 0.5;
        floats(x)[64 * i + 16 * p + k] = as_float(value + draws.normal(0.6));
      }
    }
  }
  return cut(x, y, 1200, named_loss);
}

TrainingData tune(std::uint64_t seed) {
  Draws draws(60, seed);
  constexpr std::int64_t n = 1200;
  const double a = draws.uniform(0, 2 * pi);
  Array x = core::zeros({n, 1}, f32);
  Array y = core::zeros({n, 1}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const double t = draws.uniform(-1, 1);
    floats(x)[i] = as_float(t);
    floats(y)[i] = as_float(std::sin(8 * t + a) + 0.7 * std::sin(15 * t) + draws.normal(0.05));
  }
  return cut(x, y, 900, squared_loss);
}

TrainingData topics(std::uint64_t seed) {
  Draws draws(61, seed);
  constexpr std::int64_t n = 1300;
  Array x = core::zeros({n, 15}, i64);
  Array y = core::zeros({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t topic = draws.below(5);
    integers(y)[i] = topic;
    for (std::int64_t t = 0; t < 15; ++t) {
      // Words 10 k .. 10 k + 9 belong to topic k, and 50 .. 79 to none.
      const double u = draws.uniform();
      integers(x)[15 * i + t] = u < 0.25   ? 10 * topic + draws.below(10)
                                : u < 0.45 ? draws.below(50)
                                           : 50 + draws.below(30);
    }
  }
  return cut(x, y, 1000, named_loss);
}

TrainingData rings(std::uint64_t seed) {
  Draws draws(62, seed);
  constexpr std::int64_t n = 1200;
  std::array<double, 12> w{};
  for (auto& e : w) e = draws.normal();
  Array x = core::zeros({n, 6}, f32);
  for (std::int64_t i = 0; i < n; ++i) {
    const double angle = draws.uniform(0, 2 * pi);
    for (std::int64_t k = 0; k < 6; ++k) {
      const auto at = static_cast<std::size_t>(k);
      floats(x)[6 * i + k] = as_float(w[at] * std::cos(angle) + w[at + 6] * std::sin(angle) + draws.normal(0.1));
    }
  }
  const Array scaled = second::standardised(x);
  return cut(scaled, scaled, 900, squared_loss);
}

}  // namespace zoo::third
