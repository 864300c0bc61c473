// SPDX-License-Identifier: BSD-3-Clause
// Whole training steps of networks, captured.
#include "catch.hpp"

#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/core/xtensor.hpp>
#include <newtape/nn/nn.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

using namespace newtape;

namespace {

bool agree(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.value().raw(), b.value().raw(), static_cast<std::size_t>(a.size()) * item_size(a.dtype())) == 0;
}

Tensor normal_input(const Shape& shape, std::uint64_t seed) {
  Generator g(seed);
  return Tensor(random::normal(shape, 0, 1, f32, g));
}

/// Descends by hand on sum(square(model(x))), eagerly and captured, in both modes: the same bits.
template <class Make>
void check_network(const Make& make, const Shape& shape) {
  const auto run = [&](bool captured) {
    manual_seed(3);
    const auto model = make();
    const auto parameters = model.parameters();
    const auto body = [&](const Tensor& x) {
      for (const auto& p : parameters) p.zero_grad();
      const Tensor y = model(x);
      mean(square(y)).backward();
      const NoGrad off;
      for (const auto& p : parameters) {
        if (p.grad().defined()) p.set_value(p.detach() - p.grad() * 0.05);
      }
      return y;
    };
    auto f = capture(body);
    std::vector<Tensor> all;
    for (std::uint64_t i = 0; i < 12; ++i) {
      if (i == 5) model.eval();
      if (i == 9) model.train();
      const Tensor x = normal_input(shape, i);
      all.push_back((captured ? f(x) : body(x)).detach());
      for (const auto& [name, b] : model.named_buffers()) all.push_back(b);
    }
    for (const auto& p : parameters) all.push_back(p.detach());
    all.push_back(Tensor(random::normal({2}, 0, 1)));  // where the default generator is
    if (captured) {
      INFO(f.plan());
      CHECK(f.counts().recorded <= 2);
      CHECK(f.counts().replayed >= 8);
    }
    return all;
  };
  const auto eager = run(false), captured = run(true);
  REQUIRE(eager.size() == captured.size());
  for (std::size_t i = 0; i < eager.size(); ++i) {
    INFO("value " << i);
    CHECK(agree(eager[i], captured[i]));
  }
}

}  // namespace

TEST_CASE("capture: networks, in training and evaluation") {
  SECTION("dropout") {
    check_network([] { return nn::Sequential(nn::Linear(6, 8), nn::ReLU(), nn::Dropout(0.5), nn::Linear(8, 2)); },
                  {5, 6});
  }
  SECTION("batch norm") {
    check_network([] { return nn::Sequential(nn::Linear(6, 8), nn::BatchNorm1d(8), nn::GELU(), nn::Linear(8, 2)); },
                  {5, 6});
  }
  SECTION("convolutions") {
    check_network(
        [] {
          return nn::Sequential(nn::Conv2d(2, 4, 3), nn::BatchNorm2d(4), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                                nn::Linear(16, 3));
        },
        {3, 2, 6, 6});
  }
}

TEST_CASE("capture: hooks of modules call the function itself") {
  const nn::Sequential model(nn::Linear(3, 2), nn::Tanh());
  int calls = 0;
  auto f = capture([&](const Tensor& x) { return model(x); });
  const Tensor x = normal_input({2, 3}, 1);
  for (int i = 0; i < 3; ++i) f(x);
  model.register_forward_hook([&](const nn::ModuleBase&, std::span<const Tensor>, const Tensor&) {
    ++calls;
    return Tensor();
  });
  for (int i = 0; i < 3; ++i) CHECK(agree(f(x), model(x).detach()));
  CHECK(calls == 6);
  CHECK_THAT(f.plan(), Catch::Contains("hook"));
}

TEST_CASE("capture: max pooling leaves the places of its maxima for the pullback, also after relu") {
  // Few values, so that many windows have ties; zeros of both signs, an infinity and NaN.
  const float values[] = {-2, -1, -0.0F, 0, 1, 1, 2, INFINITY, NAN};
  for (const DType dtype : {f32, f64}) {
    for (std::int64_t width = 2; width < 40; width += width < 20 ? 1 : 5) {
      const Shape shape{2, 3, 2 + width % 5, width};
      const auto input = [&](std::uint64_t seed) {
        Generator g(seed);
        Tensor x = random::uniform(shape, 0, width % 2 == 0 ? 7.99 : 8.99, f64, g);
        xt::xarray<double> chosen = x.value().view<double>();
        for (double& v : chosen) v = values[static_cast<std::size_t>(v)];
        return Tensor(chosen).to(dtype);
      };
      for (const bool rectified : {false, true}) {
        INFO(name(dtype) << " " << to_string(shape) << (rectified ? " relu" : ""));
        const auto body = [&](const Tensor& x, const Tensor& g) {
          const Tensor at = variable(x);
          const Tensor scaled = at * 2.0;
          const Tensor y = max_pool2d(rectified ? relu(scaled) : scaled, 2);
          sum(y * g).backward();
          return std::vector<Tensor>{y, at.grad()};
        };
        auto f = capture(body);
        for (std::uint64_t call = 0; call < 4; ++call) {
          const Tensor x = input(call);
          const Tensor g = input(call + 100) / 3.0;
          const Tensor y = slice(slice(g, -1, 0, width / 2), -2, 0, shape[2] / 2) * 1.0;
          const auto eager = body(x, y), captured = f(x, y);
          CHECK(agree(eager[0], captured[0]));
          CHECK(agree(eager[1], captured[1]));
        }
        INFO(f.plan());
        CHECK(f.counts().replayed >= 2);
        CHECK(f.plan().find(rectified ? "max_pool of relu, with residual" : "max_pool with residual") !=
              std::string::npos);
      }
    }
  }
}
