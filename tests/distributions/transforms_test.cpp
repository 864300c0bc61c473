// SPDX-License-Identifier: BSD-3-Clause
// Every transform: its inverse undoes it, the logarithm of its determinant is that of the Jacobian by reverse mode, its
// values are in its codomain, and it is differentiable to order two.
#include "arrays.hpp"
#include "catch.hpp"
#include "reference.hpp"
#include "test_files.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/distributions/distributions.hpp>

#include <filesystem>
#include <fstream>
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

struct Row {
  std::string name;
  TransformRef transform;
  Shape shape;  ///< of one value
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"AffineTransform", std::make_shared<AffineTransform>(tensor(0.5, f64), tensor(-2., f64)), {}},
      {"ExpTransform", std::make_shared<ExpTransform>(), {}},
      {"SigmoidTransform", std::make_shared<SigmoidTransform>(), {}},
      {"TanhTransform", std::make_shared<TanhTransform>(), {}},
      {"SoftplusTransform", std::make_shared<SoftplusTransform>(), {}},
      {"OrderedTransform", std::make_shared<OrderedTransform>(), {4}},
      {"CholeskyTransform", std::make_shared<CholeskyTransform>(), {6}},
      {"AutoregressiveTransform", std::make_shared<AutoregressiveTransform>(network), {3}}};
  return all;
}

double at_first(const Tensor& x) { return x.value().data<double>()[0]; }

/// The elements of y that vary: of a matrix the lower triangle.
Tensor free_elements(const Tensor& y) {
  if (y.ndim() < 2) return reshape(y, {-1});
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < y.shape(0); ++i) parts.push_back(slice(select(y, 0, i), 0, 0, i + 1));
  return concatenate(parts, 0);
}

}  // namespace

TEST_CASE("transforms: every class of the header has a row") {
  std::ifstream in(test_files() + "/../../distributions/transforms.hpp");
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  const std::regex declaration(R"(class (\w+) final)");
  std::set<std::string> classes, names;
  for (std::sregex_iterator it(all.begin(), all.end(), declaration), end; it != end; ++it) classes.insert((*it)[1]);
  for (const auto& row : rows()) names.insert(row.name);
  CHECK(classes == names);
}

TEST_CASE("transforms: the inverse undoes the function, and the determinant is that of the Jacobian") {
  for (const auto& [name, f, shape] : rows()) {
    DYNAMIC_SECTION(name) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const Tensor x = normal(shape, seed);
        const Tensor y = (*f)(x);
        CHECK(distance(f->inverse(y).value(), x.value()) < 1e-13);
        CHECK(core::all(f->codomain().contains(y).value()).item<bool>());
        const auto n = x.size();
        const Tensor j = reshape(jacobian([&](const Tensor& t) { return free_elements((*f)(t)); }, x), {n, n});
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

}  // namespace newtape::distributions
