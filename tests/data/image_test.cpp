// SPDX-License-Identifier: BSD-3-Clause
#include "../catch.hpp"
#include "files.hpp"

#include <newtape/core/elementwise.hpp>
#include <newtape/core/index.hpp>
#include <newtape/data/image.hpp>

#include <fstream>

using namespace newtape;

TEST_CASE("a grey picture survives being written as PNG and read again") {
  const TemporaryDirectory folder;
  const Array image = core::div(core::reshape(core::arange(12, f32), {3, 4}), core::full({}, 255, f32));
  data::write_png(folder / "grey.png", image);
  const Array back = data::read_image(folder / "grey.png");
  REQUIRE(back.shape() == Shape{3, 4});
  for (int i = 0; i < 12; ++i) CHECK(back.data<float>()[i] == Approx(i / 255.0));
}

TEST_CASE("read_image reads a PGM that was written by hand, and names what it cannot read") {
  const TemporaryDirectory folder;
  std::ofstream(folder / "a.pgm", std::ios::binary) << "P5\n2 1\n255\n" << '\x00' << '\xff';
  const Array image = data::read_image(folder / "a.pgm");
  REQUIRE(image.shape() == Shape{1, 2});
  CHECK(image.data<float>()[0] == 0);
  CHECK(image.data<float>()[1] == 1);

  std::ofstream(folder / "b.png") << "no picture";
  CHECK_THROWS_WITH(data::read_image(folder / "b.png"), contains("b.png"));
  CHECK_THROWS_AS(data::read_image(folder / "missing.png"), IoError);
  CHECK_THROWS_AS(data::write_png(folder / "c.png", core::ones({3}, f32)), ShapeError);
  CHECK_THROWS_AS(data::write_png(folder / "no/such/folder.png", core::ones({2, 2}, f32)), IoError);
}
