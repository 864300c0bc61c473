// SPDX-License-Identifier: BSD-3-Clause
#include "table.hpp"

#include <newtape/core/runtime/random.hpp>

#include <algorithm>

namespace newtape::nn::table {

namespace {
std::vector<Row>& all() {
  static std::vector<Row> rows;
  return rows;
}
}  // namespace

const std::vector<Row>& rows() { return all(); }

Rows::Rows(std::initializer_list<Row> added) { all().insert(all().end(), added.begin(), added.end()); }

std::function<Tensors()> floats(std::initializer_list<Shape> shapes) {
  return [of = std::vector<Shape>(shapes)] {
    Generator generator(5);
    Tensors xs;
    xs.reserve(of.size());
    for (const auto& shape : of) xs.emplace_back(random::normal(shape, 0, 1, f64, generator));
    return xs;
  };
}

Tensor integers(const std::vector<std::int64_t>& values) {
  Array array = Array::empty({static_cast<std::int64_t>(values.size())}, i64);
  std::copy(values.begin(), values.end(), array.data<std::int64_t>());
  return array;
}

}  // namespace newtape::nn::table
