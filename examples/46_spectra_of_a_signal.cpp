// SPDX-License-Identifier: BSD-3-Clause
// Spectra of a noisy signal: its tones by the transform, a chirp by the spectrogram, and the exact frequency and phase of
// a tone by least squares through the spectrum.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace fft = nt::fft;
namespace inspect = nt::inspect;
using nt::Tensor;

constexpr double pi = 3.14159265358979323846;
constexpr double rate = 1000;  // samples a second

int main() {
  // Two seconds: tones of 50 and 123.4 Hz, a chirp from 200 to 400 Hz, and noise as loud as a tone.
  constexpr std::int64_t n = 2000;
  nt::Generator random(1);
  const Tensor t = nt::arange(n).to(nt::f64) / rate;
  const Tensor tones = nt::sin(2 * pi * 50 * t) + 0.8 * nt::cos(2 * pi * 123.4 * t + 0.6);
  const Tensor chirp = nt::sin(2 * pi * (200 * t + 50 * t * t));
  const Tensor x = tones + chirp + nt::random::normal({n}, 0, 0.7, nt::f64, random);

  // The amplitudes of all frequencies.
  const Tensor amplitude = fft::abs(fft::rfft(x * fft::hann_window(n, nt::f64))) * (4.0 / n);
  const Tensor frequency = fft::rfftfreq(n, 1 / rate, nt::f64);
  const auto strongest = [&](double low, double high) {
    const Tensor within = nt::where((frequency >= low) & (frequency < high), amplitude, 0.0);
    return frequency[nt::argmax(within).item<std::int64_t>()].item();
  };
  const double first = strongest(0, 100), second = strongest(100, 180);
  fmt::print("tones at {:.1f} and {:.1f} Hz, in steps of {} Hz\n", first, second, rate / n);

  // The chirp in the spectrogram: where each frame is loudest above 180 Hz.
  const Tensor z = fft::stft(x, {.n_fft = 200, .hop_length = 100, .window = fft::hann_window(200, nt::f64)});
  const Tensor loud = nt::where(nt::unsqueeze(fft::rfftfreq(200, 1 / rate, nt::f64) > 180.0, -1), fft::abs(z), 0.0);
  const Tensor ridge = nt::argmax(loud, 0).to(nt::f64) * (rate / 200);
  double worst = 0;
  for (std::int64_t frame = 1; frame + 1 < ridge.size(); ++frame) {
    const double when = static_cast<double>(frame) * 100 / rate;
    worst = std::max(worst, std::abs(ridge[frame].item() - (200 + 100 * when)));
  }
  fmt::print("the chirp rises by 100 Hz a second: {} frames, at most {:.1f} Hz off\n", ridge.size() - 2, worst);

  // Amplitude, frequency and phase of the second tone between the steps: its spectrum is fitted to that of the signal, near it.
  const std::int64_t low = static_cast<std::int64_t>((second - 10) * n / rate), high = low + 40;
  const Tensor window = fft::hann_window(n, nt::f64);
  const auto spectrum = [&](const Tensor& s) { return nt::slice(fft::rfft(s * window), -2, low, high) * (4.0 / n); };
  const Tensor wanted = spectrum(x);
  const auto fit = nt::optim::least_squares(
      [&](const Tensor& p) { return spectrum(p[0] * nt::cos(2 * pi * p[1] * t + p[2])) - wanted; },
      nt::tensor({1, second, 0}, nt::f64));
  const Tensor sd = fit.standard_deviations()[0];
  fmt::print("by least squares: {:.3f} Hz +- {:.3f}, amplitude {:.3f} +- {:.3f}, phase {:.3f} +- {:.3f}\n",
             fit.x()[1].item(), sd[1].item(), fit.x()[0].item(), sd[0].item(), fit.x()[2].item(), sd[2].item());

  // A filter of 101 coefficients by convolution: what is left of the noise above 180 Hz in the tones.
  const Tensor k = nt::arange(101).to(nt::f64) - 50.0;
  const Tensor sinc = nt::where(k == 0, 1.0, nt::sin(2 * pi * 0.15 * k) / (2 * pi * 0.15 * nt::where(k == 0, 1.0, k)));
  const Tensor low_pass = 0.3 * sinc * fft::hann_window(101, nt::f64);
  const Tensor filtered = fft::fftconvolve(x, low_pass, {.mode = fft::ConvolveMode::same});
  const auto deviation = [&](const Tensor& y) { return std::sqrt(nt::mean(nt::square(y - tones)).item()); };
  fmt::print("deviation from the tones: {:.3f}, after the filter {:.3f}\n", deviation(x), deviation(filtered));

  const bool right = first == 50 && std::abs(second - 123.4) <= 0.5 && worst <= 10 && fit.converged() &&
                     std::abs(fit.x()[1].item() - 123.4) < 5 * sd[1].item() && deviation(filtered) < 0.5 * deviation(x);
  return right ? 0 : 1;
}
