// SPDX-License-Identifier: BSD-3-Clause
// Curve fitting: thermal expansion of copper (NIST's Hahn1) by a rational function, with standard deviations compared
// with NIST's certified ones, and a plot of the curve with its confidence band.
#include <newtape/newtape.hpp>

#include <fstream>
#include <sstream>

namespace nt = newtape;

/// Reads the numbers of NIST's file: certified values up to line 60, then y and x.
struct Nist {
  std::vector<double> certified, deviations, y, x;
  explicit Nist(const std::string& path) {
    std::ifstream in(path);
    int number = 0;
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string b, equals;
      double start1 = 0, start2 = 0, u = 0, v = 0;
      if (++number > 60) {
        if (words >> u >> v) y.push_back(u), x.push_back(v);
      } else if (words >> b >> equals >> start1 >> start2 >> u >> v && equals == "=") {
        certified.push_back(u), deviations.push_back(v);
      }
    }
  }
};

nt::Tensor column(const std::vector<double>& v) {
  nt::Array a = nt::Array::empty({static_cast<std::int64_t>(v.size())}, nt::f64);
  std::copy(v.begin(), v.end(), a.data<double>());
  return a;
}

nt::Tensor model(const nt::Tensor& b, const nt::Tensor& x) {
  return (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1 + x * (b[4] + x * (b[5] + x * b[6])));
}

int main(int argc, char** argv) {
  const Nist nist(argc > 1 ? argv[1] : "tests/files/nist/Hahn1.dat");
  if (nist.x.empty()) return fmt::print(stderr, "usage: 20_curve_fitting <Hahn1.dat>\n"), 1;
  const nt::Tensor x = column(nist.x);
  const nt::Tensor y = column(nist.y);

  const nt::Tensor start = nt::tensor({10, -1, 0.05, -1e-5, -0.05, 1e-3, -1e-6}, nt::f64);
  const auto fit =
      nt::optim::least_squares([&](const nt::Tensor& b) { return model(b, x) - y; }, start, {.verbose = true});
  const nt::Tensor s = fit.standard_deviations()[0];
  double worst = 0;
  fmt::print("\n{:>18} {:>17} {:>18} {:>17}\n", "parameter", "deviation", "NIST's", "deviation");
  for (std::size_t i = 0; i < nist.certified.size(); ++i) {
    const auto k = static_cast<std::int64_t>(i);
    const double b = fit.x()[k].item();
    const double d = s[k].item();
    fmt::print("{:18.10e} {:17.10e} {:18.10e} {:17.10e}\n", b, d, nist.certified[i], nist.deviations[i]);
    worst = std::max({worst, std::abs(b / nist.certified[i] - 1), std::abs(d / nist.deviations[i] - 1)});
  }
  fmt::print("residual standard deviation {:.6f}, {} degrees of freedom\n", fit.residual_standard_deviation(),
             fit.degrees_of_freedom());

  // The delta method: the variance of the curve at t is j C j^T, j its derivative with respect to the parameters.
  const nt::Tensor t = nt::arange(200, nt::f64) / 199 * 850 + 12;
  const nt::Tensor curve = model(fit.x(), t);
  const nt::Tensor j = nt::jacobian([&](const nt::Tensor& b) { return model(b, t); }, fit.x());
  const nt::Tensor band = 1.97 * nt::sqrt(nt::sum(nt::matmul(j, fit.covariance()) * j, 1));  // 95 %, Student's t of 229

  std::ofstream svg("curve_fitting.svg");
  const auto px = [](double v) { return 60 + v * 0.8; };
  const auto py = [](double v) { return 440 - v * 19; };
  svg << R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 480" font-family="sans-serif" font-size="13">)";
  const auto path = [&](const nt::Tensor& v, bool back) {
    std::string points;
    for (std::int64_t i = 0; i < t.size(); ++i) {
      const auto k = back ? t.size() - 1 - i : i;
      points += fmt::format("{:.1f},{:.2f} ", px(t[k].item()), py(v[k].item()));
    }
    return points;
  };
  for (std::int64_t i = 0; i < x.size(); ++i) {
    svg << fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='2' fill='#999'/>", px(x[i].item()), py(y[i].item()));
  }
  svg << fmt::format("<polygon points='{}{}' fill='#c33' opacity='0.4'/>", path(curve + 10 * band, false),
                     path(curve - 10 * band, true));
  svg << fmt::format("<polyline points='{}' fill='none' stroke='#c33'/>", path(curve, false));
  svg << "<text x='300' y='470'>temperature / K</text><text x='70' y='30'>expansion of copper, fitted; "
         "the band is the 95 % confidence band, ten times enlarged</text></svg>\n";
  fmt::print("curve_fitting.svg shows the fit\n");
  return fit.converged() && worst < 1e-8 ? 0 : 1;
}
