// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "data/files.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/data/loading/lazy.hpp>
#include <newtape/data/loading/loader.hpp>

#include <atomic>
#include <exception>
#include <stdexcept>

using namespace newtape;
using data::Batch;
using data::lazy;
using data::Loader;

namespace {

using Integers = std::vector<std::int64_t>;

/// Example i: i numbers i, and the number i.
Batch ragged(std::int64_t i) {
  return {core::full({i}, static_cast<double>(i), f32), core::full({}, static_cast<double>(i), i64)};
}

/// Example i: two numbers i, and the number i.
Batch pair_of(std::int64_t i) {
  return {core::full({2}, static_cast<double>(i), f32), core::full({}, static_cast<double>(i), i64)};
}

}  // namespace

TEST_CASE("a lazy data set makes each example once an epoch, in the order of the loader") {
  std::atomic<int> made = 0;
  const auto set = lazy(23,
                        [&](std::int64_t i) {
                          ++made;
                          return pair_of(i);
                        },
                        {.names = {"x", "y"}});
  CHECK(set.size() == 23);
  CHECK(made == 0);
  for (const int workers : {0, 1, 4}) {
    made = 0;
    Loader loader(set, {.batch_size = 5, .workers = workers});
    Integers seen;
    for (const auto& batch : loader) {
      REQUIRE(batch["x"].shape() == Shape{batch["y"].shape(0), 2});
      for (const auto v : values<std::int64_t>(batch["y"])) seen.push_back(v);
      CHECK(static_cast<std::int64_t>(values<float>(batch["x"]).back()) == seen.back());
    }
    CHECK(seen.size() == 23);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(made == 23);
  }
}

TEST_CASE("subsets, splits and transforms of a lazy data set") {
  const auto set = lazy(10, pair_of);
  const auto label = [](const data::Dataset& part) {
    Generator g;
    std::vector<std::int64_t> all(static_cast<std::size_t>(part.size()));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    return values<std::int64_t>(part.gather(all, g)[1]);
  };
  CHECK(label(set[{7, 10}]) == Integers{7, 8, 9});
  Generator g(1);
  const auto [a, b] = set.split(0.7, g);
  auto both = label(a);
  const auto rest = label(b);
  both.insert(both.end(), rest.begin(), rest.end());
  std::sort(both.begin(), both.end());
  CHECK(both == Integers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto swapped = set.map([](Batch batch, Generator&) { return Batch{batch[1], batch[1]}; });
  CHECK(label(swapped[{0, 2}]) == Integers{0, 1});
  CHECK(Loader(lazy(0, pair_of)).size() == 0);
  CHECK_THROWS_AS(lazy(-1, pair_of), ValueError);
  CHECK_THROWS_AS(lazy(1, data::MakeExample()), ValueError);
}

TEST_CASE("random numbers of lazy examples depend on seed and epoch, not on workers") {
  const auto set = lazy(30, [](std::int64_t, Generator& g) {
    return Batch{random::uniform({}, 0, 1, f64, g), random::uniform({}, 0, 1, f64)};
  });
  const auto draw = [&](int workers, std::uint64_t seed) {
    Loader loader(set, {.batch_size = 4, .seed = seed, .workers = workers});
    std::vector<double> all;
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (const auto& batch : loader) {
        for (const auto& x : batch) {
          const auto part = values<double>(x);
          all.insert(all.end(), part.begin(), part.end());
        }
      }
    }
    return all;
  };
  const auto alone = draw(0, 1);
  auto distinct = alone;
  std::sort(distinct.begin(), distinct.end());
  CHECK(std::unique(distinct.begin(), distinct.end()) - distinct.begin() == 120);
  CHECK(draw(1, 1) == alone);
  CHECK(draw(4, 1) == alone);
  CHECK(draw(4, 2) != alone);
}

namespace {
struct OwnError : std::exception {
  const char* what() const noexcept override { return "my own"; }
};
}  // namespace

TEST_CASE("an error in a lazy example names the example, keeps its type, and is thrown in the loop") {
  const auto failing = [](auto error) {
    return lazy(40, [error](std::int64_t i) {
      if (i == 17) throw error;
      return pair_of(i);
    });
  };
  for (const int workers : {0, 1, 3}) {
    CAPTURE(workers);
    Loader loader(failing(IoError("file is gone")), {.batch_size = 5, .workers = workers});
    for (int round = 0; round < 2; ++round) {
      Integers seen;
      const auto message = message_of<IoError>([&] {
        for (const auto& batch : loader) {
          for (const auto v : values<std::int64_t>(batch[1])) seen.push_back(v);
        }
      });
      CHECK(message == "example 17: file is gone");
      CHECK(seen.size() == 15);  // whole batches before it
    }
    Loader shape(failing(ShapeError("odd")), {.batch_size = 5, .workers = workers});
    const auto all = [](Loader& l) {
      for (const auto& batch : l) static_cast<void>(batch);
    };
    CHECK_THROWS_AS(all(shape), ShapeError);
    Loader own(failing(OwnError()), {.batch_size = 5, .workers = workers});
    try {
      all(own);
      FAIL("no exception");
    } catch (const std::runtime_error& e) {
      CHECK(std::string(e.what()) == "example 17: my own");
      CHECK_THROWS_AS(std::rethrow_if_nested(e), OwnError);
    }
    Loader number(failing(5), {.batch_size = 5, .workers = workers});
    CHECK_THROWS_WITH(all(number), contains("example 17"));
    Loader memory(failing(std::bad_alloc()), {.batch_size = 5, .workers = workers});
    CHECK_THROWS_AS(all(memory), std::bad_alloc);
  }
}

TEST_CASE("examples that do not fit together are an error that names them") {
  const auto first = [](const data::Dataset& set) {
    Loader loader(set, {.batch_size = 8, .shuffle = false});
    return message_of<std::exception>([&] { loader.begin(); });
  };
  CHECK_THAT(first(lazy(3, ragged)), contains("example 1: shape of array 0 differs from that of example 0") &&
                                         contains("[0]") && contains("[1]"));
  CHECK_THAT(first(lazy(3, [](std::int64_t i) { return i == 2 ? Batch{} : pair_of(i); })),
             contains("example 2: number of arrays"));
  CHECK_THAT(first(lazy(3, [](std::int64_t i) { return Batch{core::ones({2}, i == 1 ? f64 : f32)}; })),
             contains("example 1: dtype of array 0") && contains("f64"));
  CHECK_THAT(first(lazy(3, [](std::int64_t i) { return i == 1 ? Batch{Array()} : Batch{core::ones({2}, f32)}; })),
             contains("example 1: array 0 is undefined"));
}

TEST_CASE("pad_examples joins sequences and images of different lengths, and gives the lengths") {
  Loader loader(lazy(5, ragged, {.collate = data::pad_examples({.value = -1})}), {.batch_size = 3});
  auto it = loader.begin();
  const auto [x, y, n] = it->unpack<3>();
  CHECK(x.shape() == Shape{3, 2});
  CHECK(values<float>(x) == std::vector<float>{-1, -1, 1, -1, 2, 2});
  CHECK(values<std::int64_t>(y) == Integers{0, 1, 2});
  CHECK(values<std::int64_t>(n) == Integers{0, 1, 2});
  ++it;
  CHECK((*it)[0].shape() == Shape{2, 4});

  // Every axis; a multiple; two ragged arrays.
  const auto images = [](std::int64_t i) {
    return Batch{core::full({i + 1, 3 - i, 2}, 1, f64), core::full({2 * i}, 7, i64)};
  };
  const auto collate = data::pad_examples({.arrays = {0, 1}, .multiple_of = 4});
  const Batch batch = collate({images(0), images(1), images(2)});
  CHECK(batch[0].shape() == Shape{3, 4, 3, 2});
  CHECK(batch[1].shape() == Shape{3, 4});
  CHECK(values<std::int64_t>(batch[2]) == Integers{1, 2, 3});
  CHECK(values<std::int64_t>(batch[3]) == Integers{0, 2, 4});
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t r = 0; r < 4; ++r) {
      for (std::int64_t c = 0; c < 3; ++c) {
        const double wanted = r < i + 1 && c < 3 - i ? 1 : 0;
        CHECK(batch[0].data<double>()[((i * 4 + r) * 3 + c) * 2 + 1] == wanted);
      }
    }
  }
  // Of any dtype, as elements are only moved.
  for (const auto dtype : {boolean, u8, i16, f16, i32, f64}) {
    const Batch padded = data::pad_examples()({Batch{core::ones({1}, dtype)}, Batch{core::ones({2}, dtype)}});
    CHECK(values<double>(core::cast(padded[0], f64)) == std::vector<double>{1, 0, 1, 1});
  }
  CHECK_THROWS_AS(collate({images(0), Batch{core::ones({2}, f64), core::ones({2}, i64)}}), ShapeError);
  CHECK_THROWS_AS(data::pad_examples({.arrays = {2}})({images(0)}), ValueError);
  CHECK_THROWS_AS(data::pad_examples({.multiple_of = 0}), ValueError);
  CHECK_THROWS_AS(data::pad_examples()({Batch{core::ones({}, f64)}}), ShapeError);
  CHECK_THROWS_AS(collate({}), ValueError);
}
