#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes transforms by PyTorch and convolutions by SciPy to fft.txt. Complex results as pairs, real and imaginary parts."""
import pathlib

import numpy
import scipy.signal
import torch

lines = []


def write(name, x):
    x = torch.as_tensor(x).resolve_conj()
    if x.is_complex():
        x = torch.view_as_real(x)
    x = x.contiguous().double()
    shape = ",".join(map(str, x.shape)) or "-"
    lines.append(" ".join([name, "f64", shape, *map(repr, x.flatten().tolist())]))


torch.manual_seed(1)
x = torch.randn(2, 21, dtype=torch.float64)
z = torch.randn(3, 6, dtype=torch.complex128)
write("x", x)
write("z", z)
for norm in ("backward", "ortho", "forward"):
    write(f"fft.{norm}", torch.fft.fft(z, norm=norm))
    write(f"ifft.{norm}", torch.fft.ifft(z, norm=norm))
    write(f"rfft.{norm}", torch.fft.rfft(x, norm=norm))
    write(f"irfft.{norm}", torch.fft.irfft(z, norm=norm))
write("fft.axis", torch.fft.fft(z, dim=0))
write("fft.cut", torch.fft.fft(z, n=4))
write("fft.padded", torch.fft.fft(z, n=9))
write("rfft.axis", torch.fft.rfft(x, dim=0))
write("rfft.padded", torch.fft.rfft(x, n=32))
write("irfft.odd", torch.fft.irfft(z, n=11))
write("irfft.padded", torch.fft.irfft(z, n=16))
write("irfft.axis", torch.fft.irfft(z, n=4, dim=0))
write("fft2", torch.fft.fft2(z))
write("ifft2", torch.fft.ifft2(z, norm="ortho"))
write("rfft2", torch.fft.rfft2(x))
write("irfft2", torch.fft.irfft2(z, s=(3, 11)))
cube = torch.randn(2, 3, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(2))
write("cube", cube)
write("fftn", torch.fft.fftn(cube))
write("fftn.axes", torch.fft.fftn(cube, dim=(0, 2), norm="ortho"))
write("fftn.lengths", torch.fft.fftn(cube, s=(2, 6)))
write("ifftn", torch.fft.ifftn(cube, norm="forward"))
write("rfftn", torch.fft.rfftn(cube.real))
write("rfftn.axes", torch.fft.rfftn(cube.real, s=(4, 3), dim=(0, 1)))
write("irfftn", torch.fft.irfftn(cube))
write("irfftn.odd", torch.fft.irfftn(cube, s=(3, 5)))
for norm in ("backward", "ortho", "forward"):
    write(f"hfft.{norm}", torch.fft.hfft(cube, norm=norm))
    write(f"ihfft.{norm}", torch.fft.ihfft(cube.imag, norm=norm))
write("hfft.odd", torch.fft.hfft(cube, n=5, dim=1))
write("ihfft.axis", torch.fft.ihfft(cube.imag, n=5, dim=0))
for periodic in (True, False):
    for window in ("hann", "hamming", "blackman", "bartlett", "kaiser"):
        for n in (1, 2, 7, 8):
            f = getattr(torch, window + "_window")
            write(f"{window}.{n}.{'periodic' if periodic else 'symmetric'}", f(n, periodic=periodic, dtype=torch.float64))
write("kaiser.5", torch.kaiser_window(9, periodic=False, beta=5.0, dtype=torch.float64))
write("fftfreq.8", torch.fft.fftfreq(8, d=0.5, dtype=torch.float64))
write("fftfreq.7", torch.fft.fftfreq(7, dtype=torch.float64))
write("rfftfreq.8", torch.fft.rfftfreq(8, d=0.5, dtype=torch.float64))
write("rfftfreq.7", torch.fft.rfftfreq(7, dtype=torch.float64))
write("fftshift", torch.fft.fftshift(x, dim=-1))
write("ifftshift", torch.fft.ifftshift(x))
w = torch.hann_window(8, dtype=torch.float64)
write("hann", w)
write("stft", torch.stft(x, 8, window=w, return_complex=True))
write("stft.ones", torch.stft(x, 7, hop_length=3, center=False, normalized=True, return_complex=True))
short = torch.hann_window(5, dtype=torch.float64) + 0.1
write("short", short)
s = torch.stft(x, 8, hop_length=3, win_length=5, window=short, return_complex=True)
write("stft.short", s)
write("istft.short", torch.istft(s, 8, hop_length=3, win_length=5, window=short, length=19))
a, b = numpy.random.default_rng(1).normal(size=(2, 3, 9))
b = b[:, :4]
write("a", a)
write("b", b)
for mode in ("full", "same", "valid"):
    write(f"convolve.{mode}", scipy.signal.fftconvolve(a, b, mode=mode, axes=-1))
pathlib.Path(__file__).with_name("fft.txt").write_text("\n".join(lines) + "\n")
