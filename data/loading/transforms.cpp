// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/data/loading/transforms.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace newtape::data {
namespace {

/// Values per channel in a shape that broadcasts against x [n, c, ..]; a single value applies to all channels.
Array per_channel(const std::vector<double>& numbers, const Array& x) {
  if (numbers.size() == 1) return core::full({}, numbers[0], x.dtype(), "normalize");
  const auto channels = static_cast<std::int64_t>(numbers.size());
  if (x.ndim() < 2 || x.shape(1) != channels) {
    raise<ShapeError>("normalize: wrong number of channels", fmt::format("[n, {}, ..]", channels),
                      to_string(x.shape()));
  }
  Shape shape = x.shape();
  std::fill(shape.begin(), shape.end(), 1);
  shape[1] = channels;
  Array y = Array::empty(shape, f64);
  std::copy(numbers.begin(), numbers.end(), y.data<double>());
  return core::cast(y, x.dtype());
}

/// The numbers of a table of the 256 bytes: one pass over a batch.
template <class T>
Array look_up(const Array& bytes, const Array& table) {
  const Array dense = core::contiguous(bytes);
  Array y = Array::empty(bytes.shape(), table.dtype());
  const auto* from = dense.data<std::uint8_t>();
  const T* numbers = table.data<T>();
  std::transform(from, from + dense.size(), y.data<T>(), [numbers](std::uint8_t byte) { return numbers[byte]; });
  return y;
}

}  // namespace

Transform compose(std::vector<Transform> transforms) {
  return [transforms = std::move(transforms)](Batch batch, Generator& generator) {
    for (const auto& t : transforms) batch = t(std::move(batch), generator);
    return batch;
  };
}

Transform on(std::size_t array, std::function<Array(Array, Generator&)> function) {
  return [array, function = std::move(function)](Batch batch, Generator& generator) {
    batch[array] = function(std::move(batch[array]), generator);
    return batch;
  };
}

Transform to_float(const ToFloatOptions& options) {
  if (!is_floating(options.dtype)) {
    raise<DTypeError>("to_float: the dtype must be a float", "f32 or f64", name(options.dtype));
  }
  const auto scaled = [o = options](const Array& x) {
    return core::cast(core::cast(x, f64) * core::full({}, o.scale, f64), o.dtype);
  };
  const Array table = scaled(core::arange(256, i64));
  return on(options.array, [scaled, table, dtype = options.dtype](const Array& x, Generator&) {
    if (is_floating(x.dtype()) || is_half(x.dtype())) return core::cast(x, dtype);
    if (x.dtype() != u8) return scaled(x);
    return dtype == f32 ? look_up<float>(x, table) : look_up<double>(x, table);
  });
}

Transform normalize(const std::vector<double>& mean, const std::vector<double>& std, std::size_t array) {
  const auto positive = [](double x) { return x > 0 && std::isfinite(x); };
  if (mean.empty() || mean.size() != std.size() || !std::all_of(std.begin(), std.end(), positive)) {
    raise<ValueError>("normalize: invalid means or standard deviations",
                      "equally many of both, positive standard deviations",
                      fmt::format("means {}, standard deviations {}", fmt::join(mean, " "), fmt::join(std, " ")));
  }
  return on(array, [mean, std](Array x, Generator&) {
    expect_floating("normalize", x);
    const Array m = per_channel(mean, x);
    const Array s = per_channel(std, x);
    return (std::move(x) - m) / s;
  });
}

Standardize::Standardize(const Dataset& train, const StandardizeOptions& options) : array_(options.array) {
  Array x = train.array(array_);
  if (is_integer(x.dtype())) x = train.all()[array_];
  expect_floating("Standardize", x);
  if (x.size() == 0) {
    raise<ValueError>("Standardize: no examples", "one example or more", to_string(x.shape()));
  }
  Axes over;  // all of them
  if (options.per == Statistics::feature) over = 0;
  if (options.per == Statistics::channel) {
    if (x.ndim() < 2)
      raise<ShapeError>("Standardize: the array has no channel axis", "[n, c, ..]", to_string(x.shape()));
    Dims others = {0};
    for (std::size_t axis = 2; axis < x.ndim(); ++axis) others.push_back(static_cast<std::int64_t>(axis));
    over = Axes(others);
  }
  // Without the example axis, so that single examples can be standardized too.
  const auto drop_examples = [&](const Array& y) {
    return options.per == Statistics::array ? core::squeeze(y) : core::squeeze(y, 0);
  };
  const Array constant = core::equal(core::max(x, over, true), core::min(x, over, true));
  const Array std = core::sqrt(core::var(x, over, 0, true));
  mean_ = drop_examples(core::mean(x, over, true));
  std_ = drop_examples(core::where(constant, core::full({}, 1, x.dtype()), std));
}

Standardize::Standardize(ArrayLike mean, ArrayLike std, std::size_t array)
    : mean_(std::move(mean)), std_(std::move(std)), array_(array) {
  if (!mean_.defined() || !std_.defined() || mean_.shape() != std_.shape()) {
    raise<ShapeError>("Standardize: mean and standard deviation must have the same shape",
                      mean_.defined() ? to_string(mean_.shape()) : "arrays",
                      std_.defined() ? to_string(std_.shape()) : "none");
  }
}

Array Standardize::apply(const ArrayLike& x) const {
  expect_floating("Standardize", x);
  return (x - core::cast(mean_, x.dtype())) / core::cast(std_, x.dtype());
}

Array Standardize::invert(const ArrayLike& y) const {
  expect_floating("Standardize", y);
  return y * core::cast(std_, y.dtype()) + core::cast(mean_, y.dtype());
}

Batch Standardize::operator()(Batch batch, Generator&) const {
  batch[array_] = apply(batch[array_]);
  return batch;
}

Transform one_hot(std::int64_t classes, std::size_t array, DType dtype) {
  if (classes < 1) raise<ValueError>("one_hot: invalid number of classes", "classes >= 1", std::to_string(classes));
  return on(array, [classes, dtype](const Array& x, Generator&) {
    Array columns = Array::empty({classes}, i64);
    for (std::int64_t c = 0; c < classes; ++c) columns.data<std::int64_t>()[c] = c;
    const Array labels = core::contiguous(core::as_indices("one_hot", x));
    const auto* label = labels.data<std::int64_t>();
    for (std::int64_t i = 0; i < labels.size(); ++i) {
      if (label[i] < 0 || label[i] >= classes) {
        raise<ValueError>("one_hot: label out of range", fmt::format("from 0 to {}", classes - 1),
                          std::to_string(label[i]));
      }
    }
    return core::cast(core::equal(core::unsqueeze(labels, -1), columns), dtype);
  });
}

Transform gaussian_noise(double std, std::size_t array) {
  if (!(std >= 0)) {
    raise<ValueError>("gaussian_noise: invalid standard deviation", "at least 0", fmt::format("{}", std));
  }
  return on(array, [std](Array x, Generator& generator) {
    expect_floating("gaussian_noise", x);
    const Array noise = random::normal(x.shape(), 0, std, x.dtype(), generator);
    return std::move(x) + noise;
  });
}

}  // namespace newtape::data
