// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/data/loading/dataset.hpp>

#include <vector>

/// Transforms for `Dataset::map`, e.g. `compose({random_horizontal_flip(), random_crop(28, 28, {.padding = 2})})`.
/// Each applies to one array of the batch, by default the first, and passes the others on. Images are [n, h, w] or
/// [n, .., h, w]; random numbers are drawn per example and shared by its channels. A wrong shape or dtype raises a
/// ShapeError or DTypeError naming the transform when the batch is made.
namespace newtape::data {

/// Applies the transforms in this order.
Transform compose(std::vector<Transform> transforms);

/// A transform from a function of one array, e.g. `on(0, [](Array x, Generator&) { return core::sqrt(x); })`.
Transform on(std::size_t array, std::function<Array(Array, Generator&)> function);

/// (x - mean) / std per channel, axis 1 of x [n, c, ..]; single values apply to all of x [n, ..]. ValueError unless
/// there are as many standard deviations as means, all positive.
Transform normalize(const std::vector<double>& mean, const std::vector<double>& std, std::size_t array = 0);

/// Set over which statistics are computed: per feature over all examples, per channel (axis 1), or the whole array.
enum class Statistics { feature, channel, array };

struct StandardizeOptions {
  Statistics per = Statistics::feature;
  std::size_t array = 0;
};

/// Scales to mean 0 and standard deviation 1 with the statistics of the training set; constant features become 0.
/// `const Standardize s(train); train.map(s); test.map(s);`
class Standardize {
 public:
  /// Uses the set's array without its transforms. DTypeError unless it is floating, ValueError if it has no examples.
  explicit Standardize(const Dataset& train, const StandardizeOptions& options = {});
  /// From saved statistics.
  Standardize(ArrayLike mean, ArrayLike std, std::size_t array = 0);

  const Array& mean() const noexcept { return mean_; }
  const Array& std() const noexcept { return std_; }  ///< 1 where the training set is constant

  /// Standardizes x, or inverts it (e.g. for the output of a network).
  Array apply(const ArrayLike& x) const;
  Array invert(const ArrayLike& y) const;
  Batch operator()(Batch batch, Generator& generator) const;

 private:
  Array mean_, std_;
  std::size_t array_;
};

/// Labels i64 [..] -> [.., classes]: 1 at the label, else 0; ValueError for a label out of range.
Transform one_hot(std::int64_t classes, std::size_t array = 1, DType dtype = f32);

struct RandomCropOptions {
  std::int64_t padding = 0;  ///< pixels of `fill` added on all four sides
  double fill = 0;
  std::size_t array = 0;
};
/// A crop of this size, uniformly distributed within the padded image.
Transform random_crop(std::int64_t height, std::int64_t width, const RandomCropOptions& options = {});

/// Mirrors left-right or upside down with probability p.
Transform random_horizontal_flip(double p = 0.5, std::size_t array = 0);
Transform random_vertical_flip(double p = 0.5, std::size_t array = 0);

struct RandomErasingOptions {
  double p = 0.5;                           ///< probability that a rectangle of an image is erased
  double min_area = 0.02, max_area = 0.33;  ///< fractions of the image area
  double min_ratio = 0.3, max_ratio = 3.3;  ///< height / width
  double value = 0;
  std::size_t array = 0;
};
/// Fills a rectangle of random size and position (Zhong et al. 2017, with PyTorch's ranges); the image is unchanged if
/// ten attempts yield none that fits.
Transform random_erasing(const RandomErasingOptions& options = {});

/// Adds normally distributed noise; floats only.
Transform gaussian_noise(double std, std::size_t array = 0);

}  // namespace newtape::data
