// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/nn/layers/positional.hpp>

#include <cmath>
#include <string>

namespace newtape::nn {

namespace {

void expect_sizes(const char* op, std::int64_t length, std::int64_t features) {
  if (length >= 1 && features >= 1) return;
  raise<ValueError>(std::string(op) + ": sizes must be positive", "max_len >= 1, features >= 1",
                    std::to_string(length) + ", " + std::to_string(features));
}

Tensor add_positions(const char* op, In x, const Tensor& positions, bool batch_first) {
  const std::size_t axis = x.ndim() == 3 && batch_first ? 1 : 0;
  const auto most = positions.shape()[0];
  const auto features = positions.shape()[1];
  if ((x.ndim() != 2 && x.ndim() != 3) || x.shape().back() != features || x.shape()[axis] > most) {
    const std::string f = std::to_string(features);
    raise<ShapeError>(std::string(op) + ": the sequences must have the layer's features and at most max_len steps",
                      "x " + std::string(batch_first ? "[n, l, " : "[l, n, ") + f + "] or [l, " + f +
                          "], l <= " + std::to_string(most),
                      "x " + to_string(x.shape()));
  }
  const Tensor rows = slice(positions, 0, 0, x.shape()[axis]);
  const bool batch_between = x.ndim() == 3 && !batch_first;
  return std::move(x) + (batch_between ? unsqueeze(rows, 1) : rows);
}

}  // namespace

Tensor sinusoidal_positions(std::int64_t length, std::int64_t features, DType dtype) {
  expect_sizes("sinusoidal_positions", length, features);
  Array table = Array::empty({length, features}, f64);
  auto* out = table.data<double>();
  for (std::int64_t i = 0; i < features; ++i) {
    const std::int64_t even = i / 2 * 2;
    const double rate = std::pow(10000.0, -static_cast<double>(even) / static_cast<double>(features));
    for (std::int64_t t = 0; t < length; ++t) {
      const double angle = static_cast<double>(t) * rate;
      out[t * features + i] = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  }
  return Tensor(core::cast(table, dtype));
}

SinusoidalPositions::SinusoidalPositions(std::int64_t width, const PositionsOptions& options)
    : features(width),
      batch_first(options.batch_first),
      pe(add("pe", Buffer(sinusoidal_positions(options.max_len, width, options.dtype)))) {}

Tensor SinusoidalPositions::forward(In x) const {
  return add_positions("SinusoidalPositions", std::move(x), pe, batch_first);
}

LearnedPositions::LearnedPositions(std::int64_t width, const PositionsOptions& options)
    : features(width), batch_first(options.batch_first) {
  expect_sizes("LearnedPositions", options.max_len, width);
  weight = add("weight", Parameter(Array::empty({options.max_len, width}, options.dtype)));
  init::normal(weight, 0, 0.02);
}

Tensor LearnedPositions::forward(In x) const {
  return add_positions("LearnedPositions", std::move(x), weight, batch_first);
}

}  // namespace newtape::nn
