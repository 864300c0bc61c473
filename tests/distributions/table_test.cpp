// SPDX-License-Identifier: BSD-3-Clause
// Every row of the table: values against SciPy's, gradients, draws, expectations, divergences.
#include "distributions/table.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace newtape::distributions::table {
namespace {

const ::Reference& stored() {
  static const ::Reference all("distributions/reference.txt");
  return all;
}
bool has(const std::string& name) {
  const auto& names = stored().names();
  return std::find(names.begin(), names.end(), name) != names.end();
}
/// The stored entry, or none where SciPy has no such function of the row.
std::string missing(const Row& row, const char* what) {
  return has(row.name + "/" + what) ? "" : row.name + "/" + what;
}
std::vector<double> list_of(const Tensor& x) {
  const Array flat = core::contiguous(core::cast(x.value(), f64));
  return {flat.data<double>(), flat.data<double>() + flat.size()};
}
template <class F>
void each(const F& f) {
  for (const auto& row : rows()) {
    DYNAMIC_SECTION(row.name) { f(row, *row.make(row.parameters)); }
  }
}

TEST_CASE("distributions: every family of the headers has a row") {
  std::set<std::string> families;
  for (const auto& row : rows()) families.insert(row.family);
  const std::regex declaration(
      R"(class (\w+) (final )?: public (Distribution|LocationScale|Gamma|TransformedDistribution) )");
  std::size_t found = 0;
  for (const auto& file : std::filesystem::directory_iterator(test_files() + "/../../distributions")) {
    if (file.path().extension() != ".hpp") continue;
    std::ifstream in(file.path());
    std::stringstream text;
    text << in.rdbuf();
    const std::string all = text.str();
    for (std::sregex_iterator it(all.begin(), all.end(), declaration), end; it != end; ++it, ++found) {
      INFO((*it)[1].str());
      if ((*it)[1] == "LocationScale") continue;  // a base of families
      CHECK(families.contains((*it)[1].str()));
    }
  }
  CHECK(found >= families.size());
}

TEST_CASE("distributions: log_prob, cdf, icdf, entropy and moments are SciPy's") {
  each([](const Row& row, const Distribution& d) {
    const double bound = 1e-12;  // of functions to a few roundings, with arguments and results up to 100
    const auto same = [&](const char* what, const auto& value) {
      if (!missing(row, what).empty()) return;
      INFO(what);
      CHECK(distance(value().value(), stored()(row.name + "/" + what)) < bound);
    };
    REQUIRE(missing(row, "x") == "");
    const Tensor x(stored()(row.name + "/x"));
    same("logp", [&] { return d.log_prob(x); });
    same("cdf", [&] { return d.cdf(x); });
    same("icdf", [&] { return d.icdf(Tensor(stored()(row.name + "/p"))); });
    same("entropy", [&] { return d.entropy(); });
    same("mean", [&] { return d.mean(); });
    same("variance", [&] { return d.variance(); });
    if (has(row.name + "/variance")) CHECK(distance(square(d.stddev()).value(), d.variance().value()) < bound);
  });
}

TEST_CASE("distributions: f32 agrees with f64") {
  each([](const Row& row, const Distribution& wide) {
    std::vector<Tensor> narrow;
    for (const auto& p : row.parameters) narrow.push_back(p.to(f32));
    const auto d = row.make(narrow);
    CHECK(d->dtype() == f32);
    const Tensor x(stored()(row.name + "/x"));
    CHECK(distance(d->log_prob(x.to(f32)).to(f64).value(), wide.log_prob(x).value()) < 2e-5);
    if (has(row.name + "/cdf")) CHECK(distance(d->cdf(x.to(f32)).to(f64).value(), wide.cdf(x).value()) < 2e-5);
    CHECK(is_floating(d->sample({2}).dtype()) == (row.family != "Categorical"));
  });
}

TEST_CASE("distributions: derivatives of log_prob, cdf and moments in all parameters") {
  each([](const Row& row, const Distribution& d) {
    const Tensor x(stored()(row.name + "/x"));
    const auto check = [&](const char* what, const std::function<Tensor(const Distribution&)>& f) {
      INFO(what);
      const auto result =
          gradcheck([&](std::span<const Tensor> p) { return f(*row.make(p)); }, row.parameters, {.order = 2});
      INFO(result.message);
      CHECK(result.ok);
    };
    check("log_prob", [&](const Distribution& of) { return of.log_prob(row.family == "Uniform" ? 0.25 * x : x); });
    if (has(row.name + "/cdf") && row.family != "Uniform")
      check("cdf", [&](const Distribution& of) { return of.cdf(x); });
    if (has(row.name + "/icdf") && !row.discrete) {
      const Tensor p(stored()(row.name + "/p"));
      check("icdf", [&](const Distribution& of) { return of.icdf(p); });
    }
    if (has(row.name + "/entropy")) check("entropy", [](const Distribution& of) { return of.entropy(); });
    if (has(row.name + "/variance")) {
      check("mean and variance", [](const Distribution& of) { return of.mean() + of.variance(); });
    }
    if (row.discrete || row.family == "Uniform" || row.bound) return;  // steps leave the support
    const auto result =
        gradcheck([&](const Tensor& t) { return d.log_prob(x * (1.0 + 0.25 * t)); }, full_like(x, 0), {.order = 2});
    INFO(result.message);
    CHECK(result.ok);
  });
}

TEST_CASE("distributions: shapes, and errors that name the family") {
  each([](const Row& row, const Distribution& d) {
    const Tensor draws = d.sample({4, 2});
    Shape shape{4, 2};
    for (const auto n : d.batch_shape()) shape.push_back(n);
    Shape value_shape(shape);
    for (const auto n : d.event_shape()) shape.push_back(n);
    CHECK(draws.shape() == shape);
    CHECK_FALSE(draws.requires_grad());
    CHECK(d.log_prob(draws).shape() == value_shape);
    CHECK(std::isfinite(sum(d.log_prob(draws)).item()));
    Generator g(1);
    Generator h(1);
    CHECK(distance(d.sample({5}, g).value(), d.sample({5}, h).value()) == 0);
    if (d.has_rsample()) {
      std::vector<Tensor> variables;
      for (const auto& p : row.parameters) variables.push_back(variable(p));
      CHECK(row.make(variables)->rsample({3}).requires_grad());
    } else {
      CHECK_THROWS_WITH(d.rsample(), Catch::Contains(d.name()));
    }
    if (d.has_enumerate_support()) {
      CHECK(std::abs(sum(exp(d.log_prob(d.enumerate_support()))).item() - 1) < 1e-12);
    }
    const Tensor outside = full_like(Tensor(stored()(row.name + "/x")), std::nan(""));
    CHECK_THROWS_WITH(d.log_prob(outside), Catch::Contains(d.name()) && Catch::Contains("support"));
  });
}

/// The Kolmogorov-Smirnov statistic: above 2.7 in 1 of 10^6 cases.
double ks(const Distribution& d, const Tensor& draws) {
  auto x = list_of(draws);
  std::sort(x.begin(), x.end());
  const auto p = list_of(d.cdf(tensor(x, f64)));
  const auto n = static_cast<double>(x.size());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst =
        std::max({worst, std::abs(p[i] - static_cast<double>(i) / n), std::abs(p[i] - static_cast<double>(i + 1) / n)});
  }
  return worst * std::sqrt(n);
}
/// Pearson's statistic of the numbers 0, 1, .., of expected counts above 10, in standard deviations from its mean.
double chi_square(const Distribution& d, const Tensor& draws) {
  const auto x = list_of(draws);
  const auto n = static_cast<double>(x.size());
  double statistic = 0;
  double cells = 0;
  for (double k = 0; k < 60; ++k) {
    if (list_of(d.support().contains(tensor({k}, f64)))[0] == 0) break;
    const double expected = n * std::exp(d.log_prob(tensor({k}, f64)).item());
    if (expected < 10) continue;
    const auto found = static_cast<double>(std::count(x.begin(), x.end(), k));
    statistic += (found - expected) * (found - expected) / expected;
    ++cells;
  }
  return std::abs(statistic - cells) / std::sqrt(2 * cells);
}

TEST_CASE("distributions: draws have the distribution and its moments") {
  each([](const Row& row, const Distribution& d) {
    constexpr std::int64_t n = 20'000;
    Generator generator(7);
    const Tensor draws = d.sample({n}, generator);
    if (d.event_shape().empty() && row.discrete) CHECK(chi_square(d, draws) < 4.5);
    if (d.event_shape().empty() && has(row.name + "/cdf") && !row.discrete) CHECK(ks(d, draws) < 2.7);
    if (!has(row.name + "/mean")) return;
    const auto means = list_of(mean(draws, 0));
    const auto want = list_of(d.mean());
    const auto deviation = list_of(d.stddev());
    for (std::size_t i = 0; i < want.size(); ++i) {
      CHECK(std::abs(means[i] - want[i]) < bounds::mean_of(n, deviation[i]));
    }
  });
}

TEST_CASE("distributions: gradients of expectations by reparametrised draws are those of the moments") {
  // E[x + x^2] = mean + variance + mean^2
  each([](const Row& row, const Distribution& d) {
    if (!d.has_rsample() || !has(row.name + "/variance")) return;
    constexpr int batches = 40;
    Generator generator(3);
    const MultiFunction sampled = grad([&](std::span<const Tensor> p) {
      const Tensor x = row.make(p)->rsample({500}, generator);
      return sum(mean(x + square(x), 0));
    });
    const MultiFunction closed = grad([&](std::span<const Tensor> p) {
      const auto of = row.make(p);
      return sum(of->mean() + of->variance() + square(of->mean()));
    });
    const auto want = closed(row.parameters);
    std::vector<std::vector<Tensor>> found(row.parameters.size());
    for (int i = 0; i < batches; ++i) {
      const auto g = sampled(row.parameters);
      for (std::size_t k = 0; k < g.size(); ++k) found[k].push_back(g[k]);
    }
    for (std::size_t k = 0; k < found.size(); ++k) {
      const auto exact = list_of(want[k]);
      for (std::size_t e = 0; e < exact.size(); ++e) {
        double total = 0, squares = 0;
        for (const auto& g : found[k]) {
          const double x = list_of(g)[e];
          total += x / batches;
          squares += x * x / batches;
        }
        const double deviation = std::sqrt(std::max(0.0, squares - total * total));
        INFO(row.name << ": parameter " << k << ", entry " << e);
        CHECK(std::abs(total - exact[e]) <= bounds::mean_of(batches, deviation) + 1e-12 * std::abs(exact[e]));
      }
    }
  });
}

TEST_CASE("distributions: divergences are the means of the difference of log_prob") {
  each([](const Row& row, const Distribution& p) {
    if (row.others.empty()) return;
    const auto q = row.make(row.others);
    const Tensor divergence = kl_divergence(p, *q);
    CHECK(sum(kl_divergence(p, p)).item() == Approx(0).margin(1e-13));
    CHECK(divergence.shape() == p.batch_shape());
    constexpr std::int64_t n = 50'000;
    Generator generator(5);
    const Tensor x = p.sample({n}, generator);
    const auto difference = list_of(p.log_prob(x) - q->log_prob(x));
    double total = 0, squares = 0, size = 0;
    for (const double v : difference) {
      total += v / static_cast<double>(n);
      size += std::abs(v) / static_cast<double>(n);
      squares += v * v / static_cast<double>(n);
    }
    CHECK(std::abs(total - divergence.item()) <=
          bounds::mean_of(n, std::sqrt(std::max(0.0, squares - total * total))) + bounds::gamma(n + 10, f64) * size);
  });
  CHECK_THROWS_WITH(kl_divergence(Normal(0.0, 1.0), Gamma(1.0, 1.0)), Catch::Contains("Normal and Gamma"));
}

}  // namespace
}  // namespace newtape::distributions::table
