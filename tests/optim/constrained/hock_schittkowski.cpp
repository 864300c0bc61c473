// SPDX-License-Identifier: BSD-3-Clause
#include "optim/constrained/hock_schittkowski.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace problems {

namespace {

using newtape::Tensor;
using newtape::UnaryFunction;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double pi = 3.14159265358979323846;

std::vector<double> same(std::size_t n, double x) { return std::vector<double>(n, x); }
Tensor sq(const Tensor& x) { return newtape::square(x); }
Tensor power(const Tensor& x, double n) { return newtape::pow(x, n); }
Tensor all(const std::vector<Tensor>& c) { return newtape::stack(c, 0); }

Tensor rosenbrock_of(const Tensor& x) { return 100 * sq(x[1] - sq(x[0])) + sq(1 - x[0]); }
Tensor minus_product(const Tensor& x) { return -newtape::prod(x); }

/// Of problems 78 to 81.
Tensor three_equalities(const Tensor& x) {
  return all({newtape::sum(sq(x)) - 10, x[1] * x[2] - 5 * x[3] * x[4], power(x[0], 3) + power(x[1], 3) + 1});
}
Tensor linear_equalities(const Tensor& x) { return all({x[0] + 3 * x[1], x[2] + x[3] - 2 * x[4], x[1] - x[4]}); }
Tensor exponentials(const Tensor& x) { return all({x[1] - newtape::exp(x[0]), x[2] - newtape::exp(x[1])}); }

std::vector<ConstrainedProblem> two_unknowns() {
  // Of problem 19, where both constraints are active at (14.095, 5 - sqrt(100 - 9.095^2)): the book has -6961.81381.
  const double both_active = std::pow(4.095, 3) + std::pow(-15 - std::sqrt(100 - 9.095 * 9.095), 3);
  return {
      {"HS6",
       {-1.2, 1},
       0,
       [](const Tensor& x) { return sq(1 - x[0]); },
       {.equalities = [](const Tensor& x) { return 10 * (x[1] - sq(x[0])); }}},
      {"HS7",
       {2, 2},
       -std::sqrt(3.0),
       [](const Tensor& x) { return newtape::log(1 + sq(x[0])) - x[1]; },
       {.equalities = [](const Tensor& x) { return sq(1 + sq(x[0])) + sq(x[1]) - 4; }}},
      {"HS8",
       {2, 1},
       -1,
       [](const Tensor& x) { return 0 * x[0] - 1; },
       {.equalities =
            [](const Tensor& x) {
              return all({sq(x[0]) + sq(x[1]) - 25, x[0] * x[1] - 9});
            }}},
      {"HS9",
       {0, 0},
       -0.5,
       [](const Tensor& x) { return newtape::sin(pi / 12 * x[0]) * newtape::cos(pi / 16 * x[1]); },
       {.equalities = [](const Tensor& x) { return 4 * x[0] - 3 * x[1]; }}},
      {"HS10",
       {-10, 10},
       -1,
       [](const Tensor& x) { return x[0] - x[1]; },
       {.inequalities = [](const Tensor& x) { return 2 * x[0] * x[1] - 3 * sq(x[0]) - sq(x[1]) + 1; }}},
      {"HS11",
       {4.9, 0.1},
       -8.498464223,
       [](const Tensor& x) { return sq(x[0] - 5) + sq(x[1]) - 25; },
       {.inequalities = [](const Tensor& x) { return x[1] - sq(x[0]); }}},
      {"HS12",
       {0, 0},
       -30,
       [](const Tensor& x) { return 0.5 * sq(x[0]) + sq(x[1]) - x[0] * x[1] - 7 * x[0] - 7 * x[1]; },
       {.inequalities = [](const Tensor& x) { return 25 - 4 * sq(x[0]) - sq(x[1]); }}},
      {"HS14",
       {2, 2},
       9 - 23 * std::sqrt(7.0) / 8,
       [](const Tensor& x) { return sq(x[0] - 2) + sq(x[1] - 1); },
       {.equalities = [](const Tensor& x) { return x[0] - 2 * x[1] + 1; },
        .inequalities = [](const Tensor& x) { return 1 - 0.25 * sq(x[0]) - sq(x[1]); }}},
      {"HS15",
       {-2, 1},
       306.5,
       rosenbrock_of,
       {.inequalities =
            [](const Tensor& x) {
              return all({x[0] * x[1] - 1, x[0] + sq(x[1])});
            }},
       {},
       {0.5, inf}},
      {"HS16",
       {-2, 1},
       0.25,
       rosenbrock_of,
       {.inequalities =
            [](const Tensor& x) {
              return all({x[0] + sq(x[1]), sq(x[0]) + x[1]});
            }},
       {-2, -inf},
       {0.5, 1},
       {3.98206046}},
      {"HS17",
       {-2, 1},
       1,
       rosenbrock_of,
       {.inequalities =
            [](const Tensor& x) {
              return all({sq(x[1]) - x[0], sq(x[0]) - x[1]});
            }},
       {-2, -inf},
       {0.5, 1}},
      {"HS18",
       {2, 2},
       5,
       [](const Tensor& x) { return 0.01 * sq(x[0]) + sq(x[1]); },
       {.inequalities =
            [](const Tensor& x) {
              return all({x[0] * x[1] - 25, sq(x[0]) + sq(x[1]) - 25});
            }},
       {2, 0},
       {50, 50}},
      {"HS19",
       {20.1, 5.84},
       both_active,
       [](const Tensor& x) { return power(x[0] - 10, 3) + power(x[1] - 20, 3); },
       {.inequalities =
            [](const Tensor& x) {
              return all({sq(x[0] - 5) + sq(x[1] - 5) - 100, 82.81 - sq(x[1] - 5) - sq(x[0] - 6)});
            }},
       {13, 0},
       {100, 100}},
      {"HS20",
       {-2, 1},
       81.5 - 25 * std::sqrt(3.0),
       rosenbrock_of,
       {.inequalities =
            [](const Tensor& x) {
              return all({x[0] + sq(x[1]), sq(x[0]) + x[1], sq(x[0]) + sq(x[1]) - 1});
            }},
       {-0.5, -inf},
       {0.5, inf},
       {40.1987298}},
      {"HS21",
       {-1, -1},
       -99.96,
       [](const Tensor& x) { return 0.01 * sq(x[0]) + sq(x[1]) - 100; },
       {.inequalities = [](const Tensor& x) { return 10 * x[0] - x[1] - 10; }},
       {2, -50},
       {50, 50}},
      {"HS22",
       {2, 2},
       1,
       [](const Tensor& x) { return sq(x[0] - 2) + sq(x[1] - 1); },
       {.inequalities =
            [](const Tensor& x) {
              return all({2 - x[0] - x[1], x[1] - sq(x[0])});
            }}},
      {"HS23",
       {3, 1},
       2,
       [](const Tensor& x) { return sq(x[0]) + sq(x[1]); },
       {.inequalities =
            [](const Tensor& x) {
              return all({x[0] + x[1] - 1, sq(x[0]) + sq(x[1]) - 1, 9 * sq(x[0]) + sq(x[1]) - 9, sq(x[0]) - x[1],
                          sq(x[1]) - x[0]});
            }},
       same(2, -50),
       same(2, 50)},
      {"HS24",
       {1, 0.5},
       -1,
       [](const Tensor& x) { return (sq(x[0] - 3) - 9) * power(x[1], 3) / (27 * std::sqrt(3.0)); },
       {.inequalities =
            [](const Tensor& x) {
              const double r = std::sqrt(3.0);
              return all({x[0] / r - x[1], x[0] + r * x[1], 6 - x[0] - r * x[1]});
            }},
       same(2, 0),
       {}},
  };
}

std::vector<ConstrainedProblem> three_unknowns() {
  return {
      {"HS26",
       {-2.6, 2, 2},
       0,
       [](const Tensor& x) { return sq(x[0] - x[1]) + power(x[1] - x[2], 4); },
       {.equalities = [](const Tensor& x) { return (1 + sq(x[1])) * x[0] + power(x[2], 4) - 3; }}},
      {"HS27",
       {2, 2, 2},
       0.04,
       [](const Tensor& x) { return 0.01 * sq(x[0] - 1) + sq(x[1] - sq(x[0])); },
       {.equalities = [](const Tensor& x) { return x[0] + sq(x[2]) + 1; }}},
      {"HS28",
       {-4, 1, 1},
       0,
       [](const Tensor& x) { return sq(x[0] + x[1]) + sq(x[1] + x[2]); },
       {.equalities = [](const Tensor& x) { return x[0] + 2 * x[1] + 3 * x[2] - 1; }}},
      {"HS29",
       {1, 1, 1},
       -16 * std::sqrt(2.0),
       minus_product,
       {.inequalities = [](const Tensor& x) { return 48 - sq(x[0]) - 2 * sq(x[1]) - 4 * sq(x[2]); }}},
      {"HS30",
       {1, 1, 1},
       1,
       [](const Tensor& x) { return newtape::sum(sq(x)); },
       {.inequalities = [](const Tensor& x) { return sq(x[0]) + sq(x[1]) - 1; }},
       {1, -10, -10},
       same(3, 10)},
      {"HS31",
       {1, 1, 1},
       6,
       [](const Tensor& x) { return 9 * sq(x[0]) + sq(x[1]) + 9 * sq(x[2]); },
       {.inequalities = [](const Tensor& x) { return x[0] * x[1] - 1; }},
       {-10, 1, -10},
       {10, 10, 1}},
      {"HS32",
       {0.1, 0.7, 0.2},
       1,
       [](const Tensor& x) { return sq(x[0] + 3 * x[1] + x[2]) + 4 * sq(x[0] - x[1]); },
       {.equalities = [](const Tensor& x) { return 1 - newtape::sum(x); },
        .inequalities = [](const Tensor& x) { return 6 * x[1] + 4 * x[2] - power(x[0], 3) - 3; }},
       same(3, 0),
       {}},
      {"HS34",
       {0, 1.05, 2.9},
       -std::log(std::log(10.0)),
       [](const Tensor& x) { return -x[0]; },
       {.inequalities = exponentials},
       same(3, 0),
       {100, 100, 10}},
      {"HS35",
       {0.5, 0.5, 0.5},
       1.0 / 9,
       [](const Tensor& x) {
         return 9 - 8 * x[0] - 6 * x[1] - 4 * x[2] + 2 * sq(x[0]) + 2 * sq(x[1]) + sq(x[2]) + 2 * x[0] * x[1] +
                2 * x[0] * x[2];
       },
       {.inequalities = [](const Tensor& x) { return 3 - x[0] - x[1] - 2 * x[2]; }},
       same(3, 0),
       {}},
      {"HS36",
       {10, 10, 10},
       -3300,
       minus_product,
       {.inequalities = [](const Tensor& x) { return 72 - x[0] - 2 * x[1] - 2 * x[2]; }},
       same(3, 0),
       {20, 11, 42}},
      {"HS37",
       {10, 10, 10},
       -3456,
       minus_product,
       {.inequalities =
            [](const Tensor& x) {
              const Tensor s = x[0] + 2 * x[1] + 2 * x[2];
              return all({72 - s, s});
            }},
       same(3, 0),
       same(3, 42)},
      {"HS60",
       {2, 2, 2},
       0.03256820025,
       [](const Tensor& x) { return sq(x[0] - 1) + sq(x[0] - x[1]) + power(x[1] - x[2], 4); },
       {.equalities = [](const Tensor& x) { return x[0] * (1 + sq(x[1])) + power(x[2], 4) - 4 - 3 * std::sqrt(2.0); }},
       same(3, -10),
       same(3, 10)},
      {"HS61",
       {0, 0, 0},
       -143.6461422,
       [](const Tensor& x) { return 4 * sq(x[0]) + 2 * sq(x[1]) + 2 * sq(x[2]) - 33 * x[0] + 16 * x[1] - 24 * x[2]; },
       {.equalities =
            [](const Tensor& x) {
              return all({3 * x[0] - 2 * sq(x[1]) - 7, 4 * x[0] - sq(x[2]) - 11});
            }}},
      {"HS63",
       {2, 2, 2},
       961.7151721,
       [](const Tensor& x) { return 1000 - sq(x[0]) - 2 * sq(x[1]) - sq(x[2]) - x[0] * x[1] - x[0] * x[2]; },
       {.equalities =
            [](const Tensor& x) {
              return all({8 * x[0] + 14 * x[1] + 7 * x[2] - 56, newtape::sum(sq(x)) - 25});
            }},
       same(3, 0),
       {}},
      {"HS65",
       {-5, 5, 0},
       0.9535288567,
       [](const Tensor& x) { return sq(x[0] - x[1]) + sq(x[0] + x[1] - 10) / 9 + sq(x[2] - 5); },
       {.inequalities = [](const Tensor& x) { return 48 - newtape::sum(sq(x)); }},
       {-4.5, -4.5, -5},
       {4.5, 4.5, 5}},
      {"HS66",
       {0, 1.05, 2.9},
       0.5181632741,
       [](const Tensor& x) { return 0.2 * x[2] - 0.8 * x[0]; },
       {.inequalities = exponentials},
       same(3, 0),
       {100, 100, 10}},
  };
}

std::vector<ConstrainedProblem> four_unknowns() {
  return {
      {"HS39",
       {2, 2, 2, 2},
       -1,
       [](const Tensor& x) { return -x[0]; },
       {.equalities =
            [](const Tensor& x) {
              return all({x[1] - power(x[0], 3) - sq(x[2]), sq(x[0]) - x[1] - sq(x[3])});
            }}},
      {"HS40",
       same(4, 0.8),
       -0.25,
       minus_product,
       {.equalities =
            [](const Tensor& x) {
              return all({power(x[0], 3) + sq(x[1]) - 1, sq(x[0]) * x[3] - x[2], sq(x[3]) - x[1]});
            }}},
      {"HS41",
       same(4, 2),
       52.0 / 27,
       [](const Tensor& x) { return 2 - x[0] * x[1] * x[2]; },
       {.equalities = [](const Tensor& x) { return x[0] + 2 * x[1] + 2 * x[2] - x[3]; }},
       same(4, 0),
       {1, 1, 1, 2}},
      {"HS42",
       same(4, 1),
       28 - 10 * std::sqrt(2.0),
       [](const Tensor& x) { return sq(x[0] - 1) + sq(x[1] - 2) + sq(x[2] - 3) + sq(x[3] - 4); },
       {.equalities =
            [](const Tensor& x) {
              return all({x[0] - 2, sq(x[2]) + sq(x[3]) - 2});
            }}},
      {"HS43",
       same(4, 0),
       -44,
       [](const Tensor& x) {
         return sq(x[0]) + sq(x[1]) + 2 * sq(x[2]) + sq(x[3]) - 5 * x[0] - 5 * x[1] - 21 * x[2] + 7 * x[3];
       },
       {.inequalities =
            [](const Tensor& x) {
              return all({8 - newtape::sum(sq(x)) - x[0] + x[1] - x[2] + x[3],
                          10 - sq(x[0]) - 2 * sq(x[1]) - sq(x[2]) - 2 * sq(x[3]) + x[0] + x[3],
                          5 - 2 * sq(x[0]) - sq(x[1]) - sq(x[2]) - 2 * x[0] + x[1] + x[3]});
            }}},
      {"HS71",
       {1, 5, 5, 1},
       17.0140173,
       [](const Tensor& x) { return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]; },
       {.equalities = [](const Tensor& x) { return newtape::sum(sq(x)) - 40; },
        .inequalities = [](const Tensor& x) { return newtape::prod(x) - 25; }},
       same(4, 1),
       same(4, 5)},
      {"HS76",
       same(4, 0.5),
       -4.681818181,
       [](const Tensor& x) {
         return sq(x[0]) + 0.5 * sq(x[1]) + sq(x[2]) + 0.5 * sq(x[3]) - x[0] * x[2] + x[2] * x[3] - x[0] - 3 * x[1] +
                x[2] - x[3];
       },
       {.inequalities =
            [](const Tensor& x) {
              return all(
                  {5 - x[0] - 2 * x[1] - x[2] - x[3], 4 - 3 * x[0] - x[1] - 2 * x[2] + x[3], x[1] + 4 * x[2] - 1.5});
            }},
       same(4, 0),
       {}},
  };
}

std::vector<ConstrainedProblem> more_unknowns() {
  return {
      {"HS48",
       {3, 5, -3, 2, -2},
       0,
       [](const Tensor& x) { return sq(x[0] - 1) + sq(x[1] - x[2]) + sq(x[3] - x[4]); },
       {.equalities =
            [](const Tensor& x) {
              return all({newtape::sum(x) - 5, x[2] - 2 * (x[3] + x[4]) + 3});
            }}},
      {"HS52",
       same(5, 2),
       1859.0 / 349,
       [](const Tensor& x) { return sq(4 * x[0] - x[1]) + sq(x[1] + x[2] - 2) + sq(x[3] - 1) + sq(x[4] - 1); },
       {.equalities = linear_equalities}},
      {"HS53",
       same(5, 2),
       176.0 / 43,
       [](const Tensor& x) { return sq(x[0] - x[1]) + sq(x[1] + x[2] - 2) + sq(x[3] - 1) + sq(x[4] - 1); },
       {.equalities = linear_equalities},
       same(5, -10),
       same(5, 10)},
      {"HS77",
       same(5, 2),
       0.2415051288,
       [](const Tensor& x) {
         return sq(x[0] - 1) + sq(x[0] - x[1]) + sq(x[2] - 1) + power(x[3] - 1, 4) + power(x[4] - 1, 6);
       },
       {.equalities =
            [](const Tensor& x) {
              return all({sq(x[0]) * x[3] + newtape::sin(x[3] - x[4]) - 2 * std::sqrt(2.0),
                          x[1] + power(x[2], 4) * sq(x[3]) - 8 - std::sqrt(2.0)});
            }}},
      {"HS78",
       {-2, 1.5, 2, -1, -1},
       -2.91970041,
       [](const Tensor& x) { return newtape::prod(x); },
       {.equalities = three_equalities}},
      {"HS79",
       same(5, 2),
       0.0787768209,
       [](const Tensor& x) {
         return sq(x[0] - 1) + sq(x[0] - x[1]) + sq(x[1] - x[2]) + power(x[2] - x[3], 4) + power(x[3] - x[4], 4);
       },
       {.equalities =
            [](const Tensor& x) {
              const double r = std::sqrt(2.0);
              return all(
                  {x[0] + sq(x[1]) + power(x[2], 3) - 2 - 3 * r, x[1] - sq(x[2]) + x[3] + 2 - 2 * r, x[0] * x[4] - 2});
            }}},
      {"HS80",
       {-2, 2, 2, -1, -1},
       0.0539498478,
       [](const Tensor& x) { return newtape::exp(newtape::prod(x)); },
       {.equalities = three_equalities},
       {-2.3, -2.3, -3.2, -3.2, -3.2},
       {2.3, 2.3, 3.2, 3.2, 3.2}},
      {"HS100",
       {1, 2, 0, 4, 0, 1, 1},
       680.6300573,
       [](const Tensor& x) {
         return sq(x[0] - 10) + 5 * sq(x[1] - 12) + power(x[2], 4) + 3 * sq(x[3] - 11) + 10 * power(x[4], 6) +
                7 * sq(x[5]) + power(x[6], 4) - 4 * x[5] * x[6] - 10 * x[5] - 8 * x[6];
       },
       {.inequalities =
            [](const Tensor& x) {
              return all({127 - 2 * sq(x[0]) - 3 * power(x[1], 4) - x[2] - 4 * sq(x[3]) - 5 * x[4],
                          282 - 7 * x[0] - 3 * x[1] - 10 * sq(x[2]) - x[3] + x[4],
                          196 - 23 * x[0] - sq(x[1]) - 6 * sq(x[5]) + 8 * x[6],
                          3 * x[0] * x[1] - 4 * sq(x[0]) - sq(x[1]) - 2 * sq(x[2]) - 5 * x[5] + 11 * x[6]});
            }}},
      {"HS113",
       {2, 3, 5, 5, 1, 2, 7, 3, 6, 10},
       24.3062091,
       [](const Tensor& x) {
         return sq(x[0]) + sq(x[1]) + x[0] * x[1] - 14 * x[0] - 16 * x[1] + sq(x[2] - 10) + 4 * sq(x[3] - 5) +
                sq(x[4] - 3) + 2 * sq(x[5] - 1) + 5 * sq(x[6]) + 7 * sq(x[7] - 11) + 2 * sq(x[8] - 10) + sq(x[9] - 7) +
                45;
       },
       {.inequalities =
            [](const Tensor& x) {
              return all({105 - 4 * x[0] - 5 * x[1] + 3 * x[6] - 9 * x[7], -10 * x[0] + 8 * x[1] + 17 * x[6] - 2 * x[7],
                          8 * x[0] - 2 * x[1] - 5 * x[8] + 2 * x[9] + 12,
                          120 - 3 * sq(x[0] - 2) - 4 * sq(x[1] - 3) - 2 * sq(x[2]) + 7 * x[3],
                          40 - 5 * sq(x[0]) - 8 * x[1] - sq(x[2] - 6) + 2 * x[3],
                          30 - 0.5 * sq(x[0] - 8) - 2 * sq(x[1] - 4) - 3 * sq(x[4]) + x[5],
                          2 * x[0] * x[1] - sq(x[0]) - 2 * sq(x[1] - 2) - 14 * x[4] + 6 * x[5],
                          3 * x[0] - 6 * x[1] - 12 * sq(x[8] - 8) + 7 * x[9]});
            }}},
  };
}

}  // namespace

Tensor vector_of(const std::vector<double>& values) {
  newtape::Array x = newtape::Array::empty({static_cast<std::int64_t>(values.size())}, newtape::f64);
  std::copy(values.begin(), values.end(), x.data<double>());
  return x;
}

const std::vector<ConstrainedProblem>& hock_schittkowski() {
  static const std::vector<ConstrainedProblem> list = [] {
    std::vector<ConstrainedProblem> every;
    for (auto& part : {two_unknowns(), three_unknowns(), four_unknowns(), more_unknowns()}) {
      every.insert(every.end(), part.begin(), part.end());
    }
    return every;
  }();
  return list;
}

}  // namespace problems
