// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random_distributions.hpp>
#include <newtape/distributions/categorical.hpp>
#include <newtape/distributions/detail/parts.hpp>

#include <cmath>
#include <string>

namespace newtape::distributions {

namespace {

Shape without_last(const Shape& shape) { return Shape(shape.begin(), shape.end() - 1); }

/// The part of a draw's shape that precedes the batch.
Shape sample_part(const Shape& shape, std::size_t batch_and_event) {
  return Shape(shape.begin(), shape.end() - static_cast<std::ptrdiff_t>(batch_and_event));
}
void expect_axis(const char* name, const Tensor& x) {
  if (x.ndim() == 0 || x.shape(-1) == 0) {
    raise<ShapeError>(std::string(name) + ": the parameter must have an axis of categories", "[.., k], k > 0",
                      to_string(x.shape()));
  }
}

}  // namespace

// --- Categorical ---

Categorical::Categorical(Tensor probs, Tensor logits)
    : Distribution("Categorical"), probs_(std::move(probs)), logits_(std::move(logits)) {
  set_shapes(without_last(probs_.shape()));
}
Categorical::Categorical(In probs) : Distribution("Categorical") {
  const Tensor p = detail::parameters("Categorical", {probs})[0];
  expect_axis("Categorical", p);
  detail::expect("Categorical", "probs", p, constraints::nonnegative());
  const Tensor total = sum(p, -1, true);
  detail::expect("Categorical", "the sum of probs", total, constraints::positive());
  const Tensor normalized = p / total;
  *this = Categorical(normalized, log(normalized));
}
Categorical Categorical::from_logits(In logits) {
  const Tensor l = detail::parameters("Categorical", {logits})[0];
  expect_axis("Categorical", l);
  const Tensor logs = log_softmax(l, -1);
  return {exp(logs), logs};
}
Constraint Categorical::support() const {
  return constraints::integer_interval(0, Tensor(core::full({}, static_cast<double>(num_events() - 1), dtype())));
}
Tensor Categorical::draw(const Shape& shape, Generator& generator) const {
  return random::categorical(core::contiguous(probs_.value()), sample_part(shape, batch_shape().size()), generator);
}
Tensor Categorical::log_prob_at(const Tensor& value) const {
  const Shape common = broadcast_shapes("Categorical::log_prob", value.shape(), batch_shape());
  Shape all(common);
  all.push_back(num_events());
  const Tensor indices = expand(value.detach(), common).to(i64);
  return squeeze(take_along_axis(expand(logits_, all), unsqueeze(indices, -1), -1), -1);
}
Tensor Categorical::entropy() const { return -detail::xlogx_sum(probs_, logits_); }
Tensor Categorical::mode() const { return argmax(probs_, -1); }
Tensor Categorical::enumerate_support() const {
  Shape column(batch_shape().size() + 1, 1);
  column[0] = num_events();
  Shape all(batch_shape());
  all.insert(0, num_events());
  return expand(reshape(Tensor(core::arange(num_events(), i64)), column), all);
}

// --- OneHotCategorical ---

OneHotCategorical::OneHotCategorical(Categorical indices)
    : Distribution("OneHotCategorical"), indices_(std::move(indices)) {
  set_shapes(indices_.batch_shape(), {indices_.num_events()});
}
OneHotCategorical OneHotCategorical::from_logits(In logits) {
  return OneHotCategorical(Categorical::from_logits(std::move(logits)));
}
Constraint OneHotCategorical::support() const { return constraints::one_hot(); }
Tensor OneHotCategorical::draw(const Shape& shape, Generator& generator) const {
  const Shape samples = sample_part(shape, batch_shape().size() + 1);
  return one_hot(indices_.sample(samples, generator), indices_.num_events(), dtype());
}
Tensor OneHotCategorical::log_prob_at(const Tensor& x) const { return sum(where(x == 0, 0.0, indices_.logits()), -1); }
Tensor OneHotCategorical::entropy() const { return indices_.entropy(); }
Tensor OneHotCategorical::mean() const { return probs(); }
Tensor OneHotCategorical::variance() const { return probs() * (1.0 - probs()); }
Tensor OneHotCategorical::mode() const { return one_hot(indices_.mode(), indices_.num_events(), dtype()); }
Tensor OneHotCategorical::enumerate_support() const {
  return one_hot(indices_.enumerate_support(), indices_.num_events(), dtype());
}

// --- Multinomial ---

Multinomial::Multinomial(std::int64_t total_count, Categorical indices)
    : Distribution("Multinomial"), total_count_(total_count), indices_(std::move(indices)) {
  if (total_count < 0) raise<ValueError>("Multinomial: total_count", "at least 0", std::to_string(total_count));
  set_shapes(indices_.batch_shape(), {indices_.num_events()});
}
Multinomial Multinomial::from_logits(std::int64_t total_count, In logits) {
  return {total_count, Categorical::from_logits(std::move(logits))};
}
Constraint Multinomial::support() const { return constraints::counts(static_cast<double>(total_count_)); }
Tensor Multinomial::draw(const Shape& shape, Generator& generator) const {
  const Shape samples = sample_part(shape, batch_shape().size() + 1);
  return random::multinomial(total_count_, core::contiguous(probs().value()), samples, generator);
}
Tensor Multinomial::log_prob_at(const Tensor& x) const {
  const Tensor terms = x * where(x == 0, 0.0, logits()) - lgamma(x + 1.0);
  return sum(terms, -1) + std::lgamma(static_cast<double>(total_count_) + 1);
}
// n H(probs) - log n! + sum_i E[log x_i!], where x_i is binomial.
Tensor Multinomial::entropy() const {
  const auto n = static_cast<double>(total_count_);
  Shape column(probs().ndim() + 1, 1);
  column[0] = total_count_ + 1;
  const Tensor k = reshape(Tensor(core::arange(total_count_ + 1, dtype())), column);
  const Tensor choose = std::lgamma(n + 1) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
  const Tensor of_each = exp(choose + xlogy(k, probs()) + xlogy(n - k, 1.0 - probs()));
  return n * indices_.entropy() - std::lgamma(n + 1) + sum(of_each * lgamma(k + 1.0), {0, -1});
}
Tensor Multinomial::mean() const { return static_cast<double>(total_count_) * probs(); }
Tensor Multinomial::variance() const { return static_cast<double>(total_count_) * probs() * (1.0 - probs()); }

}  // namespace newtape::distributions
