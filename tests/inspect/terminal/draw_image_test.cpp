// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"

#include <newtape/autograd/tensor.hpp>
#include <newtape/inspect/terminal/draw_image.hpp>

#include <algorithm>
#include <cmath>
#include <string>

using namespace newtape;

TEST_CASE("draw_image draws two rows per line with the right grey levels") {
  const Array image = tensor({{0, 1}, {1, 0}, {1, 1}}, f32).value();
  const std::string drawn = inspect::draw_image(image, {.colour = inspect::Colour::always});
  CHECK(std::count(drawn.begin(), drawn.end(), '\n') == 2);
  CHECK(drawn.rfind("\033[38;5;232;48;5;255m", 0) == 0);  // upper pixel 0, lower pixel 1
  CHECK_THROWS_AS(inspect::draw_image(tensor({1}, f32).value()), ShapeError);
  CHECK_THROWS_AS(inspect::draw_image(image, {.columns = 0}), ValueError);
  const Array images[] = {image, image};
  const std::string captions[] = {"a", "b"};
  CHECK(inspect::draw_images(images, captions, {.colour = inspect::Colour::always}).find("a   b") != std::string::npos);
}

TEST_CASE("images without colour are plain characters") {
  const Array image = tensor({{0, 1, 0.5}, {0, 1, 0.5}, {NAN, 2, -1}}, f64).value();
  const inspect::DrawImageOptions plain{.colour = inspect::Colour::never};
  CHECK(inspect::draw_image(image, plain) == " @+\n @ \n");
  // The tests' output is no terminal, or at least NO_COLOR can be set for one.
  setenv("NO_COLOR", "1", 1);
  CHECK(inspect::draw_image(image) == inspect::draw_image(image, plain));
  unsetenv("NO_COLOR");
  const Array images[] = {tensor({{1, 1}}, f64).value(), image};
  const std::string captions[] = {"\u00e9\u00e9\u00e9", "two"};
  CHECK(inspect::draw_images(images, captions, plain) == "@@   @+  \n     @   \n\u00e9\u00e9  two  \n");
}

TEST_CASE("the width of text counts characters, not bytes or escape codes") {
  using namespace inspect::detail;
  CHECK(text_width("") == 0);
  CHECK(text_width("\033[38;5;232m\u2580\u2580\033[0m a") == 4);
  CHECK(cut_to_width("\033[1m\u2580\u2588xy\033[0m", 3) == "\033[1m\u2580\u2588x\033[0m");
}
