// SPDX-License-Identifier: BSD-3-Clause
// Word vectors by skip-gram: two tables of 100,000 rows, of which a step reads and writes less than one in a hundred. The
// corpus is made here: words of 20 topics with Zipf's frequencies. Vectors of one topic come to lie together.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;
namespace optim = nt::optim;
using nt::Tensor;

constexpr std::int64_t topics = 20, words_of_topic = 5000, words = topics * words_of_topic, dim = 32, batch = 512;

/// Words of the given topics, the k-th most frequent of each with a probability like 1 / k. Word i has topic i % 20.
Tensor words_of(const Tensor& topic) {
  const Tensor u = nt::random::uniform(topic.shape(), 0, 1, nt::f64);
  const Tensor rank = nt::floor(nt::exp(u * std::log(words_of_topic + 1.0)) - 1.0).to(nt::i64);
  return nt::minimum(rank, words_of_topic - 1) * topics + topic;
}

/// How many of the 5 words nearest to each of the 200 most frequent ones have its topic.
double same_topic(const Tensor& vectors) {
  const nt::NoGrad scope;
  constexpr std::int64_t frequent = 200;
  const Tensor v = nt::slice(vectors, 0, 0, frequent);
  const Tensor unit = v / nt::norm(v, 2, -1, true);
  const Tensor nearest = nt::topk(nt::matmul(unit, nt::transpose(unit)), 6).indices;  // the first is the word itself
  const Tensor topic = nt::remainder(nt::arange(frequent), topics);
  const Tensor same = nt::take(topic, nt::slice(nearest, 1, 1, 6)) == nt::unsqueeze(topic, 1);
  return nt::mean(same.to(nt::f64)).item();
}

int main() {
  nt::manual_seed(1);
  // With `sparse`, backward leaves the rows of the gradient, and SparseAdam updates no others.
  const nn::Embedding centers(words, dim, {.sparse = true});
  const nt::Parameter contexts(nt::zeros({words, dim}));
  optim::SparseAdam optimizer({centers.weight, contexts}, {.lr = 0.02});
  const nn::LogUniformSampler sampler(words);

  const double before = same_topic(centers.weight);
  std::int64_t rows = 0;
  double first = 0, loss = 0;
  constexpr int steps = 800;
  for (int step = 0; step < steps; ++step) {
    const Tensor topic = nt::random::integers({batch}, 0, topics);
    const Tensor center = words_of(topic), context = words_of(topic);  // two words of one sentence
    loss = optimizer
               .step([&] {
                 return nn::sampled_softmax_loss(centers(center), contexts, {}, context, sampler.sample(context, 256),
                                                 {.sparse = true});
               })
               .item();
    if (step == 0) first = loss;
    rows += nt::row_grad(centers.weight).indices.size() + nt::row_grad(contexts).indices.size();
    if (step % 100 == 99) fmt::print("step {}: loss {:.3f}\n", step + 1, loss);
  }
  const double after = same_topic(centers.weight);
  fmt::print("rows of a step: {} of {}\n", rows / steps, 2 * words);
  fmt::print("nearest words of the same topic: {:.0f} % before, {:.0f} % after\n", 100 * before, 100 * after);
  return after > 0.9 && before < 0.2 && loss < first ? 0 : 1;
}
