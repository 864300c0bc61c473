// SPDX-License-Identifier: BSD-3-Clause
// Writes the graph that the tape recorded, and the larger one of its gradient, for Graphviz.
#include <newtape/newtape.hpp>

#include <cstdlib>
#include <fstream>

namespace nt = newtape;
namespace nn = nt::nn;

static void draw(const std::string& name, const std::string& dot) {
  std::ofstream(name + ".dot") << dot;
  const bool drawn = std::system(("dot -Tsvg " + name + ".dot -o " + name + ".svg 2>/dev/null").c_str()) == 0;
  fmt::print("{}.dot written, {}\n", name, drawn ? "drawn in " + name + ".svg" : "Graphviz's dot is not installed");
}

int main() {
  const nn::Sequential model(nn::Linear(4, 8), nn::Tanh(), nn::Linear(8, 3));
  const nt::Tensor x = nt::random::normal({16, 4});
  const nt::Tensor labels = nt::arange(16) - 3 * (nt::arange(16).to(nt::f32) / 3).to(nt::i64);
  const nt::Tensor loss = nn::cross_entropy(model(x), labels);

  const auto named = model.named_parameters();
  const nt::GraphToDotOptions options{.names = {named.begin(), named.end()}, .locations = true};
  const auto forward = nt::graph_to_dot(loss, options);
  fmt::print("{}", forward);
  draw("loss", forward);

  // The gradient consists of recorded operations too, so it can be differentiated.
  const nt::Tensor slope = nt::grad(loss, named[0].second.tensor(), {.create_graph = true});
  const auto backward = nt::graph_to_dot(slope, options);
  draw("gradient", backward);
  return backward.size() > forward.size() ? 0 : 1;
}
