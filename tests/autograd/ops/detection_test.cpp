// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detection.hpp>
#include <newtape/core/runtime/error.hpp>

#include <cmath>
#include <vector>

using namespace newtape;

namespace {

using Numbers = std::vector<std::int64_t>;

Numbers of(const Tensor& t) {
  const auto* p = t.value().data<std::int64_t>();
  return Numbers(p, p + t.size());
}

}  // namespace

TEST_CASE("nms keeps boxes by their scores") {
  // Boxes of 2 x 2: the second shares 2 of 6 units with the first, the third 2 of 6 with the second, 0 with the first.
  const Tensor boxes =
      tensor(std::vector<std::vector<float>>{{0, 0, 2, 2}, {1, 0, 3, 2}, {2, 0, 4, 2}, {9, 9, 10, 10}});
  const auto kept = [&](const std::vector<float>& scores, double threshold) {
    return of(nms(boxes, tensor(scores), threshold));
  };
  const double third = 1.0 / 3;
  CHECK(kept({4, 3, 2, 1}, 0.3) == Numbers{0, 2, 3});
  CHECK(kept({3, 4, 2, 1}, 0.3) == Numbers{1, 3});
  CHECK(kept({1, 2, 3, 4}, 0.3) == Numbers{3, 2, 0});
  CHECK(kept({4, 3, 2, 1}, third) == Numbers{0, 1, 2, 3});  // no more than the threshold
  CHECK(kept({4, 3, 2, 1}, std::nextafter(third, 0)) == Numbers{0, 2, 3});
  CHECK(kept({1, 1, 1, 1}, 0.3) == Numbers{0, 2, 3});  // equal scores: the first one
  CHECK(kept({1, 1, 1, 1}, -1) == Numbers{0});
  CHECK(nms(zeros({0, 4}), zeros({0}), 0.5).shape() == Shape{0});
  CHECK_THROWS_AS(nms(zeros({3, 3}), zeros({3}), 0.5), ShapeError);
  CHECK_THROWS_AS(nms(zeros({3, 4}), zeros({2}), 0.5), ShapeError);
  CHECK_THROWS_AS(nms(zeros({3, 4}, i64), zeros({3}), 0.5), DTypeError);
  CHECK_THROWS_AS(nms(zeros({3, 4}), tensor({NAN, 1.0F, 2.0F}), 0.5), ValueError);
  CHECK_THROWS_WITH(nms(full({1, 4}, INFINITY), zeros({1}), 0.5), Catch::Contains("not finite"));
}
