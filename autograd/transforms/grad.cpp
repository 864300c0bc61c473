// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/grad.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>

#include <algorithm>
#include <string>

namespace newtape {

using detail::expect_scalar;
using detail::expect_tangents;
using detail::Graph;
using detail::pull;
using detail::record;
using detail::RecordedFunction;

namespace {

using One = std::span<const Tensor>;

Function of_single(const UnaryFunction& f) {
  return [&f](std::span<const Tensor> xs) { return f(xs[0]); };
}
One one(const Tensor& x) { return {&x, 1}; }

/// The value and the first of the derivatives.
std::pair<Tensor, Tensor> first(std::pair<Tensor, std::vector<Tensor>> several) {
  return {std::move(several.first), std::move(several.second[0])};
}

bool varies(std::span<const Tensor> vs) {
  return grad_enabled() && std::any_of(vs.begin(), vs.end(), [](const Tensor& v) { return v.requires_grad(); });
}

/// The mode of the last sweep through the graph of `t`.
Graph last(const RecordedFunction& t) { return t.record ? Graph::record : Graph::release; }

std::vector<Tensor> ones_for(std::span<const Tensor> ys) {
  std::vector<Tensor> ones;
  for (const auto& y : ys) ones.push_back(ones_like(y));
  return ones;
}

}  // namespace

// --- gradients ---

namespace {
std::pair<Tensor, std::vector<Tensor>> value_and_gradient(const std::string& op, const Function& f,
                                                          std::span<const Tensor> xs) {
  const RecordedFunction t = record(op, f, xs);
  expect_scalar(op, t);
  auto gradient = pull(t.ys, ones_for(t.ys), t.xs, last(t));
  return {t.result(t.ys[0]), std::move(gradient)};
}
}  // namespace

std::pair<Tensor, std::vector<Tensor>> value_and_grad(const Located<Function>& f, std::span<const Tensor> xs) {
  return value_and_gradient(detail::caller_or("value_and_grad"), f, xs);
}
std::pair<Tensor, Tensor> value_and_grad(const Located<UnaryFunction>& f, const Tensor& x) {
  return first(value_and_gradient(detail::caller_or("value_and_grad"), of_single(f), one(x)));
}

UnaryFunction grad(Located<UnaryFunction> f) {
  return [f = std::move(f)](const Tensor& x) {
    const ErrorSite here(f.location());
    return value_and_gradient("grad", of_single(f), one(x)).second[0];
  };
}
MultiFunction grad(Located<Function> f) {
  return [f = std::move(f)](std::span<const Tensor> xs) {
    const ErrorSite here(f.location());
    return value_and_gradient("grad", f, xs).second;
  };
}

// --- products with the Jacobian ---

namespace {

std::pair<std::vector<Tensor>, std::vector<Tensor>> push(RecordedFunction t, std::span<const Tensor> vs) {
  const Shape lead = expect_tangents("jvp", "tangent", t.xs, vs);
  t.record |= varies(vs);
  const auto [us, pulled] = detail::pulled(t);
  auto forward = pull(pulled, vs, us, last(t), lead);
  return {t.results(t.ys), std::move(forward)};
}

std::pair<std::vector<Tensor>, std::vector<Tensor>> back(RecordedFunction t, std::span<const Tensor> gs) {
  const Shape lead = expect_tangents("vjp", "cotangent", t.ys, gs);
  t.record |= varies(gs);
  auto gradients = pull(t.ys, gs, t.xs, last(t), lead);
  return {t.results(t.ys), std::move(gradients)};
}

}  // namespace

std::pair<std::vector<Tensor>, std::vector<Tensor>> jvp(const Located<MultiFunction>& f, std::span<const Tensor> xs,
                                                        std::span<const Tensor> vs) {
  return push(record("jvp", f, xs), vs);
}
std::pair<Tensor, Tensor> jvp(const Located<Function>& f, std::span<const Tensor> xs, std::span<const Tensor> vs) {
  auto [y, forward] = push(record("jvp", f, xs), vs);
  return {std::move(y[0]), std::move(forward[0])};
}
std::pair<Tensor, Tensor> jvp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& v) {
  return jvp(of_single(f), one(x), one(v));
}

std::pair<std::vector<Tensor>, std::vector<Tensor>> vjp(const Located<MultiFunction>& f, std::span<const Tensor> xs,
                                                        std::span<const Tensor> cotangents) {
  return back(record("vjp", f, xs), cotangents);
}
std::pair<Tensor, std::vector<Tensor>> vjp(const Located<Function>& f, std::span<const Tensor> xs,
                                           const Tensor& cotangent) {
  auto [y, gradients] = back(record("vjp", f, xs), one(cotangent));
  return {std::move(y[0]), std::move(gradients)};
}
std::pair<Tensor, Tensor> vjp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& cotangent) {
  return first(vjp(of_single(f), one(x), cotangent));
}

Linearization::Linearization(const MultiFunction& f, std::span<const Tensor> xs) {
  RecordedFunction t = record("Linearization", f, xs);
  values_ = t.results(t.ys);
  record_ = t.record;
  xs_ = std::move(t.xs);
  ys_ = std::move(t.ys);
}
Linearization::Linearization(const Function& f, std::span<const Tensor> xs)
    : Linearization(MultiFunction([&f](std::span<const Tensor> own) { return std::vector<Tensor>{f(own)}; }), xs) {}

std::vector<Tensor> Linearization::jvp(std::span<const Tensor> vs) const {
  const Shape lead = expect_tangents("jvp", "tangent", xs_, vs);
  if (us_.empty() && !ys_.empty()) {
    auto p = detail::pulled({xs_, ys_, record_});
    us_ = std::move(p.us);
    pulled_ = std::move(p.pulled);
  }
  const bool record = grad_enabled() && (record_ || varies(vs));
  return pull(pulled_, vs, us_, record ? Graph::record : Graph::retain, lead);
}

std::vector<Tensor> Linearization::vjp(std::span<const Tensor> gs) const {
  const Shape lead = expect_tangents("vjp", "cotangent", ys_, gs);
  const bool record = grad_enabled() && (record_ || varies(gs));
  return pull(ys_, gs, xs_, record ? Graph::record : Graph::retain, lead);
}

// --- products with second derivatives ---

namespace {
std::pair<Tensor, std::vector<Tensor>> hessian_product(const char* op, const Function& f, std::span<const Tensor> xs,
                                                       std::span<const Tensor> vs) {
  RecordedFunction t = record(op, f, xs);
  expect_scalar(op, t);
  const Shape lead = expect_tangents(op, "vector", t.xs, vs);
  t.record |= varies(vs);
  const auto gradient = pull(t.ys, ones_for(t.ys), t.xs, Graph::record);
  auto product = pull(gradient, vs, t.xs, last(t), lead);
  return {t.result(t.ys[0]), std::move(product)};
}
}  // namespace

std::pair<Tensor, std::vector<Tensor>> hvp(const Located<Function>& f, std::span<const Tensor> xs,
                                           std::span<const Tensor> vs) {
  return hessian_product("hvp", f, xs, vs);
}
std::pair<Tensor, Tensor> hvp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& v) {
  return first(hessian_product("hvp", of_single(f), one(x), one(v)));
}
std::pair<Tensor, std::vector<Tensor>> vhp(const Located<Function>& f, std::span<const Tensor> xs,
                                           std::span<const Tensor> vs) {
  return hessian_product("vhp", f, xs, vs);
}
std::pair<Tensor, Tensor> vhp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& v) {
  return first(hessian_product("vhp", of_single(f), one(x), one(v)));
}

HessianProduct::HessianProduct(const Function& f, std::span<const Tensor> xs) {
  RecordedFunction t = record("hvp", f, xs);
  expect_scalar("hvp", t);
  gs_ = pull(t.ys, ones_for(t.ys), t.xs, Graph::record);
  value_ = t.result(t.ys[0]);
  gradient_ = t.results(gs_);
  record_ = t.record;
  xs_ = std::move(t.xs);
}

std::vector<Tensor> HessianProduct::operator()(std::span<const Tensor> vs) const {
  const Shape lead = expect_tangents("hvp", "vector", xs_, vs);
  const bool record = grad_enabled() && (record_ || varies(vs));
  return pull(gs_, vs, xs_, record ? Graph::record : Graph::retain, lead);
}

namespace {

/// f(xs) and J^T h(y, J v).
std::pair<Tensor, std::vector<Tensor>> gauss_newton(const Function& f, std::span<const Tensor> xs,
                                                    std::span<const Tensor> vs,
                                                    const std::function<Tensor(const Tensor&, const Tensor&)>& h) {
  RecordedFunction t = record("gnvp", f, xs);
  const Shape lead = expect_tangents("gnvp", "vector", t.xs, vs);
  t.record |= varies(vs);
  const auto [us, pulled] = detail::pulled(t);
  const auto forward = pull(pulled, vs, us, t.record ? Graph::record : Graph::retain, lead);
  const Tensor y = t.result(t.ys[0]);
  const Tensor curved = h(y, forward[0]);
  return {y, pull(t.ys, one(curved), t.xs, last(t), lead)};
}

}  // namespace

std::pair<Tensor, std::vector<Tensor>> gnvp(const Located<Function>& f, const UnaryFunction& loss,
                                            std::span<const Tensor> xs, std::span<const Tensor> vs) {
  return gauss_newton(f, xs, vs, [&](const Tensor& y, const Tensor& u) { return hvp(loss, y, u).second; });
}
std::pair<Tensor, Tensor> gnvp(const Located<UnaryFunction>& f, const UnaryFunction& loss, const Tensor& x,
                               const Tensor& v) {
  return first(gnvp(of_single(f), loss, one(x), one(v)));
}
std::pair<Tensor, std::vector<Tensor>> gnvp(const Located<Function>& f, std::span<const Tensor> xs,
                                            std::span<const Tensor> vs) {
  return gauss_newton(f, xs, vs, [](const Tensor&, const Tensor& u) { return u; });
}
std::pair<Tensor, Tensor> gnvp(const Located<UnaryFunction>& f, const Tensor& x, const Tensor& v) {
  return first(gnvp(of_single(f), one(x), one(v)));
}

// --- fields ---

namespace {

/// The trace of the Jacobian of each row of y with respect to the same row of x, both [.., d]: by a batch of d
/// cotangents, of which the i-th selects coordinate i in every row.
Tensor trace_of_rows(const Tensor& y, const RecordedFunction& t) {
  const auto d = y.shape().back();
  const auto rows = detail::chunk_rows(detail::reach(one(y), t.xs), d, 0);
  Tensor total;
  for (std::int64_t i = 0; i < d || !total.defined(); i += rows) {
    const auto count = std::min(rows, d - i);
    Shape unit(y.ndim() + 1, 1);
    unit[0] = count;
    unit[y.ndim()] = d;
    const Shape lead{count};
    const Tensor e = expand(reshape(detail::unit_rows(i, count, d, y.dtype()), unit), detail::joined(lead, y.shape()));
    const bool end = i + rows >= d;
    const auto j = pull(one(y), one(e), t.xs, t.record ? Graph::record : end ? Graph::release : Graph::retain, lead);
    Tensor part = sum(j[0] * e, {0, -1});
    total = total.defined() ? std::move(total) + std::move(part) : std::move(part);
  }
  return total;
}

void expect_rows(std::string_view op, const Tensor& x) {
  if (x.ndim() == 0) raise<ShapeError>(std::string(op) + ": x must have an axis of coordinates", "[.., d]", "[]");
}
void expect_shape(std::string_view op, const Tensor& y, const Shape& shape) {
  if (y.shape() == shape) return;
  raise<ShapeError>(std::string(op) + ": the function must return one result for each row", to_string(shape),
                    to_string(y.shape()));
}

}  // namespace

Tensor laplacian(const Located<UnaryFunction>& f, const Tensor& x) {
  expect_rows("laplacian", x);
  const RecordedFunction t = record("laplacian", of_single(f), one(x));
  expect_shape("laplacian", t.ys[0], Shape(x.shape().begin(), x.shape().end() - 1));
  const auto gradient = pull(t.ys, ones_for(t.ys), t.xs, Graph::record);
  return t.result(trace_of_rows(gradient[0], t));
}

Tensor divergence(const Located<UnaryFunction>& f, const Tensor& x) {
  expect_rows("divergence", x);
  const RecordedFunction t = record("divergence", of_single(f), one(x));
  expect_shape("divergence", t.ys[0], x.shape());
  return t.result(trace_of_rows(t.ys[0], t));
}

}  // namespace newtape
