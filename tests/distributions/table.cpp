// SPDX-License-Identifier: BSD-3-Clause
#include "distributions/table.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/triangle.hpp>

namespace newtape::distributions::table {
namespace {

Tensor num(double x) { return tensor(x, f64); }
Tensor vec(std::initializer_list<double> x) { return tensor(x, f64); }

template <class D>
Make of_one() {
  return [](std::span<const Tensor> p) { return share(D(p[0])); };
}
template <class D>
Make of_two() {
  return [](std::span<const Tensor> p) { return share(D(p[0], p[1])); };
}
template <class D>
Row two(const std::string& name, double a, double b, double c, double d) {
  return {
      .name = name, .family = name, .parameters = {num(a), num(b)}, .make = of_two<D>(), .others = {num(c), num(d)}};
}
template <class D>
Row one(const std::string& name, double a, double b) {
  return {.name = name, .family = name, .parameters = {num(a)}, .make = of_one<D>(), .others = {num(b)}};
}
Row counts(Row row) {
  row.discrete = true;
  return row;
}
Row of_family(const std::string& family, Row row) {
  row.family = family;
  return row;
}
/// Of a number of trials, which is not differentiated.
template <class D>
Row of_count(const std::string& name, double n, double p, double q) {
  return {.name = name,
          .family = name,
          .parameters = {num(p)},
          .make = [n](std::span<const Tensor> x) { return share(D(n, x[0])); },
          .others = {num(q)},
          .discrete = true};
}

std::vector<Row> composed() {
  const Tensor weights = vec({0.2, 0.5, 0.3});
  const Tensor others = vec({0.4, 0.4, 0.2});
  const Tensor loc = vec({0.5, -1, 2});
  const Tensor lower = tensor({{1.5, 0, 0}, {-0.4, 0.8, 0}, {0.3, 0.6, 1.1}}, f64);
  const Tensor other_lower = tensor({{1.0, 0, 0}, {0.2, 1.5, 0}, {0, 0.3, 0.7}}, f64);
  return {
      {.name = "Categorical",
       .family = "Categorical",
       .parameters = {weights},
       .make = of_one<Categorical>(),
       .others = {others},
       .discrete = true},
      {.name = "OneHotCategorical",
       .family = "OneHotCategorical",
       .parameters = {weights},
       .make = of_one<OneHotCategorical>(),
       .others = {others},
       .discrete = true},
      {.name = "Multinomial",
       .family = "Multinomial",
       .parameters = {weights},
       .make = [](std::span<const Tensor> p) { return share(Multinomial(5, p[0])); },
       .discrete = true},
      {.name = "Dirichlet",
       .family = "Dirichlet",
       .parameters = {vec({1.5, 0.7, 4})},
       .make = of_one<Dirichlet>(),
       .others = {vec({0.9, 2, 3})},
       .bound = true},
      {.name = "RelaxedOneHotCategorical",
       .family = "RelaxedOneHotCategorical",
       .parameters = {num(0.7), weights},
       .make = of_two<RelaxedOneHotCategorical>(),
       .bound = true},
      {.name = "LogisticNormal",
       .family = "LogisticNormal",
       .parameters = {vec({0.5, -1}), vec({2, 0.75})},
       .make = of_two<LogisticNormal>(),
       .bound = true},
      {.name = "LKJCholesky",
       .family = "LKJCholesky",
       .parameters = {num(1.5)},
       .make = [](std::span<const Tensor> p) { return share(LKJCholesky(3, p[0])); },
       .bound = true},
      {.name = "Wishart",
       .family = "Wishart",
       .parameters = {num(5.5), lower},
       .make = [](std::span<const Tensor> p) { return share(Wishart(p[0], tril(p[1]))); },
       .bound = true},
      {.name = "MultivariateNormal",
       .family = "MultivariateNormal",
       .parameters = {loc, lower},
       .make = [](std::span<const Tensor> p) { return share(MultivariateNormal(p[0], {.scale_tril = tril(p[1])})); },
       .others = {vec({0, 0, 1}), other_lower}},
      {.name = "LowRankMultivariateNormal",
       .family = "LowRankMultivariateNormal",
       .parameters = {loc, tensor({{1.0}, {-0.5}, {0.25}}, f64), vec({0.5, 1, 2})},
       .make = [](std::span<const Tensor> p) { return share(LowRankMultivariateNormal(p[0], p[1], p[2])); },
       .others = {vec({0, 0, 1}), tensor({{0.5}, {0.5}, {0.0}}, f64), vec({1, 1, 1.5})}},
      {.name = "MixtureSameFamily",
       .family = "MixtureSameFamily",
       .parameters = {weights, vec({-1, 0.5, 3}), vec({0.5, 2, 1})},
       .make =
           [](std::span<const Tensor> p) { return share(MixtureSameFamily(Categorical(p[0]), Normal(p[1], p[2]))); }},
      {.name = "Independent",
       .family = "Independent",
       .parameters = {loc, num(2)},
       .make = [](std::span<const Tensor> p) { return share(Independent(Normal(p[0], p[1]), 1)); },
       .others = {vec({0, 0, 1}), num(1.5)}},
      {.name = "TransformedDistribution",
       .family = "TransformedDistribution",
       .parameters = {num(0.5), num(2)},
       .make =
           [](std::span<const Tensor> p) {
             const DType dtype = p[0].dtype();
             return share(TransformedDistribution(Normal(num(0).to(dtype), num(1).to(dtype)),
                                                  AffineTransform(p[0], p[1]), ExpTransform()));
           }},
  };
}

}  // namespace

const std::vector<Row>& rows() {
  static const std::vector<Row> all = [] {
    std::vector<Row> list{
        two<Normal>("Normal", 0.5, 2, -0.3, 1.4),
        two<LogNormal>("LogNormal", 0.5, 0.75, 0.2, 0.9),
        one<HalfNormal>("HalfNormal", 2, 1.3),
        two<Uniform>("Uniform", -1, 2, -1.5, 2.25),
        two<Laplace>("Laplace", 0.5, 2, -0.3, 1.4),
        two<Cauchy>("Cauchy", 0.5, 2, -0.3, 1.4),
        two<Gumbel>("Gumbel", 0.5, 2, -0.3, 2.4),
        two<VonMises>("VonMises", 0.5, 1.5, -0.3, 0.8),
        one<Exponential>("Exponential", 1.5, 0.8),
        two<Gamma>("Gamma", 2.5, 1.5, 1.2, 0.8),
        of_family("Gamma", two<Gamma>("Gamma(small)", 0.3, 1.5, 0.5, 0.8)),
        two<Beta>("Beta", 2.5, 1.5, 1.2, 2),
        one<Chi2>("Chi2", 3.5, 5),
        {.name = "Pareto", .family = "Pareto", .parameters = {num(1.5), num(9)}, .make = of_two<Pareto>()},
        {.name = "Weibull", .family = "Weibull", .parameters = {num(2), num(1.7)}, .make = of_two<Weibull>()},
        {.name = "HalfCauchy", .family = "HalfCauchy", .parameters = {num(2)}, .make = of_one<HalfCauchy>()},
        {.name = "FisherSnedecor",
         .family = "FisherSnedecor",
         .parameters = {num(5.5), num(14.5)},
         .make = of_two<FisherSnedecor>()},
        {.name = "Kumaraswamy",
         .family = "Kumaraswamy",
         .parameters = {num(2.5), num(1.5)},
         .make = of_two<Kumaraswamy>()},
        {.name = "ContinuousBernoulli",
         .family = "ContinuousBernoulli",
         .parameters = {num(0.3)},
         .make = of_one<ContinuousBernoulli>()},
        {.name = "RelaxedBernoulli",
         .family = "RelaxedBernoulli",
         .parameters = {num(0.7), num(0.3)},
         .make = of_two<RelaxedBernoulli>()},
        {.name = "StudentT",
         .family = "StudentT",
         .parameters = {num(4.5), num(0.5), num(2)},
         .make = [](std::span<const Tensor> p) { return share(StudentT(p[0], p[1], p[2])); }},
        counts(one<Bernoulli>("Bernoulli", 0.3, 0.6)),
        counts(one<Geometric>("Geometric", 0.3, 0.6)),
        of_count<Binomial>("Binomial", 9, 0.3, 0.6),
        counts({.name = "NegativeBinomial",
                .family = "NegativeBinomial",
                .parameters = {num(3.5), num(0.6)},
                .make = of_two<NegativeBinomial>()}),
        counts(one<Poisson>("Poisson", 3.5, 2)),
    };
    for (auto& row : composed()) list.push_back(std::move(row));
    return list;
  }();
  return all;
}

}  // namespace newtape::distributions::table
