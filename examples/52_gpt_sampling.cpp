// SPDX-License-Identifier: BSD-3-Clause
// A small GPT written out (Radford et al. 2019), trained on Jane Austen's characters, and how such models write: keys and values
// of past characters are kept, so that each new one costs one position; temperature and top-k choose it.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

#include <chrono>

namespace nt = newtape;
namespace nn = nt::nn;
using nt::Tensor;

struct Memory {
  Tensor keys, values;  ///< of a layer: [n, heads, characters so far, features]
};

/// Attention and two linear layers, each added to its input.
struct Block : nn::Module<Block> {
  explicit Block(std::int64_t width)
      : norm1(add("norm1", nn::LayerNorm(width))),
        qkv(add("qkv", nn::Linear(width, 3 * width))),
        out(add("out", nn::Linear(width, width))),
        norm2(add("norm2", nn::LayerNorm(width))),
        mlp(add("mlp", nn::Sequential(nn::Linear(width, 4 * width), nn::GELU(), nn::Linear(4 * width, width)))) {}
  /// x [n, l, width]: the characters after those in memory, which they see, and their predecessors.
  Tensor forward(nt::In x, Memory* memory) const {
    const std::int64_t n = x.shape()[0], l = x.shape()[1], width = x.shape()[2], heads = 4;
    const auto parts = nt::unstack(nt::reshape(qkv(norm1(x)), {n, l, 3, heads, width / heads}), 2);
    const auto by_head = [](const Tensor& y) { return nt::swapaxes(y, 1, 2); };
    Tensor keys = by_head(parts[1]), values = by_head(parts[2]);
    if (memory && memory->keys.defined()) {
      keys = nt::concatenate({memory->keys, keys}, 2);
      values = nt::concatenate({memory->values, values}, 2);
    }
    if (memory) *memory = {keys, values};
    const Tensor mixed = nn::scaled_dot_product_attention(by_head(parts[0]), keys, values, {.is_causal = l > 1});
    const Tensor y = x + out(nt::reshape(by_head(mixed), {n, l, width}));
    return y + mlp(norm2(y));
  }
  nn::LayerNorm norm1;
  nn::Linear qkv, out;
  nn::LayerNorm norm2;
  nn::Sequential mlp;
};

/// Characters [n, l] to logits of the next one, [n, l, size].
struct GPT : nn::Module<GPT> {
  GPT(std::int64_t size, std::int64_t length, std::int64_t width, int layers)
      : letters(add("letters", nn::Embedding(size, width))),
        places(add("places", nn::Embedding(length, width))),
        norm(add("norm", nn::LayerNorm(width))),
        head(add("head", nn::Linear(width, size))) {
    for (int i = 0; i < layers; ++i) blocks.push_back(add(fmt::format("block{}", i), Block(width)));
  }
  Tensor forward(nt::In x, std::vector<Memory>* memory) const {
    const std::int64_t past = memory && (*memory)[0].keys.defined() ? (*memory)[0].keys.shape(2) : 0;
    Tensor y = letters(x) + places(nt::arange(past, past + x.shape()[1]));
    for (std::size_t i = 0; i < blocks.size(); ++i) y = blocks[i](y, memory ? &(*memory)[i] : nullptr);
    return head(norm(y));
  }
  nn::Embedding letters, places;
  nn::LayerNorm norm;
  nn::Linear head;
  std::vector<Block> blocks;
};

int main(int argc, char** argv) {
  int steps = 1500;
  std::int64_t length = 128, k = 10;
  std::uint64_t seed = 1;
  double temperature = 0.8;
  std::string prompt = "Mr. Darcy";
  CLI::App app{"A small GPT of characters, and sampling from it."};
  app.add_option("--steps", steps, "training steps, each on 16 passages")->capture_default_str();
  app.add_option("--length", length, "characters of a passage, and of what is written")->capture_default_str();
  app.add_option("--temperature", temperature, "divides the logits: below 1 for likelier characters")
      ->capture_default_str();
  app.add_option("--top-k", k, "number of the likeliest characters to choose from")->capture_default_str();
  app.add_option("--prompt", prompt, "how the text begins")->capture_default_str();
  app.add_option("--seed", seed, "of initial weights and passages")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const std::string text = nt::data::pride_and_prejudice();
  const nt::data::CharVocabulary characters(text);
  const Tensor all = characters.encode(text);
  const std::int64_t n = all.size() * 9 / 10, size = characters.size();  // the last tenth is kept for validation
  nt::manual_seed(seed);
  const GPT model(size, length, 96, 3);
  const auto loss_on = [&](const Tensor& tokens, std::int64_t passages) {
    const Tensor at = nt::random::integers({passages, 1}, 0, tokens.size() - length) + nt::arange(length);
    return nn::cross_entropy(nt::reshape(model(tokens[at], nullptr), {-1, size}), nt::reshape(tokens[at + 1], {-1}));
  };
  nt::optim::AdamW optimizer(model.parameters(), {.lr = 3e-3});
  nt::optim::Scheduler scheduler(optimizer, nt::optim::one_cycle_lr({.total_steps = steps, .pct_start = 0.1}));
  for (int step = 1; step <= steps; ++step) {
    const double loss = optimizer.step([&] { return loss_on(all[nt::Slice(0, n)], 16); }).item();
    scheduler.step();
    if (step % (steps / 5) == 0) fmt::print("step {}: loss {:.3f}\n", step, loss);
  }

  const nt::NoGrad off;
  const double loss = loss_on(all[nt::Slice(n, nt::none)], 100).item();
  // What a table of the pairs of characters gets on the same text.
  const Tensor pairs =
      nt::reshape(nt::bincount(all[nt::Slice(0, n)][nt::Slice(0, -1)] * size + all[nt::Slice(1, n)], size * size),
                  {size, size})
          .to(nt::f64) +
      0.1;
  const Tensor unseen = all[nt::Slice(n, nt::none)];
  const Tensor table = nt::log(pairs / nt::sum(pairs, 1, true));
  const double bigram = -nt::mean(table[{unseen[nt::Slice(0, -1)], unseen[nt::Slice(1, nt::none)]}]).item();

  // Writes with memory, or by reading all anew for each character; also returns the logits.
  const auto write = [&](bool remember) {
    nt::Generator random(2);
    std::vector<Memory> memory(model.blocks.size());
    Tensor written = characters.encode(prompt), fresh = written;
    std::vector<Tensor> logits;
    while (written.size() < length) {
      logits.push_back(model(nt::unsqueeze(remember ? fresh : written, 0), remember ? &memory : nullptr)[{0, -1}]);
      const auto [best, which] = nt::topk(logits.back() / temperature, std::min(k, size));
      const nt::Array chosen = nt::random::categorical(nt::softmax(best, 0).value(), {}, random);
      fresh = nt::reshape(which[Tensor(chosen)], {1});
      written = nt::concatenate({written, fresh});
    }
    return std::pair(characters.decode(written.value()), nt::stack(logits));
  };
  const auto seconds = [&](auto&& f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::pair<std::string, Tensor> kept, anew;
  const double with = seconds([&] { kept = write(true); }), without = seconds([&] { anew = write(false); });
  fmt::print("\n{}\n\nloss {:.3f}, of a table of pairs {:.3f}; written in {:.0f} ms, without memory in {:.0f} ms\n",
             kept.first, loss, bigram, 1e3 * with, 1e3 * without);
  return loss < bigram && kept.first == anew.first && nt::allclose(kept.second, anew.second, 1e-3, 1e-3) ? 0 : 1;
}
