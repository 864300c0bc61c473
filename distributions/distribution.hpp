// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/random.hpp>
#include <newtape/distributions/constraints.hpp>

#include <initializer_list>
#include <memory>
#include <vector>

/// Probability distributions whose parameters are tensors: log_prob, cdf, moments and reparametrised samples are
/// differentiable in them to any order. Names as in torch.distributions.
namespace newtape::distributions {

/// A batch of distributions of the same family. Shapes: a draw is [sample_shape.., batch_shape.., event_shape..], a
/// log_prob [.., batch_shape..]. What a family has no closed form of raises a ValueError that names both.
class Distribution {
 public:
  virtual ~Distribution() = default;

  /// The family: "Normal".
  const char* name() const noexcept { return name_; }
  /// The shape of the batch of distributions, and that of one value of one of them.
  const Shape& batch_shape() const noexcept { return batch_shape_; }
  const Shape& event_shape() const noexcept { return event_shape_; }
  /// Of the parameters.
  virtual DType dtype() const = 0;
  /// The set of possible values.
  virtual Constraint support() const = 0;

  /// Constants.
  Tensor sample(const Shape& sample_shape = {}, Generator& generator = default_generator()) const;
  /// Differentiable in the parameters; ValueError unless has_rsample().
  Tensor rsample(const Shape& sample_shape = {}, Generator& generator = default_generator()) const;
  virtual bool has_rsample() const { return false; }

  /// log of the density, or of the probability of a discrete value. ValueError for values outside of the support.
  Tensor log_prob(In value) const;
  Tensor cdf(In value) const;  ///< P(X <= value)
  Tensor icdf(In p) const;     ///< the value with cdf p; of a discrete family the least one with cdf >= p
  virtual Tensor entropy() const;
  virtual Tensor mean() const;
  virtual Tensor variance() const;
  Tensor stddev() const;
  virtual Tensor mode() const;
  /// All values of a finite support, along a new first axis: [n, batch.., event..].
  virtual Tensor enumerate_support() const;
  virtual bool has_enumerate_support() const { return false; }

 protected:
  explicit Distribution(const char* name) : name_(name) {}
  Distribution(const Distribution&) = default;
  Distribution(Distribution&&) = default;
  Distribution& operator=(const Distribution&) = default;
  Distribution& operator=(Distribution&&) = default;

  void set_shapes(Shape batch_shape, Shape event_shape = {}) {
    batch_shape_ = std::move(batch_shape);
    event_shape_ = std::move(event_shape);
  }
  /// A draw of this shape, recorded where it is differentiable.
  virtual Tensor draw(const Shape& shape, Generator& generator) const = 0;
  // The values have been checked.
  virtual Tensor log_prob_at(const Tensor& value) const = 0;
  virtual Tensor cdf_at(const Tensor& value) const;
  virtual Tensor icdf_at(const Tensor& p) const;

  /// ValueError: the family has no such function.
  [[noreturn]] void unavailable(const char* what) const;
  /// sample_shape + batch_shape + event_shape
  Shape draw_shape(const Shape& sample_shape) const;
  Tensor constant(double value) const;  ///< of the batch shape

 private:
  Tensor checked(const char* op, const Tensor& value) const;

  const char* name_;
  Shape batch_shape_, event_shape_;
};

/// Whole families, for those that hold others.
using DistributionRef = std::shared_ptr<const Distribution>;
template <class D>
  requires std::derived_from<std::remove_cvref_t<D>, Distribution> DistributionRef share(D&& distribution) {
    return std::make_shared<std::remove_cvref_t<D>>(std::forward<D>(distribution));
  }

/// The Kullback-Leibler divergence KL(p || q), [batch_shape..]. ValueError for a pair of families without a closed form.
Tensor kl_divergence(const Distribution& p, const Distribution& q);

namespace detail {
/// Parameters of a family, broadcast. Numbers take the dtype of the tensors, f32 if there are none; i64 become f32.
std::vector<Tensor> parameters(const char* name, std::initializer_list<In> values);
/// ValueError naming parameter and family unless all elements are in the set.
void expect(const char* name, const char* parameter, const Tensor& value, const Constraint& constraint);
}  // namespace detail

}  // namespace newtape::distributions
