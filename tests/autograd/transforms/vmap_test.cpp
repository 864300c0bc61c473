// SPDX-License-Identifier: BSD-3-Clause
// vmap against a loop over the examples: of every row of the table, and composed with the other transforms.
#include "autograd/driver.hpp"
#include "names.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/transforms/batching_rules.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/vmap.hpp>
#include <newtape/core/runtime/random.hpp>

#include <set>

namespace newtape::table {
namespace {

constexpr std::size_t examples = 3;

/// Operands of three examples, along a new first axis for those that are mapped, else those of the first one.
struct Batch {
  std::vector<std::vector<Tensor>> each{examples};
  std::vector<Tensor> all;
  VmapOptions options;

  Batch(const Row& row, const Sample& sample, const std::function<bool(std::size_t)>& mapped) {
    std::vector<std::vector<Array>> drawn;
    for (std::size_t k = 0; k < examples; ++k) drawn.push_back(draw(row, sample, f64, 101 + k));
    for (std::size_t i = 0; i < sample.shapes.size(); ++i) {
      std::vector<Tensor> values;
      for (std::size_t k = 0; k < examples; ++k) values.emplace_back(drawn[mapped(i) ? k : 0][i]);
      for (std::size_t k = 0; k < examples; ++k) each[k].push_back(values[k]);
      all.push_back(mapped(i) ? stack(values) : values[0]);
      options.in_axes.push_back(mapped(i) ? std::optional<std::int64_t>(0) : std::nullopt);
    }
  }
};

Function call_of(const Sample& sample) {
  return [&sample](std::span<const Tensor> xs) { return call(sample.call, xs); };
}
MultiFunction several_of(const Sample& sample) {
  return [&sample](std::span<const Tensor> xs) { return std::vector<Tensor>{call(sample.call, xs)}; };
}

void check_batch_of_examples(const Row& row, const Sample& sample, const Batch& b) {
  std::vector<Tensor> ys;
  try {
    for (const auto& xs : b.each) ys.push_back(call(sample.call, xs));
    static_cast<void>(stack(ys));
  } catch (const std::exception&) {  // results of different shapes, or operands that one example refuses
    CHECK_THROWS(vmap(call_of(sample), b.options)(b.all));
    return;
  }
  const Function f = vmap(call_of(sample), b.options);
  const double rounded = 1e-14 * row.tolerance_scale;
  CHECK_SAME(f(b.all), stack(ys), rounded);
  if (row.order == 0) return;
  // The gradient of the batch against that of the loop, recorded.
  std::vector<Array> arrays;
  for (const auto& x : b.all) arrays.push_back(x.value());
  const auto vs = variables(arrays);
  const Tensor y = f(vs);
  std::vector<Tensor> parts;
  for (std::size_t k = 0; k < examples; ++k) {
    std::vector<Tensor> one;
    for (std::size_t i = 0; i < vs.size(); ++i) {
      one.push_back(b.options.in_axes[i] ? select(vs[i], 0, static_cast<std::int64_t>(k)) : vs[i]);
    }
    parts.push_back(call(sample.call, one));
  }
  const Array w = random_like(y.shape(), y.dtype(), 5);
  const auto got = gradients(y, vs, w, true), want = gradients(stack(parts), vs, w, true);
  for (std::size_t i = 0; i < vs.size(); ++i) {
    INFO("gradient in operand " << i);
    if (want[i].defined()) CHECK_SAME(got[i], want[i], 100 * rounded);
  }
}

TEST_CASE("vmap: every row of the table gives the same as a loop") {
  each_sample([](const Row& row, const Sample& sample) {
    if (sample.shapes.empty()) return;
    check_batch_of_examples(row, sample, Batch(row, sample, [](std::size_t) { return true; }));
    for (std::size_t own = 0; own < sample.shapes.size() && sample.shapes.size() > 1; ++own) {
      INFO("only operand " << own << " is mapped");
      check_batch_of_examples(row, sample, Batch(row, sample, [own](std::size_t i) { return i == own; }));
    }
  });
}

TEST_CASE("vmap: operations with a rule are computed for all examples at once") {
  const auto names = detail::batched_ops();
  std::set<std::string> together, rows_of_rules;
  for (const auto& row : rows()) {
    if (std::find(names.begin(), names.end(), row.name) == names.end()) continue;
    rows_of_rules.insert(row.name);
    std::size_t count = 0;
    for (const auto& sample : row.samples) {
      const Batch b(row, sample, [](std::size_t) { return true; });
      const auto reason = explain_vmap(several_of(sample), b.all, b.options);
      INFO(describe(row, sample) << ": " << reason);
      count += reason.empty() ? 1 : 0;
      // Some calls of those with axes or indices have no rule.
      if (row.scalar) CHECK(reason.empty());
    }
    if (count > 0) together.insert(row.name);
  }
  // See below.
  for (const char* name :
       {"cholesky", "cholesky_solve", "det", "eigh", "eigvalsh", "gather", "inv", "lu_factor", "lu_unpack", "qr",
        "scatter", "slogdet", "solve", "solve_triangular", "svd", "svdvals", "take"}) {
    together.insert(name);
  }
  CHECK(difference("with a rule", rows_of_rules, "batched", together) == "");
}

}  // namespace
}  // namespace newtape::table

namespace newtape {
namespace {

Tensor numbers_like_normal(const Shape& shape) { return randn(shape, f64); }

bool near(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && allclose(a, b, 1e-12, 1e-12); }

/// f of all examples at once is what a loop gives; the results of every mapping of the arguments but none.
void check_together(const Function& f, const std::vector<Tensor>& xs) {
  const std::size_t n = xs.size();
  for (std::size_t mapped = 1; mapped < (std::size_t{1} << n); ++mapped) {
    INFO("mapped: " << mapped);
    VmapOptions options;
    std::vector<Tensor> args;
    std::int64_t count = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const bool maps = (mapped >> i & 1) != 0;
      options.in_axes.push_back(maps ? std::optional<std::int64_t>(0) : std::nullopt);
      args.push_back(maps ? xs[i] : select(xs[i], 0, 0));
      count = xs[i].shape(0);
    }
    CHECK(explain_vmap([&](std::span<const Tensor> v) { return std::vector<Tensor>{f(v)}; }, args, options) == "");
    std::vector<Tensor> each;
    for (std::int64_t k = 0; k < count; ++k) {
      std::vector<Tensor> one;
      for (std::size_t i = 0; i < n; ++i) one.push_back(options.in_axes[i] ? select(args[i], 0, k) : args[i]);
      each.push_back(f(one));
    }
    CHECK(near(vmap(f, options)(args), stack(each)));
  }
}

TEST_CASE("vmap: indices and matrices, mapped or shared") {
  manual_seed(8);
  const Tensor x = numbers_like_normal({3, 4, 2}), y = numbers_like_normal({3, 4, 2});
  const Tensor at = randint(-4, 4, {3, 4, 2}), rows = randint(-4, 4, {3, 2, 3});
  const auto of = [](auto f) { return Function([f](std::span<const Tensor> v) { return f(v); }); };
  check_together(of([](auto v) { return take(v[0], v[1], 0); }), {x, rows});
  check_together(of([](auto v) { return take(v[0], v[1], -1); }), {x, randint(0, 2, {3, 2})});
  check_together(of([](auto v) { return gather(v[0], 0, v[1]); }), {x, at});
  check_together(of([](auto v) { return scatter(v[0], 0, v[1], v[2]); }), {x, at, y});
  check_together(of([](auto v) { return linalg::inv(v[0]); }), {numbers_like_normal({3, 4, 4}) + 5.0 * eye(4, f64)});
  check_together(of([](auto v) { return linear(v[0], v[1], v[2]); }),
                 {x, numbers_like_normal({3, 5, 2}), numbers_like_normal({3, 5})});
  check_together(of([](auto v) { return matmul(v[0], transpose(v[1])); }), {x, y});
  check_together(of([](auto v) { return layer_norm(v[0], {2}); }), {x});
}

TEST_CASE("vmap: axes of examples in arguments and results") {
  manual_seed(1);
  const Tensor x = numbers_like_normal({3, 4}), w = numbers_like_normal({3, 5});
  const Function f = [](std::span<const Tensor> v) { return matmul(transpose(v[1]), v[0]); };
  // Columns of x are examples, w is shared.
  const Function columns = vmap(f, {.in_axes = {1, std::nullopt}, .out_axis = -1});
  const std::vector<Tensor> xs{x, w};
  CHECK(near(columns(xs), matmul(transpose(w), x)));
  CHECK(explain_vmap([&](std::span<const Tensor> v) { return std::vector<Tensor>{f(v)}; }, xs,
                     {.in_axes = {1, std::nullopt}}) == "");
  CHECK_THROWS_WITH(vmap(f, {.in_axes = {1, 0, 0}})(xs), contains("each argument needs an entry"));
  CHECK_THROWS_WITH(vmap(f, {.in_axes = {1, 1}})(xs), contains("same number of examples"));
  CHECK_THROWS_WITH(vmap(f, {.in_axes = {std::nullopt}})(xs), contains("no examples"));
  CHECK_THROWS_AS(vmap(f, {.in_axes = {2, 0}})(xs), ShapeError);
}

TEST_CASE("vmap: no examples give no results, of the right shape") {
  const UnaryFunction f = [](const Tensor& v) { return outer(v, v); };
  CHECK(vmap(f)(zeros({0, 3}, f64)).shape() == Shape{0, 3, 3});
}

TEST_CASE("vmap: composes with grad, jvp and hessian, inside and outside") {
  manual_seed(2);
  const Tensor x = numbers_like_normal({4, 3});
  const UnaryFunction f = [](const Tensor& v) { return sum(sin(v) * exp(-v * v) + prod(v)); };
  const auto rows = [&](const UnaryFunction& of) {
    std::vector<Tensor> all;
    for (std::int64_t k = 0; k < 4; ++k) all.push_back(of(select(x, 0, k)));
    return stack(all);
  };
  CHECK(near(vmap(grad(f))(x), rows(grad(f))));
  const UnaryFunction curvature = [&](const Tensor& v) { return hessian(f, v); };
  CHECK(near(vmap(curvature)(x), rows(curvature)));
  const UnaryFunction slope = [&](const Tensor& v) { return jvp(f, v, ones_like(v)).second; };
  CHECK(near(vmap(slope)(x), rows(slope)));
  // Outside: the sum over the examples has the gradients of all of them.
  const UnaryFunction total = [&](const Tensor& v) { return sum(vmap(f)(v)); };
  CHECK(near(grad(total)(x), rows(grad(f))));
  const Tensor h = hessian(total, x);
  for (std::int64_t k = 0; k < 4; ++k) CHECK(near(h[{k, Slice(), k}], hessian(f, select(x, 0, k))));
  CHECK(near(jvp(vmap(f), x, ones_like(x)).second, rows(slope)));
}

TEST_CASE("vmap: of itself, and with captured variables") {
  manual_seed(3);
  const Tensor a = numbers_like_normal({4, 2, 3}), w = variable(numbers_like_normal({3}));
  const UnaryFunction f = [&](const Tensor& v) { return tanh(dot(v, exp(w))); };
  const Tensor y = vmap(vmap(f))(a);
  CHECK(near(y.detach(), tanh(matmul(a, exp(w.detach())))));
  CHECK(explain_vmap([&](std::span<const Tensor> v) { return std::vector<Tensor>{f(v[0])}; },
                     std::vector<Tensor>{select(a, 1, 0)}) == "");
  sum(y).backward();
  const Tensor v = variable(w.value());
  sum(tanh(matmul(a, exp(v)))).backward();
  CHECK(near(w.grad(), v.grad()));
}

TEST_CASE("vmap: what is detached, or computed with recording off, has no derivative") {
  const Tensor w = variable(tensor({2.0, -1.0}, f64));
  const UnaryFunction detached = [](const Tensor& v) { return v * v.detach(); };
  const UnaryFunction result = [](const Tensor& v) { return v * exp(v).detach(); };
  const UnaryFunction off = [](const Tensor& v) {
    const Tensor y = [&] {
      const NoGrad no;
      return exp(v);
    }();
    return v * y;
  };
  const UnaryFunction captured = [&](const Tensor& v) { return v * (w * v).detach() + w * w.detach(); };
  for (const auto& f : {detached, result, off, captured}) {
    const auto gradients_of = [&](const UnaryFunction& batch) {
      const Tensor x = variable(tensor({{0.5, 1.0}, {-2.0, 3.0}, {4.0, 0.25}}, f64));
      const std::vector<Tensor> xs{x, w};
      return grad(sum(square(batch(x)) + 0.0 * w), xs);
    };
    const auto loop = gradients_of([&](const Tensor& x) {
      return stack({f(select(x, 0, 0)), f(select(x, 0, 1)), f(select(x, 0, 2))});
    });
    const auto together = gradients_of(vmap(f, {.allow_loop = false}));
    CHECK(near(together[0], loop[0]));
    CHECK(near(together[1], loop[1]));
  }
}

TEST_CASE("vmap: Cholesky factors, determinants and systems are computed for all examples at once") {
  manual_seed(8);
  using namespace linalg;
  const Tensor a = numbers_like_normal({3, 4, 4}) + 4.0 * eye(4, f64);
  const Tensor b = numbers_like_normal({3, 4, 2}), v = numbers_like_normal({3, 4});
  using Args = std::span<const Tensor>;
  check_together([](Args x) { return solve(x[0], x[1]); }, {a, b});
  check_together([](Args x) { return solve(x[0], x[1]); }, {a, v});
  check_together([](Args x) { return solve(x[0], transpose(x[1]), {.left = false}); }, {a, b});
  check_together([](Args x) { return solve_triangular(x[0], x[1], {.upper = true, .transposed = true}); }, {a, b});
  check_together([](Args x) { return solve_triangular(x[0], x[1]); }, {a, v});
  check_together([](Args x) { return cholesky_solve(x[1], x[0]); }, {a, b});
  check_together([](Args x) { return cholesky_solve(x[1], x[0], true); }, {a, v});
  const auto of_one = [&](const UnaryFunction& f, const Tensor& x) {
    check_together([f](Args xs) { return f(xs[0]); }, {x});
  };
  const Tensor definite = matmul(a, transpose(a));
  of_one([](const Tensor& x) { return cholesky(x); }, definite);
  of_one([](const Tensor& x) { return cholesky(x, true); }, definite);
  of_one([](const Tensor& x) { return slogdet(x).sign * slogdet(x).logabsdet; }, -a);
  of_one([](const Tensor& x) { return det(x); }, a);
}

TEST_CASE("vmap: factorizations are computed for all examples at once, and so are their gradients") {
  manual_seed(11);
  using namespace linalg;
  const auto of_one = [&](const UnaryFunction& f, const Tensor& x) {
    check_together([f](std::span<const Tensor> xs) { return f(xs[0]); }, {x});
    const UnaryFunction slope = grad(UnaryFunction([f](const Tensor& m) { return sum(square(f(m))); }));
    std::vector<Tensor> each;
    for (std::int64_t k = 0; k < x.shape(0); ++k) each.push_back(slope(select(x, 0, k)));
    const UnaryFunction total = [&](const Tensor& m) { return sum(square(vmap(f, {.allow_loop = false})(m))); };
    const Tensor got = grad(total)(x), want = stack(each);
    CHECK(got.shape() == want.shape());
    CHECK(allclose(got, want, 1e-9, 1e-9));
  };
  const Tensor tall = numbers_like_normal({3, 4, 2}), wide = transpose(tall);
  const Tensor square_one = numbers_like_normal({3, 3, 3}) + 2.0 * eye(3, f64);
  const Tensor symmetric = square_one + transpose(square_one);
  // Functions that do not depend on the signs of vectors.
  for (const bool upper : {false, true}) {
    of_one(
        [=](const Tensor& x) {
          const auto [w, v] = eigh(x, upper);
          return matmul(v * exp(w * 0.1), transpose(v));
        },
        symmetric);
    of_one([=](const Tensor& x) { return eigvalsh(x, upper); }, symmetric);
  }
  for (const auto& a : {tall, wide}) {
    of_one(
        [](const Tensor& x) {
          const auto [u, s, vh] = svd(x);
          return matmul(u * s * s, vh);
        },
        a);
    of_one([](const Tensor& x) { return svdvals(x); }, a);
    of_one([](const Tensor& x) { return matmul(qr(x).q, exp(qr(x).r)); }, a);
    of_one([](const Tensor& x) { return matmul(matmul(lu(x).p, exp(lu(x).l)), sin(lu(x).u)); }, a);
    of_one([](const Tensor& x) { return lu_factor(x).lu; }, a);
    of_one([](const Tensor& x) { return lu_unpack(lu_factor(x)).u; }, a);
  }
  of_one([](const Tensor& x) { return qr(x, QRMode::complete).r; }, tall);
  of_one([](const Tensor& x) { return svd(x, true).s; }, tall);
}

TEST_CASE("vmap: convolutions are computed for all examples at once, with kernels of their own too") {
  manual_seed(9);
  using Args = std::span<const Tensor>;
  const auto normal = [](const Shape& shape) { return numbers_like_normal(shape); };
  const Tensor x = normal({3, 2, 4, 6, 5}), w = normal({3, 6, 2, 3, 2}), b = normal({3, 6});
  const ConvFuncOptions o{.stride = {2, 1}, .padding = {1, 0}, .groups = 2};
  check_together([o](Args in) { return conv2d(in[0], in[1], in[2], o); }, {x, w, b});
  check_together([o](Args in) { return conv2d(in[0], in[1], o); }, {x, w});
  check_together([](Args in) { return conv1d(in[0], in[1], {.padding = Padding::same, .dilation = 2}); },
                 {normal({3, 4, 7}), normal({3, 2, 4, 3})});
  const Tensor back = normal({3, 4, 3, 3, 2});
  const ConvTransposeFuncOptions t{.stride = 2, .padding = 1, .output_padding = {1, 0}, .groups = 2};
  check_together([t](Args in) { return conv_transpose2d(in[0], in[1], in[2], t); }, {x, back, b});
  check_together([](Args in) { return conv_transpose1d(in[0], in[1]); }, {normal({3, 4, 5}), normal({3, 4, 2, 3})});
}

TEST_CASE("vmap: says why it loops, and refuses to when asked") {
  manual_seed(4);
  const Tensor x = abs(numbers_like_normal({4, 3, 3})) + 0.1;
  const auto reason = [&](const UnaryFunction& f) {
    return explain_vmap([&](std::span<const Tensor> v) { return std::vector<Tensor>{f(v[0])}; }, std::span(&x, 1));
  };
  const UnaryFunction no_rule = [](const Tensor& v) { return erfcx(v) * 2.0; };
  CHECK_THAT(reason(no_rule), contains("no batching rule for erfcx") && contains("vmap_test.cpp:"));
  CHECK_THROWS_WITH(vmap(no_rule, {.allow_loop = false})(x), contains("no batching rule for erfcx"));
  CHECK(near(vmap(no_rule)(x), erfcx(x) * 2.0));
  // An order that the first and the last example share, but not the one between them.
  const Tensor orders = tensor({{1.0, 2.0}, {4.0, 3.0}, {5.0, 6.0}}, f64);
  const UnaryFunction sorted = [](const Tensor& v) { return take(v, argsort(v.detach()), 0); };
  CHECK(array_equal(vmap(sorted)(orders), sort(orders).values));
  // A bin, which is no number of f, but a tensor without axes.
  const Tensor edges = tensor({0.0, 1.0, 2.0}, f64), heights = tensor({5.0, 6.0, 7.0, 8.0}, f64);
  const UnaryFunction binned = [&](const Tensor& v) { return take(heights, searchsorted(edges, v), 0); };
  CHECK(array_equal(vmap(binned)(tensor({0.5, 1.5, 0.25}, f64)), tensor({6.0, 7.0, 6.0}, f64)));
  // A branch on an element, a random number, and an element as a number.
  const Tensor signs = tensor({1.0, -1.0, 1.0, -1.0}, f64);
  const UnaryFunction branch = [](const Tensor& v) { return v.item() > 0 ? sin(v) : cos(v); };
  CHECK(near(vmap(branch)(signs), where(signs > 0, sin(signs), cos(signs))));
  // One that the first and the last example share, but not those between them; an element that all share is harmless.
  const Tensor between = tensor({1.0, -1.0, 1.0}, f64);
  CHECK(near(vmap(branch)(between), where(between > 0, sin(between), cos(between))));
  CHECK_THAT(explain_vmap([&](std::span<const Tensor> v) { return std::vector{branch(v[0])}; }, std::span(&between, 1)),
             contains("reads the element"));
  const Tensor shared = tensor({2.0}, f64);
  const UnaryFunction constant = [&](const Tensor& v) { return v * shared.item(); };
  CHECK(near(vmap(constant, {.allow_loop = false})(between), between * 2.0));
  const UnaryFunction number = [](const Tensor& v) { return v * v.item(); };
  CHECK(near(vmap(number)(signs * 3.0), full({4}, 9, f64)));
  const UnaryFunction noise = [](const Tensor& v) { return v + randn(v.shape(), f64); };
  const Tensor noisy = vmap(noise)(zeros({4, 2}, f64));
  CHECK(unique(noisy).values.size() == 8);
}

}  // namespace
}  // namespace newtape
