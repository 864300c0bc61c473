// SPDX-License-Identifier: BSD-3-Clause
// Every transform: its inverse undoes it, the logarithm of its determinant is that of the Jacobian by reverse mode, its
// values are in its codomain, and it is differentiable to order two.
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"
#include "test_files.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/distributions/distributions.hpp>

#include <cmath>
#include <fstream>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

namespace newtape::distributions {
namespace {

/// Shift and log-scale of element i depend on the elements before it.
Tensor network(const Tensor& y) {
  const Tensor before = cumsum(y, -1) - y;
  return stack({sin(before), 0.3 * cos(before)}, -1);
}

/// The elements of y that vary: of a matrix the lower triangle.
Tensor free_elements(const Tensor& y) {
  if (y.ndim() < 2) return reshape(y, {-1});
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < y.shape(0); ++i) parts.push_back(slice(select(y, 0, i), 0, 0, i + 1));
  return concatenate(parts, 0);
}

struct Row {
  std::string name;
  TransformRef transform;
  Shape shape;                                                                      ///< of one value
  std::function<Tensor(const Tensor&)> domain = [](const Tensor& x) { return x; };  ///< values from any numbers
  std::function<Tensor(const Tensor&)> free = [](const Tensor& y) { return free_elements(y); };  ///< what varies in y
};

/// The elements below the diagonal of a matrix.
Tensor below_diagonal_of(const Tensor& y) {
  std::vector<Tensor> parts;
  for (std::int64_t i = 1; i < y.shape(0); ++i) parts.push_back(slice(select(y, 0, i), 0, 0, i));
  return concatenate(parts, 0);
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"AffineTransform", std::make_shared<AffineTransform>(tensor(0.5, f64), tensor(-2., f64)), {}},
      {"ExpTransform", std::make_shared<ExpTransform>(), {}},
      {"SigmoidTransform", std::make_shared<SigmoidTransform>(), {}},
      {"TanhTransform", std::make_shared<TanhTransform>(), {}},
      {"SoftplusTransform", std::make_shared<SoftplusTransform>(), {}},
      {"OrderedTransform", std::make_shared<OrderedTransform>(), {4}},
      {"CholeskyTransform", std::make_shared<CholeskyTransform>(), {6}},
      {"PowerTransform",
       std::make_shared<PowerTransform>(tensor(-1.5, f64)),
       {},
       [](const Tensor& x) { return exp(x); }},
      {"StickBreakingTransform",
       std::make_shared<StickBreakingTransform>(),
       {3},
       [](const Tensor& x) { return x; },
       [](const Tensor& y) { return slice(y, -1, 0, y.shape(-1) - 1); }},
      {"CorrCholeskyTransform",
       std::make_shared<CorrCholeskyTransform>(),
       {6},
       [](const Tensor& x) { return 0.5 * x; },
       below_diagonal_of},
      {"ComposeTransform",
       std::make_shared<ComposeTransform>(std::vector<TransformRef>{
           std::make_shared<TanhTransform>(), std::make_shared<AffineTransform>(tensor(0.5, f64), tensor(2., f64)),
           std::make_shared<CholeskyTransform>()}),
       {3}},
      {"CumulativeDistributionTransform",
       std::make_shared<CumulativeDistributionTransform>(share(Normal(0.25, tensor(2., f64)))),
       {}},
      {"AutoregressiveTransform", std::make_shared<AutoregressiveTransform>(network), {3}}};
  return all;
}

double at_first(const Tensor& x) { return x.value().data<double>()[0]; }

}  // namespace

TEST_CASE("transforms: every class of the header has a row") {
  std::stringstream text;
  for (const char* header : {"transforms.hpp", "composed.hpp"}) {
    std::ifstream in(test_files() + "/../../distributions/" + header);
    text << in.rdbuf();
  }
  const std::string all = text.str();
  const std::regex declaration(R"(class (\w+) final)");
  std::set<std::string> classes, names;
  for (std::sregex_iterator it(all.begin(), all.end(), declaration), end; it != end; ++it) classes.insert((*it)[1]);
  for (const auto& row : rows()) names.insert(row.name);
  CHECK(classes == names);
}

TEST_CASE("transforms: the inverse undoes the function, and the determinant is that of the Jacobian") {
  for (const auto& row : rows()) {
    const auto& f = row.transform;
    DYNAMIC_SECTION(row.name) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const Tensor x = row.domain(normal(row.shape, seed));
        const Tensor y = (*f)(x);
        CHECK(distance(f->inverse(y).value(), x.value()) < 1e-13);
        CHECK(core::all(f->codomain().contains(y).value()).item<bool>());
        const auto n = x.size();
        const Tensor j = reshape(jacobian([&](const Tensor& t) { return row.free((*f)(t)); }, x), {n, n});
        CHECK(distance(f->log_abs_det_jacobian(x, y).value(), linalg::slogdet(j).logabsdet.value()) < 1e-13);
        if (f->sign().defined()) CHECK((at_first(j) > 0) == (at_first(f->sign()) > 0));
        // A batch is its members.
        const Tensor batch = stack({x, 2 * x}, 0);
        CHECK(distance(select((*f)(batch), 0, 1).value(), (*f)(2 * x).value()) < 1e-14);
        CHECK(gradcheck([&](const Tensor& t) { return (*f)(t); }, x, {.order = 2}));
        CHECK(gradcheck([&](const Tensor& t) { return f->log_abs_det_jacobian(t, (*f)(t)); }, x, {.order = 2}));
      }
    }
  }
}

TEST_CASE("transforms: known points, and what they refuse") {
  const StickBreakingTransform breaking;
  CHECK(distance(breaking(zeros({3}, f64)).value(), (ones({4}, f64) / 4.0).value()) < 1e-15);
  const Tensor far = tensor({-700.0, 30, 5}, f64);  // parts that are far from each other keep their digits
  CHECK(distance(breaking.inverse(breaking(far)).value(), far.value()) < 1e-13);
  const CorrCholeskyTransform factors;
  const Tensor l = factors(tensor({0.3}, f64));
  CHECK(distance(matmul(l, t(l)).value(), tensor({{1.0, std::tanh(0.3)}, {std::tanh(0.3), 1.0}}, f64).value()) < 1e-15);
  CHECK_THROWS_AS(factors(zeros({4}, f64)), ShapeError);
  CHECK_THROWS_AS(PowerTransform(0.0), ValueError);
  CHECK_THROWS_AS(ComposeTransform(std::vector<TransformRef>{}), ValueError);
  CHECK_THROWS_AS(ComposeTransform(std::vector<TransformRef>{nullptr}), ValueError);
  CHECK_THROWS_AS(CumulativeDistributionTransform(nullptr), ValueError);
}

}  // namespace newtape::distributions
