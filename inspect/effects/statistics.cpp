// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/stable_sort.hpp>
#include <newtape/inspect/effects/statistics.hpp>

#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/effects/distributions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace newtape::inspect {

namespace {

void check_sample(const char* function, std::span<const double> x) {
  if (x.empty()) raise<ValueError>(fmt::format("{}: there are no numbers", function), "at least 1", "0");
  const auto bad = std::find_if(x.begin(), x.end(), [](double v) { return !std::isfinite(v); });
  if (bad != x.end()) {
    raise<ValueError>(fmt::format("{}: a number is not finite", function), "finite numbers",
                      fmt::format("{} at index {}", *bad, bad - x.begin()));
  }
}

void check_level(const char* function, double level) {
  if (level > 0 && level < 1) return;
  raise<ValueError>(fmt::format("{}: the level is out of range", function), "0 < level < 1", fmt::format("{}", level));
}

double mean_of(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

/// The value at the fraction q of the sorted numbers, as NumPy's percentile.
double percentile(const std::vector<double>& sorted, double q) {
  const double at = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::vector<double> resampled_statistics(std::span<const double> sample,
                                         const std::function<double(std::span<const double>)>& statistic, int resamples,
                                         Generator& generator) {
  const auto n = static_cast<std::int64_t>(sample.size());
  const Array indices = random::integers({resamples, n}, 0, n, generator);
  const auto* index = indices.data<std::int64_t>();
  std::vector<double> draw(sample.size());
  std::vector<double> found;
  found.reserve(static_cast<std::size_t>(resamples));
  for (int b = 0; b < resamples; ++b) {
    for (auto& value : draw) value = sample[static_cast<std::size_t>(*index++)];
    found.push_back(statistic(draw));
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Efron 1987, eq. 6.6: from the statistics without each of the numbers.
double acceleration(std::span<const double> sample, const std::function<double(std::span<const double>)>& statistic) {
  std::vector<double> without(sample.size());
  for (std::size_t i = 0; i < sample.size(); ++i) {
    std::vector<double> rest(sample.begin(), sample.end());
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    without[i] = statistic(rest);
  }
  const double center = mean_of(without);
  double squares = 0;
  double cubes = 0;
  for (const double w : without) {
    squares += (center - w) * (center - w);
    cubes += std::pow(center - w, 3);
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

}  // namespace

Interval bootstrap_interval(std::span<const double> sample, const BootstrapIntervalOptions& options,
                            Generator generator) {
  check_sample("bootstrap_interval", sample);
  check_level("bootstrap_interval", options.level);
  if (options.resamples < 1 || sample.size() < 2) {
    raise<ValueError>("bootstrap_interval: too few numbers or resamples", "2 numbers, 1 resample",
                      fmt::format("{} numbers, {} resamples", sample.size(), options.resamples));
  }
  const auto statistic = options.statistic != nullptr ? options.statistic : mean_of;
  const double observed = statistic(sample);
  const auto found = resampled_statistics(sample, statistic, options.resamples, generator);
  const double rounding = 1e-12 * (std::abs(found.front()) + std::abs(found.back()));
  if (found.back() - found.front() <= rounding) return {observed, observed};
  // Ties with the observed value count one half; the share is kept off 0 and 1.
  const auto below = std::lower_bound(found.begin(), found.end(), observed - rounding) - found.begin();
  const auto to = std::upper_bound(found.begin(), found.end(), observed + rounding) - found.begin();
  const double count = static_cast<double>(found.size());
  const double share = std::clamp(static_cast<double>(below + to) / (2 * count), 0.5 / count, 1 - 0.5 / count);
  const double bias = detail::normal_quantile(share);
  const double a = acceleration(sample, statistic);
  const double tail = (1 - options.level) / 2;
  const double n = static_cast<double>(sample.size());
  const double z = options.small_sample ? std::sqrt(n / (n - 1)) * detail::t_quantile(1 - tail, n - 1)
                                        : detail::normal_quantile(1 - tail);
  const auto level_of = [&](double normal) {  // Efron 1987, eq. 2.3
    return detail::normal_cdf(bias + (bias + normal) / (1 - a * (bias + normal)));
  };
  return {percentile(found, level_of(-z)), percentile(found, level_of(z))};
}

namespace {

bool is_exact(std::size_t n, const SignFlipTestOptions& options) {
  return static_cast<int>(n) <= std::min(options.exact_up_to, 24);
}

/// Calls f(signs) for all 2^n choices of signs, where bit i of `signs` flips number i, or for `resamples` random ones
/// after that without flips. `signs` holds one bit for each number.
template <class F>
std::int64_t for_each_flip(std::size_t n, const SignFlipTestOptions& options, Generator& generator, const F& f) {
  if (is_exact(n, options)) {
    const auto count = std::int64_t{1} << n;
    for (std::uint64_t k = 0; k < static_cast<std::uint64_t>(count); ++k)
      f([k](std::size_t i) { return (k >> i & 1) != 0; });
    return count;
  }
  f([](std::size_t) { return false; });
  std::vector<std::uint64_t> words((n + 63) / 64);
  for (int b = 0; b < options.resamples; ++b) {
    for (auto& word : words) word = generator.next();
    f([&](std::size_t i) { return (words[i / 64] >> (i % 64) & 1) != 0; });
  }
  return options.resamples + std::int64_t{1};
}

}  // namespace

double sign_flip_test(std::span<const double> differences, double center, const SignFlipTestOptions& options,
                      Generator generator) {
  check_sample("sign_flip_test", differences);
  std::vector<double> d(differences.begin(), differences.end());
  double size = 0;
  for (auto& x : d) size += std::abs(x -= center);
  const double rounding = 1e-12 * size;  // sums that are equal but for rounding are ties
  const double direction = options.alternative == Alternative::less ? -1 : 1;
  const bool two_sided = options.alternative == Alternative::two_sided;
  const auto extremeness = [&](double sum) { return two_sided ? std::abs(sum) : direction * sum; };
  const double observed = extremeness(std::accumulate(d.begin(), d.end(), 0.0)) - rounding;
  std::int64_t extreme = 0;
  const auto count = for_each_flip(d.size(), options, generator, [&](const auto& flipped) {
    double sum = 0;
    for (std::size_t i = 0; i < d.size(); ++i) sum += flipped(i) ? -d[i] : d[i];
    if (extremeness(sum) >= observed) ++extreme;
  });
  return static_cast<double>(extreme) / static_cast<double>(count);
}

Interval sign_flip_interval(std::span<const double> differences, double level, const SignFlipTestOptions& options,
                            Generator generator) {
  check_sample("sign_flip_interval", differences);
  check_level("sign_flip_interval", level);
  std::vector<double> means;
  const auto count = for_each_flip(differences.size(), options, generator, [&](const auto& chosen) {
    double sum = 0;
    int members = 0;
    for (std::size_t i = 0; i < differences.size(); ++i) {
      if (!chosen(i)) continue;
      sum += differences[i];
      ++members;
    }
    if (members > 0) means.push_back(sum / members);
  });
  // The one-sided test at c has the p-value (1 + number of means <= c) / count.
  const auto k = static_cast<std::int64_t>((1 - level) / 2 * static_cast<double>(count) * (1 + 1e-12));
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (k < 1) return {-infinity, infinity};
  const auto low = means.begin() + (k - 1);
  std::nth_element(means.begin(), low, means.end());
  const double smallest = *low;
  const auto high = means.end() - k;
  std::nth_element(means.begin(), high, means.end());
  return {smallest, *high};
}

double probability_of_improvement(std::span<const double> a, std::span<const double> b) {
  check_sample("probability_of_improvement", a);
  check_sample("probability_of_improvement", b);
  if (a.size() != b.size()) {
    raise<ValueError>("probability_of_improvement: the numbers must be paired", fmt::format("{} numbers", a.size()),
                      fmt::format("{}", b.size()));
  }
  double wins = 0;
  for (std::size_t i = 0; i < a.size(); ++i) wins += a[i] > b[i] ? 1 : a[i] == b[i] ? 0.5 : 0;
  return wins / static_cast<double>(a.size());
}

double standardized_difference(std::span<const double> differences) {
  check_sample("standardized_difference", differences);
  const double mean = mean_of(differences);
  double squares = 0;
  double size = 0;
  for (const double d : differences) {
    squares += (d - mean) * (d - mean);
    size = std::max(size, std::abs(d));
  }
  if (size == 0) return 0;
  const double std = differences.size() < 2 ? 0 : std::sqrt(squares / static_cast<double>(differences.size() - 1));
  return std > 1e-14 * size ? mean / std : std::copysign(std::numeric_limits<double>::infinity(), mean);
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  newtape::detail::stable_sort(order, [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(order.size() - k) * p_values[order[k]]));
    adjusted[order[k]] = largest;
  }
  return adjusted;
}

double equivalence_test(std::span<const double> differences, double margin, const SignFlipTestOptions& options,
                        Generator generator) {
  if (!(margin > 0)) {
    raise<ValueError>("equivalence_test: the margin must be positive", "margin > 0", fmt::format("{}", margin));
  }
  SignFlipTestOptions one_sided = options;
  one_sided.alternative = Alternative::greater;
  const double above = sign_flip_test(differences, -margin, one_sided, generator);
  one_sided.alternative = Alternative::less;
  const double below = sign_flip_test(differences, margin, one_sided, generator);
  return std::max(above, below);
}

}  // namespace newtape::inspect
