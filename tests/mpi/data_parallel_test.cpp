// SPDX-License-Identifier: BSD-3-Clause
// Run by mpirun on 1, 2, 3 and 4 ranks. Groups of fewer ranks are split off, so that one process compares their bits.
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/mpi.hpp>
#include <newtape/mpi/detail/buckets.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/layers/norm.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/optim/clip.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace newtape;

namespace {

const mpi::Group& everyone() {
  static const mpi::Group group({.timeout = 30});
  return group;
}

/// With batch statistics, random numbers, a frozen parameter, and one that nothing uses.
struct Net : nn::Module<Net> {
  explicit Net(std::uint64_t seed, DType dtype = f32, bool random = true)
      : a(add("a", nn::Linear(5, 40, {.dtype = dtype}))),
        b(add("b", nn::Linear(40, 3, {.dtype = dtype}))),
        norm(add("norm", nn::BatchNorm1d(40, {.dtype = dtype}))),
        unused(add("unused", Parameter(core::full({4}, 1, dtype)))),
        frozen(add("frozen", Parameter(core::full({3}, 0.5, dtype)))),
        noisy(random) {
    std::uint64_t i = seed;
    for (const auto& p : parameters()) {
      Generator g(++i);
      p.set_value(Tensor(random::normal(p.shape(), 0, 0.3, dtype, g)));
    }
    frozen.requires_grad(false);
  }
  Tensor forward(const Tensor& x) const {
    Tensor h = a(x);
    if (noisy) h = dropout(norm(h));
    return b(tanh(h)) + frozen;
  }
  nn::Linear a, b;
  nn::BatchNorm1d norm;
  Parameter unused, frozen;
  nn::Dropout dropout = add("dropout", nn::Dropout(0.25));
  bool noisy;
};

data::Batch batch_of(std::int64_t rows, std::uint64_t seed, DType dtype = f32) {
  return {normal<Array>({rows, 5}, seed, dtype), normal<Array>({rows, 3}, seed + 100, dtype)};
}

auto loss_of(const Net& net) {
  return [&net](const Tensor& x, const Tensor& y) { return nn::mse_loss(net(x), y); };
}

/// Parameters, buffers and losses after three steps on uneven batches, on these ranks.
std::vector<Array> trained(const mpi::Group& group, mpi::DataParallelOptions options, int k = 1) {
  manual_seed(7);
  const Net net(group.rank() == 0 ? 1 : 50);  // rank 0's are taken over
  mpi::DataParallel parallel(net, group, options);
  parallel.accumulate(k);
  optim::Adam adam(net.parameters(), {.lr = 0.01});
  std::vector<Array> results;
  for (int step = 0; step < 3 * k; ++step) {
    const auto rows = std::vector<std::int64_t>{48, 31, 24}[static_cast<std::size_t>(step % 3)];
    results.push_back(parallel.step(adam, batch_of(rows, 3 + static_cast<std::uint64_t>(step)), loss_of(net)).value());
  }
  parallel.check(&adam);
  for (const auto& [key, value] : net.state_dict()) results.push_back(value);
  return results;
}

void check_same_bits(const std::vector<Array>& a, const std::vector<Array>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(a[i], b[i]));
  }
}

}  // namespace

TEST_CASE("training gives the same bits on any number of ranks") {
  for (const int shards : {12, 5}) {
    for (const int k : {1, 2}) {
      const mpi::Group alone = everyone().split(everyone().rank());
      const auto expected = trained(alone, {.shards = shards}, k);
      for (int ranks = 2; ranks <= everyone().size(); ++ranks) {
        CAPTURE(shards, k, ranks);
        const bool within = everyone().rank() < ranks;
        const mpi::Group some = everyone().split(within ? 0 : 1);
        mpi::DataParallelOptions options{.shards = shards, .bucket_mb = 5e-4, .first_bucket_mb = 1e-4};
        if (within) check_same_bits(trained(some, options, k), expected);
        options.shared_memory = false;
        options.overlap_step = k == 2;
        if (within) check_same_bits(trained(some, options, k), expected);
        if (within)
          check_same_bits(trained(some, {.shards = shards, .shared_memory = false, .progress_thread = false}, k),
                          expected);
        everyone().barrier();
      }
    }
  }
}

TEST_CASE("buckets follow the order of arrival, and shrink to its end") {
  constexpr std::int64_t mb = 1 << 18;  // elements of f32
  std::vector<Parameter> params;
  for (const std::int64_t size : {3 * mb, 4 * mb, 10 * mb, 12 * mb, mb / 4, mb / 2})
    params.emplace_back(core::zeros({size}, f32));
  params.emplace_back(core::zeros({5}, f64));
  const std::vector<std::size_t> arrivals{5, 4, 3, 2};
  const auto order = mpi::detail::completed_order(arrivals, params.size());
  CHECK(order == std::vector<std::size_t>{5, 4, 3, 2, 6, 1, 0});
  const auto plan =
      mpi::detail::plan_buckets(params, {5, 4, 3, 2, 1, 0, 6}, {}, {.bucket_mb = 25, .first_bucket_mb = 1});
  std::vector<std::size_t> buckets;
  for (const auto& e : plan.entries) buckets.push_back(e.bucket);
  // 0.5 + 0.25 MB; of 29 MB left 12; of 17 left 10 > 8.5, alone; of 7 left 4 > 3.5, alone; 3; another dtype.
  CHECK(buckets == std::vector<std::size_t>{4, 3, 2, 1, 0, 0, 5});
  CHECK(plan.buckets == 6);
  // With plenty left, buckets are full.
  std::vector<Parameter> many;
  for (int i = 0; i < 40; ++i) many.emplace_back(core::zeros({mb}, f32));
  const auto full = mpi::detail::plan_buckets(many, mpi::detail::completed_order({}, 40), {}, {4, 1});
  std::vector<int> sizes(full.buckets);
  for (const auto& e : full.entries) ++sizes[e.bucket];
  CHECK(sizes == std::vector<int>{1, 4, 4, 4, 4, 4, 4, 4, 4, 3, 2, 1, 1});
}

TEST_CASE("gradients are those of the whole batch") {
  for (const int shards : {0, 12}) {
    for (const std::int64_t rows : {24, 17, 2}) {
      CAPTURE(shards, rows);
      const Net net(1, f64, false);
      const auto batch = batch_of(rows, 9, f64);
      const Tensor whole = loss_of(net)(Tensor(batch[0]), Tensor(batch[1]));
      whole.backward();
      std::vector<Array> expected;
      for (const auto& p : net.parameters())
        expected.push_back(p.requires_grad() && p.grad().defined() ? p.grad().value() : Array());
      net.zero_grad();

      mpi::DataParallel parallel(net, everyone(), {.shards = shards});
      for (int time = 1; time <= 2; ++time) {  // the second adds to the first, in the order of buckets that it taught
        const Tensor loss = parallel.backward(batch, loss_of(net));
        CHECK(loss.item() == Approx(whole.item()).epsilon(1e-14));
        std::size_t i = 0;
        for (const auto& p : net.parameters()) {
          const Array& want = expected[i++];
          REQUIRE(p.grad().defined() == want.defined());
          if (!want.defined()) continue;
          // Sums of `rows` terms, tanh between products of 5 and 40: elements are of order one.
          const double bound = bounds::gamma(static_cast<double>(rows) + 60, f64) * 50;
          CHECK(max(abs(p.grad() - Tensor(want) * time)).item() <= bound);
        }
      }
      CHECK(!net.unused.grad().defined());
    }
  }
}

TEST_CASE("gradients that are kept stay as they are, and the next ones are right") {
  const auto run = [](bool keep, const mpi::DataParallelOptions& options) {
    const Net net(1, f32, false);
    mpi::DataParallel parallel(net, everyone(), options);
    optim::Adam adam(net.parameters(), {.lr = 0.01});
    std::vector<Tensor> kept;
    std::vector<Array> results;
    for (std::uint64_t step = 0; step < 5; ++step) {
      parallel.step(adam, batch_of(24, 9 + step), loss_of(net));
      const Tensor g = net.a.weight.grad();
      results.push_back(core::copy(g.value()));
      if (keep && (step > 1 || everyone().rank() == 0)) kept.push_back(g);  // on one rank only, at first
    }
    for (std::size_t i = 0; i < kept.size(); ++i) {
      CHECK(same_bits(kept[kept.size() - 1 - i].value(), results[results.size() - 1 - i]));
    }
    results.push_back(net.a.weight.value());
    return results;
  };
  const auto expected = run(false, {.overlap_step = false, .shared_memory = false});
  check_same_bits(run(true, {}), expected);
  check_same_bits(run(true, {.shared_memory = false}), expected);
}

TEST_CASE("hooks of a step see complete gradients, and a step that throws leaves the next ones right") {
  const auto run = [](bool throws, const mpi::DataParallelOptions& options) {
    manual_seed(7);
    const Net net(1, f32);
    mpi::DataParallel parallel(net, everyone(), options);
    optim::Adam adam(net.parameters(), {.lr = 0.01});
    std::vector<Array> results;
    int calls = 0;
    const auto see = [&](const optim::Optimizer&) {
      results.push_back(core::copy(net.a.weight.grad().value()));
      if (throws && ++calls == 2) throw std::runtime_error("a hook");
    };
    auto hook = adam.register_step_pre_hook(see);
    for (std::uint64_t step = 0; step < 4; ++step) {
      const auto once = [&] { parallel.step(adam, batch_of(24, 9 + step), loss_of(net)); };
      if (throws && step == 1) {
        CHECK_THROWS_WITH(once(), "a hook");
      } else {
        once();
      }
      if (step == 2) hook.remove();
    }
    for (const auto& [key, value] : net.state_dict()) results.push_back(value);
    return results;
  };
  for (const bool throws : {false, true}) {
    const auto expected = run(throws, {.overlap_step = false, .shared_memory = false});
    check_same_bits(run(throws, {}), expected);
    check_same_bits(run(throws, {.shared_memory = false}), expected);
  }
}

TEST_CASE("local batches with the sampler are the global ones") {
  const auto whole = batch_of(30, 4, f64);
  const data::Dataset set{whole[0], whole[1]};
  const auto run = [&](bool local) {
    const Net net(1, f64, false);
    mpi::DataParallel parallel(net, everyone(), {.local_batches = local});
    optim::Adam adam(net.parameters(), {.lr = 0.01});
    const auto n = local ? everyone().size() : 1;
    const auto all = everyone().split(everyone().rank());
    data::Loader loader(
        set,
        {.batch_size = 12 / n, .seed = 3, .sampler = mpi::sampler(30, {.batch_size = 12}, local ? everyone() : all)});
    std::vector<Array> results;
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (auto& batch : loader) results.push_back(parallel.step(adam, batch, loss_of(net)).value());
    }
    for (const auto& p : net.parameters()) results.push_back(core::copy(p.value()));
    return results;
  };
  check_same_bits(run(true), run(false));
}

TEST_CASE("gradients as bf16 on the wire are within its precision, and equal on all ranks") {
  const Net net(1, f32, false);
  const auto batch = batch_of(24, 9);
  mpi::DataParallel exact(net, everyone());
  exact.backward(batch, loss_of(net));
  const Array want = core::copy(net.a.weight.grad().value());
  net.zero_grad();
  mpi::DataParallel rounded(net, everyone(), {.bf16 = true});
  rounded.backward(batch, loss_of(net));
  const Array got = net.a.weight.grad().value();
  // Each of at most 12 subtrees and the result are rounded once, relative to the largest term.
  const double largest = max(abs(Tensor(want))).item();
  CHECK(max(abs(Tensor(got) - Tensor(want))).item() <= 13 * 0x1p-9 * 12 * largest);
  mpi::check_equal("gradients", {{"a", got}}, everyone());
}

TEST_CASE("a gradient that is not finite is an error on all ranks, which can go on") {
  const Net net(1, f32, false);
  mpi::DataParallel parallel(net, everyone());
  auto batch = batch_of(24, 9);
  batch[1].data<float>()[3 * 23] = std::numeric_limits<float>::quiet_NaN();  // of the last rank
  const std::string rank = "rank " + std::to_string(everyone().size() - 1);
  CHECK_THROWS_WITH(parallel.backward(batch, loss_of(net)), contains("not finite") && contains(rank));
  CHECK_NOTHROW(parallel.backward(batch_of(24, 9), loss_of(net)));
  mpi::DataParallel lenient(net, everyone(), {.error_if_nonfinite = false});
  lenient.backward(batch, loss_of(net));
  CHECK(std::isnan(sum(net.b.bias.grad()).item()));
}

TEST_CASE("clipping is by the norm of the mean gradient") {
  const Net net(1, f64, false);
  mpi::DataParallel parallel(net, everyone(), {.max_norm = 1e-3});
  optim::Adam adam(net.parameters(), {.lr = 0.01});
  parallel.step(adam, batch_of(24, 9, f64), loss_of(net));
  // The divisor is the norm, which is above 0.01 here, and 1e-6, as in PyTorch.
  CHECK(optim::clip_grad_norm(net.parameters(), 1) == Approx(1e-3).epsilon(1e-4));
}

TEST_CASE("batch norm over ranks is that of the whole batch") {
  for (const std::int64_t rows : {8, 13}) {
    const Tensor x = variable(normal({rows, 3, 4}, 2));
    const Tensor seed = normal({rows, 3, 4}, 3);
    const nn::BatchNorm1d whole(3, {.dtype = f64});
    const mpi::SyncBatchNorm sync(3, {.dtype = f64}, everyone());
    const Tensor y = whole(x);
    sum(y * y * seed).backward();

    const auto begin = rows * everyone().rank() / everyone().size();
    const auto end = rows * (everyone().rank() + 1) / everyone().size();
    const Tensor part = variable(core::contiguous(core::slice(x.value(), 0, begin, end)));
    const Tensor own = sync(part);
    sum(own * own * Tensor(core::slice(seed.value(), 0, begin, end))).backward();

    // Statistics of at most 52 elements of order one, and their derivatives.
    const double bound = bounds::gamma(52, f64) * 200;
    const auto near = [&](const Tensor& a, const Array& b) { return max(abs(a - Tensor(b))).item() <= bound; };
    CHECK(near(own, core::slice(y.value(), 0, begin, end)));
    CHECK(near(part.grad(), core::slice(x.grad().value(), 0, begin, end)));
    CHECK(near(sync.running_mean.tensor(), whole.running_mean.value()));
    CHECK(near(sync.running_var.tensor(), whole.running_var.value()));
    CHECK(near(Tensor(everyone().all_reduce(sync.weight.grad().value())), whole.weight.grad().value()));
    sync.eval();
    whole.eval();
    CHECK(near(sync(x), whole(x).value()));
  }
  CHECK_THROWS_AS(mpi::SyncBatchNorm(3)(normal({2, 4}, 1)), ShapeError);
}

TEST_CASE("invalid use is an error") {
  const Net net(1);
  if (everyone().size() > 1) CHECK_THROWS_AS(mpi::DataParallel(net, everyone(), {.shards = 1}), ValueError);
  CHECK_THROWS_AS(mpi::DataParallel(net, everyone(), {.bucket_mb = 0}), ValueError);
  mpi::DataParallel parallel(net, everyone());
  CHECK_THROWS_AS(parallel.accumulate(0), ValueError);
}
