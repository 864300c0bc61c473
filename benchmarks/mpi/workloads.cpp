// SPDX-License-Identifier: BSD-3-Clause
#include "workloads.hpp"

#include <newtape/mpi.hpp>
#include <newtape/mpi/detail/buckets.hpp>
#include <newtape/mpi/detail/link.hpp>
#include <newtape/newtape.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

namespace bench {
namespace {

namespace nt = newtape;
namespace nn = nt::nn;

struct Work {
  nn::Sequential model;
  nt::data::Batch batch;
};

Work make(const std::string& name) {
  nt::manual_seed(1);
  nt::Generator g(2);
  const auto labels = [&](std::int64_t n) { return nt::random::integers({n}, 0, 10, g); };
  if (name == "cnn") {
    return {nn::Sequential(nn::Conv2d(1, 32, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2),
                           nn::Conv2d(32, 64, 3, {.padding = 1}), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),
                           nn::Linear(7 * 7 * 64, 128), nn::ReLU(), nn::Linear(128, 10)),
            {nt::random::normal({96, 1, 28, 28}, 0, 1, nt::f32, g), labels(96)}};
  }
  if (name == "transformer") {
    return {nn::Sequential(
                nn::TransformerEncoderLayer(128, 4, {.dim_feedforward = 512, .dropout = 0}),
                nn::TransformerEncoderLayer(128, 4, {.dim_feedforward = 512, .dropout = 0}),
                [](const nt::Tensor& x) { return nt::mean(x, 1); }, nn::Linear(128, 10)),
            {nt::random::normal({24, 64, 128}, 0, 1, nt::f32, g), labels(24)}};
  }
  return {nn::Sequential(nn::Linear(1024, 2048), nn::ReLU(), nn::Linear(2048, 2048), nn::ReLU(), nn::Linear(2048, 1792),
                         nn::ReLU(), nn::Linear(1792, 10)),
          {nt::random::normal({192, 1024}, 0, 1, nt::f32, g), labels(192)}};
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The median of some calls.
double median_seconds(const std::function<void()>& f) {
  std::vector<double> times;
  for (int i = 0; i < 7; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    times.push_back(seconds_since(start));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Of the buckets in the order in which they are sent.
std::vector<double> bucket_bytes(const nn::Sequential& model) {
  const auto params = model.parameters();
  const nt::mpi::DataParallelOptions options;
  const auto plan = nt::mpi::detail::plan_buckets(params, nt::mpi::detail::completed_order({}, params.size()), {},
                                                  {options.bucket_mb, options.first_bucket_mb});
  std::vector<double> bytes(plan.buckets);
  for (const auto& e : plan.entries) bytes[e.bucket] += static_cast<double>(e.size) * 4;
  return bytes;
}

}  // namespace

Overhead overhead(const std::string& name, double seconds) {
  const auto [network, samples] = make(name);
  const auto& model = network;
  const auto& batch = samples;
  nt::optim::SGD optimizer(model.parameters(), {.lr = 1e-3});
  nt::mpi::DataParallel parallel(model, {.shards = 0});
  const auto loss = [&model](const nt::Tensor& x, const nt::Tensor& y) { return nn::cross_entropy(model(x), y); };
  const auto timed = [](const auto& f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    return seconds_since(start);
  };
  const auto plain = [&] {
    return timed([&] { optimizer.step([&] { return loss(nt::Tensor(batch[0]), nt::Tensor(batch[1])); }); });
  };
  const auto wrapped = [&] { return timed([&] { parallel.step(optimizer, batch, loss); }); };
  plain(), wrapped();
  std::vector<double> times, ratios;
  // Each in the middle and at the ends in turn, so that a drift meets both alike.
  for (const auto start = std::chrono::steady_clock::now(); seconds_since(start) < seconds || ratios.size() < 8;) {
    const bool plain_first = ratios.size() % 2 == 0;
    double a = 0, b = 0;
    for (const bool now : {plain_first, !plain_first, !plain_first, plain_first})
      (now ? a : b) += now ? plain() : wrapped();
    times.push_back(a / 2), ratios.push_back(b / a);
  }
  std::sort(times.begin(), times.end());
  std::sort(ratios.begin(), ratios.end());
  const auto n = ratios.size();
  // For a normal distribution: the quartiles are 1.35 deviations apart, a median's error is 1.25 times that of a mean.
  const double deviation = (ratios[3 * n / 4] - ratios[n / 4]) / 1.35;
  return {times[n / 2], ratios[n / 2] - 1, 1.25 * deviation / std::sqrt(static_cast<double>(n))};
}

int work(const std::string& name, const Options& options) {
  const auto [network, samples] = make(name);
  const auto& model = network;
  const auto& batch = samples;
  nt::optim::SGD optimizer(model.parameters(), {.lr = 1e-3});
  nt::mpi::detail::simulate_link(options.latency, options.bandwidth);
  nt::mpi::DataParallel parallel(model,
                                 {.shards = options.shards, .check_every = 0, .shared_memory = !options.messages});
  const auto loss = [&model](const nt::Tensor& x, const nt::Tensor& y) { return nn::cross_entropy(model(x), y); };
  std::vector<Timing> timings;
  for (int step = 0; step < options.steps; ++step) {
    parallel.group().barrier();
    const auto start = std::chrono::steady_clock::now();
    parallel.step(optimizer, batch, loss);
    Timing t{seconds_since(start)};
    const auto s = parallel.statistics();
    t.transfer = s.seconds, t.exposed = s.exposed_seconds, t.bytes = static_cast<double>(s.bytes);
    if (step >= 3) timings.push_back(t);
  }
  std::sort(timings.begin(), timings.end(), [](const Timing& a, const Timing& b) { return a.step < b.step; });
  const auto& t = timings[timings.size() / 2];
  if (parallel.rank() != 0) return 0;
  const double forward = median_seconds([&] {
    const nt::NoGrad off;
    loss(nt::Tensor(batch[0]), nt::Tensor(batch[1]));
  });
  std::printf("%.9g %.9g %.9g %.9g %.9g", t.step, t.transfer, t.exposed, t.bytes, forward);
  for (const double bytes : bucket_bytes(model)) std::printf(" %.9g", bytes);
  std::printf("\n");
  return 0;
}

}  // namespace bench
