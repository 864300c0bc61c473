// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/distributions/categorical.hpp>
#include <newtape/distributions/transforms.hpp>

namespace newtape::distributions {

/// The last `ndim` batch axes of `base` as axes of the event: the log_prob is the sum over them.
class Independent : public Distribution {
 public:
  Independent(DistributionRef base, std::size_t ndim);
  template <std::derived_from<Distribution> D>
  Independent(D base, std::size_t ndim) : Independent(share(std::move(base)), ndim) {}
  const Distribution& base() const noexcept { return *base_; }
  std::size_t ndim() const noexcept { return ndim_; }
  DType dtype() const override { return base_->dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return base_->has_rsample(); }
  Tensor entropy() const override;
  Tensor mean() const override { return base_->mean(); }
  Tensor variance() const override { return base_->variance(); }
  Tensor mode() const override { return base_->mode(); }

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;

 private:
  DistributionRef base_;
  std::size_t ndim_;
};

/// The mixture of k distributions of one family, along the last batch axis of `component` [.., k].
class MixtureSameFamily : public Distribution {
 public:
  MixtureSameFamily(Categorical mixture, DistributionRef component);
  template <std::derived_from<Distribution> D>
  MixtureSameFamily(Categorical mixture, D component)
      : MixtureSameFamily(std::move(mixture), share(std::move(component))) {}
  const Categorical& mixture_distribution() const noexcept { return mixture_; }
  const Distribution& component_distribution() const noexcept { return *component_; }
  DType dtype() const override { return component_->dtype(); }
  Constraint support() const override { return component_->support(); }
  Tensor mean() const override;
  Tensor variance() const override;

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;

 private:
  Categorical mixture_;
  DistributionRef component_;
};

/// The distribution of f_n(.. f_1(x)) for x of `base`. Batch axes of `base` that a transform takes as one value become
/// axes of the event. Not for discrete distributions.
class TransformedDistribution : public Distribution {
 public:
  TransformedDistribution(DistributionRef base, std::vector<TransformRef> transforms);
  /// TransformedDistribution(Normal(0, 1), ExpTransform(), ..)
  template <std::derived_from<Distribution> D, std::derived_from<Transform>... F>
    requires(sizeof...(F) > 0)
  explicit TransformedDistribution(D base, F... transforms)
      : TransformedDistribution(share(std::move(base)), {std::make_shared<const F>(std::move(transforms))...}) {}
  const Distribution& base() const noexcept { return *base_; }
  DType dtype() const override { return base_->dtype(); }
  Constraint support() const override;
  bool has_rsample() const override { return base_->has_rsample(); }

 protected:
  Tensor draw(const Shape& shape, Generator& generator) const override;
  Tensor log_prob_at(const Tensor& value) const override;
  Tensor cdf_at(const Tensor& value) const override;
  Tensor icdf_at(const Tensor& p) const override;
  /// For families of their own names.
  TransformedDistribution(const char* name, DistributionRef base, std::vector<TransformRef> transforms);

 private:
  /// p, or 1 - p where the transforms decrease; ValueError unless all are functions of one number.
  Tensor along_sign(const char* what, const Tensor& p) const;

  DistributionRef base_;
  std::vector<TransformRef> transforms_;
};

/// The cdf of a distribution of numbers as a transform: to numbers that are uniform in [0, 1] if x has that distribution.
class CumulativeDistributionTransform final : public IncreasingTransform {
 public:
  explicit CumulativeDistributionTransform(DistributionRef distribution);
  Tensor operator()(const Tensor& x) const override;
  Tensor inverse(const Tensor& y) const override;
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override;
  Constraint codomain() const override { return constraints::unit_interval(); }

 private:
  DistributionRef distribution_;
};

}  // namespace newtape::distributions
