// The value of bend at known points, and its derivatives to order three against differences.
#include "bend.hpp"

#include <exception>

namespace nt = newtape;

int main() {
  try {
    const nt::Tensor x = nt::tensor({-1.5, 0, 0.75, 2}, nt::f64);
    // sqrt(0.75^2 + 1) = 1.25, so that bend(0.75) = 0.125 + 0.75.
    const nt::Array y = bend(x).value();
    if (y.data<double>()[1] != 0 || y.data<double>()[2] != 0.875) {
      fmt::print("bend has the wrong values: {}\n", y);
      return 1;
    }
    const auto check = nt::gradcheck([](const nt::Tensor& t) { return bend(t); }, x, {.order = 3});
    if (!check) fmt::print("{}\n", check.message);
    return check ? 0 : 1;
  } catch (const std::exception& e) {
    fmt::print("{}\n", e.what());
    return 1;
  }
}
