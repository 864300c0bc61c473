// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/statistics.hpp>

#include <cmath>
#include <vector>

namespace newtape::table {
namespace {

template <class F>
std::vector<Rejection> nan_statistic_refuses(const std::string& name, F f) {
  return {{Error::shape, name, [f] { f(matrix(), 2); }}, {Error::dtype, name, [f] { f(three_ints(), 0); }}};
}

template <class F>
std::vector<Rejection> nan_quantile_refuses(const std::string& name, F f) {
  auto all = nan_statistic_refuses(name, f);
  all.push_back({Error::value, "must not be empty", [f] { f(nothing(), 1); }});
  return all;
}

Tensor nan_quantile_by(Args& x, Interpolation interpolation) {
  return nanquantile(x[0], 0.37, 1, false, interpolation);
}

const std::string jumps = "the most frequent of equal elements changes when one of them moves";

const Rows nan_statistics_rows{{
    {.name = "nanvar",
     .samples = stored("nanvar", {{"all", [](Args& x) { return nanvar(x[0]); }},
                                  {"rows", [](Args& x) { return nanvar(x[0], 1, 0); }},
                                  {"kept", [](Args& x) { return nanvar(x[0], 0, 1, true); }},
                                  {"empty", [](Args& x) { return nanvar(x[0], 1, 0); }}}),
     .rejects = nan_statistic_refuses("nanvar", [](const Tensor& x, int axis) { return nanvar(x, axis); }),
     .composite = true,
     .tolerance_scale = 2},
    {.name = "nanvar of few",
     .samples = joined(stored("nanvar of few", {{"few", [](Args& x) { return nanvar(x[0].tensor().detach(), 1); }}}),
                       stored("nanvar", {{"empty", [](Args& x) { return nanvar(x[0].tensor().detach(), 1); }}})),
     .composite = true,
     .order = 0,
     .reason = "NaN has no derivative"},
    {.name = "nanstd",
     .samples = stored("nanstd", {{"all", [](Args& x) { return nanstd(x[0]); }},
                                  {"rows", [](Args& x) { return nanstd(x[0], 1, 0); }},
                                  {"empty", [](Args& x) { return nanstd(x[0], 1, 0); }}}),
     .rejects = nan_statistic_refuses("nanstd", [](const Tensor& x, int axis) { return nanstd(x, axis); }),
     .known = {{{{3, 3, std::nan("")}}, {{0, 0, 0}}, [](Args& x) { return nanstd(x[0]); }}},
     .composite = true,
     .length = true,
     .tolerance_scale = 2},
    {.name = "nanmedian",
     .samples = stored("nanmedian", {{"all", [](Args& x) { return nanmedian(x[0]); }},
                                     {"rows", [](Args& x) { return nanmedian(x[0], 1); }},
                                     {"kept", [](Args& x) { return nanmedian(x[0], 0, true); }},
                                     {"empty", [](Args& x) { return nanmedian(x[0], 1); }}}),
     .rejects = nan_quantile_refuses("nanmedian", [](const Tensor& x, int axis) { return nanmedian(x, axis); }),
     .composite = true},
    {.name = "nanmedian of nothing",
     .samples = joined(
         stored("nanmedian of nothing", {{"nothing", [](Args& x) { return nanmedian(x[0].tensor().detach(), 1); }}}),
         stored("nanmedian", {{"empty", [](Args& x) { return nanmedian(x[0].tensor().detach(), 1); }}})),
     .composite = true,
     .order = 0,
     .reason = "NaN has no derivative"},
    {.name = "nanquantile",
     .samples =
         stored("nanquantile",
                {{"one", [](Args& x) { return nanquantile(x[0], 0.3); }},
                 {"rows", [](Args& x) { return nanquantile(x[0], 0.75, 1); }},
                 {"several", [](Args& x) { return nanquantile(x[0], std::vector<double>{0, 0.4, 1}, 1); }},
                 {"several_kept", [](Args& x) { return nanquantile(x[0], std::vector<double>{0.2, 0.9}, 1, true); }},
                 {"lower", [](Args& x) { return nan_quantile_by(x, Interpolation::lower); }},
                 {"higher", [](Args& x) { return nan_quantile_by(x, Interpolation::higher); }},
                 {"midpoint", [](Args& x) { return nan_quantile_by(x, Interpolation::midpoint); }},
                 {"nearest", [](Args& x) { return nan_quantile_by(x, Interpolation::nearest); }},
                 {"empty", [](Args& x) { return nanquantile(x[0], 0.5, 1); }}}),
     .rejects =
         nan_quantile_refuses("nanquantile", [](const Tensor& x, int axis) { return nanquantile(x, 0.5, axis); }),
     .composite = true},
    {.name = "mode",
     .samples = stored("mode", {{"distinct", [](Args& x) { return mode(x[0]).values; }},
                                {"axis", [](Args& x) { return mode(x[0], 0, true).values; }},
                                {"empty", [](Args& x) { return mode(x[0]).values; }}}),
     .rejects = {{Error::shape, "mode", [] { mode(matrix(), 2); }},
                 {Error::value, "must not be empty", [] { mode(nothing()); }}},
     .known = {{{{2, 1, 2, 3, 3}}, {{0, 0, 1, 0, 0}}, [](Args& x) { return mode(x[0]).values; }}},
     .composite = true},
    {.name = "mode of equal elements",
     .samples =
         stored("mode of equal elements", {{"last", [](Args& x) { return mode(x[0].tensor().detach()).values; }},
                                           {"first", [](Args& x) { return mode(x[0].tensor().detach(), 0).values; }},
                                           {"empty", [](Args& x) { return mode(x[0].tensor().detach()).values; }}}),
     .composite = true,
     .order = 0,
     .reason = jumps},
    {.name = "mode's indices",
     .samples = stored("mode's indices", {{"indices", [](Args& x) { return mode(x[0]).indices; }},
                                          {"distinct", [](Args& x) { return mode(x[0]).indices; }},
                                          {"empty", [](Args& x) { return mode(x[0]).indices; }}}),
     .composite = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
    {.name = "isclose",
     .samples = stored("isclose", {{"plain", [](Args& x) { return isclose(x[0], x[1]); }},
                                   {"tolerances", [](Args& x) { return isclose(x[0], x[1], 1e-3, 0.1); }},
                                   {"nan", [](Args& x) { return isclose(x[0], x[1], 1e-5, 1e-8, true); }},
                                   {"empty", [](Args& x) { return isclose(x[0], x[1]); }}}),
     .rejects = {{Error::shape, "[2] and [3]", [] { isclose(one_two(), three()); }},
                 {Error::value, "at least one operand", [] { isclose(1.0, 2.0); }}},
     .composite = true,
     .result = boolean,
     .order = 0,
     .reason = step},
}};

}  // namespace
}  // namespace newtape::table
