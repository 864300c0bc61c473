// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/as_strided.hpp>
#include <newtape/autograd/ops/shape.hpp>

namespace newtape::table {
namespace {

Sample strided(Shape from, Shape shape, Shape strides, std::int64_t offset = 0) {
  return {{from},
          [=](Args& x) { return as_strided(x[0], shape, strides, offset); },
          [=](const std::vector<Values>& x) {
            Values y(shape);
            for_each_index(shape, [&](const Dims& i) {
              auto at = static_cast<std::size_t>(offset);
              for (std::size_t k = 0; k < i.size(); ++k) at += static_cast<std::size_t>(i[k] * strides[k]);
              y[i] = x[0].data[at];
            });
            return y;
          }};
}

const Rows strided_rows{{
    {.name = "as_strided",
     .samples = {strided({6}, {4, 3}, {1, 1}),        // windows that overlap
                 strided({3, 4}, {4, 3}, {1, 4}),     // the transpose
                 strided({3, 3}, {3}, {4}),           // the diagonal
                 strided({2, 3}, {2, 2}, {0, 2}, 1),  // repeated rows
                 strided({5}, {}, {}, 3), strided({}, {2}, {0}), strided({4}, {0, 2}, {1, 1}), strided({0}, {0}, {1}),
                 strided({2, 2, 2}, {2, 3, 2}, {4, 1, 1})},
     .rejects = {{Error::shape, "a stride for each length",
                  [] {
                    as_strided(three(), {2}, {1, 1});
                  }},
                 {Error::value, "beyond the elements",
                  [] {
                    as_strided(three(), {2, 2}, {1, 2});
                  }},
                 {Error::value, "beyond the elements",
                  [] {
                    as_strided(three(), {std::int64_t{1} << 40, std::int64_t{1} << 40}, {std::int64_t{1} << 40, 1});
                  }},
                 {Error::value, "must not be negative", [] { as_strided(three(), {2}, {-1}, 2); }}},
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
