// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/data/loading/loader.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <numeric>
#include <thread>

using namespace newtape;
using data::Batch;
using data::Dataset;
using data::Loader;
using data::LoaderOptions;

using I = std::vector<std::int64_t>;

static_assert(std::input_iterator<Loader::iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, Loader::iterator>);

namespace {

/// n examples: x = [i, i, i] and y = i.
Dataset labelled_triples(std::int64_t n) {
  Array x = Array::empty({n, 3}, f32);
  Array y = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    std::fill_n(x.data<float>() + 3 * i, 3, static_cast<float>(i));
    y.data<std::int64_t>()[i] = i;
  }
  return Dataset{x, y};
}

/// The labels of one epoch; checks that images and labels of each batch match.
I epoch(Loader& loader) {
  I seen;
  std::int64_t batches = 0;
  for (const auto& [x, y] : loader) {
    REQUIRE(x.shape() == Shape{y.shape(0), 3});
    for (std::int64_t i = 0; i < y.size(); ++i) {
      seen.push_back(y.data<std::int64_t>()[i]);
      REQUIRE(x.data<float>()[3 * i + 2] == static_cast<float>(seen.back()));
    }
    ++batches;
  }
  REQUIRE(batches == loader.size());
  return seen;
}

I first_integers(std::int64_t n) {
  I all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

TEST_CASE("a loader gives every example once an epoch, the last batch shorter or omitted") {
  for (const std::int64_t n : {0, 1, 9, 10, 11, 100}) {
    CAPTURE(n);
    Loader all(labelled_triples(n), {.batch_size = 10});
    CHECK(all.size() == (n + 9) / 10);
    CHECK(epoch(all) == first_integers(n));
    CHECK(epoch(all) == first_integers(n));
    CHECK(all.epoch() == 2);
    Loader whole(labelled_triples(n), {.batch_size = 10, .drop_last = true});
    CHECK(whole.size() == n / 10);
    CHECK(epoch(whole) == first_integers(n / 10 * 10));
  }
}

TEST_CASE("seed and epoch determine the order, not workers or prefetch") {
  const auto set = labelled_triples(103);
  LoaderOptions options{.batch_size = 8, .shuffle = true, .seed = 5, .prefetch = 0};
  Loader reference(set, options);
  const auto first = epoch(reference);
  const auto second = epoch(reference);
  CHECK(first != second);
  auto sorted = first;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == first_integers(103));
  for (const int prefetch : {0, 1, 2, 5, 100}) {
    for (const int workers : {0, 1, 2, 7}) {
      CAPTURE(prefetch, workers);
      options.prefetch = prefetch;
      options.workers = workers;
      Loader loader(set, options);
      CHECK(epoch(loader) == first);
      CHECK(epoch(loader) == second);
      loader.set_epoch(1);
      CHECK(epoch(loader) == second);
    }
  }
  options.seed = 6;
  Loader other(set, options);
  CHECK(epoch(other) != first);
}

TEST_CASE("random transforms do not depend on the number of workers, with either generator") {
  const auto set = labelled_triples(40).map([](Batch batch, Generator& g) {
    auto own = random::uniform({batch[1].shape(0)}, 0, 1, f64, g);
    auto common = random::uniform({batch[1].shape(0)}, 0, 1, f64);
    return Batch{own, common};
  });
  const auto draw = [&](int workers) {
    Loader loader(set, {.batch_size = 8, .seed = 3, .workers = workers});
    std::vector<double> all;
    for (int i = 0; i < 2; ++i) {
      for (const auto& [a, b] : loader) {
        for (const auto& x : {a, b}) all.insert(all.end(), x.data<double>(), x.data<double>() + x.size());
      }
    }
    return all;
  };
  manual_seed(1);
  const auto alone = draw(0);
  CHECK(default_generator().position() == 0);  // the caller's stream is not advanced
  CHECK(alone.size() == 160);
  auto distinct = alone;
  std::sort(distinct.begin(), distinct.end());
  CHECK(std::unique(distinct.begin(), distinct.end()) == distinct.end());
  CHECK(draw(1) == alone);
  CHECK(draw(4) == alone);
}

TEST_CASE("exceptions of transforms are rethrown in the loop, at their batch") {
  for (const int workers : {0, 1, 3}) {
    CAPTURE(workers);
    const auto set = labelled_triples(100).map([](Batch batch, Generator&) {
      if (std::as_const(batch[1]).data<std::int64_t>()[0] == 30) throw NumericalError("batch three");
      return batch;
    });
    Loader loader(set, {.batch_size = 10, .prefetch = 4, .workers = workers});
    for (int round = 0; round < 2; ++round) {  // the loader is reusable
      int seen = 0;
      const auto message = message_of<NumericalError>([&] {
        for (const auto& batch : loader) {
          static_cast<void>(batch);
          ++seen;
        }
      });
      CHECK(message == "batch three");
      CHECK(seen == 3);
    }
    // At the first batch; caught inside the loop.
    Loader late(set[{30, 60}], {.batch_size = 10, .workers = workers});
    CHECK_THROWS_AS(late.begin(), NumericalError);
    Loader inside(set[{20, 60}], {.batch_size = 10, .workers = workers});
    auto it = inside.begin();
    CHECK_THROWS_AS(++it, NumericalError);
    CHECK(it == inside.end());
  }
}

TEST_CASE("a loop may be left at any time, and loops may run concurrently") {
  const auto slow = labelled_triples(64).map([](Batch batch, Generator&) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    return batch;
  });
  for (const int workers : {0, 1, 3}) {
    Loader loader(slow, {.batch_size = 4, .workers = workers});
    for (int stop = 0; stop < 16; ++stop) {
      int seen = 0;
      for (const auto& batch : loader) {
        static_cast<void>(batch);
        if (seen++ == stop) break;
      }
    }
    { const auto unused = loader.begin(); }

    Loader shuffled(labelled_triples(64), {.batch_size = 4, .shuffle = true, .workers = workers});
    auto a = shuffled.begin();
    auto b = shuffled.begin();
    I from_a;
    I from_b;
    for (; a != shuffled.end(); ++a, ++b) {
      from_a.push_back((*a)[1].data<std::int64_t>()[0]);
      from_b.push_back((*b)[1].data<std::int64_t>()[0]);
    }
    CHECK(b == shuffled.end());
    CHECK(from_a != from_b);  // different epochs
    auto c = shuffled.begin();
    c = std::move(a);
    CHECK(c == shuffled.end());
  }
}

TEST_CASE("a batch may be kept and modified by the loop") {
  const auto set = labelled_triples(6);
  Loader loader(set, {.batch_size = 2});
  std::vector<Array> kept;
  for (auto& [x, y] : loader) {
    CHECK(x.reusable());
    x.data<float>()[0] = -1;
    kept.push_back(y);
  }
  CHECK(values<std::int64_t>(kept[0]) == I{0, 1});
  CHECK(values<std::int64_t>(kept[2]) == I{4, 5});
  CHECK(set.array(0).data<float>()[0] == 0);
}

TEST_CASE("the memory of a loader does not grow with the number of epochs") {
  constexpr std::size_t megabyte = std::size_t{1} << 20;
  for (const int workers : {0, 1, 2}) {
    Loader loader(labelled_triples(2000), {.batch_size = 500, .shuffle = true, .workers = workers});
    const auto run = [&](int epochs) {
      for (int i = 0; i < epochs; ++i) {
        for (const auto& batch : loader) static_cast<void>(batch);
      }
      return allocator::stats();
    };
    const auto few = run(20);
    const auto many = run(2000);
    CHECK(many.live_bytes == few.live_bytes);
    // Blocks allocated by a worker are freed by the consumer, whose cache returns them above 16 MB. 96 MB were
    // processed.
    CHECK(many.cached_bytes <= few.cached_bytes + 32 * megabyte);
  }
}

TEST_CASE("a loader rejects invalid options") {
  const auto set = labelled_triples(4);
  CHECK_THROWS_WITH(Loader(set, {.batch_size = 0}), contains("batch_size of at least 1") && contains("0"));
  CHECK_THROWS_AS(Loader(set, {.prefetch = -1}), ValueError);
  CHECK_THROWS_AS(Loader(set, {.workers = -1}), ValueError);
}
