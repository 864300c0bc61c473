// SPDX-License-Identifier: BSD-3-Clause
#include "arrays.hpp"
#include "catch.hpp"
#include "core/array/layouts.hpp"

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/philox.hpp>
#include <newtape/core/kernels/random.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>
#include <thread>

using namespace newtape;
using layouts::elements;

namespace {

struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};

Moments moments(const std::vector<double>& values) {
  Moments m;
  const auto n = static_cast<double>(values.size());
  for (const auto v : values) m.mean += v / n;
  for (const auto v : values) m.variance += (v - m.mean) * (v - m.mean) / n;
  for (const auto v : values) {
    const double z = (v - m.mean) / std::sqrt(m.variance);
    m.skewness += z * z * z / n;
    m.kurtosis += z * z * z * z / n;
  }
  return m;
}

/// Kolmogorov-Smirnov statistic: the largest distance between the empirical distribution and `cdf`, times sqrt(n);
/// below 1.95 in 999 of 1000 cases.
template <class F>
double ks(std::vector<double> values, const F& cdf) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double p = cdf(values[i]);
    distance =
        std::max({distance, std::abs(p - static_cast<double>(i) / n), std::abs(p - static_cast<double>(i + 1) / n)});
  }
  return distance * std::sqrt(n);
}

double correlation(const std::vector<double>& v, std::size_t lag) {
  const auto m = moments(v);
  double sum = 0;
  for (std::size_t i = 0; i + lag < v.size(); ++i) sum += (v[i] - m.mean) * (v[i + lag] - m.mean);
  return sum / (m.variance * static_cast<double>(v.size() - lag));
}

}  // namespace

TEST_CASE("Philox gives the published known answers", "[random]") {
  // Random123, kat_vectors: philox4x32 10.
  using Words = std::array<std::uint32_t, 4>;
  using core::kernels::philox;
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  CHECK(Generator::block(0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  // The low halves of counter and key come first.
  CHECK(Generator::block(0x299f31d0a4093822, 0x85a308d3243f6a88) ==
        philox({0x243f6a88, 0x85a308d3, 0, 0}, {0xa4093822, 0x299f31d0}));
}

TEST_CASE("Every instruction set draws the same bits", "[random]") {
  namespace k = core::kernels;
  std::vector<const k::RandomTable*> tables;
  for (const auto set : {k::Isa::baseline, k::Isa::avx2, k::Isa::avx512}) {
    if (set <= k::best_isa()) tables.push_back(&k::table_for<k::RandomTable>(set));
  }
  constexpr std::uint64_t seed = 0x123456789abcdef0;
  constexpr std::uint64_t first = 0xfffffff0;  // the low half of the counter overflows
  constexpr auto lanes = static_cast<std::size_t>(k::lanes);
  for (const auto* table : tables) {
    std::vector<std::uint32_t> words(k::group_words * 2);
    table->words(seed, first, 2, words.data());
    bool same = true;
    for (std::size_t i = 0; i < 2 * lanes; ++i) {
      const auto block = Generator::block(seed, first + i);
      for (std::size_t w = 0; w < 4; ++w) same &= words[i / lanes * k::group_words + w * lanes + i % lanes] == block[w];
    }
    CHECK(same);
    for (std::uint64_t group = 0; group < 1000; ++group) {
      table->words(seed, group * lanes, 1, words.data());
      if (group == 0) words[0] = words[1] = 0xffffffff, words[2 * lanes] = 0, words[2 * lanes + 1] = 0x20000000;
      float f[2][k::group_words];
      double d[2][k::group_words / 2];
      tables[0]->normal_f32(words.data(), 1.5F, 2.5F, f[0]);
      table->normal_f32(words.data(), 1.5F, 2.5F, f[1]);
      tables[0]->normal_f64(words.data(), 1.5, 2.5, d[0]);
      table->normal_f64(words.data(), 1.5, 2.5, d[1]);
      same &= std::memcmp(f[0], f[1], sizeof f[0]) == 0 && std::memcmp(d[0], d[1], sizeof d[0]) == 0;
    }
    CHECK(same);
  }
}

TEST_CASE("Normal numbers follow the Box-Muller formula", "[random]") {
  namespace k = core::kernels;
  constexpr auto lanes = static_cast<std::size_t>(k::lanes);
  constexpr long double turn = 6.283185307179586476925286766559L;
  std::vector<std::uint32_t> w(k::group_words);
  float f[k::group_words];
  double d[k::group_words / 2];
  long double error_f32 = 0;
  long double error_f64 = 0;
  for (std::uint64_t group = 0; group < 500; ++group) {
    k::RandomTable::baseline.words(99, group * lanes, 1, w.data());
    if (group == 0) {  // the ends of both ranges, and the boundaries between quarter turns
      const std::uint32_t ends[] = {0,          0xffffffff, 0x1fffffff, 0x20000000,
                                    0x5fffffff, 0x60000000, 0x80000000, 0xe0000000};
      for (std::size_t i = 0; i < 8; ++i) w[2 * lanes + i] = w[i] = ends[i];
    }
    k::RandomTable::baseline.normal_f32(w.data(), 0, 1, f);
    k::RandomTable::baseline.normal_f64(w.data(), 0, 1, d);
    for (std::size_t i = 0; i < 2 * lanes; ++i) {
      const long double r = std::sqrt(-2 * std::log(((w[i] >> 8) + 1) * 0x1p-24L));
      const long double angle = turn * (w[2 * lanes + i] * 0x1p-32L);
      error_f32 =
          std::max({error_f32, std::abs(f[i] - r * std::cos(angle)), std::abs(f[2 * lanes + i] - r * std::sin(angle))});
    }
    for (std::size_t i = 0; i < lanes; ++i) {
      const auto u = (std::uint64_t{w[i]} << 32 | w[lanes + i]) >> 11;
      const long double r = std::sqrt(-2 * std::log((u + 1) * 0x1p-53L));
      const long double angle = turn * ((std::uint64_t{w[2 * lanes + i]} << 32 | w[3 * lanes + i]) * 0x1p-64L);
      error_f64 =
          std::max({error_f64, std::abs(d[i] - r * std::cos(angle)), std::abs(d[lanes + i] - r * std::sin(angle))});
    }
  }
  CHECK(error_f32 < 1e-6L);   // of values up to 5.8
  CHECK(error_f64 < 2e-15L);  // of values up to 8.6
}

TEST_CASE("uniform fills its range evenly, without the upper end", "[random]") {
  Generator g(1);
  for (const DType dtype : {f32, f64}) {
    const auto v = elements(random::uniform({100000}, -2, 3, dtype, g));
    CHECK(*std::min_element(v.begin(), v.end()) >= -2);
    CHECK(*std::max_element(v.begin(), v.end()) < 3);
    CHECK(ks(v, [](double x) { return (x + 2) / 5; }) < 1.95);
    for (const std::size_t lag : {1, 2, 3, 4, 31, 32, 64, 128})
      CHECK(std::abs(correlation(v, lag)) < 4 / std::sqrt(1e5));
  }
  // Rounding must not produce the excluded end.
  const auto tight = elements(random::uniform({100000}, 1, 1 + 0x1p-22, f32, g));
  CHECK(*std::max_element(tight.begin(), tight.end()) < 1 + 0x1p-22);
  CHECK(random::uniform({}, 2, 2, f64, g).item() == 2);
  CHECK(random::uniform({0, 3}, 0, 1, f32, g).size() == 0);
  CHECK_THROWS_AS(random::uniform({2}, 1, 0), ValueError);
  CHECK_THROWS_AS(random::uniform({2}, 0, INFINITY), ValueError);
  CHECK_THROWS_AS(random::uniform({2}, 0, 1, i64), DTypeError);
}

TEST_CASE("normal has the right moments and distribution", "[random]") {
  Generator g(2);
  constexpr double n = 200000;
  for (const DType dtype : {f32, f64}) {
    const auto v = elements(random::normal({static_cast<std::int64_t>(n)}, 3, 2, dtype, g));
    const auto m = moments(v);
    CHECK(std::abs(m.mean - 3) < 4 * 2 / std::sqrt(n));
    CHECK(std::abs(m.variance - 4) < 4 * 4 * std::sqrt(2 / n));
    CHECK(std::abs(m.skewness) < 4 * std::sqrt(6 / n));
    CHECK(std::abs(m.kurtosis - 3) < 4 * std::sqrt(24 / n));
    CHECK(ks(v, [](double x) { return 0.5 * std::erfc(-(x - 3) / 2 / std::sqrt(2.0)); }) < 1.95);
    for (const std::size_t lag : {1, 2, 32, 64, 128}) CHECK(std::abs(correlation(v, lag)) < 4 / std::sqrt(n));
  }
  CHECK_THROWS_AS(random::normal({2}, 0, -1), ValueError);
  CHECK_THROWS_AS(random::normal({2}, 0, 1, boolean), DTypeError);
}

TEST_CASE("integers are uniform over their range, ends included", "[random]") {
  Generator g(3);
  const auto v = elements(random::integers({70000}, -3, 4, g));
  double chi2 = 0;
  for (double i = -3; i < 4; ++i) {
    const auto count = static_cast<double>(std::count(v.begin(), v.end(), i));
    chi2 += (count - 10000) * (count - 10000) / 10000;
  }
  CHECK(chi2 < 22.5);  // chi-square, 6 degrees of freedom: 999 of 1000
  CHECK(*std::min_element(v.begin(), v.end()) == -3);
  CHECK(*std::max_element(v.begin(), v.end()) == 3);

  // A range of 3/4 2^64, in which a plain modulo would draw a third of the values twice as often.
  const auto wide = random::integers({60000}, INT64_MIN, INT64_MIN / 2 + INT64_MAX / 2 + INT64_MAX / 2, g);
  const auto low = INT64_MIN + (std::int64_t{1} << 62);
  std::int64_t below = 0;
  for (std::int64_t i = 0; i < wide.size(); ++i) below += wide.data<std::int64_t>()[i] < low ? 1 : 0;
  CHECK(std::abs(static_cast<double>(below) - 20000) < 4 * std::sqrt(60000 * 2.0 / 9));
  CHECK(random::integers({5}, 7, 8, g).data<std::int64_t>()[4] == 7);
  CHECK_THROWS_AS(random::integers({2}, 3, 3), ValueError);
}

TEST_CASE("permutation returns permutations, all equally likely", "[random]") {
  Generator g(4);
  for (const std::int64_t n : {0, 1, 2, 63, 64, 65, 1000}) {
    auto v = elements(random::permutation(n, g));
    std::sort(v.begin(), v.end());
    for (std::int64_t i = 0; i < n; ++i) REQUIRE(v[static_cast<std::size_t>(i)] == static_cast<double>(i));
  }
  std::vector<double> counts(24);
  for (int draw = 0; draw < 24000; ++draw) {
    const auto p = elements(random::permutation(4, g));
    int rank = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = i + 1; j < 4; ++j) rank += (p[j] < p[i] ? 1 : 0) * (i == 0 ? 6 : i == 1 ? 2 : 1);
    }
    counts[static_cast<std::size_t>(rank)]++;
  }
  double chi2 = 0;
  for (const auto c : counts) chi2 += (c - 1000) * (c - 1000) / 1000;
  CHECK(chi2 < 49.7);  // chi-square, 23 degrees of freedom: 999 of 1000
  CHECK_THROWS_AS(random::permutation(-1), ValueError);
}

TEST_CASE("bernoulli succeeds with its probability", "[random]") {
  Generator g(5);
  for (const double p : {0.1, 0.5, 0.9}) {
    for (const DType dtype : {f32, f64, i64, boolean}) {
      const auto v = elements(random::bernoulli({100000}, p, dtype, g));
      CHECK(std::all_of(v.begin(), v.end(), [](double x) { return x == 0 || x == 1; }));
      CHECK(std::abs(moments(v).mean - p) < 4 * std::sqrt(p * (1 - p) / 1e5));
    }
  }
  CHECK(elements(random::bernoulli({1000}, 0, f32, g)) == std::vector<double>(1000, 0));
  CHECK(elements(random::bernoulli({1000}, 1, f32, g)) == std::vector<double>(1000, 1));
  CHECK_THROWS_AS(random::bernoulli({2}, 1.5), ValueError);
  CHECK_THROWS_AS(random::bernoulli({2}, NAN), ValueError);
}

TEST_CASE("One seed gives the same bits, for any number of threads", "[random][threads]") {
  const int before = num_threads();
  const auto draw = [] {
    Generator g(6);
    const Shape shape{300001};
    return std::vector<Array>{random::uniform(shape, 0, 1, f32, g), random::uniform(shape, 0, 1, f64, g),
                              random::normal(shape, 0, 1, f32, g),  random::normal(shape, 0, 1, f64, g),
                              random::integers(shape, 0, 10, g),    random::bernoulli(shape, 0.3, f32, g)};
  };
  set_num_threads(1);
  const auto one = draw();
  set_num_threads(2);
  const auto two = draw();
  set_num_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(same_bits(one[i], two[i]));
}

TEST_CASE("Streams of names are those of their FNV-1a hashes", "[random]") {
  // Published hashes of "", "a" and "foobar" (Fowler, Noll & Vo, 64 bits).
  CHECK(Generator(7).fork("").seed() == Generator(7).fork(0xcbf29ce484222325).seed());
  CHECK(Generator(7).fork("a").seed() == Generator(7).fork(0xaf63dc4c8601ec8c).seed());
  CHECK(Generator(7).fork("foobar").seed() == Generator(7).fork(0x85944171f73967e8).seed());
}

TEST_CASE("A generator can be copied, saved, restored and forked", "[random]") {
  Generator g(7);
  const Array a = random::normal({1000}, 0, 1, f32, g);
  const Generator saved = g;
  const Array b = random::normal({1000}, 0, 1, f32, g);
  CHECK_FALSE(same_bits(a, b));
  Generator again(saved.seed());
  again.seek(saved.position());
  CHECK(same_bits(random::normal({1000}, 0, 1, f32, again), b));
  CHECK(again.position() == g.position());

  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Generator child = Generator(7).fork(i);
    seen.insert(child.next());
  }
  for (int i = 0; i < 1000; ++i) seen.insert(g.next());
  CHECK(seen.size() == 2000);
}

TEST_CASE("manual_seed reseeds this thread's default generator, and threads have separate streams",
          "[random][threads]") {
  manual_seed(42);
  const Array a = random::uniform({10});
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::thread([&] { first = default_generator().next(); }).join();
  std::thread([&] { second = default_generator().next(); }).join();
  CHECK(first != second);
  manual_seed(42);
  CHECK(same_bits(random::uniform({10}), a));
}
