// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/module/sequential.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

TEST_CASE("running statistics follow the batches") {
  const nn::BatchNorm1d plain(1, {.momentum = std::nullopt});
  const nt::Tensor first = nt::reshape(nt::tensor({1.0, 3}), {2, 1});   // mean 2, unbiased variance 2
  const nt::Tensor second = nt::reshape(nt::tensor({4.0, 8}), {2, 1});  // mean 6, unbiased variance 8
  plain(first);
  plain(second);
  CHECK(plain.running_mean.value().item() == Approx(4));
  CHECK(plain.running_var.value().item() == Approx(5));
  CHECK(plain.num_batches_tracked.value().item<std::int64_t>() == 2);

  const nn::BatchNorm1d moving(1, {.momentum = 0.5});
  moving(first);
  moving(second);
  CHECK(moving.running_mean.value().item() == Approx(3.5));
  CHECK(moving.running_var.value().item() == Approx(0.25 + 0.5 + 4));
  moving.eval();
  moving(first);
  CHECK(moving.num_batches_tracked.value().item<std::int64_t>() == 2);
  CHECK(moving.running_mean.value().item() == Approx(3.5));
}

TEST_CASE("normalisation layers have PyTorch's parameters and buffers") {
  std::vector<std::string> names;
  for (const auto& [name, value] : nn::BatchNorm2d(3).state_dict()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"});
  CHECK(nn::BatchNorm2d(3, {.affine = false, .track_running_stats = false}).state_dict().empty());
  CHECK(nn::InstanceNorm2d(3).state_dict().empty());
  CHECK(nn::LayerNorm({2, 3}).weight.shape() == nt::Shape{2, 3});
  CHECK_FALSE(nn::LayerNorm(3, {.bias = false}).bias.defined());
  CHECK(nn::RMSNorm(3, {.elementwise_affine = false}).parameters().empty());
  const auto batch = nn::BatchNorm2d(3).to(nt::f64);
  CHECK(batch.running_var.dtype() == nt::f64);
  CHECK(batch.num_batches_tracked.dtype() == nt::i64);
}

TEST_CASE("empty batches are normalised to empty batches, and do not change the statistics") {
  const nn::BatchNorm2d batch(3);
  CHECK(batch(nt::ones({0, 3, 2, 2})).shape() == nt::Shape{0, 3, 2, 2});
  CHECK(identical(batch.running_mean.value(), nt::zeros({3}).value()));
  CHECK(identical(batch.running_var.value(), nt::ones({3}).value()));
  const nn::InstanceNorm1d tracked(3, {.affine = true, .track_running_stats = true});
  CHECK(tracked(nt::ones({0, 3, 4})).shape() == nt::Shape{0, 3, 4});
  CHECK(identical(tracked.running_var.value(), nt::ones({3}).value()));
  CHECK(nn::LayerNorm(3)(nt::ones({0, 3})).shape() == nt::Shape{0, 3});
  CHECK(nn::GroupNorm(1, 3)(nt::ones({0, 3, 2})).shape() == nt::Shape{0, 3, 2});
  nt::sum(batch(nt::ones({0, 3, 2, 2}))).backward();
  CHECK(identical(batch.weight.grad().value(), nt::zeros({3}).value()));
}

TEST_CASE("errors of normalisation layers name the layer, the expected and the given shape") {
  CHECK_THROWS_AS(nn::BatchNorm1d(0), nt::ValueError);
  CHECK_THROWS_WITH(nn::GroupNorm(3, 4), contains("GroupNorm: the channels") && contains("3, 4"));
  CHECK_THROWS_WITH(nn::LayerNorm({3, 0}), contains("LayerNorm: invalid normalized_shape"));
  CHECK_THROWS_AS(nn::BatchNorm1d(2, {.dtype = nt::i64}), nt::DTypeError);

  const nn::Sequential model(nn::ReLU(), nn::Sequential(nn::BatchNorm2d(3)));
  CHECK_THROWS_WITH(model(nt::ones({2, 4, 5, 5})),
                    contains("1.0: BatchNorm2d: x must have 3 features") && contains("x [2, 4, 5, 5]"));
  CHECK_THROWS_AS(model(nt::ones({2, 3})), nt::ShapeError);
  CHECK_THROWS_WITH(nn::Sequential(nn::LayerNorm(3))(nt::ones({2, 4})),
                    contains("0: layer_norm") && contains("[.., 3]"));
  CHECK_THROWS_WITH(nn::Sequential(nn::GroupNorm(1, 3))(nt::ones({2, 4})), contains("0: GroupNorm"));
  CHECK_THROWS_AS(nn::InstanceNorm2d(3)(nt::ones({3, 4})), nt::ShapeError);
  CHECK_THROWS_AS(nn::LayerNorm(3)(nt::ones({2, 3}, nt::f64)), nt::DTypeError);

  // A rejected input does not change the statistics.
  const nn::BatchNorm1d batch(3);
  CHECK_THROWS_AS(batch(nt::ones({1, 3})), nt::ValueError);
  CHECK(batch.num_batches_tracked.value().item<std::int64_t>() == 0);
}
