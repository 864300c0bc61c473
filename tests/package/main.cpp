// SPDX-License-Identifier: BSD-3-Clause
// What a user's first program needs: the umbrella header, the library, and nothing else.
#include <newtape/core/array.hpp>
#include <newtape/newtape.hpp>

int main() {
  const auto x = newtape::Array::empty({2, 3}, newtape::f32);
  return x.size() == 6 ? 0 : 1;
}
