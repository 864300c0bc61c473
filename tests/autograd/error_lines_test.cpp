// SPDX-License-Identifier: BSD-3-Clause
// Errors of functions of functions, solvers and functions without tensors name the function and the line of the call.
#include "bad_calls.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ode/odeint.hpp>
#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/solvers/kalman.hpp>
#include <newtape/autograd/solvers/quad.hpp>
#include <newtape/autograd/solvers/quadratic_program.hpp>
#include <newtape/autograd/transforms/checkpoint.hpp>
#include <newtape/autograd/transforms/implicit.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/vmap.hpp>

#include <limits>

namespace newtape {
namespace {

std::vector<BadCall> bad_transforms() {
  const Tensor x = ones({3}, f64);
  const Tensor integers = ones({3}, i64);
  const auto twice = [](const Tensor& t) { return 2.0 * t; };
  const auto total = [](const Tensor& t) { return sum(t); };
  const auto scaled = [](const Tensor& y, const Tensor& theta) { return y * theta; };
  const auto whole = [](std::span<const Tensor> xs) { return sum(xs[0]); };
  return {
      {"grad", [=] { grad(twice)(x); }},
      {"grad", [=] { grad(Function(whole))(std::vector<Tensor>{integers}); }},
      {"grad", [=] { grad(x, x); }},
      {"grad", [=] { grad(x, std::vector<Tensor>{x}); }},
      {"value_and_grad", [=] { value_and_grad(UnaryFunction(twice), x); }},
      {"jvp", [=] { jvp(UnaryFunction(twice), x, ones({4}, f64)); }},
      {"vjp", [=] { vjp(UnaryFunction(twice), x, ones({4}, f64)); }},
      {"hvp", [=] { hvp(UnaryFunction(total), x, ones({4}, f64)); }},
      {"vhp", [=] { vhp(UnaryFunction(twice), x, x); }},
      {"gnvp", [=] { gnvp(UnaryFunction(twice), x, ones({4}, f64)); }},
      {"laplacian", [=] { laplacian(total, zeros({}, f64)); }},
      {"divergence", [=] { divergence(twice, zeros({}, f64)); }},
      {"jacobian", [=] { jacobian(UnaryFunction(twice), integers); }},
      {"hessian", [=] { hessian(UnaryFunction(twice), x); }},
      {"hessian_matrix", [=] { hessian_matrix(whole, std::vector<Tensor>{}); }},
      {"hessian_diag", [=] { hessian_diag(twice, x); }},
      {"per_sample_grad",
       [=] {
         per_sample_grad([](std::span<const Tensor> p, std::span<const Tensor>) { return p[0]; },
                         std::vector<Tensor>{x}, std::vector<Tensor>{});
       }},
      {"parameters_to_vector", [] { parameters_to_vector(std::vector<Tensor>{}); }},
      {"vector_to_parameters", [=] { vector_to_parameters(x, std::vector<Tensor>{ones({4}, f64)}); }},
      {"vmap", [=] { vmap(UnaryFunction(total))(zeros({}, f64)); }},
      {"vmap",
       [=] {
         vmap(whole)(std::vector<Tensor>{x, ones({4}, f64)});
       }},
      {"fixed_point", [=] { fixed_point(scaled, integers, x); }},
      {"custom_root",
       [=] {
         custom_root(
             scaled, [](const Tensor& theta) { return theta; }, integers);
       }},
      {"custom_linear_solve",
       [=] { custom_linear_solve([](const Tensor& v, std::span<const Tensor>) { return sum(v); }, x); }},
  };
}

std::vector<BadCall> bad_solvers() {
  const Tensor x = ones({3}, f64);
  const auto decay = [](const Tensor&, const Tensor& y) { return -y; };
  const auto wrong = [](const Tensor&, const Tensor& y) { return sum(y); };
  const StateSpaceModel model{.transition = eye(2, f64),
                              .transition_cov = eye(2, f64),
                              .observation = eye(2, f64),
                              .observation_cov = eye(2, f64),
                              .initial_mean = zeros({2}, f64),
                              .initial_cov = eye(2, f64)};
  return {
      {"quad", [] { quad([](const Tensor& t) { return sum(t); }, zeros({}, f64), ones({}, f64)); }},
      {"quad", [=] { quad([](const Tensor& t) { return t; }, x, 1.0); }},
      {"odeint", [=] { odeint(decay, ones({3}, i64), linspace(0, 1, 3, f64)); }},
      {"odeint", [=] { odeint(wrong, x, linspace(0, 1, 3, f64)); }},
      {"odeint", [=] { odeint(decay, x, linspace(0, 1, 3, f64), {.rtol = -1}); }},
      {"solve_ivp", [=] { solve_ivp(decay, 0.0, x, x); }},
      {"odeint_adjoint",
       [=] {
         odeint_adjoint([](const Tensor&, const Tensor& y, std::span<const Tensor>) { return y; }, x,
                        linspace(0, 1, 3, f64), std::vector<Tensor>{ones({3}, f32)});
       }},
      {"kalman_filter",
       [=] {
         kalman_filter(model, ones({4, 3}, f64));
       }},
      {"kalman_filter", [=] { kalman_filter(model, ones({4}, f64)); }},
      {"kalman_smoother",
       [=] {
         kalman_smoother(model, ones({4, 2}, f32));
       }},
      {"kalman_smoother",
       [=] {
         kalman_smoother(model, ones({4, 2}, f64), ones({3}, boolean));
       }},
      {"quadratic_program", [=] { quadratic_program(eye(2, f64), x); }},
      {"quadratic_program", [=] { quadratic_program(eye(3, f64), x, {.a = eye(3, f64)}); }},
      {"linear_program", [=] { linear_program(x, {.g = eye(2, f64), .h = ones({2}, f64)}); }},
      {"linear_program", [] { linear_program(zeros({}, f64), {}); }},
  };
}

std::vector<BadCall> bad_sequences() {
  const Tensor x = ones({3}, f64);
  const Tensor numbers = variable(x);
  return {
      {"fft",
       [=] {
         fft::fft(ones({3, 3}, f64));
       }},
      {"ifft",
       [] {
         fft::ifft(ones({0, 2}, f64));
       }},
      {"rfft", [] { fft::rfft(ones({3}, i64)); }},
      {"irfft", [] { fft::irfft(ones({3}, f64)); }},
      {"fft2",
       [=] {
         fft::fft2(ones({3, 3}, f64));
       }},
      {"ifft2",
       [=] {
         fft::ifft2(ones({3, 2}, i64));
       }},
      {"real", [=] { fft::real(x); }},
      {"angle", [=] { fft::angle(x); }},
      {"multiply", [=] { fft::multiply(x, x); }},
      {"rfft2", [=] { fft::rfft2(x); }},
      {"irfft2", [=] { fft::irfft2(x); }},
      {"fftfreq", [] { fft::fftfreq(0); }},
      {"rfftfreq", [] { fft::rfftfreq(4, 0); }},
      {"next_fast_len", [] { fft::next_fast_len(std::numeric_limits<std::int64_t>::max()); }},
      {"fftconvolve", [=] { fft::fftconvolve(x, ones({0}, f64)); }},
      {"stft", [=] { fft::stft(x, {.n_fft = 8}); }},
      {"istft", [=] { fft::istft(x, {.n_fft = 8}); }},
      {"hann_window", [] { fft::hann_window(0); }},
      {"linspace", [] { linspace(0, 1, -1); }},
      {"logspace", [] { logspace(0, 1, -1); }},
      {"diff", [=] { diff(x, 1, 5); }},
      {"trapezoid", [=] { trapezoid(x, ones({4}, f64)); }},
      {"backward", [=] { numbers.backward(); }},
      {"backward", [=] { x.backward(); }},
      {"backward", [=] { (2.0 * numbers).backward({.gradient = ones({4}, f64)}); }},
  };
}

TEST_CASE("errors of transforms name the call") { check_bad_calls("error_lines_test.cpp", bad_transforms()); }
TEST_CASE("errors of solvers name the call") { check_bad_calls("error_lines_test.cpp", bad_solvers()); }
TEST_CASE("errors of transforms of sequences and of sweeps name the call") {
  check_bad_calls("error_lines_test.cpp", bad_sequences());
}

}  // namespace
}  // namespace newtape
