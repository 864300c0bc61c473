// SPDX-License-Identifier: BSD-3-Clause
// Run by mpirun on 1, 2, 3 and 4 ranks: expected values are closed forms in the number of ranks.
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/mpi.hpp>
#include <newtape/optim/least_squares/least_squares.hpp>
#include <newtape/optim/second_order/minimize.hpp>

#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/mpi/detail/processors.hpp>

#include "arrays.hpp"
#include "catch.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

using namespace newtape;

namespace {

const mpi::Group& all() {
  static const mpi::Group group({.timeout = 30});
  return group;
}

/// Rank r holds i + r in element i.
Array of_rank(const Shape& shape, DType dtype) {
  const Array x = core::reshape(core::arange(shape[0] * shape[1], f64), shape);
  return core::cast(core::add(x, core::full({}, all().rank(), f64)), dtype);
}

std::vector<double> numbers(const Array& x) {
  const Array y = core::contiguous(core::cast(x, f64));
  return {y.data<double>(), y.data<double>() + y.size()};
}

}  // namespace

TEST_CASE("collective calls have their closed forms in every dtype") {
  const int n = all().size();
  for (const DType dtype : {f32, f64, f16, bf16, i64}) {
    CAPTURE(name(dtype));
    const Array x = of_rank({n, 3}, dtype);
    const auto sum = numbers(all().all_reduce(x));
    const auto largest = numbers(all().all_reduce(x, mpi::ReduceOp::max));
    const auto smallest = numbers(all().all_reduce(x, mpi::ReduceOp::min));
    for (std::size_t i = 0; i < sum.size(); ++i) {  // all exact in 8 bits
      CHECK(sum[i] == static_cast<double>(i) * n + n * (n - 1) / 2.0);
      CHECK(largest[i] == static_cast<double>(i) + n - 1);
      CHECK(smallest[i] == static_cast<double>(i));
    }
    CHECK(all().all_reduce(x).dtype() == dtype);

    const auto part = numbers(all().reduce_scatter(x));
    REQUIRE(part.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(part[i] == sum[static_cast<std::size_t>(all().rank()) * 3 + i]);

    const auto sent = numbers(all().broadcast(x, n - 1));
    for (std::size_t i = 0; i < sent.size(); ++i) CHECK(sent[i] == static_cast<double>(i) + n - 1);

    // Rank r gives r rows.
    const auto rows = all().all_gather(core::full({all().rank(), 2}, all().rank(), dtype));
    CHECK(rows.shape() == Shape{n * (n - 1) / 2, 2});
    const auto got = numbers(rows);
    std::size_t at = 0;
    for (int r = 0; r < n; ++r) {
      for (int i = 0; i < 2 * r; ++i) CHECK(got[at++] == r);
    }
  }
  CHECK(numbers(all().all_reduce(of_rank({1, 1}, f64), mpi::ReduceOp::mean))[0] == (n - 1) / 2.0);
  CHECK(all().all_gather(core::full({}, 7, i64)).shape() == Shape{n});
  all().barrier();
}

TEST_CASE("invalid arguments are errors before anything is sent") {
  CHECK_THROWS_AS(all().all_reduce(core::full({2}, 1, boolean)), DTypeError);
  CHECK_THROWS_AS(all().all_reduce(core::full({2}, 1, i64), mpi::ReduceOp::mean), DTypeError);
  CHECK_THROWS_AS(all().broadcast(core::full({2}, 1, f32), all().size()), ValueError);
  CHECK_THROWS_AS(all().broadcast(core::full({2}, 1, f32), -1), ValueError);
  CHECK_THROWS_AS(all().reduce_scatter(core::full({}, 1, f32)), ShapeError);
  CHECK_THROWS_AS(all().split(-1), ValueError);
  CHECK_THROWS_AS(mpi::Group({.timeout = -1}), ValueError);
  mpi::Group({.timeout = 30});
}

TEST_CASE("a split group has the ranks of its color, in the order of the keys") {
  const int half = all().rank() % 2;
  const mpi::Group part = all().split(half, -all().rank());
  const int members = (all().size() + 1 - half) / 2;
  CHECK(part.size() == members);
  CHECK(part.rank() == members - 1 - all().rank() / 2);
  double expected = 0;
  for (int r = half; r < all().size(); r += 2) expected += r;
  CHECK(part.all_reduce(core::full({}, all().rank(), f64)).item() == expected);
}

TEST_CASE("processors are divided among the ranks of a machine") {
  const auto threads = all().all_reduce(core::full({}, num_threads(), i64)).item<std::int64_t>();
  // With as many ranks as processors or more, each has one thread.
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  CHECK(threads <= std::max<std::int64_t>(processors, all().size()));
  CHECK(all().local_size() == all().size());
  CHECK(all().local_rank() == all().rank());
}

TEST_CASE("no processor runs the threads of two ranks, whatever masks and quota say") {
  using mpi::detail::ProcessorMask;
  const auto threads = [](const std::vector<ProcessorMask>& masks, double quota) {
    std::vector<int> of;
    for (std::size_t r = 0; r < masks.size(); ++r) of.push_back(mpi::detail::thread_share(masks, r, quota));
    return of;
  };
  const auto cpus = [](std::size_t from, std::size_t to) {
    ProcessorMask mask(16, false);
    std::fill(mask.begin() + static_cast<std::ptrdiff_t>(from), mask.begin() + static_cast<std::ptrdiff_t>(to), true);
    return mask;
  };
  using List = std::vector<int>;
  CHECK(threads({cpus(0, 16), cpus(0, 16)}, 0) == List{8, 8});
  CHECK(threads({cpus(0, 2), cpus(0, 2)}, 0) == List{1, 1});   // two of 16, as containers have them
  CHECK(threads({cpus(0, 8), cpus(8, 16)}, 0) == List{8, 8});  // bound by the launcher
  CHECK(threads({cpus(0, 8), cpus(4, 16)}, 0) == List{6, 10});
  CHECK(threads({cpus(0, 12), cpus(0, 12), cpus(0, 12)}, 0) == List{4, 4, 4});
  CHECK(threads({cpus(0, 16), cpus(0, 16)}, 4) == List{2, 2});
  CHECK(threads({cpus(0, 2), cpus(0, 2), cpus(0, 2)}, 0) == List{1, 1, 1});  // more ranks than processors
}

TEST_CASE("a group that was moved from is an error") {
  mpi::Group group = all();
  const mpi::Group other = std::move(group);
  CHECK(other.size() == all().size());
  CHECK_THROWS_WITH(group.rank(), contains("moved from"));
  CHECK_THROWS_AS(group.size(), ValueError);
  CHECK_THROWS_AS(group.barrier(), ValueError);
  CHECK_THROWS_AS(group.all_reduce(core::full({}, 1, f32)), ValueError);
  CHECK_THROWS_AS(mpi::sampler(10, {.batch_size = 4}, group), ValueError);
  group = other;
  CHECK(group.rank() == all().rank());
}

TEST_CASE("errors name the call and its line") {
  CHECK_THROWS_WITH(all().all_reduce(core::full({2}, 1, boolean)),
                    contains("mpi::all_reduce") && contains("group_test.cpp:"));
  CHECK_THROWS_WITH(all().broadcast(core::full({2}, 1, f32), -1),
                    contains("mpi::broadcast") && contains("group_test.cpp:"));
  CHECK_THROWS_WITH(mpi::all_sum(tensor({1}, i64), all()), contains("mpi::all_sum") && contains("group_test.cpp:"));
  CHECK_THROWS_WITH(mpi::sampler(0, {.batch_size = 12}, all()),
                    contains("mpi::sampler") && contains("group_test.cpp:"));
}

TEST_CASE("derivatives of sums over ranks, to order two") {
  const int n = all().size();
  const double own = all().rank() + 1;
  const double total = n * (n + 1) / 2.0;
  // The sum over ranks of own * x^3: derivatives 3 total x^2 and 6 total x.
  const Tensor x = variable(tensor({2.0}, f64));
  const auto f = mpi::summed([&](const Tensor& v) { return sum(v * v * v) * own; }, all());
  const Tensor y = f(x);
  CHECK(y.item() == 8 * total);
  const Tensor g = grad(y, x, {.create_graph = true});
  CHECK(g.item() == 12 * total);
  CHECK(grad(sum(g), x).item() == 12 * total);

  // Row r of all_gather is used by all n ranks.
  const Tensor z = variable(tensor({{own, 1.0}}, f64));
  const Tensor rows = mpi::all_gather(z, all());
  REQUIRE(rows.shape() == Shape{n, 2});
  sum(rows * rows).backward();
  CHECK(z.grad()[{0, 0}].item() == 2 * own * n);
}

TEST_CASE("Hessians and their products are those of all rows") {
  const int n = all().size();
  // f(w) = sum over ranks and rows of exp(a . w), with rows a of rank r: the Hessian is sum exp(a . w) a a^T.
  const auto rows_of = [](int r) { return normal({3, 4}, 40 + static_cast<std::uint64_t>(r), f64) * 0.5; };
  const Tensor mine = rows_of(all().rank());
  const auto f = mpi::summed([&](const Tensor& w) { return sum(exp(matmul(mine, w))); }, all());
  const Tensor w = normal({4}, 7, f64);
  const Tensor v = normal({4}, 8, f64);
  Tensor expected = zeros({4, 4}, f64);
  for (int r = 0; r < n; ++r) {
    const Tensor a = rows_of(r);
    const Tensor scaled = a * unsqueeze(exp(matmul(a, w)), 1);
    expected = expected + matmul(transpose(a, 0, 1), scaled);
  }
  // Sums of at most 12 terms of order e.
  const double bound = 12 * 64 * 0x1p-52 * max(abs(expected)).item();
  CHECK(max(abs(hessian(f, w) - expected)).item() <= bound);
  CHECK(max(abs(hvp(f, w, v).second - matmul(expected, v))).item() <= 4 * bound);
}

TEST_CASE("minimisers and least squares run on the rows of all ranks") {
  const int n = all().size();
  // The minimum of sum_r (w - r)^2 is the mean of the ranks.
  const auto loss = mpi::summed(
      [&](const Tensor& w) {
        return sum((w - static_cast<double>(all().rank())) * (w - static_cast<double>(all().rank())));
      },
      all());
  const auto best = optim::minimize(loss, tensor({5.0, -3.0}, f64));
  CHECK(best.x()[0].item() == Approx((n - 1) / 2.0).margin(1e-6));
  CHECK(best.x()[1].item() == Approx((n - 1) / 2.0).margin(1e-6));

  // A line through the points (r, 2 r + 1) and (r + 0.5, 2 r + 2) of rank r, exactly.
  const double r = all().rank();
  const Tensor t = tensor({r, r + 0.5}, f64);
  const Tensor y = tensor({2 * r + 1, 2 * r + 2}, f64);
  const auto fit = optim::least_squares(mpi::gathered([&](const Tensor& p) { return p[0] * t + p[1] - y; }, all()),
                                        tensor({0.0, 0.0}, f64));
  CHECK(fit.x()[0].item() == Approx(2.0).epsilon(1e-8));
  CHECK(fit.x()[1].item() == Approx(1.0).epsilon(1e-8));
}

TEST_CASE("a difference between ranks is named") {
  const NamedArrays same{{"a", core::full({3}, 1, f32)}, {"b", core::full({2}, 2, f64)}};
  CHECK_NOTHROW(mpi::check_equal("model", same, all()));
  CHECK_NOTHROW(mpi::check_same_layout("model", same, all()));
}

TEST_CASE("samplers divide the batches of one process, for any number of ranks") {
  const int n = all().size();
  for (const std::int64_t examples : {24, 26, 31}) {
    for (const bool shuffle : {false, true}) {
      CAPTURE(examples, shuffle);
      const auto sampler = mpi::sampler(examples, {.batch_size = 12, .shuffle = shuffle}, all());
      Generator generator(5), same(5);
      const Array mine = sampler.draw(generator);
      REQUIRE(mine.size() == sampler.size);
      const Array order = shuffle ? random::permutation(examples, same) : core::arange(examples, i64);
      // Batch by batch, the ranks' parts in order are the rows of the batch.
      std::int64_t read = 0;
      for (std::int64_t begin = 0; begin < examples; begin += 12) {
        const auto rows = std::min<std::int64_t>(12, examples - begin);
        if (rows < n) break;
        const auto part = rows == 12 ? 12 / n : mine.size() - read;
        const Array joined = all().all_gather(core::slice(mine, 0, read, read + part));
        CHECK(same_bits(joined, core::slice(order, 0, begin, begin + rows)));
        read += part;
      }
      CHECK(read == mine.size());
    }
  }
  CHECK_THROWS_AS(mpi::sampler(0, {.batch_size = 12}, all()), ValueError);
  CHECK_THROWS_AS(mpi::sampler(10, {.batch_size = 0}, all()), ValueError);
}
