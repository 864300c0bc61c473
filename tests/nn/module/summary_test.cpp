// SPDX-License-Identifier: BSD-3-Clause
// Summaries of layers that are shared, called several times, or reparametrised, against hand counts.
#include "catch.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/layers/recurrent_cell.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/nn/module/summary.hpp>
#include <newtape/nn/parametrize.hpp>

#include <numeric>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {

std::int64_t sum_over_layers(const nn::Summary& s, std::int64_t nn::Summary::Layer::*member) {
  return std::accumulate(s.layers.begin(), s.layers.end(), std::int64_t{0},
                         [&](std::int64_t sum, const auto& layer) { return sum + layer.*member; });
}

void check_sums(const nn::Summary& s) {
  INFO(s.to_string());
  CHECK(sum_over_layers(s, &nn::Summary::Layer::parameters) == s.parameters);
  CHECK(sum_over_layers(s, &nn::Summary::Layer::trainable) == s.trainable);
  CHECK(sum_over_layers(s, &nn::Summary::Layer::bytes) == s.bytes);
  CHECK(sum_over_layers(s, &nn::Summary::Layer::multiply_adds) == s.multiply_adds);
}

/// One layer under two paths.
struct Twice : nn::Module<Twice> {
  nn::Linear in = add("in", nn::Linear(4, 6));
  nn::Linear square = add("square", nn::Linear(6, 6));
  nn::Linear again = add("again", square);
  nt::Tensor forward(const nt::Tensor& x) const { return again(nt::relu(square(in(x)))); }
};

struct Unrolled : nn::Module<Unrolled> {
  nn::LSTMCell cell = add("cell", nn::LSTMCell(3, 4));
  nt::Tensor forward(const nt::Tensor& x) const {
    auto state = cell(x[0]);
    for (std::int64_t t = 1; t < x.shape(0); ++t) state = cell(x[t], state);
    return state.first_tensor();
  }
};

}  // namespace

TEST_CASE("summary: a layer with two paths, and one that is called twice") {
  const auto s = nn::summary(Twice(), {5, 4});
  check_sums(s);
  CHECK(s.parameters == (4 * 6 + 6) + (6 * 6 + 6));
  CHECK(s.multiply_adds == 5 * (4 * 6 + 2 * 6 * 6));
  for (const auto& layer : s.layers) {
    INFO(layer.path);
    if (layer.path == "square") {
      CHECK(layer.outputs.size() == 2);
      CHECK(layer.parameters == 42);
      CHECK(layer.multiply_adds == 5 * 2 * 36);
    }
    if (layer.path == "again") {
      CHECK(layer.parameters == 0);
      CHECK(layer.shared == 42);
      CHECK_THAT(s.to_string(), contains("42 shared"));
    }
  }
}

TEST_CASE("summary: a cell called at each step") {
  const auto s = nn::summary(Unrolled(), {7, 2, 3});
  check_sums(s);
  REQUIRE(s.layers.size() == 2);
  CHECK(s.layers[1].outputs.size() == 7);
  CHECK(s.layers[1].parameters == 4 * 4 * (3 + 4) + 2 * 4 * 4);
  CHECK(s.layers[1].multiply_adds == 7 * 2 * 4 * 4 * (3 + 4));
  CHECK_THAT(s.to_string(), contains("[2, 4] x7"));
}

TEST_CASE("summary: parametrised layers hold their originals, and no rows of their own") {
  const nn::Sequential model(nn::parametrize::weight_norm(nn::Linear(8, 5)), nn::ReLU(),
                             nn::parametrize::spectral_norm(nn::Linear(5, 3)));
  const auto s = nn::summary(model, {2, 8});
  check_sums(s);
  REQUIRE(s.layers.size() == 4);
  CHECK(s.layers[1].type == "Linear");
  CHECK(s.layers[1].parameters == 5 + 5 * 8 + 5);  // norms, directions, bias
  CHECK(s.layers[1].multiply_adds == 2 * 8 * 5);
  CHECK(s.layers[3].parameters == 5 * 3 + 3);
  CHECK(s.layers[3].multiply_adds >= 2 * 5 * 3);  // and the products of the power iteration, if any
  CHECK(s.layers[3].outputs == std::vector<nt::Shape>{{2, 3}});
  CHECK(s.layers[0].multiply_adds == 0);
}

TEST_CASE("summary: what a forward pass keeps for the backward pass") {
  const nn::Sequential model(nn::Linear(256, 512), nn::ReLU(), nn::Linear(512, 128));
  const auto s = nn::summary(model, {64, 256});
  // The results of 64 rows; the allocator rounds up by a quarter at most, and nodes take less than 1 KB each.
  const auto check = [&](std::size_t layer, std::int64_t results) {
    INFO(s.to_string());
    CHECK(s.layers[layer].kept_bytes >= 4 * results);
    CHECK(s.layers[layer].kept_bytes <= 5 * results + 1024);
  };
  check(1, 64 * 512);
  check(2, 64 * 512);
  check(3, 64 * 128);
  // The result of the first layer is not needed for the backward pass: ReLU has its own.
  CHECK(s.kept_bytes >= 4 * (64 * 512 + 64 * 128));
  CHECK(s.kept_bytes <= sum_over_layers(s, &nn::Summary::Layer::kept_bytes) - 4 * 64 * 512);
  CHECK(s.seconds > 0);
  const auto bare = nn::summary(model, {64, 256}, nt::f32, {.measure = false});
  CHECK(bare.seconds == 0);
  CHECK(bare.kept_bytes == 0);
  CHECK(bare.to_string().find("time") == std::string::npos);
}

TEST_CASE("summary: the most that layers have allocated during their calls") {
  struct Temporaries : nn::Module<Temporaries> {
    nt::Tensor forward(const nt::Tensor& x) const {
      const nt::Tensor a = nt::exp(x);
      const nt::Tensor b = nt::cos(x);
      const nt::Tensor c = nt::sin(x);
      return a * b + c;  // the sum takes the product's place
    }
  };
  const nn::Sequential model{Temporaries{}, nn::Sequential{Temporaries{}}, nn::Identity{}};
  const auto s = nn::summary(model, {256, 256});
  INFO(s.to_string());
  const std::int64_t array = 4 * 256 * 256;
  // Three functions of a constant and a product; the allocator rounds up by a quarter at most.
  const auto check = [&](std::int64_t peak, std::int64_t arrays) {
    CHECK(peak >= arrays * array);
    CHECK(peak <= (arrays * array) * 5 / 4 + 1024);
  };
  check(s.layers[1].peak_bytes, 4);
  check(s.layers[3].peak_bytes, 4);
  check(s.layers[2].peak_bytes, 4);  // in the layer below
  check(s.layers[0].peak_bytes, 5);  // and the result of the first layer
  CHECK(s.layers[4].peak_bytes == 0);
  check(s.peak_bytes, 6);  // and the input
  CHECK(s.to_string().find("peak") != std::string::npos);
  const auto bare = nn::summary(model, {256, 256}, nt::f32, {.measure = false});
  CHECK(bare.peak_bytes == 0);
  CHECK(bare.layers[1].peak_bytes == 0);
}
