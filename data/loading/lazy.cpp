// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/loading/image_layout.hpp>
#include <newtape/data/loading/lazy.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

namespace newtape::data {
namespace {

using Examples = std::vector<Batch>;

/// Rethrows the current exception with the example's index in its message, and the original nested.
[[noreturn]] void rethrow_with_index(std::int64_t index) {
  const auto text = [&](const std::exception& e) { return fmt::format("example {}: {}", index, e.what()); };
  try {
    throw;
  } catch (const ShapeError& e) {
    std::throw_with_nested(ShapeError(text(e)));
  } catch (const DTypeError& e) {
    std::throw_with_nested(DTypeError(text(e)));
  } catch (const ValueError& e) {
    std::throw_with_nested(ValueError(text(e)));
  } catch (const NumericalError& e) {
    std::throw_with_nested(NumericalError(text(e)));
  } catch (const IoError& e) {
    std::throw_with_nested(IoError(text(e)));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    std::throw_with_nested(std::runtime_error(text(e)));
  } catch (...) {
    std::throw_with_nested(std::runtime_error(fmt::format("example {}: an exception of another type", index)));
  }
}

/// All examples have equally many arrays, of the same dtypes and numbers of axes. `name` describes example i.
template <class Name>
void check_alike(const Examples& examples, const Name& name) {
  const Batch& first = examples[0];
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (examples[i].size() != first.size()) {
      raise<ValueError>(fmt::format("{}: number of arrays differs from that of {}", name(i), name(0)),
                        fmt::format("{}", first.size()), fmt::format("{}", examples[i].size()));
    }
    for (std::size_t a = 0; a < first.size(); ++a) {
      const Array& x = examples[i][a];
      if (!x.defined()) raise<ValueError>(fmt::format("{}: array {} is undefined", name(i), a), "an array", "none");
      if (x.dtype() != first[a].dtype()) {
        raise<DTypeError>(fmt::format("{}: dtype of array {} differs from that of {}", name(i), a, name(0)),
                          std::string(newtape::name(first[a].dtype())), std::string(newtape::name(x.dtype())));
      }
    }
  }
}

/// Array a of all examples.
std::vector<Array> column(const Examples& examples, std::size_t a) {
  std::vector<Array> parts;
  parts.reserve(examples.size());
  for (const auto& example : examples) parts.push_back(example[a]);
  return parts;
}

template <class Name>
Array stack_equal(const Examples& examples, std::size_t a, const Name& name) {
  const Shape& shape = examples[0][a].shape();
  for (std::size_t i = 1; i < examples.size(); ++i) {
    if (examples[i][a].shape() != shape) {
      raise<ShapeError>(fmt::format("{}: shape of array {} differs from that of {}", name(i), a, name(0)),
                        to_string(shape), to_string(examples[i][a].shape()));
    }
  }
  return core::stack(column(examples, a));
}

std::string place_in_batch(std::size_t i) { return fmt::format("pad_examples: example {} of the batch", i); }

/// Copies the contiguous block `from` of `shape` to the beginning of each axis of `to`.
template <class T>
void copy_block(const T* from, const Shape& shape, T* to, const Shape& to_shape, std::size_t axis = 0) {
  if (axis == shape.size()) {
    *to = *from;
    return;
  }
  if (axis + 1 == shape.size()) {
    std::copy_n(from, shape[axis], to);
    return;
  }
  std::int64_t step = 1;
  std::int64_t to_step = 1;
  for (std::size_t k = axis + 1; k < shape.size(); ++k) {
    step *= shape[k];
    to_step *= to_shape[k];
  }
  for (std::int64_t i = 0; i < shape[axis]; ++i)
    copy_block(from + i * step, shape, to + i * to_step, to_shape, axis + 1);
}

Array pad_column(const Examples& examples, std::size_t a, const PadExamplesOptions& o) {
  Shape shape = examples[0][a].shape();
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const Shape& other = examples[i][a].shape();
    if (other.empty() || other.size() != shape.size()) {
      raise<ShapeError>(fmt::format("{}: wrong number of axes of array {}", place_in_batch(i), a),
                        fmt::format("{}, at least one", shape.size()), to_string(other));
    }
    for (std::size_t k = 0; k < shape.size(); ++k) shape[k] = std::max(shape[k], other[k]);
  }
  shape[0] = (shape[0] + o.multiple_of - 1) / o.multiple_of * o.multiple_of;
  Shape whole = shape;
  whole.insert(0, static_cast<std::int64_t>(examples.size()));
  Array padded = core::full(whole, o.value, examples[0][a].dtype());
  if (padded.size() == 0) return padded;
  const auto size = padded.size() / whole[0];
  const auto fill = [&]<class T>(T) {  // elements are only moved
    T* to = static_cast<T*>(padded.raw());
    for (const auto& example : examples) {
      const Array x = core::contiguous(example[a]);
      if (x.size() > 0) copy_block(static_cast<const T*>(x.raw()), x.shape(), to, shape);
      to += size;
    }
  };
  switch (item_size(padded.dtype())) {
    case 1: fill(std::uint8_t()); break;
    case 2: fill(std::uint16_t()); break;
    case 4: fill(std::uint32_t()); break;
    default: fill(std::uint64_t());
  }
  return padded;
}

}  // namespace

Collate pad_examples(const PadExamplesOptions& options) {
  if (options.multiple_of < 1) {
    raise<ValueError>("pad_examples: invalid multiple", "multiple_of >= 1", std::to_string(options.multiple_of));
  }
  return [o = options](const Examples& examples) {
    if (examples.empty()) raise<ValueError>("pad_examples: no examples", "one example or more", "none");
    check_alike(examples, place_in_batch);
    std::vector<Array> arrays;
    std::vector<Array> lengths;
    for (const auto a : o.arrays) {
      if (a < examples[0].size()) continue;
      raise<ValueError>("pad_examples: no such array", fmt::format("below {}", examples[0].size()), std::to_string(a));
    }
    for (std::size_t a = 0; a < examples[0].size(); ++a) {
      const bool ragged = std::find(o.arrays.begin(), o.arrays.end(), a) != o.arrays.end();
      arrays.push_back(ragged ? pad_column(examples, a, o) : stack_equal(examples, a, place_in_batch));
    }
    for (const auto a : o.arrays) {
      Array n = Array::empty({static_cast<std::int64_t>(examples.size())}, i64);
      for (std::size_t i = 0; i < examples.size(); ++i) n.data<std::int64_t>()[i] = examples[i][a].shape()[0];
      arrays.push_back(std::move(n));
    }
    return Batch(std::move(arrays));
  };
}

namespace detail {

Batch make_batch(std::span<const std::int64_t> indices, const MakeExample& make, const LazyOptions& options,
                 Generator& generator) {
  if (indices.empty()) raise<ValueError>("lazy: a batch without examples", "one example or more", "none");
  const Generator stream = generator.fork("examples");
  Examples examples;
  examples.reserve(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    Generator own = stream.fork(i);
    try {
      examples.push_back(make(indices[i], own));
    } catch (...) {
      rethrow_with_index(indices[i]);
    }
  }
  Batch batch;
  if (options.collate != nullptr) {
    batch = options.collate(std::move(examples));
  } else {
    const auto name = [&](std::size_t i) { return fmt::format("example {}", indices[i]); };
    check_alike(examples, name);
    std::vector<Array> arrays;
    for (std::size_t a = 0; a < examples[0].size(); ++a) arrays.push_back(stack_equal(examples, a, name));
    batch = Batch(std::move(arrays));
  }
  if (options.names.empty()) return batch;
  return Batch(std::vector<Array>(batch.begin(), batch.end()),
               std::make_shared<const std::vector<std::string>>(options.names));
}

}  // namespace detail

Dataset lazy(std::int64_t n, MakeExample make, const LazyOptions& options) {
  if (n < 0 || make == nullptr) {
    raise<ValueError>("lazy: invalid size or function", "n >= 0 and a function",
                      fmt::format("n = {}{}", n, make == nullptr ? ", no function" : ""));
  }
  Array index = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) index.data<std::int64_t>()[i] = i;
  return Dataset{{"index", index}}.map([make = std::move(make), options](const Batch& batch, Generator& generator) {
    const auto* first = batch[0].data<std::int64_t>();
    return detail::make_batch({first, static_cast<std::size_t>(batch[0].size())}, make, options, generator);
  });
}

Dataset lazy(std::int64_t n, std::function<Batch(std::int64_t)> make, const LazyOptions& options) {
  if (make == nullptr) return lazy(n, MakeExample(), options);
  return lazy(
      n, [make = std::move(make)](std::int64_t i, Generator&) { return make(i); }, options);
}

}  // namespace newtape::data
