// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/array/print.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/distributions/distribution.hpp>

#include <string>

namespace newtape::distributions {

Shape Distribution::draw_shape(const Shape& sample_shape) const {
  Shape shape(sample_shape);
  for (const auto n : batch_shape_) shape.push_back(n);
  for (const auto n : event_shape_) shape.push_back(n);
  return shape;
}

Tensor Distribution::sample(const Shape& sample_shape, Generator& generator) const {
  const NoGrad off;
  return draw(draw_shape(sample_shape), generator).detach();
}
Tensor Distribution::rsample(const Shape& sample_shape, Generator& generator) const {
  if (!has_rsample()) unavailable("rsample");
  return draw(draw_shape(sample_shape), generator);
}

Tensor Distribution::checked(const char* op, const Tensor& value) const {
  const std::string where = std::string(name_) + "::" + op;
  const Tensor x = is_floating(value.dtype()) ? value : value.to(dtype());
  if (x.dtype() != dtype()) {
    raise<DTypeError>(where + ": the value must have the dtype of the parameters", newtape::name(dtype()),
                      newtape::name(x.dtype()));
  }
  (void)broadcast_shapes(where, x.shape(), draw_shape({}));
  const std::size_t events = event_shape_.size();
  for (std::size_t i = 0; i < events; ++i) {
    if (x.ndim() < events || x.shape()[x.ndim() - events + i] != event_shape_[i]) {
      raise<ShapeError>(where + ": the value must have the event shape", "[.., " + to_string(event_shape_) + "]",
                        to_string(x.shape()));
    }
  }
  return x;
}

Tensor Distribution::log_prob(In value) const {
  if (value.is_number()) value.resolve("log_prob", dtype());
  const Tensor x = checked("log_prob", value);
  const Constraint set = support();
  if (!all(set.contains(x.detach())).item<bool>()) {
    raise<ValueError>(std::string(name_) + "::log_prob: a value is outside of the support", set.name(),
                      to_string(x.value()));
  }
  return log_prob_at(x);
}
Tensor Distribution::cdf(In value) const {
  if (value.is_number()) value.resolve("cdf", dtype());
  return cdf_at(checked("cdf", value));
}
Tensor Distribution::icdf(In p) const {
  if (p.is_number()) p.resolve("icdf", dtype());
  const Tensor x = checked("icdf", p);
  detail::expect(name_, "p of icdf", x, constraints::unit_interval());
  return icdf_at(x);
}

void Distribution::unavailable(const char* what) const {
  raise<ValueError>(std::string(name_) + ": no " + what, "a family that has " + std::string(what), name_);
}
Tensor Distribution::constant(double value) const { return Tensor(core::full(batch_shape_, value, dtype())); }
Tensor Distribution::stddev() const { return sqrt(variance()); }
Tensor Distribution::entropy() const { unavailable("entropy"); }
Tensor Distribution::mean() const { unavailable("mean"); }
Tensor Distribution::variance() const { unavailable("variance"); }
Tensor Distribution::mode() const { unavailable("mode"); }
Tensor Distribution::enumerate_support() const { unavailable("enumerate_support"); }
Tensor Distribution::cdf_at(const Tensor&) const { unavailable("cdf"); }
Tensor Distribution::icdf_at(const Tensor&) const { unavailable("icdf"); }

std::vector<Tensor> detail::parameters(const char* name, std::initializer_list<In> values) {
  std::vector<In> given(values);
  DType dtype = f32;
  bool any = false;
  for (auto& x : given) {
    if (x.is_number() || !is_floating(x.dtype())) continue;
    if (any && x.dtype() != dtype) {
      raise<DTypeError>(std::string(name) + ": the parameters have different dtypes", newtape::name(dtype),
                        newtape::name(x.dtype()));
    }
    dtype = x.dtype();
    any = true;
  }
  Shape common;
  std::vector<Tensor> tensors;
  for (auto& x : given) {
    if (x.is_number()) {
      tensors.push_back(Tensor(core::full({}, x.number(), dtype)));
    } else {
      if (!x.tensor().defined())
        raise<ValueError>(std::string(name) + ": a parameter is undefined", "a tensor", "none");
      tensors.push_back(is_floating(x.dtype()) ? x.tensor() : x.tensor().to(dtype));
    }
    common = broadcast_shapes(name, common, tensors.back().shape());
  }
  for (auto& x : tensors) {
    if (x.shape() != common) x = expand(x, common);
  }
  return tensors;
}

void detail::expect(const char* name, const char* parameter, const Tensor& value, const Constraint& constraint) {
  const Tensor x = value.detach();
  if (all(constraint.contains(x)).item<bool>()) return;
  raise<ValueError>(std::string(name) + ": " + parameter + " is out of range", constraint.name(), to_string(x.value()));
}

}  // namespace newtape::distributions
