// SPDX-License-Identifier: BSD-3-Clause
#include "specs.hpp"

namespace bench {

namespace {

// Two libraries that compute in f64 agree this far even where eigenvalues lie close together.
constexpr double f64_tolerance = 1e-7;

constexpr Work iterative = work::none("iterates, and half of it is products of matrices with vectors");

// Each includes the backward sweep; matrices are f32, 1024x1024 where nothing is said.
constexpr Spec table[] = {
    {"small_chain", 8, work::none("records 100 operations on next to nothing"),
     "50 times z = z*y; z = z+x on 16 elements: what recording an operation costs"},
    {"ew_chain", 2.5, work::chain(1 << 20), "sum(tanh(x/2)*x + sigmoid(x)*x - exp(-x*x))"},
    {"fuse_chain", 5, work::chain(1 << 20), "the same, through nt::fuse where Newtape is concerned"},
    {"row_softmax", 1.5, work::chain(1 << 20), "mean(log_softmax(x + b)), b one row"},
    {"reduce_axis0", 1.5, work::chain(1 << 20), "variances of the columns, from mean and squares"},
    {"transpose_mul", 1.5, work::chain(1 << 20), "sum(x^T * x), elementwise"},
    {"matmul_64", 1, work::product(64), "sum(w * (a b)), w a fixed random matrix, 64x64"},
    {"matmul_512", 1, work::product(512), "sum(w * (a b)), w a fixed random matrix, 512x512"},
    {"bmm", 1, work::product(64, 64), "sum(w * (a b)), w fixed and random, 64 products of 64x64"},
    {"batch_norm", 1.5, work::layer(64 * 128 * 28 * 28), "batch normalisation of 128 channels, 64x128x28x28"},
    {"layer_norm", 1.5, work::layer(8192 * 512), "layer normalisation of the rows, 8192x512"},
    {"tiny_mlp", 4, work::tiny_mlp(), "a step of Adam on a 32-64-64-1 tanh network, batch 32, squared error"},
    {"pinn", 4, work::none("small products and tanh, whose calls take much of the time"),
     "a step of Adam on a 2-32-32-32-1 tanh network, squared residual of Poisson's equation at 256 points"},
    {"mlp", 1, work::mlp(), "a step of Adam on a 784-512-512-10 relu network, batch 128, cross-entropy"},
    {"cnn", 1, work::cnn(),
     "a step of SGD, batch 64, 28x28: conv 32 3x3, relu, pool, conv 64 3x3, relu, pool, 128, relu, 10"},
    {"lstm", 1.3, work::recurrent(4),
     "a step of Adam on an LSTM 64-128 over 50 steps, batch 32, its last state classified by 10"},
    {"gru", 1.3, work::recurrent(3), "the same with a GRU"},
    {"transformer", 1, work::transformer(),
     "a step of Adam on an encoder layer, 256 features, 8 heads, 1024 between, 128x8x256, squared error"},
    {"adam_10m", 2, work::passes(7, 4, 1e7), "a step of Adam on 10 million parameters in 100 tensors, no sweep"},
    {"adam_10m_memory", 1, work::passes(7, 4, 1e7),
     "what the memory traffic of adam_10m takes: reads four arrays, writes three"},
    {"embedding", 2, work::passes(7, 4, 4096 * 64),
     "a step of SparseAdam on a table of a million rows of 64, of which 4096 are looked up"},
    {"embedding_dense", 2, work::passes(8, 4, 64e6), "the same with a dense gradient, by Adam"},
    {"chol_solve_32", 1.5, work::chol_solve(32), "a positive definite system by Cholesky, one right side, f64",
     f64_tolerance},
    {"chol_solve_256", 1, work::chol_solve(256), "the same, 256x256", f64_tolerance},
    {"inv_32", 1.5, work::inv(32), "an inverse, f64", f64_tolerance},
    {"inv_256", 1, work::inv(256), "the same, 256x256", f64_tolerance},
    {"eigh_32", 1.5, iterative, "eigenvalues and squared eigenvectors, symmetric, f64", f64_tolerance},
    {"eigh_256", 1, iterative, "the same, 256x256", f64_tolerance},
    {"svd_32", 1.5, iterative, "singular values and squared singular vectors, f64", f64_tolerance},
    {"svd_256", 1, iterative, "the same, 256x256", f64_tolerance},
    {"hvp", 3, work::hvp(), "Hessian-vector product of a 10-20-10-1 tanh network's squared error, 256 samples, f64",
     f64_tolerance},
    {"hessian", 6, work::none("what it takes depends on how its structure is used"),
     "the whole Hessian of the same, 441x441, f64", f64_tolerance},
    {"rfft", 1, work::none("a few passes over memory, but for the butterflies"),
     "sum(w * rfft(x)) and its gradient, 64 signals of 16384"},
    {"per_sample_grad", 8, work::none("small products, whose calls take most of the time"),
     "64 examples' gradients of a 32-64-1 tanh network; LibTorch takes one after the other"},
    {"loader", 1, work::loader(60000, 128),
     "an epoch of 60,000 f32 images of 28x28 from memory, shuffled, in batches of 128, one worker"},
};

}  // namespace

std::span<const Spec> specs() { return table; }

}  // namespace bench
