// SPDX-License-Identifier: BSD-3-Clause
// Newton's method against gradient descent on an ill-conditioned quadratic: the paths over its contours, as an SVG.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

#include <cmath>
#include <fstream>

namespace nt = newtape;
namespace optim = nt::optim;

namespace {

struct Path {
  const char* colour;
  std::string caption;
  std::vector<nt::Tensor> points = {};
};

/// An SVG of the contours of f in [-3, 3] x [-2, 2], one for each level, and the paths.
std::string drawing(const nt::UnaryFunction& f, const std::vector<double>& levels, const std::vector<Path>& paths) {
  const auto at = [](char command, const nt::Tensor& p) {
    return fmt::format("{}{:.2f} {:.2f}", command, 100 * (p[0].item() + 3), 100 * (2 - p[1].item()));
  };
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" height=\"460\" font-family=\"sans-serif\">\n";
  svg += "<rect width=\"600\" height=\"460\" fill=\"white\"/>\n";
  // The levels of a quadratic x^T A x / 2 are ellipses: x = L^-T (cos t, sin t) sqrt(2 level), with A = L L^T.
  const nt::Tensor l = nt::linalg::cholesky(nt::hessian(f, nt::zeros({2}, nt::f64)));
  const nt::Tensor t = nt::linspace(0, 2 * std::acos(-1.0), 200, nt::f64);
  const nt::Tensor circle = nt::stack({nt::cos(t), nt::sin(t)});
  const nt::Tensor ellipse = nt::linalg::solve(nt::transpose(l), circle);
  for (const double level : levels) {
    std::string points;
    for (std::int64_t i = 0; i < t.size(); ++i) {
      const nt::Tensor p = std::sqrt(2 * level) * ellipse[{nt::Slice(), i}];
      points += at(i == 0 ? 'M' : 'L', p);
    }
    svg += fmt::format("<path fill=\"none\" stroke=\"#bbb\" d=\"{}\"/>\n", points);
  }
  double row = 425;
  for (const auto& path : paths) {
    std::string points;
    for (const auto& p : path.points) points += at(points.empty() ? 'M' : 'L', p);
    svg += fmt::format("<path fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" d=\"{}\"/>\n", path.colour, points);
    svg += fmt::format("<text x=\"10\" y=\"{}\" fill=\"{}\">{}</text>\n", row, path.colour, path.caption);
    row += 20;
  }
  return svg + "</svg>\n";
}

}  // namespace

int main(int argc, char** argv) {
  double condition = 100;
  std::string file = "newton_vs_gradient_descent.svg";
  CLI::App app{"Newton's method against gradient descent on an ill-conditioned quadratic."};
  app.add_option("--condition", condition, "ratio of the largest curvature to the smallest")->capture_default_str();
  app.add_option("--svg", file, "file for the plot")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  // Curvatures 1 and `condition`, along axes rotated by 30 degrees.
  const double c = std::cos(0.5236);
  const double s = std::sin(0.5236);
  const nt::Tensor rotation = nt::tensor({{c, s}, {-s, c}}, nt::f64);
  const auto f = [&](const nt::Tensor& x) {
    return 0.5 * nt::sum(nt::tensor({1, condition}, nt::f64) * nt::square(nt::matmul(rotation, x)));
  };
  const nt::Tensor start = nt::tensor({-2.5, -0.6}, nt::f64);

  std::vector<Path> paths;
  std::vector<std::int64_t> iterations;
  const auto run = [&](const char* colour, const optim::Method& method) {
    Path path{colour, ""};
    const auto result =
        optim::minimize(f, start, {.method = method, .stop = {.callback = [&](const optim::Iteration&, const auto& xs) {
                                                       path.points.push_back(xs[0]);
                                                       return true;
                                                     }}});
    path.caption = fmt::format("{}: {} iterations", method.name, result.iterations);
    fmt::print("{:<20} {:5d} iterations, {:5d} evaluations, |x| = {:.1e}\n", method.name, result.iterations,
               result.counts.evaluations(), nt::linalg::norm(result.x()).item());
    iterations.push_back(result.converged() ? result.iterations : -1);
    paths.push_back(path);
  };
  // Steepest descent with a nearly exact line search.
  run("#d62728", {"gradient descent", optim::curvature::none(), optim::direction::steepest(),
                  optim::globalization::strong_wolfe({.c2 = 0.1})});
  run("#1f77b4", optim::newton());

  std::ofstream(file) << drawing(f, {0.1, 0.5, 2, 5, 10, 20}, paths);
  fmt::print("the paths are in {}\n", file);
  return iterations[0] > 10 && iterations[1] == 1 ? 0 : 1;
}
