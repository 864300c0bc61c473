// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/data/loading/dataset.hpp>

#include <vector>

/// What `Dataset::map` takes: `train.map(compose({random_horizontal_flip(), random_crop(28, 28, {.padding = 2})}))`.
/// Each works on one array of the batch, the first unless `array` says otherwise, and passes the others on.
/// Images are [n, h, w] or [n, .., h, w]; every example draws its own numbers, which all its channels share.
/// A wrong shape or dtype is a ShapeError or DTypeError that names the transform, when the batch is made.
namespace newtape::data {

/// One after the other, in this order.
Transform compose(std::vector<Transform> transforms);

/// Any function of one array, for example `on(0, [](Array x, Generator&) { return core::sqrt(x); })`.
Transform on(std::size_t array, std::function<Array(Array, Generator&)> function);

/// (x - mean) / std for each channel, axis 1 of x [n, c, ..]; single numbers serve all of x [n, ..]. ValueError unless
/// there are as many deviations as means, all above 0.
Transform normalize(const std::vector<double>& mean, const std::vector<double>& std, std::size_t array = 0);

/// What is averaged over: for each feature all examples, for each channel (axis 1) all but it, or the whole array.
enum class Statistics { feature, channel, array };

struct StandardizeOptions {
  Statistics per = Statistics::feature;
  std::size_t array = 0;
};

/// Mean 0 and deviation 1, by the statistics of the set it is made from, the training part; constant features become 0.
/// `const Standardize s(train); train.map(s); test.map(s);`
class Standardize {
 public:
  /// Looks at the set's array as it is, before its transforms. DTypeError unless it is a float, ValueError for no
  /// examples.
  explicit Standardize(const Dataset& train, const StandardizeOptions& options = {});
  /// With statistics that were saved.
  Standardize(Array mean, Array deviation, std::size_t array = 0);

  const Array& mean() const noexcept { return mean_; }
  const Array& deviation() const noexcept { return deviation_; }  ///< 1 where the training part is constant

  /// x standardised, and back (a network's output, say).
  Array apply(const Array& x) const;
  Array invert(const Array& y) const;
  Batch operator()(Batch batch, Generator& generator) const;

 private:
  Array mean_, deviation_;
  std::size_t array_;
};

/// Labels i64 [..] -> [.., classes], 1 at the label and 0 elsewhere; ValueError for a label out of range.
Transform one_hot(std::int64_t classes, std::size_t array = 1, DType dtype = f32);

struct RandomCropOptions {
  std::int64_t padding = 0;  ///< pixels of `fill` added on all four sides first
  double fill = 0;
  std::size_t array = 0;
};
/// A piece of this size, anywhere within the padded image with the same chance.
Transform random_crop(std::int64_t height, std::int64_t width, const RandomCropOptions& options = {});

/// Mirrored, left to right or upside down, with probability p.
Transform random_horizontal_flip(double p = 0.5, std::size_t array = 0);
Transform random_vertical_flip(double p = 0.5, std::size_t array = 0);

struct RandomErasingOptions {
  double p = 0.5;                           ///< chance that an image loses a rectangle
  double min_area = 0.02, max_area = 0.33;  ///< as shares of the image
  double min_ratio = 0.3, max_ratio = 3.3;  ///< height over width
  double value = 0;
  std::size_t array = 0;
};
/// Fills a rectangle of random size and place (Zhong et al. 2017, with PyTorch's ranges); an image is left whole where
/// ten tries find none that fits.
Transform random_erasing(const RandomErasingOptions& options = {});

/// Adds normal noise; floats only.
Transform gaussian_noise(double deviation, std::size_t array = 0);

}  // namespace newtape::data
