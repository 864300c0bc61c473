#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""functions.txt: operands of functions, and results of NumPy, SciPy or PyTorch, for tests/autograd/rows/stored.hpp. Lines of
`function/case/in/k dtype shape values...` and `function/case/out ...`. Operands are numbers of f32, so that they are the same
in both float dtypes.

    /usr/bin/python3 tests/files/autograd/make_functions.py
"""
import itertools
import pathlib
import zlib

import numpy as np
import scipy.integrate
import scipy.linalg
import scipy.special
import torch

LINES = []
NAN = float("nan")


class Random:
    """Numbers that depend on the name only."""

    def __init__(self, name):
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))

    def real(self, *shape, low=-2, high=2):
        """Numbers of f32 that differ clearly from each other."""
        n = int(np.prod(shape))
        steps = self.rng.permutation(n) + 0.5 + 0.6 * (self.rng.random(n) - 0.5)
        return np.float64(np.float32(low + (high - low) * steps / max(n, 1))).reshape(shape)

    def whole(self, *shape, low=0, high=4):
        return self.rng.integers(low, high, shape)

    def flags(self, *shape):
        return self.rng.random(shape) < 0.5

    def gaps(self, *shape):
        """About a third are NaN, but no first element along the last axis."""
        x = self.real(*shape)
        holes = self.rng.random(shape) < 0.35
        holes[..., 0] = False
        x[holes] = NAN
        return x


def put(name, x):
    x = np.asarray(x.detach() if isinstance(x, torch.Tensor) else x)
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{name} is {x.dtype}")
    dtype = "f64" if x.dtype.kind == "f" else "i64"
    shape = ",".join(map(str, x.shape)) or "-"
    values = [repr(float(v)) if dtype == "f64" else str(int(v)) for v in x.ravel()]
    LINES.append(" ".join([name.replace(" ", "_"), dtype, shape, *values]))


def case(name, f, *operands):
    """f gets the operands; each may be a function of Random."""
    random = Random(name)
    xs = [x(random) if callable(x) else np.asarray(x) for x in operands]
    y = f(*[np.array(x) for x in xs])
    for k, x in enumerate(xs):
        put(f"{name}/in/{k}", x)
    put(f"{name}/out", y)


def real(*shape, **range_):
    return lambda random: random.real(*shape, **range_)


def whole(*shape, **range_):
    return lambda random: random.whole(*shape, **range_)


def flags(*shape):
    return lambda random: random.flags(*shape)


def gaps(*shape):
    return lambda random: random.gaps(*shape)


def growing(*shape, **range_):
    return lambda random: np.sort(random.real(*shape, **range_), -1)


def of_torch(f):
    """f of tensors."""
    return lambda *xs: f(*[torch.from_numpy(np.array(x)) for x in xs])


def calculus():
    case("diff/first", np.diff, real(5))
    case("diff/second", lambda x: np.diff(x, 2, axis=0), real(4, 3))
    case("diff/joined", lambda x, a, b: np.diff(x, axis=1, prepend=a, append=b), real(2, 3), real(2, 1), real(2, 2))
    case("diff/number", lambda x, a: np.diff(x, prepend=a), real(2, 3), real())
    case("diff/all", lambda x: np.diff(x, 4), real(2, 3))
    case("diff/empty", lambda x: np.diff(x, axis=1), real(0, 3))
    case("gradient/plain", np.gradient, real(5))
    case("gradient/spacing", lambda x: np.gradient(x, 0.5, axis=0), real(4, 3))
    case("gradient/edges", lambda x: np.gradient(x, 2.0, axis=1, edge_order=2), real(2, 5, 2))
    case("gradient/three", lambda x: np.gradient(x, edge_order=2), real(3))
    case("gradient/two", np.gradient, real(2))
    case("gradient/coordinates", lambda x, at: np.gradient(x, at, axis=0), real(5, 2), growing(5))
    case("gradient/coordinates_edges", lambda x, at: np.gradient(x, at, axis=1, edge_order=2), real(2, 4), growing(4))
    case("gradient/every_axis", lambda x: np.stack(np.gradient(x)), real(3, 4))
    case("gradient/empty", lambda x: np.gradient(x, axis=1), real(0, 3))
    case("trapezoid/plain", np.trapz, real(5))
    case("trapezoid/dx", lambda x: np.trapz(x, dx=0.25, axis=0), real(4, 3))
    case("trapezoid/x", lambda y, x: np.trapz(y, x, axis=0), real(4, 2), real(4))
    case("trapezoid/xs", lambda y, x: np.trapz(y, x), real(2, 4), real(2, 4))
    case("trapezoid/one", np.trapz, real(2, 1))
    case("trapezoid/empty", np.trapz, real(2, 0))
    cumulative = scipy.integrate.cumulative_trapezoid
    case("cumulative_trapezoid/plain", cumulative, real(5))
    case("cumulative_trapezoid/dx", lambda x: cumulative(x, dx=0.25, axis=0), real(4, 3))
    case("cumulative_trapezoid/x", lambda y, x: cumulative(y, x, axis=0), real(4, 2), real(4))
    case("cumulative_trapezoid/xs", cumulative, real(2, 4), real(2, 4))
    case("cumulative_trapezoid/empty", of_torch(torch.cumulative_trapezoid), real(0, 3))


def statistics():
    f = lambda *xs, **o: np.cov(*xs, **o)
    case("cov/plain", f, real(3, 5))
    case("cov/vector", f, real(5))
    case("cov/columns", lambda x: np.cov(x, rowvar=False, ddof=0), real(4, 2))
    case("cov/fweights", lambda x, w: np.cov(x, fweights=w), real(2, 4), np.array([1, 3, 0, 2]))
    case("cov/aweights", lambda x, w: np.cov(x, aweights=w), real(2, 4), real(4, low=0.5, high=2))
    case("cov/both", lambda x, v, w: np.cov(x, fweights=v, aweights=w, ddof=0), real(3, 4), np.array([1, 2, 1, 3]),
         real(4, low=0.5, high=2))
    case("cov/none", lambda x: np.zeros((0, 0)), real(0, 3))
    case("corrcoef/plain", np.corrcoef, real(3, 6))
    case("corrcoef/columns", lambda x: np.corrcoef(x, rowvar=False), real(7, 2))
    case("corrcoef/vector", lambda x: np.float64(1), real(5))
    case("corrcoef/none", lambda x: np.zeros((0, 0)), real(0, 3))

    gappy = gaps(3, 8)
    empty = real(0, 3)
    case("nanvar/all", lambda x: np.nanvar(x, ddof=1), gappy)
    case("nanvar/rows", lambda x: np.nanvar(x, axis=1), gappy)
    case("nanvar/kept", lambda x: np.nanvar(x, axis=0, ddof=1, keepdims=True), gaps(8, 2))
    case("nanvar/empty", lambda x: np.nanvar(x, axis=1), empty)
    case("nanvar of few/few", lambda x: np.array([NAN, 0.5]), np.array([[NAN, 1, NAN], [1, 2, NAN]]))
    case("nanstd/all", lambda x: np.nanstd(x, ddof=1), gappy)
    case("nanstd/rows", lambda x: np.nanstd(x, axis=1), gappy)
    case("nanstd/empty", lambda x: np.nanstd(x, axis=1), empty)
    case("nanmedian/all", np.nanmedian, gappy)
    case("nanmedian/rows", lambda x: np.nanmedian(x, axis=1), gappy)
    case("nanmedian/kept", lambda x: np.nanmedian(x, axis=0, keepdims=True), gaps(8, 2))
    case("nanmedian/empty", lambda x: np.nanmedian(x, axis=1), empty)
    case("nanmedian of nothing/nothing", lambda x: np.array([NAN, 1]), np.array([[NAN, NAN], [NAN, 1]]))
    case("nanquantile/one", lambda x: np.nanquantile(x, 0.3), gappy)
    case("nanquantile/rows", lambda x: np.nanquantile(x, 0.75, axis=1), gappy)
    case("nanquantile/several", lambda x: np.nanquantile(x, [0, 0.4, 1], axis=1), gappy)
    case("nanquantile/several_kept", lambda x: np.nanquantile(x, [0.2, 0.9], axis=1, keepdims=True), gappy)
    for method in ["lower", "higher", "midpoint", "nearest"]:
        case(f"nanquantile/{method}", lambda x: np.nanquantile(x, 0.37, axis=1, method=method), gappy)
    case("nanquantile/empty", lambda x: np.nanquantile(x, 0.5, axis=1), empty)

    modal = of_torch(lambda x: torch.mode(x, -1)[0])
    case("mode/distinct", modal, real(2, 4))
    case("mode/axis", of_torch(lambda x: torch.mode(x, 0, keepdim=True)[0]), real(3, 2))
    case("mode/empty", modal, real(0, 3))
    case("mode of equal elements/last", modal, np.array([[1.0, 2, 2, 0, 1], [3, 3, -1, 0, 3]]))
    case("mode of equal elements/first", of_torch(lambda x: torch.mode(x, 0)[0]), np.array([[1.0, 2], [1, 0], [5, 2], [0, 0.5]]))
    case("mode of equal elements/empty", modal, real(0, 3))
    modal_index = of_torch(lambda x: torch.mode(x, -1)[1])
    case("mode's indices/indices", modal_index, np.array([[1.0, 2, 2, 0, 1], [3, 3, -1, 0, 3]]))
    case("mode's indices/distinct", modal_index, real(4, 5))
    case("mode's indices/empty", modal_index, real(0, 3))

    near = np.array([1, 1 + 1e-5, np.inf, -np.inf, NAN, 0, 1e-9, 100, np.inf])
    other = np.array([1, 1, np.inf, np.inf, NAN, 1e-8, 0, 100.001, 1])
    near, other = np.float64(np.float32(near)), np.float64(np.float32(other))
    case("isclose/plain", np.isclose, near, other)
    case("isclose/tolerances", lambda a, b: np.isclose(a, b, rtol=1e-3, atol=0.1), real(6), real(2, 6))
    case("isclose/nan", lambda a, b: np.isclose(a, b, equal_nan=True), near, other)
    case("isclose/empty", np.isclose, real(0), real(1))


def counts():
    def histogram(part, **o):
        return lambda x, *w: np.histogram(x, weights=w[0] if w else None, **o)[part]

    case("histogram/counts", histogram(0), real(30))
    case("histogram/range", histogram(0, bins=4, range=(-1, 1)), real(5, 6))
    case("histogram/edges", histogram(0, bins=[-1, -0.5, 0, 1.5]), real(20))
    case("histogram/ends", histogram(0, bins=3), np.array([0.0, 1, 2, 3, 3, 1]))
    case("histogram/equal", histogram(0, bins=4), np.array([2.0, 2, 2]))
    case("histogram/empty", histogram(0, bins=3), real(0))
    case("histogram's edges/edges", histogram(1, bins=4), real(9))
    case("histogram's edges/equal", histogram(1, bins=4), np.array([2.0, 2, 2]))
    case("histogram's edges/empty", histogram(1, bins=3), real(0))
    case("histogram's density/density", histogram(0, bins=[-2, -0.5, 0, 3], density=True), real(20))
    case("histogram's density/empty", lambda x: np.array([NAN, NAN]), real(0))
    case("histogram's weights/weights", histogram(0, bins=4), real(3, 4), real(3, 4))
    case("histogram's weights/density", histogram(0, bins=[-2, -0.5, 0, 2], density=True), real(9), real(9, low=1, high=2))
    case("histogram's weights/empty", histogram(0, bins=3), real(0), real(0))
    histc = lambda **o: of_torch(lambda x: torch.histc(x, **o))
    case("histc/plain", histc(bins=7), real(40))
    case("histc/range", histc(bins=4, min=-1, max=1.5), real(3, 9))
    case("histc/equal", histc(bins=4), np.array([2.0, 2, 2]))
    case("histc/empty", lambda x: np.zeros(3), real(0))

    rows = np.array([[1.0, 0, 1], [0, 2, 5], [1, 0, 1], [0, 2, -1], [0, 2, 5]])
    for part, which in enumerate(["", "'s inverse", "'s counts"]):
        unique = lambda axis: lambda x: np.unique(x, axis=axis, return_inverse=True, return_counts=True)[part]
        case(f"unique along an axis{which}/rows", unique(0), rows)
        case(f"unique along an axis{which}/columns", unique(1), np.array([[1.0, 0, 1], [2, -1, 2]]))
        case(f"unique along an axis{which}/middle", unique(1), np.array([[[1.0, 2], [0, 1], [0, 1]], [[3, 4], [5, 0], [5, 0]]]))
        case(f"unique along an axis{which}/empty", unique(0), real(0, 3))
    case("isin/plain", np.isin, np.array([[1.0, 2, 3], [NAN, 0, -2]]), np.array([3.0, 3, 0, NAN]))
    case("isin/invert", lambda a, b: np.isin(a, b, invert=True), np.array([1.0, 2, 3, 3]), np.array([[2.0], [1]]))
    case("isin/nothing", np.isin, real(3), real(0))
    case("isin/empty", np.isin, real(0), real(2))

    search = lambda **o: of_torch(lambda a, b: torch.searchsorted(a, b, **o))
    case("searchsorted in batches/left", search(), np.array([[1.0, 3, 3, 5], [0, 1, 2, 3]]), np.array([[3.0, 0, 9], [2, 2.5, -1]]))
    case("searchsorted in batches/right", search(right=True), growing(2, 3, 4), real(2, 3, 2))
    case("searchsorted in batches/empty", search(), real(2, 0), real(2, 3))
    case("searchsorted in batches/no_rows", search(), real(0, 3), real(0, 2))
    bucketize = lambda **o: of_torch(lambda x, b: torch.bucketize(x, b, **o))
    case("bucketize/left", bucketize(), np.array([[1.0, 0, 3], [3, 2, 9]]), np.array([1.0, 3, 5]))
    case("bucketize/right", bucketize(right=True), np.array([1.0, 0, 3, 5]), np.array([1.0, 3, 5]))
    case("bucketize/empty", bucketize(), real(0), real(3))


def numbers():
    holes = np.array([1.0, NAN, -2, NAN, 3]), np.array([2.0, 1, NAN, NAN, 3])
    for name in ["fmax", "fmin"]:
        case(f"{name} of NaN/nan", getattr(np, name), *holes)
        case(f"{name} of NaN/empty", getattr(np, name), real(0), real(1))
    case("signbit/plain", np.signbit, np.array([1.0, -1, 0.0, -0.0, np.inf, -np.inf]))
    case("signbit/empty", np.signbit, real(0))
    case("copysign of zeros/plain", np.copysign, real(2, 4), np.array([1.0, -1, 0.0, -0.0]))
    case("copysign of zeros/empty", np.copysign, real(0), real(1))
    case("heaviside at 0/plain", np.heaviside, np.array([-1.5, 0.0, 2, 0]), np.array([0.5, 0.25, 3, -1]))
    case("heaviside at 0/broadcast", np.heaviside, np.array([[-1.5, 0.0, 2], [0, 0, 1]]), real())
    case("heaviside at 0/empty", np.heaviside, real(0), real(1))
    case("ldexp of integers/plain", np.ldexp, real(2, 3), np.array([1, -3, 0]))
    case("ldexp of integers/far", np.ldexp, np.float64(np.float32([1.5e-38, 3e38])), np.array([100, -120]))
    case("ldexp of integers/empty", np.ldexp, real(0), np.array([2]))
    parts = np.array([1.0, 0.5, -3, 0, 1024.5, 0.1875])
    case("frexp's exponent/exponent", lambda x: np.frexp(x)[1], parts)
    case("frexp's exponent/empty", lambda x: np.frexp(x)[1], real(0))
    a, b = np.array([12, -18, 0, 7, 0, 1 << 40]), np.array([18, 12, 5, 13, 0, 1 << 20])
    case("gcd/plain", np.gcd, a, b)
    case("gcd/empty", np.gcd, np.zeros(0, int), np.array([1]))
    case("lcm/plain", np.lcm, a, b)
    case("lcm/empty", np.lcm, np.zeros(0, int), np.array([1]))
    for p, axis, most, shape in [(2, 0, 2.5, (4, 3)), (1, 1, 3, (2, 3, 2)), (3, 2, 2, (2, 2, 3))]:
        case(f"renorm/{p}", of_torch(lambda x: torch.renorm(x, p, axis, most)), real(*shape))
    case("renorm/empty", of_torch(lambda x: torch.renorm(x, 2, 0, 1)), real(0, 3))
    case("column_stack/vectors", lambda *x: np.column_stack(x), real(3), real(3))
    case("column_stack/mixed", lambda *x: np.column_stack(x), real(3), real(3, 2), real(3))
    case("column_stack/empty", lambda *x: np.column_stack(x), real(0), real(0, 2))
    product = of_torch(torch.cartesian_prod)
    case("cartesian_prod/three", product, real(2), real(3), real(2))
    case("cartesian_prod/empty", product, real(2), real(0))
    for r, again in itertools.product([1, 2, 3], [False, True]):
        name = f"combinations/{r}" + ("_with_replacement" if again else "")
        case(name, of_torch(lambda x: torch.combinations(x, r, again)), real(4))
    case("combinations/more", of_torch(lambda x: torch.combinations(x, 3)), real(2))
    case("combinations/empty", of_torch(lambda x: torch.combinations(x, 2)), real(0))


def scatters():
    mask = np.array([[True, False, True], [False, True, True]])
    case("masked_scatter/plain", of_torch(torch.Tensor.masked_scatter), real(2, 3), mask, real(5))
    case("masked_scatter/broadcast", of_torch(torch.Tensor.masked_scatter), real(2, 3), mask[0], real(2, 3))
    case("masked_scatter/empty", of_torch(torch.Tensor.masked_scatter), real(0), np.zeros(0, bool), real(0))
    diagonal = lambda **o: of_torch(lambda x, s: torch.diagonal_scatter(x, s, **o))
    case("diagonal_scatter/plain", diagonal(), real(3, 4), real(3))
    case("diagonal_scatter/above", diagonal(offset=1), real(3, 3), real(2))
    case("diagonal_scatter/axes", diagonal(offset=-1, dim1=2, dim2=0), real(2, 3, 4), real(3, 2))
    case("diagonal_scatter/empty", diagonal(), real(0, 3), real(0))
    at = np.array([2, 0, 2, 2])
    for reduce in ["prod", "mean", "amax", "amin"]:
        for own in [True, False]:
            f = of_torch(lambda x, i, s: x.index_reduce(0, i, s, reduce, include_self=own))
            case(f"index_reduce/{reduce}" + ("" if own else "_without_self"), f, real(4, 2), at, real(4, 2))
    case("index_reduce/axis", of_torch(lambda x, i, s: x.index_reduce(1, i, s, "amax")), real(2, 3), np.array([2, 2]), real(2, 2))
    case("index_reduce/empty", of_torch(lambda x, i, s: x.index_reduce(0, i, s, "amax")), real(0), np.zeros(0, int), real(0))
    lengths = np.array([2, 3, 1])
    for reduce in ["sum", "mean", "max", "min", "prod"]:
        f = lambda x, n: np.stack([getattr(np, reduce)(p, axis=0) for p in np.split(x, np.cumsum(n)[:-1])])
        case(f"segment_reduce/{reduce}", f, real(6, 2), lengths)
    torch_segments = lambda r: of_torch(lambda x, n: torch.segment_reduce(x, r, lengths=n))
    case("segment_reduce/torch", torch_segments("sum"), real(6), lengths)
    case("segment_reduce/torch_empty_segment", torch_segments("sum"), real(3), np.array([1, 0, 2]))
    case("segment_reduce/axis", lambda x, n: np.add.reduceat(x, [0, 2], axis=1), real(2, 4), np.array([2, 2]))
    case("segment_reduce/empty", lambda x, n: np.zeros((0, 2)), real(0, 2), np.zeros(0, int))


def images():
    F = torch.nn.functional
    shuffle, unshuffle = F.pixel_shuffle, F.pixel_unshuffle
    case("pixel_shuffle/plain", of_torch(lambda x: shuffle(x, 2)), real(2, 8, 1, 3))
    case("pixel_shuffle/three", of_torch(lambda x: shuffle(x, 3)), real(9, 2, 1))
    case("pixel_shuffle/empty", of_torch(lambda x: shuffle(x, 2)), real(0, 4, 2, 2))
    case("pixel_unshuffle/plain", of_torch(lambda x: unshuffle(x, 2)), real(2, 1, 4, 2))
    case("pixel_unshuffle/three", of_torch(lambda x: unshuffle(x, 3)), real(1, 3, 6))
    case("pixel_unshuffle/empty", lambda x: np.zeros((0, 4, 1, 1)), real(0, 1, 2, 2))
    for align in [False, True]:
        grid = lambda *size: of_torch(lambda t: F.affine_grid(t, size, align_corners=align))
        tail = "_aligned" if align else ""
        case("affine_grid/plain" + tail, grid(2, 1, 3, 4), real(2, 2, 3))
        case("affine_grid/volume" + tail, grid(1, 1, 2, 1, 3), real(1, 3, 4))
        for padding in ["zeros", "border", "reflection"]:
            for mode in ["bilinear", "nearest", "bicubic"]:
                sample = of_torch(lambda x, g: F.grid_sample(x, g, mode, padding, align))
                case(f"grid_sample {mode}/{padding}{tail}", sample, real(2, 2, 3, 4), real(2, 2, 3, 2, low=-1.5, high=1.5))
    sample = of_torch(lambda x, g: F.grid_sample(x, g, "bilinear", "border", False))
    case("grid_sample bilinear/volume", sample, real(1, 2, 2, 3, 2), real(1, 2, 1, 2, 3, low=-1.3, high=1.3))
    line = lambda x, g: F.grid_sample(x[:, :, None], torch.stack([g[..., 0], 0 * g[..., 0]], -1)[:, None],
                                      align_corners=True)[:, :, 0]
    case("grid_sample bilinear/line", of_torch(line), real(2, 2, 5), real(2, 4, 1, low=-0.9, high=0.9))
    case("grid_sample bilinear/empty", of_torch(lambda x, g: x.new_zeros(0, 2, 2, 2)), real(0, 2, 3, 3), real(0, 2, 2, 2))
    case("grid_sample nearest/empty", of_torch(lambda x, g: x.new_zeros(1, 2, 0, 2)), real(1, 2, 3, 3), real(1, 0, 2, 2))
    case("grid_sample bicubic/empty", of_torch(lambda x, g: x.new_zeros(1, 2, 0, 2)), real(1, 2, 3, 3), real(1, 0, 2, 2))

    for mode, size in [("bilinear", (2, 3)), ("bilinear", (6, 9)), ("bicubic", (3, 3)), ("bicubic", (9, 2))]:
        resize = of_torch(lambda x: F.interpolate(x, size, mode=mode, antialias=True))
        case(f"interpolate antialiased/{mode}_{size[0]}_{size[1]}", resize, real(1, 2, 5, 7))
    factor = of_torch(lambda x: F.interpolate(x, scale_factor=0.4, mode="bilinear", antialias=True))
    case("interpolate antialiased/factor", factor, real(1, 1, 5, 7))
    case("interpolate antialiased/empty", lambda x: np.zeros((0, 1, 2, 2)), real(0, 1, 3, 3))

    def unpool(pool, unpooled, **o):
        return lambda x, i: unpooled(torch.from_numpy(x), torch.from_numpy(i), **o)

    def pooled(x, n, **o):
        y, i = getattr(F, f"max_pool{n}d")(torch.from_numpy(x), return_indices=True, **o)
        return y.numpy(), i.numpy()

    for name, n, shape, o in [
        ("line", 1, (2, 6), {"kernel_size": 2}),
        ("plain", 2, (2, 1, 4, 6), {"kernel_size": 2}),
        ("padded", 2, (1, 5, 5), {"kernel_size": 3, "stride": 2, "padding": 1}),
        ("volume", 3, (1, 2, 2, 4), {"kernel_size": 2}),
    ]:
        y, i = pooled(Random("max_unpool/" + name).real(*shape), n, **o)
        case(f"max_unpool/{name}", unpool(None, getattr(F, f"max_unpool{n}d"), **o), y, i)
    y, i = pooled(Random("max_unpool/size").real(1, 5), 1, kernel_size=2)
    case("max_unpool/size", unpool(None, F.max_unpool1d, kernel_size=2, output_size=(5,)), y, i)
    case("max_unpool/empty", lambda x, i: np.zeros((1, 0)), real(1, 0), np.zeros((1, 0), int))


def diagonal(x, first):
    return np.diag(np.arange(first, first + x.shape[-1], dtype=float))


def regular(x):
    """As in tests/autograd/dense.hpp."""
    return 0.375 * x + diagonal(x, 2)


def symmetric(x):
    return (x + np.swapaxes(x, -1, -2)) / 8 + diagonal(x, 1)


def positive(x):
    return x @ np.swapaxes(x, -1, -2) / 4 + diagonal(x, 1)


def rotating(x):
    """As in tests/autograd/rows/linalg_composed.cpp."""
    twos = np.full(x.shape[-2:], 2.0)
    return regular(x) + np.triu(twos, 1) - np.tril(twos, -1)


def indefinite(x):
    n = len(x)
    k = scipy.linalg.block_diag(*[[[0, 2], [2, 0]]] * (n // 2), *[[[3]]] * (n % 2))
    return (x + x.T) / 8 + k


def thin(x, y):
    return (0.5 * x + np.eye(*x.shape)) @ (0.5 * y + np.eye(*y.shape))


def linear_algebra():
    unit = lambda *shape: real(*shape, low=-1, high=1)
    empty = unit(0, 0)
    nothing = lambda *xs: np.zeros((0, 0))

    def stacked(f):
        return lambda *xs: np.stack([f(*each) for each in zip(*xs)])

    inverse = lambda l: np.linalg.inv(l @ l.T)
    case("cholesky_inverse/lower", lambda x: inverse(np.tril(regular(x))), unit(3, 3))
    case("cholesky_inverse/upper", lambda x: inverse(np.triu(regular(x)).T), unit(3, 3))
    case("cholesky_inverse/empty", nothing, empty)
    solve = lambda shape: lambda a, b: np.linalg.tensorsolve(regular(a).reshape(shape), b)
    case("tensorsolve/vector", solve((2, 3, 6)), unit(6, 6), unit(2, 3))
    case("tensorsolve/matrix", solve((2, 3, 3, 2)), unit(6, 6), unit(2, 3))
    case("tensorsolve/empty", lambda a, b: np.zeros(0), unit(0, 0), unit(0))
    kron_solve = lambda a, b, c: np.linalg.solve(np.kron(regular(a), regular(b)), c)
    case("kron_solve/vector", kron_solve, unit(2, 2), unit(3, 3), unit(6))
    case("kron_solve/matrix", kron_solve, unit(3, 3), unit(2, 2), unit(6, 2))
    case("kron_solve/stack", lambda a, b, c: np.stack([kron_solve(each, b, c) for each in a]), unit(2, 2, 2), unit(3, 3),
         unit(6, 1))
    case("kron_solve/empty", lambda a, b, c: np.zeros((0, 2)), unit(0, 0), unit(2, 2), unit(0, 2))
    log_det = lambda a, b: np.prod(np.linalg.slogdet(np.kron(a, b)))
    case("kron_slogdet/plain", lambda a, b: log_det(regular(a), regular(b)), unit(2, 2), unit(3, 3))
    case("kron_slogdet/negative", lambda a, b: log_det(-regular(a), regular(b)), unit(3, 3), unit(1, 1))
    case("kron_slogdet/stack", lambda a, b: np.stack([log_det(regular(each), regular(b)) for each in a]), unit(2, 2, 2),
         unit(3, 3))
    case("kron_slogdet/empty", lambda a, b: np.float64(0), unit(0, 0), unit(2, 2))
    case("tensorinv/two", lambda a: np.linalg.tensorinv(regular(a).reshape(2, 3, 6), 2), unit(6, 6))
    case("tensorinv/one", lambda a: np.linalg.tensorinv(regular(a).reshape(6, 3, 2), 1), unit(6, 6))
    case("tensorinv/empty", nothing, empty)
    product = of_torch(torch.linalg.householder_product)
    case("householder_product/square", product, unit(3, 3), unit(3))
    case("householder_product/tall", product, unit(4, 3), unit(2))
    case("householder_product/stack", product, unit(2, 3, 2), unit(2, 2))
    case("householder_product/empty", product, unit(0, 3, 2), unit(0, 2))

    def unpacked(x):
        p, l, u = scipy.linalg.lu(rotating(x))
        return p @ l + u

    case("lu_unpack/square", unpacked, unit(3, 3))
    case("lu_unpack/empty", nothing, empty)
    case("eigh of a pencil/values", lambda a, b: scipy.linalg.eigh(symmetric(a), positive(b))[0], unit(3, 3), unit(3, 3))
    case("eigh of a pencil/vectors", lambda a, b: np.linalg.inv(positive(b)) @ symmetric(a) @ np.linalg.inv(positive(b)),
         unit(3, 3), unit(3, 3))
    case("eigh of a pencil/empty", lambda a, b: np.zeros(0), empty, empty)
    case("svd_lowrank/values", lambda x, y: np.linalg.svd(thin(x, y))[1][:2], unit(4, 2), unit(2, 3))
    case("svd_lowrank/product", thin, unit(4, 2), unit(2, 3))
    case("svd_lowrank/empty", lambda x: np.zeros(0), unit(0, 3))
    centred = lambda x: np.linalg.svd(regular(x) - regular(x).mean(0))[1][:2]
    case("pca_lowrank/values", centred, unit(3, 3))
    case("pca_lowrank/empty", lambda x: np.zeros((2, 0)), unit(2, 3, 0))
    case("ldl/l", lambda x: scipy.linalg.ldl(indefinite(x))[0], unit(5, 5))
    case("ldl/d", lambda x: scipy.linalg.ldl(indefinite(x))[1], unit(4, 4))
    case("ldl/definite", lambda x: scipy.linalg.ldl(positive(x))[1], unit(3, 3))
    case("ldl/empty", nothing, empty)
    sylvester = scipy.linalg.solve_sylvester
    case("solve_sylvester/plain", lambda a, b, q: sylvester(regular(a), regular(b), q), unit(3, 3), unit(2, 2), unit(3, 2))
    case("solve_sylvester/complex", lambda a, b, q: sylvester(rotating(a), rotating(b), q), unit(3, 3), unit(4, 4), unit(3, 4))
    case("solve_sylvester/stack", lambda a, b, q: np.stack([sylvester(regular(each), rotating(b), q) for each in a]),
         unit(2, 2, 2), unit(2, 2), unit(2, 2))
    case("solve_sylvester/empty", nothing, empty, empty, empty)
    case("solve_continuous_lyapunov/plain", lambda a, q: scipy.linalg.solve_continuous_lyapunov(rotating(a), q), unit(3, 3), unit(3, 3))
    case("solve_continuous_lyapunov/empty", nothing, empty, empty)
    case("solve_discrete_lyapunov/plain", lambda a, q: scipy.linalg.solve_discrete_lyapunov(rotating(a) / 4, q), unit(3, 3), unit(3, 3))
    case("solve_discrete_lyapunov/empty", nothing, empty, empty)
    for name in ["sqrtm", "logm"]:
        f = lambda x, of=getattr(scipy.linalg, name): np.real_if_close(of(x))
        case(f"{name}/real", lambda x: f(regular(x)), unit(3, 3))
        case(f"{name}/complex", lambda x: f(rotating(x)), unit(5, 5))
        case(f"{name}/empty", nothing, empty)
    case("sqrtm/stack", stacked(lambda x: np.real_if_close(scipy.linalg.sqrtm(rotating(x)))), unit(2, 4, 4))


def rearranged():
    backwards = lambda f, axis: lambda x: np.concatenate(f(x)[::-1], axis)
    case("fliplr/plain", np.fliplr, real(2, 3))
    case("fliplr/three", np.fliplr, real(2, 3, 2))
    case("fliplr/empty", np.fliplr, real(0, 3))
    case("flipud/plain", np.flipud, real(3, 2))
    case("flipud/vector", np.flipud, real(4))
    case("flipud/empty", np.flipud, real(0, 3))
    case("hsplit/count", backwards(lambda x: np.hsplit(x, 2), 1), real(2, 4))
    case("hsplit/indices", backwards(lambda x: np.hsplit(x, [1, 3]), 1), real(2, 4, 2))
    case("hsplit/vector", backwards(lambda x: np.hsplit(x, 3), 0), real(6))
    case("hsplit/empty", backwards(lambda x: np.hsplit(x, 2), 1), real(0, 4))
    case("vsplit/count", backwards(lambda x: np.vsplit(x, 2), 0), real(4, 2))
    case("vsplit/indices", backwards(lambda x: np.vsplit(x, [1, 1]), 0), real(3, 2))
    case("vsplit/empty", backwards(lambda x: np.vsplit(x, 2), 0), real(0, 2))
    case("dsplit/count", backwards(lambda x: np.dsplit(x, 2), 2), real(2, 1, 4))
    case("dsplit/indices", backwards(lambda x: np.dsplit(x, [1]), 2), real(2, 2, 3))
    case("dsplit/empty", backwards(lambda x: np.dsplit(x, 2), 2), real(0, 2, 2))
    case("dstack/vectors", lambda *xs: np.dstack(xs), real(3), real(3))
    case("dstack/matrices", lambda *xs: np.dstack(xs), real(2, 3), real(2, 3), real(2, 3))
    case("dstack/mixed", lambda *xs: np.dstack(xs), real(2, 3), real(2, 3, 2))
    case("dstack/empty", lambda *xs: np.dstack(xs), real(0), real(0))
    case("diagflat/vector", np.diagflat, real(3))
    case("diagflat/matrix", lambda x: np.diagflat(x, -1), real(2, 2))
    case("diagflat/number", lambda x: np.diagflat(x, 2), real())
    case("diagflat/empty", np.diagflat, real(0))
    put_row = lambda axis, index: of_torch(lambda x, y: torch.select_scatter(x, y, axis, index))
    case("select_scatter/row", put_row(0, 1), real(3, 2), real(2))
    case("select_scatter/column", put_row(-1, -2), real(2, 3), real(2))
    case("select_scatter/vector", put_row(0, 2), real(4), real())
    case("select_scatter/empty", put_row(1, 0), real(0, 2), real(0))

    def put_slice(axis, *at):
        def put_in(x, y):
            np.moveaxis(x, axis, 0)[slice(*at)] = np.moveaxis(y, axis, 0)
            return x
        return put_in

    case("slice_scatter/rows", put_slice(0, 1, 3), real(4, 2), real(2, 2))
    case("slice_scatter/step", put_slice(1, 0, 5, 2), real(2, 5), real(2, 3))
    case("slice_scatter/end", put_slice(-1, -2, 9), real(2, 3), real(2, 2))
    case("slice_scatter/nothing", put_slice(0, 2, 2), real(3), real(0))
    case("slice_scatter/empty", put_slice(1, 0, 1), real(0, 2), real(0, 1))
    shuffle = lambda groups: of_torch(lambda x: torch.channel_shuffle(x, groups))
    case("channel_shuffle/two", shuffle(2), real(1, 6, 2, 2))
    case("channel_shuffle/three", shuffle(3), real(2, 6, 2))
    case("channel_shuffle/empty", lambda x: x, real(0, 4, 2))

    consecutive = lambda part, **o: of_torch(
        lambda x: torch.unique_consecutive(x, return_inverse=True, return_counts=True, **o)[part])
    repeated = np.array([[1.0, 1, 2], [2, 0, 2]])
    rows = np.array([[1.0, 0], [1, 0], [0, 3], [1, 0]])
    for part, which in enumerate(["", "'s inverse", "'s counts"]):
        case(f"unique_consecutive{which}/elements", consecutive(part), repeated)
        case(f"unique_consecutive{which}/rows", consecutive(part, dim=0), rows)
        case(f"unique_consecutive{which}/columns", consecutive(part, dim=1), np.array([[1.0, 1, 0], [2, 2, 2]]))
        case(f"unique_consecutive{which}/empty", consecutive(part), real(0))
    whole_parts = np.array([1.0, NAN, np.inf, -np.inf, 0, -2])
    case("isposinf/plain", np.isposinf, whole_parts)
    case("isposinf/empty", np.isposinf, real(0))
    case("isneginf/plain", np.isneginf, whole_parts)
    case("isneginf/empty", np.isneginf, real(0))

    for p in [0.5, 1, 2, 3, np.inf]:
        case(f"pdist/{p}", of_torch(lambda x: torch.pdist(x, p)), real(4, 3))
        case(f"dist/{p}", of_torch(lambda a, b: torch.dist(a, b, p)), real(2, 3), real(3, low=-1, high=3))
    case("pdist/stack", of_torch(lambda x: torch.stack([torch.pdist(each) for each in x])), real(2, 3, 2))
    case("pdist/one", of_torch(torch.pdist), real(1, 3))
    case("pdist/empty", of_torch(torch.pdist), real(0, 3))
    case("dist/empty", of_torch(torch.dist), real(0), real(0))


def polynomials():
    def kind(first, last):
        return lambda x, n: np.cos((n + first) * np.arccos(x)) / np.cos(last * np.arccos(x)) if last else np.cos(n * np.arccos(x))

    def sines(shift, below):
        return lambda x, n: np.sin((n + shift) * np.arccos(x)) / np.sin(below * np.arccos(x))

    functions = {"chebyshev_polynomial_t": kind(0, 0), "chebyshev_polynomial_u": sines(1, 1),
                 "chebyshev_polynomial_v": kind(0.5, 0.5), "chebyshev_polynomial_w": sines(0.5, 0.5),
                 "hermite_polynomial_h": lambda x, n: scipy.special.eval_hermite(n, x),
                 "hermite_polynomial_he": lambda x, n: scipy.special.eval_hermitenorm(n, x),
                 "laguerre_polynomial_l": lambda x, n: scipy.special.eval_laguerre(n, x),
                 "legendre_polynomial_p": lambda x, n: scipy.special.eval_legendre(n, x)}
    for name, f in functions.items():
        for n in (0, 1, 2, 5, 9):
            case(f"{name}/{n}", lambda x: f(x, n), real(2, 3, low=-0.9, high=0.95))
        case(f"{name}/empty", lambda x: f(x, 3), real(0, low=-0.9, high=0.9))
    case("legendre_polynomial_p/beyond", lambda x: scipy.special.eval_legendre(4, x), real(3, low=1.5, high=9))


def fractional_pools():
    def samples(*shape):  # as tests/autograd/rows/rearrange.cpp
        return torch.from_numpy(np.arange(np.prod(shape)) * 0.375 % 1).reshape(shape)

    def pool(*args, **o):
        return lambda x: torch.nn.functional.fractional_max_pool2d(x, *args, _random_samples=samples(2, 3, 2), **o)

    sizes = dict(kernel_size=(2, 3), output_size=(3, 2))
    case("fractional_max_pool2d/size", of_torch(pool(**sizes)), real(2, 3, 7, 6))
    case("fractional_max_pool2d/ratio", of_torch(pool(2, output_ratio=0.5)), real(2, 3, 6, 5))
    case("fractional_max_pool2d/empty", lambda x: np.zeros((0, 3, 2, 2)), real(0, 3, 5, 4))
    indices = of_torch(lambda x: pool(**sizes, return_indices=True)(x)[1])
    case("fractional_max_pool2d's indices/size", indices, real(2, 3, 7, 6))
    case("fractional_max_pool2d's indices/empty", lambda x: np.zeros((0, 3, 2, 2), np.int64), real(0, 3, 5, 4))
    volume = lambda x: torch.nn.functional.fractional_max_pool3d(
        x[None], (2, 1, 2), output_size=(2, 3, 1), _random_samples=samples(1, 2, 3))[0]
    case("fractional_max_pool3d/size", of_torch(volume), real(2, 5, 4, 6))
    case("fractional_max_pool3d/empty", lambda x: np.zeros((0, 1, 2, 2, 2)), real(0, 1, 4, 4, 4))


def main():
    for part in [calculus, statistics, counts, numbers, scatters, images, linear_algebra, rearranged, polynomials,
                 fractional_pools]:
        part()
    pathlib.Path(__file__).with_name("functions.txt").write_text("\n".join(LINES) + "\n")


main()
