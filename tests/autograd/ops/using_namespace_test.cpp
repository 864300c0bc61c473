// SPDX-License-Identifier: BSD-3-Clause
// Calls with the namespaces newtape, newtape::nn and std all open. Most of this is tested by compiling it.
#include "catch.hpp"

#include <newtape/newtape.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <iterator>
#include <numeric>
#include <stack>
#include <type_traits>
#include <valarray>
#include <vector>

using namespace newtape;
using namespace newtape::nn;
using namespace std;

namespace {
template <class... Options>
constexpr bool are_types = (is_aggregate_v<Options> && ...);
// The options of the function and those of the layer have different names.
static_assert(are_types<ConvFuncOptions, ConvOptions, ConvTransposeFuncOptions, ConvTransposeOptions>);
}  // namespace

TEST_CASE("functions that share their name with one of std can be called while both namespaces are open") {
  const Tensor x = tensor({1, 4, 9, 16}, f64);
  CHECK(stddev(x).item() == sqrt(var(x)).item());
  CHECK(stddev(x, 0, 0).item() == newtape::std(x, 0, 0).item());
  {
    using newtape::std;  // in a block scope, the function and the namespace std coexist
    CHECK(std(x).item() == stddev(x).item());
    const std::vector<int> numbers{1};
    CHECK(numbers.size() == 1);
  }
  CHECK(sum(abs(exp(log(x)) - x)).item() < 1e-14);
  CHECK(pow(x, 0.5)[3].item() == Approx(4).epsilon(1e-15));
  CHECK(max(x).item() == 16);
  CHECK(min(x).item() == 1);
  CHECK(maximum(x, 5.0)[0].item() == 5);
  CHECK(atan2(x, x)[0].item() == Approx(atan2(1.0, 1.0)).epsilon(1e-15));
  CHECK(fmod(x, 5.0)[2].item() == 4);
  CHECK(newtape::slice(x, 0, 1, 2).item() == 4);
  CHECK(newtape::stack({x, x}).shape() == Shape{2, 4});
  CHECK(newtape::logical_not(x > 0.0)[0].item<bool>() == false);
}

TEST_CASE("convolutions by function and by layer can be called while newtape and newtape::nn are open") {
  const Tensor x = ones({1, 1, 4});
  const ConvFuncOptions function{.padding = Padding::same};
  const ConvOptions layer{.padding = Padding::same, .padding_mode = PaddingMode::reflect};
  CHECK(conv1d(x, ones({2, 1, 3}), function).shape() == Shape{1, 2, 4});
  CHECK(Conv1d(1, 2, 3, layer)(x).shape() == Shape{1, 2, 4});
}
