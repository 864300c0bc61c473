// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/named_arrays.hpp>
#include <newtape/data/loading/dataset.hpp>
#include <newtape/data/loading/image_transforms.hpp>

#include <vector>

/// Transforms for `Dataset::map`, e.g. `compose({random_horizontal_flip(), normalize({0.5}, {0.25})})`; those of images
/// are in image_transforms.hpp. Each applies to one array of the batch, by default the first, and passes the others on. A
/// wrong shape or dtype raises a ShapeError or DTypeError naming the transform when the batch is made.
namespace newtape::data {

/// Applies the transforms in this order.
Transform compose(std::vector<Transform> transforms);

/// A transform from a function of one array, e.g. `on(0, [](Array x, Generator&) { return core::sqrt(x); })`.
Transform on(std::size_t array, std::function<Array(Array, Generator&)> function);

struct ToFloatOptions {
  double scale = 1 / 255.0;  ///< factor; bytes become numbers from 0 to 1
  DType dtype = f32;
  std::size_t array = 0;
};
/// Integers (images of bytes) as scaled floats, when a batch is made: the set itself stays small. Each number is that
/// of `read_idx` with the same scale, bit for bit. Floats are converted, not scaled.
Transform to_float(const ToFloatOptions& options = {});

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
  /// Uses the set's array without its transforms, unless it holds integers (images of bytes): then with them. DTypeError unless it is floating, ValueError if it has no examples.
  explicit Standardize(const Dataset& train, const StandardizeOptions& options = {});
  /// From saved statistics.
  Standardize(ArrayLike mean, ArrayLike std, std::size_t array = 0);

  const Array& mean() const noexcept { return mean_; }  ///< of each feature of the training set
  const Array& std() const noexcept { return std_; }    ///< 1 where the training set is constant

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

/// Adds normally distributed noise; floats only.
Transform gaussian_noise(double std, std::size_t array = 0);

}  // namespace newtape::data
