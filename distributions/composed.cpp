// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/distributions/composed.hpp>

#include <algorithm>
#include <string>

namespace newtape::distributions {

namespace {

Tensor sum_last(const Tensor& x, std::size_t ndim) {
  Dims axes;
  for (std::size_t i = 1; i <= ndim; ++i) axes.push_back(-static_cast<std::int64_t>(i));
  return ndim == 0 ? x : sum(x, Axes(axes));
}
Shape first_axes(const Shape& shape, std::size_t n) {
  return Shape(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(n));
}
Shape axes_from(const Shape& shape, std::size_t n) {
  return Shape(shape.begin() + static_cast<std::ptrdiff_t>(n), shape.end());
}

/// Samples from a shape sample.. + batch.. + event.. of a distribution with these further axes.
Shape sample_axes(const Shape& shape, const Distribution& d) {
  return first_axes(shape, shape.size() - d.batch_shape().size() - d.event_shape().size());
}
/// A distribution or transform that is held by another. ValueError naming the family when there is none.
template <class T>
std::shared_ptr<const T> held(const char* name, std::shared_ptr<const T> part) {
  if (part == nullptr) {
    raise<ValueError>(std::string(name) + ": a part is undefined", "a distribution or transform: share(..)", "null");
  }
  return part;
}
Tensor draw_of(const Distribution& d, const Shape& samples, Generator& generator) {
  return d.has_rsample() && grad_enabled() ? d.rsample(samples, generator) : d.sample(samples, generator);
}

}  // namespace

// --- Independent ---

Independent::Independent(DistributionRef base, std::size_t ndim)
    : Distribution("Independent"), base_(held("Independent", std::move(base))), ndim_(ndim) {
  const Shape& batch = base_->batch_shape();
  if (ndim > batch.size()) {
    raise<ShapeError>("Independent: more axes than the batch has", "at most " + std::to_string(batch.size()),
                      std::to_string(ndim));
  }
  Shape event = axes_from(batch, batch.size() - ndim);
  for (const auto n : base_->event_shape()) event.push_back(n);
  set_shapes(first_axes(batch, batch.size() - ndim), event);
}
Constraint Independent::support() const { return constraints::independent(base_->support(), ndim_); }
Tensor Independent::draw(const Shape& shape, Generator& generator) const {
  return draw_of(*base_, sample_axes(shape, *this), generator);
}
Tensor Independent::log_prob_at(const Tensor& x) const { return sum_last(base_->log_prob(x), ndim_); }
Tensor Independent::entropy() const { return sum_last(base_->entropy(), ndim_); }

// --- MixtureSameFamily ---

MixtureSameFamily::MixtureSameFamily(Categorical mixture, DistributionRef component)
    : Distribution("MixtureSameFamily"),
      mixture_(std::move(mixture)),
      component_(held("MixtureSameFamily", std::move(component))) {
  const Shape& batch = component_->batch_shape();
  if (batch.empty() || batch.back() != mixture_.num_events()) {
    raise<ShapeError>("MixtureSameFamily: the last batch axis must hold the components",
                      "[.., " + std::to_string(mixture_.num_events()) + "]", to_string(batch));
  }
  set_shapes(broadcast_shapes("MixtureSameFamily", mixture_.batch_shape(), first_axes(batch, batch.size() - 1)),
             component_->event_shape());
}
namespace {
/// `x` [.., k] with axes of length 1 for the event.
Tensor padded(Tensor x, std::size_t events) {
  for (std::size_t i = 0; i < events; ++i) x = unsqueeze(x, -1);
  return x;
}
std::int64_t component_axis(const Distribution& d) { return -1 - static_cast<std::int64_t>(d.event_shape().size()); }
}  // namespace
Tensor MixtureSameFamily::draw(const Shape& shape, Generator& generator) const {
  const Shape samples = sample_axes(shape, *this);
  const Tensor which = mixture_.sample(samples, generator);
  const Tensor all = component_->sample(samples, generator);
  const Tensor chosen = padded(one_hot(which, mixture_.num_events()) == 1, event_shape().size());
  return sum(where(chosen, all.to(dtype()), 0.0), component_axis(*this));
}
Tensor MixtureSameFamily::log_prob_at(const Tensor& x) const {
  return logsumexp(component_->log_prob(unsqueeze(x, component_axis(*this))) + mixture_.logits(), -1);
}
Tensor MixtureSameFamily::cdf_at(const Tensor& x) const {
  return sum(component_->cdf(unsqueeze(x, -1)) * mixture_.probs(), -1);
}
Tensor MixtureSameFamily::mean() const {
  return sum(padded(mixture_.probs(), event_shape().size()) * component_->mean(), component_axis(*this));
}
Tensor MixtureSameFamily::variance() const {
  const auto axis = component_axis(*this);
  const Tensor p = padded(mixture_.probs(), event_shape().size());
  const Tensor spread = component_->mean() - unsqueeze(mean(), axis);
  return sum(p * (component_->variance() + square(spread)), axis);
}

// --- TransformedDistribution ---

TransformedDistribution::TransformedDistribution(DistributionRef base, std::vector<TransformRef> transforms)
    : TransformedDistribution("TransformedDistribution", std::move(base), std::move(transforms)) {}
TransformedDistribution::TransformedDistribution(const char* name, DistributionRef base,
                                                 std::vector<TransformRef> transforms)
    : Distribution(name), base_(held(name, std::move(base))), transforms_(std::move(transforms)) {
  for (const auto& f : transforms_) held(name, f);
  // Axes of the base that the transforms take as one value.
  std::size_t needed = 0;
  for (auto f = transforms_.rbegin(); f != transforms_.rend(); ++f) {
    const std::size_t from = (*f)->codomain_ndim();
    needed = (*f)->domain_ndim() + (needed > from ? needed - from : 0);
  }
  const std::size_t own = base_->event_shape().size();
  if (needed > own) base_ = share(Independent(base_, needed - own));
  // Their shapes, by one draw of zeros.
  const NoGrad off;
  Shape shape(base_->batch_shape());
  for (const auto n : base_->event_shape()) shape.push_back(n);
  Tensor x(core::zeros(shape, base_->dtype()));
  std::size_t events = base_->event_shape().size();
  for (const auto& f : transforms_) {
    x = (*f)(x);
    events = std::max(events, f->domain_ndim()) - f->domain_ndim() + f->codomain_ndim();
  }
  set_shapes(first_axes(x.shape(), x.ndim() - events), axes_from(x.shape(), x.ndim() - events));
}
Constraint TransformedDistribution::support() const {
  if (transforms_.empty()) return base_->support();
  const Constraint last = transforms_.back()->codomain();
  return constraints::independent(last, event_shape().size() - last.event_ndim());
}
Tensor TransformedDistribution::draw(const Shape& shape, Generator& generator) const {
  Shape samples = first_axes(shape, shape.size() - batch_shape().size() - event_shape().size());
  // Parameters of the transforms may add batch axes, for which each element has a draw of its own.
  const std::size_t added = batch_shape().size() - std::min(batch_shape().size(), base_->batch_shape().size());
  for (std::size_t i = 0; i < added; ++i) samples.push_back(batch_shape()[i]);
  Tensor x = draw_of(*base_, samples, generator);
  for (const auto& f : transforms_) x = (*f)(x);
  return x;
}
Tensor TransformedDistribution::log_prob_at(const Tensor& value) const {
  Tensor y = value;
  Tensor total;
  std::size_t events = event_shape().size();
  for (auto f = transforms_.rbegin(); f != transforms_.rend(); ++f) {
    const Tensor x = (*f)->inverse(y);
    events = events - (*f)->codomain_ndim() + (*f)->domain_ndim();
    const Tensor term = sum_last((*f)->log_abs_det_jacobian(x, y), events - (*f)->domain_ndim());
    total = total.defined() ? total - term : -term;
    y = x;
  }
  const Tensor own = sum_last(base_->log_prob(y), events - base_->event_shape().size());
  return total.defined() ? total + own : own;
}
Tensor TransformedDistribution::along_sign(const char* what, const Tensor& p) const {
  Tensor result = p;
  for (const auto& f : transforms_) {
    const Tensor sign = f->sign();
    if (!sign.defined()) unavailable(what);
    result = where(sign > 0, result, 1.0 - result);
  }
  return result;
}
Tensor TransformedDistribution::cdf_at(const Tensor& value) const {
  Tensor x = value;
  for (auto f = transforms_.rbegin(); f != transforms_.rend(); ++f) x = (*f)->inverse(x);
  return along_sign("cdf", base_->cdf(x));
}
Tensor TransformedDistribution::icdf_at(const Tensor& p) const {
  Tensor x = base_->icdf(along_sign("icdf", p));
  for (const auto& f : transforms_) x = (*f)(x);
  return x;
}

// --- CumulativeDistributionTransform ---

CumulativeDistributionTransform::CumulativeDistributionTransform(DistributionRef distribution)
    : distribution_(held("CumulativeDistributionTransform", std::move(distribution))) {}
Tensor CumulativeDistributionTransform::operator()(const Tensor& x) const { return distribution_->cdf(x); }
Tensor CumulativeDistributionTransform::inverse(const Tensor& y) const { return distribution_->icdf(y); }
Tensor CumulativeDistributionTransform::log_abs_det_jacobian(const Tensor& x, const Tensor&) const {
  return distribution_->log_prob(x);
}

}  // namespace newtape::distributions
