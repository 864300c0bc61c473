// SPDX-License-Identifier: BSD-3-Clause
// A small causal transformer, trained on Jane Austen's characters; samples during training show its progress.
#include <newtape/newtape.hpp>

#include <CLI/CLI.hpp>

namespace nt = newtape;
namespace nn = nt::nn;

/// Characters [n, length] to logits of the next character, [n, length, size].
struct Writer : nn::Module<Writer> {
  Writer(std::int64_t size, std::int64_t length, std::int64_t width, std::int64_t layers)
      : letters(add("letters", nn::Embedding(size, width))),
        positions(add("positions", nn::LearnedPositions(width, {.max_len = length, .batch_first = true}))),
        encoder(add("encoder",
                    nn::TransformerEncoder(
                        width, 4, layers,
                        {.layer = {.dim_feedforward = 4 * width, .dropout = 0, .batch_first = true, .norm_first = true},
                         .norm = true}))),
        head(add("head", nn::Linear(width, size))) {
    nn::init::normal(letters.weight, 0, 0.02);  // small, as the positions are
  }
  nt::Tensor forward(nt::In x) const { return head(encoder(positions(letters(std::move(x))), {.is_causal = true})); }

  nn::Embedding letters;
  nn::LearnedPositions positions;
  nn::TransformerEncoder encoder;
  nn::Linear head;
};

int main(int argc, char** argv) {
  int steps = 1000;
  std::int64_t length = 64;
  std::int64_t width = 128;
  std::int64_t layers = 3;
  double lr = 3e-3;
  CLI::App app{"A transformer of characters, trained on Pride and Prejudice."};
  app.add_option("--steps", steps, "training steps, each on 32 passages")->capture_default_str();
  app.add_option("--length", length, "length of the context in characters")->capture_default_str();
  app.add_option("--width", width, "features of each character, a multiple of 4")->capture_default_str();
  app.add_option("--layers", layers, "layers of the transformer")->capture_default_str();
  app.add_option("--lr", lr, "maximum learning rate")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const std::string text = nt::data::pride_and_prejudice();
  const nt::data::CharVocabulary characters(text);
  const nt::Tensor all = characters.encode(text);
  const std::int64_t n = all.size() * 9 / 10;  // the last tenth is kept for validation
  const nt::Tensor train = all[nt::Slice(0, n)];
  const nt::Tensor valid = all[nt::Slice(n, nt::none)];
  // The loss of a model that knows only the characters' frequencies.
  const nt::Tensor share = nt::bincount(train, characters.size()).to(nt::f64) / static_cast<double>(n);
  const double unigram = -nt::sum(share * nt::log(share + 1e-300)).item();

  nt::manual_seed(1);
  const Writer model(characters.size(), length, width, layers);
  // The mean loss on random passages.
  const auto loss_on = [&](const nt::Tensor& tokens, std::int64_t passages) {
    const nt::Tensor starts = nt::random::integers({passages, 1}, 0, tokens.size() - length);
    const nt::Tensor indices = starts + nt::arange(length);
    const nt::Tensor logits = model(tokens[indices]);
    return nn::cross_entropy(nt::reshape(logits, {-1, characters.size()}), nt::reshape(tokens[indices + 1], {-1}));
  };
  const auto write = [&](const std::string& beginning, int count) {
    nt::Tensor written = characters.encode(beginning);
    for (int i = 0; i < count; ++i) {
      const nt::Tensor seen = written[nt::Slice(std::max<std::int64_t>(0, written.size() - length), nt::none)];
      const nt::Tensor logits = model(nt::unsqueeze(seen, 0))[{0, -1}];
      // The argmax of logits plus Gumbel noise is a sample of their softmax.
      const nt::Tensor noise = -nt::log(-nt::log(nt::Tensor(nt::random::uniform(logits.shape(), 1e-9, 1))));
      written = nt::concatenate({written, nt::unsqueeze(nt::argmax(logits / 0.8 + noise, 0), 0)});
    }
    return characters.decode(written.value());
  };

  nt::optim::AdamW optimizer(model.parameters(), {.lr = lr, .weight_decay = 0.1});
  nt::optim::Scheduler scheduler(optimizer, nt::optim::one_cycle_lr({.total_steps = steps, .pct_start = 0.1}));
  fmt::print("{} characters, {} distinct; loss by their frequencies alone: {:.3f}\n", all.size(), characters.size(),
             unigram);
  double loss = 0;
  for (int step = 0; step <= steps; ++step) {
    if (step == steps || step == steps / 20 || step == steps / 5 || step == steps / 2) {
      model.eval();
      const nt::NoGrad off;
      loss = loss_on(valid, 100).item();
      fmt::print("\n--- after {} steps, validation loss {:.3f}:\n{}\n", step, loss, write("Mr. Darcy", 300));
      model.train();
    }
    if (step == steps) break;
    optimizer.zero_grad();
    loss_on(train, 32).backward();
    nt::optim::clip_grad_norm(model.parameters(), 1);
    optimizer.step();
    scheduler.step();
  }
  return loss < unigram ? 0 : 1;
}
