// SPDX-License-Identifier: BSD-3-Clause
// What a captured function may and may not depend on.
#include "catch.hpp"

#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/observe/anomaly.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/optim/optim.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

using namespace newtape;

namespace {

bool identical_bits(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.value().raw(), b.value().raw(), static_cast<std::size_t>(a.size()) * item_size(a.dtype())) == 0;
}

Tensor normal_of(const Shape& shape, std::uint64_t seed) {
  Generator g(seed);
  return Tensor(random::normal(shape, 0, 1, f64, g));
}

template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("capture: a function of constants, with several results and none") {
  auto f = capture([](const Tensor& x, const Tensor& y) { return std::pair(x * y + 1.0, sum(x)); });
  for (std::uint64_t i = 0; i < 5; ++i) {
    const Tensor x = normal_of({3, 2}, i), y = normal_of({2}, 10 + i);
    const auto [p, s] = f(x, y);
    CHECK(identical_bits(p, x * y + 1.0));
    CHECK(identical_bits(s, sum(x)));
  }
  CHECK(f.counts().replayed == 3);
  int calls = 0;
  auto nothing = capture([&](const Tensor& x) {
    ++calls;
    (void)(x + x);
  });
  for (int i = 0; i < 4; ++i) nothing(ones({2}));
  CHECK(calls == 2);
}

TEST_CASE("capture: other shapes and dtypes are recorded anew, up to a bound") {
  auto f = capture([](const Tensor& x) { return sum(exp(x), 0); }, {.max_plans = 2});
  for (int round = 0; round < 3; ++round) {
    for (const std::int64_t n : {4, 4, 4, 3}) {
      const Tensor x = normal_of({n, 2}, 7);
      CHECK(identical_bits(f(x), sum(exp(x), 0)));
    }
  }
  CHECK(f.counts().recorded == 2);
  const Tensor x32 = normal_of({4, 2}, 7).to(f32);
  for (int i = 0; i < 3; ++i) CHECK(identical_bits(f(x32), sum(exp(x32), 0)));
  CHECK(f.counts().recorded == 3);
  CHECK_THAT(f.plan(), Catch::Contains("f32[4, 2]") && !Catch::Contains("f64[4, 2]"));
}

TEST_CASE("capture: operands that are not contiguous, empty or scalars") {
  auto f = capture([](const Tensor& x) { return transpose(x) * 2.0 + sum(x); });
  const Tensor x = normal_of({3, 4}, 1);
  for (int i = 0; i < 4; ++i) {
    const Tensor t = transpose(x), e = zeros({0, 2}, f64);
    CHECK(identical_bits(f(t), transpose(t) * 2.0 + sum(t)));
    CHECK(identical_bits(f(e), transpose(e) * 2.0 + sum(e)));
    CHECK(identical_bits(f(slice(x, 0, 1, 3)), transpose(slice(x, 0, 1, 3)) * 2.0 + sum(slice(x, 0, 1, 3))));
  }
}

TEST_CASE("capture: results and arguments stay what they were") {
  auto f = capture([](const Tensor& x) { return x + 1.0; });
  std::vector<Tensor> results;
  for (int i = 0; i < 6; ++i) results.push_back(f(full({2}, i, f64)));
  for (int i = 0; i < 6; ++i) CHECK(identical_bits(results[static_cast<std::size_t>(i)], full({2}, i + 1, f64)));
}

TEST_CASE("capture: arguments that share memory when the function is recorded, and not later") {
  const Tensor x = normal_of({3}, 1), y = normal_of({3}, 2), pair = normal_of({2, 3}, 3);
  const Parameter w(normal_of({3}, 4));
  const auto body = [&](const Tensor& a, const Tensor& b) { return (a * 2.0 + b * x + a * w).detach(); };
  auto same = capture(body), overlapping = capture(body), captured = capture(body), parameter = capture(body);
  for (int i = 0; i < 2; ++i) {
    same(y, y);
    overlapping(pair, select(pair, 0, 0));
    captured(x, y);
    parameter(w.detach(), y);
  }
  CHECK(identical_bits(same(y, x), body(y, x)));
  CHECK(identical_bits(overlapping(pair, y), body(pair, y)));
  CHECK(identical_bits(captured(y, y), body(y, y)));
  CHECK(identical_bits(parameter(y, y), body(y, y)));
  for (auto* f : {&same, &overlapping, &captured, &parameter}) CHECK(f->counts().replayed == 1);
}

TEST_CASE("capture: a captured tensor with the memory of a parameter is a constant") {
  const Parameter w(normal_of({3}, 1));
  const Tensor before = w.detach();
  optim::SGD sgd({w}, {.lr = 0.1});
  const auto body = [&](const Tensor& x) {
    sgd.zero_grad();
    const Tensor loss = sum(square(w * x - before));
    loss.backward();
    sgd.step();
    return loss.detach();
  };
  auto f = capture(body);
  std::vector<Tensor> losses;
  for (std::uint64_t i = 0; i < 5; ++i) losses.push_back(f(normal_of({3}, i)));
  CHECK(f.counts().replayed == 3);
  w.set_value(normal_of({3}, 1));
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(identical_bits(body(normal_of({3}, i)), losses[i]));
}

TEST_CASE("capture: results that no call computes") {
  const Parameter w(normal_of({3}, 1));
  const Tensor c = normal_of({3}, 2);
  auto f = capture([&](const Tensor& x) { return std::tuple(w.detach(), c, x); });
  for (std::uint64_t i = 0; i < 5; ++i) {
    if (i == 3) w.set_value(normal_of({3}, 5));
    const Tensor x = normal_of({3}, 6 + i);
    const auto [p, q, r] = f(x);
    CHECK(identical_bits(p, w.detach()));
    CHECK(identical_bits(q, c));
    CHECK(identical_bits(r, x));
  }
  CHECK(f.counts().replayed == 3);
}

TEST_CASE("capture: the results of a captured function within another one are constants") {
  const Parameter w(normal_of({3}, 1)), v(normal_of({3}, 2));
  auto inner = capture([&](const Tensor& x) { return x * v; });
  auto outer = capture([&](const Tensor& x) {
    w.zero_grad();
    sum(inner(x) * w).backward();
  });
  for (std::uint64_t i = 0; i < 4; ++i) {
    const Tensor x = normal_of({3}, 3 + i);
    outer(x);
    CHECK(identical_bits(w.grad(), x * v.detach()));
    CHECK_FALSE(v.grad().defined());
  }
}

TEST_CASE("capture: gradients that the caller keeps do not change") {
  const Parameter w(normal_of({3}, 1));
  auto f = capture([&](const Tensor& x) {
    w.zero_grad();
    sum(w * x).backward();
  });
  std::vector<Tensor> kept;
  for (int i = 0; i < 6; ++i) {
    f(full({3}, i, f64));
    kept.push_back(w.grad());
  }
  for (int i = 0; i < 6; ++i) CHECK(identical_bits(kept[static_cast<std::size_t>(i)], full({3}, i, f64)));
}

TEST_CASE("capture: gradients accumulate as they do eagerly, cleared inside, outside or never") {
  const auto run = [](bool captured, int clear) {
    const Parameter w(normal_of({3}, 1));
    const auto body = [&](const Tensor& x) {
      if (clear == 1) w.zero_grad();
      sum(square(w * x)).backward();
    };
    auto f = capture(body);
    std::vector<Tensor> all;
    for (std::uint64_t i = 0; i < 7; ++i) {
      if (captured) {
        f(normal_of({3}, i));
      } else {
        body(normal_of({3}, i));
      }
      all.push_back(w.grad());
      if (clear == 2) w.zero_grad();
    }
    return all;
  };
  for (const int clear : {0, 1, 2}) {
    const auto eager = run(false, clear), captured = run(true, clear);
    for (std::size_t i = 0; i < eager.size(); ++i) {
      INFO("clear " << clear << ", call " << i);
      CHECK(identical_bits(eager[i], captured[i]));
    }
  }
}

TEST_CASE("capture: gradients that are cleared at the end of the step") {
  const Parameter w(normal_of({3}, 1));
  optim::SGD sgd({w}, {.lr = 0.1});
  auto f = capture([&](const Tensor& x) {
    sum(w * x).backward();
    sgd.step();
    sgd.zero_grad();
  });
  Tensor expected = w.detach();
  for (std::uint64_t i = 0; i < 6; ++i) {
    const Tensor x = normal_of({3}, i);
    f(x);
    CHECK_FALSE(w.grad().defined());
  }
  CHECK(f.counts().replayed == 4);
}

TEST_CASE("capture: values set by the user between calls, and handles of old ones") {
  const Parameter w(normal_of({3}, 1));
  optim::SGD sgd({w}, {.lr = 0.5});
  const auto body = [&](const Tensor& x) {
    sgd.zero_grad();
    const Tensor y = sum(w * w * x);
    y.backward();
    sgd.step();
    return y;
  };
  auto f = capture(body);
  for (std::uint64_t i = 0; i < 8; ++i) {
    const Tensor x = normal_of({3}, i);
    if (i == 4) w.set_value(normal_of({3}, 50));
    const Tensor old = w.detach();
    const std::vector<double> before(old.value().data<double>(), old.value().data<double>() + 3);
    const Tensor y = f(x);
    CHECK(identical_bits(y, sum(old * old * x)));
    CHECK(identical_bits(w.detach(), old - (old * x + old * x) * 0.5));
    CHECK(std::memcmp(before.data(), old.value().raw(), 3 * sizeof(double)) == 0);
  }
}

TEST_CASE("capture: a frozen parameter is recorded anew") {
  const Parameter w(normal_of({3}, 1)), v(normal_of({3}, 2));
  auto f = capture([&](const Tensor& x) {
    w.zero_grad();
    v.zero_grad();
    sum(w * v * x).backward();
  });
  const Tensor x = normal_of({3}, 3);
  for (int i = 0; i < 4; ++i) f(x);
  CHECK(f.counts().recorded == 1);
  w.requires_grad(false);
  for (int i = 0; i < 4; ++i) f(x);
  CHECK(f.counts().recorded == 2);
  CHECK_FALSE(w.grad().defined());
  CHECK(identical_bits(v.grad(), w.detach() * x));
}

TEST_CASE("capture: a parameter set and read inside, and one that is a running mean") {
  const auto run = [](bool captured) {
    const Parameter w(normal_of({3}, 1)), m(normal_of({3}, 2));
    const auto body = [&](const Tensor& x) {
      const NoGrad off;
      m.set_value(m * 0.9 + mean(x, 0) * 0.1);
      w.set_value(w.detach() - m.detach() * 0.1);
      return m * w;
    };
    auto f = capture(body);
    std::vector<Tensor> all;
    for (std::uint64_t i = 0; i < 6; ++i) {
      all.push_back(captured ? f(normal_of({4, 3}, i)) : body(normal_of({4, 3}, i)));
      all.push_back(m.detach());
    }
    return all;
  };
  const auto eager = run(false), captured = run(true);
  for (std::size_t i = 0; i < eager.size(); ++i) CHECK(identical_bits(eager[i], captured[i]));
}

TEST_CASE("capture: random numbers continue the generator's stream") {
  Generator g(5);
  auto f = capture([&](const Tensor& x) { return x + Tensor(random::normal({3}, 0, 1, f64, g)); });
  Generator eager(5);
  const Tensor x = normal_of({3}, 1);
  for (int i = 0; i < 6; ++i) CHECK(identical_bits(f(x), x + Tensor(random::normal({3}, 0, 1, f64, eager))));
  CHECK(g.position() == eager.position());
  CHECK(f.counts().replayed == 4);
}

TEST_CASE("capture: branches on booleans are tested again") {
  auto f = capture([](const Tensor& x) { return all(x > 0.0).item<bool>() ? log(x) : x * 2.0; });
  for (std::uint64_t i = 0; i < 12; ++i) {
    const Tensor x = normal_of({2}, i);
    CHECK(identical_bits(f(x), all(x > 0.0).item<bool>() ? log(x) : x * 2.0));
  }
  CHECK(f.counts().replayed > 0);
}

TEST_CASE("capture: what cannot be recorded is an error, or falls back") {
  const Tensor x = normal_of({3}, 1);
  const auto reads = [](const Tensor& t) { return t * sum(t).item(); };
  auto f = capture(reads);
  CHECK_THAT(message_of([&] { f(x); }), Catch::Contains("cannot be recorded") && Catch::Contains("after sum"));
  auto g = capture(reads, {.fallback = true});
  for (int i = 0; i < 3; ++i) CHECK(identical_bits(g(x), reads(x)));
  CHECK(g.counts().eager == 2);
  CHECK_THAT(g.plan(), Catch::Contains("not recorded") && Catch::Contains("reading elements"));
  CHECK_THAT(message_of([&] { f(variable(x)); }), Catch::Contains("must be constants"));
  CHECK_THAT(message_of([&] { f(Tensor()); }), Catch::Contains("undefined"));
}

TEST_CASE("capture: what a local object does cannot be repeated") {
  const Parameter w(normal_of({3}, 1));
  const Tensor x = normal_of({3}, 2);
  auto draws = capture([](const Tensor& t) {
    Generator g(1);
    return t + Tensor(random::normal({3}, 0, 1, f64, g));
  });
  CHECK_THAT(message_of([&] { draws(x); }), Catch::Contains("local to the function"));
  auto steps = capture([&](const Tensor& t) {
    optim::SGD sgd({w}, {.lr = 0.1});
    sum(w * t).backward();
    sgd.step();
  });
  CHECK_THAT(message_of([&] { steps(x); }), Catch::Contains("local to the function"));
}

TEST_CASE("capture: a tensor from outside that changes is found by the check") {
  Tensor h = zeros({3}, f64);
  auto f = capture([&](const Tensor& x) {
    h = tanh(h + x);
    return h;
  });
  const Tensor x = normal_of({3}, 1);
  f(x);
  CHECK_THAT(message_of([&] { f(x); }), Catch::Contains("differs") && Catch::Contains("result 0"));
  double factor = 1;
  auto g = capture([&](const Tensor& t) { return t * factor; }, {.fallback = true});
  for (int i = 0; i < 4; ++i) {
    factor = i;
    CHECK(identical_bits(g(x), x * factor));
  }
  CHECK_THAT(g.plan(), Catch::Contains("a difference in result 0"));
}

TEST_CASE("capture: anomaly detection and hooks call the function itself") {
  const Parameter w(normal_of({3}, 1));
  auto f = capture([&](const Tensor& x) {
    w.zero_grad();
    const Tensor y = sum(log(w * w * x));
    y.backward();
    return y;
  });
  const Tensor x = ones({3}, f64);
  for (int i = 0; i < 3; ++i) f(x);
  {
    const DetectAnomaly on;
    CHECK_THROWS_AS(f(-x), NumericalError);
  }
  int seen = 0;
  auto handle = w.register_hook([&](const Tensor& g) {
    ++seen;
    return g * 2.0;
  });
  for (int i = 0; i < 3; ++i) f(x);
  CHECK(seen == 3);
  CHECK(identical_bits(w.grad(), grad([&](const Tensor& t) { return sum(log(t * t * x)); })(w.detach()) * 2.0));
  CHECK_THAT(f.plan(), Catch::Contains("hook"));
}

TEST_CASE("capture: schedules, averages and second derivatives") {
  const auto run = [](bool captured) {
    const Parameter w(normal_of({4}, 1));
    optim::Adam adam({w}, {.lr = 0.1});
    optim::Scheduler scheduler(adam, optim::step_lr({.step_size = 2, .gamma = 0.5}));
    optim::ExponentialMovingAverage ema(std::vector{w}, {.decay = 0.5});
    const auto body = [&](const Tensor& x) {
      adam.zero_grad();
      const Tensor u = variable(x);
      const Tensor slope = grad(sum(sin(w * u)), u, {.create_graph = true});
      const Tensor loss = sum(square(slope - 1.0));
      loss.backward();
      adam.step();
      scheduler.step();
      ema.update();
      return loss;
    };
    auto f = capture(body);
    std::vector<Tensor> all;
    for (std::uint64_t i = 0; i < 8; ++i) {
      all.push_back((captured ? f(normal_of({4}, i)) : body(normal_of({4}, i))).detach());
      all.push_back(w.detach());
      all.push_back(ema.averages()[0]);
    }
    CHECK((!captured || f.counts().replayed == 6));
    return all;
  };
  const auto eager = run(false), captured = run(true);
  for (std::size_t i = 0; i < eager.size(); ++i) CHECK(identical_bits(eager[i], captured[i]));
}

TEST_CASE("capture: a check every n calls") {
  auto f = capture([](const Tensor& x) { return x * x; }, {.check_every = 3});
  for (int i = 0; i < 12; ++i) f(ones({2}));
  CHECK(f.counts().checked > 2);
}
