// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "model_writer.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/onnx/onnx.hpp>

#include <cmath>

namespace nt = newtape;
namespace onnx = newtape::onnx;
using namespace model_writer;

TEST_CASE("GridSample has the right derivatives") {
  for (const std::string_view mode : {"bilinear", "nearest", "bicubic"}) {
    for (const std::string_view padding : {"zeros", "border", "reflection"}) {
      for (const std::int64_t align : {0, 1}) {
        CAPTURE(mode, padding, align);
        const Graph g{.nodes = {node("GridSample", {"x", "grid"}, {"y"},
                                     {attribute("mode", mode), attribute("padding_mode", padding),
                                      attribute("align_corners", align)})},
                      .inputs = {port("x", {-1, -1, -1, -1}), port("grid", {-1, -1, -1, 2})},
                      .outputs = {port("y", {-1, -1, -1, -1})}};
        const auto model = onnx::load_bytes(model_writer::model(g), {.dtype = nt::f64});
        nt::manual_seed(5);
        const nt::Tensor x = nt::randn({2, 3, 4, 5}, nt::f64), grid = nt::rand({2, 3, 2, 2}, nt::f64) * 3 - 1.5;
        const nt::Tensor w = nt::randn({2, 3, 3, 2}, nt::f64);
        const nt::Tensor dx = nt::randn(x.shape(), nt::f64), dgrid = nt::randn(grid.shape(), nt::f64);
        const auto f = [&](const nt::Tensor& image, const nt::Tensor& at) {
          return nt::sum(model({{"x", image}, {"grid", at}})["y"] * w);
        };
        const nt::Tensor vx = nt::variable(x), vgrid = nt::variable(grid);
        f(vx, vgrid).backward();
        double slope = nt::sum(vx.grad() * dx).item();
        if (vgrid.grad().defined()) slope += nt::sum(vgrid.grad() * dgrid).item();
        const double h = 1e-5;
        const double difference =
            (f(x + dx * h, grid + dgrid * h).item() - f(x - dx * h, grid - dgrid * h).item()) / (2 * h);
        CHECK(std::fabs(slope - difference) <= 1e-6 * (1 + std::fabs(slope)));
      }
    }
  }
}
