// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/tape.hpp>

#include <atomic>
#include <cmath>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

using namespace newtape;

namespace {
/// Runs f(0), ..., f(n - 1) in n threads that start together; exceptions are rethrown. Catch's macros are not
/// thread-safe.
template <class F>
void together(int n, F f) {
  std::atomic<int> ready{0};
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(n));
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) {
    threads.emplace_back([&, i] {
      ++ready;
      while (ready < n) std::this_thread::yield();
      try {
        f(i);
      } catch (...) {
        errors[static_cast<std::size_t>(i)] = std::current_exception();
      }
    });
  }
  for (auto& t : threads) t.join();
  for (const auto& e : errors) {
    if (e) std::rethrow_exception(e);
  }
}
}  // namespace

TEST_CASE("thread: separate graphs in each thread") {
  std::atomic<int> wrong{0};
  together(2, [&](int thread) {
    for (int round = 0; round < 200; ++round) {
      const double at = 0.1 * (thread + 1) + 0.001 * round;
      const Tensor x = variable(tensor(at, f64));
      Tensor y = x;
      for (int i = 0; i < 20; ++i) y = sin(y) + x;
      const Tensor g = grad(y, x, {.create_graph = true});
      const Tensor h = grad(g, x);
      double value = at, slope = 1, bend = 0;
      for (int i = 0; i < 20; ++i) {
        bend = std::cos(value) * bend - std::sin(value) * slope * slope;
        slope = std::cos(value) * slope + 1;
        value = std::sin(value) + at;
      }
      if (std::abs(g.item() - slope) > 1e-10 || std::abs(h.item() - bend) > 1e-9) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("thread: recording is a thread-local mode") {
  std::atomic<int> wrong{0};
  const Tensor x = variable(tensor(1, f64));
  together(2, [&](int thread) {
    for (int round = 0; round < 200; ++round) {
      const GradMode mode(thread == 0);
      if ((x * x).requires_grad() != (thread == 0)) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("thread: two sweeps through a shared graph to a shared variable") {
  const Tensor x = variable(tensor({1, 2, 3}, f64));
  const Tensor shared = x * x;
  const int rounds = 100;
  std::atomic<int> wrong{0};
  together(2, [&](int thread) {
    for (int round = 0; round < rounds; ++round) {
      const Tensor y = sum(shared * (thread + 1.0));
      y.backward({.retain_graph = true});
      const Tensor g = grad(y, x, {.retain_graph = true});
      if (g.value().data<double>()[2] != 6 * (thread + 1)) ++wrong;
    }
  });
  CHECK(wrong == 0);
  // rounds (1 + 2) 2 x, exact for small integers
  CHECK(all(x.grad() == tensor({600, 1200, 1800}, f64)).item<bool>());
}

TEST_CASE("thread: sweeps that end while another explores the graph") {
  // One node with many uses: a long sweep visits it repeatedly, while short sweeps of another thread claim and release
  // it.
  const Tensor x = variable(tensor(3, f64));
  const Tensor shared = x * x;
  std::atomic<int> wrong{0};
  std::atomic<bool> done{false};
  together(2, [&](int thread) {
    if (thread == 0) {
      Tensor y = shared * 0.0;
      for (int i = 0; i < 500; ++i) y = y + shared;
      const std::unique_ptr<std::atomic<bool>, void (*)(std::atomic<bool>*)> at_end(&done, [](auto* d) { *d = true; });
      for (int round = 0; round < 40; ++round) {
        if (grad(y, x, {.retain_graph = true}).item() != 3000) ++wrong;
      }
    } else {
      const Tensor y = shared + shared;
      while (!done) {
        if (grad(y, x, {.retain_graph = true}).item() != 12) ++wrong;
      }
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("thread: graphs built in one thread and destroyed in another") {
  const auto before = allocator::stats().live_bytes;
  for (int round = 0; round < 20; ++round) {
    const Tensor x = variable(ones({100}, f64));
    Tensor y = x;
    for (int i = 0; i < 50; ++i) y = tanh(y);
    std::thread([y = std::move(y)]() mutable { y = Tensor(); }).join();
  }
  CHECK(allocator::stats().live_bytes == before);
}
