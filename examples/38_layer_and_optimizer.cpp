// SPDX-License-Identifier: BSD-3-Clause
// A layer and an optimizer of one's own: a gated linear layer with its checks, and sign descent with momentum, which
// train a network on wines. docs/add_a_layer.md and docs/add_an_optimizer.md explain them.
#include <newtape/newtape.hpp>
#include <newtape/optim/optimizer_of.hpp>

namespace nt = newtape;
namespace nn = nt::nn;
namespace optim = nt::optim;

/// x [.., in] -> (W x + b) sigmoid(V x + c) [.., out] (Dauphin et al. 2017). ShapeError for another length of x.
struct Gated : nn::Module<Gated> {
  Gated(std::int64_t in, std::int64_t out, const nn::LinearOptions& options = {})
      : value(add("value", nn::Linear(in, out, options))), gate(add("gate", nn::Linear(in, out, options))) {}
  nt::Tensor forward(nt::In x) const { return value(x) * nt::sigmoid(gate(x)); }

  nn::Linear value;
  nn::Linear gate;
};

/// Options of Signum.
struct SignumOptions {
  double lr = 1e-3;
  double momentum = 0.9;
};

template <>
struct newtape::optim::OptionsTraits<SignumOptions> {
  static constexpr const char* name = "Signum";
  static std::vector<const char*> moments() { return {"momentum_buffer"}; }
  static void each(auto& o, auto&& f) { f("lr", o.lr), f("momentum", o.momentum, optim::Range{0, 1}); }
};

/// m = momentum m + (1 - momentum) g, p -= lr sign(m) (Bernstein et al. 2018).
class Signum : public optim::OptimizerOf<SignumOptions> {
 public:
  using OptimizerOf::OptimizerOf;

 protected:
  void update(Slot& s) override {
    const SignumOptions& o = options_[s.group];
    s.moments[0] = o.momentum * s.moments[0] + (1 - o.momentum) * s.grad;
    nt::Array& p = s.param.writable();
    p = p - o.lr * nt::core::sign(s.moments[0]);
  }
};

template class optim::OptimizerOf<SignumOptions>;

int main() {
  nt::manual_seed(1);
  // The layer's derivatives to second order, by its input and by all parameters, against differences.
  const Gated layer(3, 2, {.dtype = nt::f64});
  const nt::Tensor x0 = nt::randn({4, 3}, nt::f64);
  const auto by_input = nt::gradcheck([&](const nt::Tensor& x) { return layer(x); }, x0);
  const auto by_parameters = nt::gradcheck(nn::function_of(layer, [&] { return layer(x0); }), nn::values_of(layer));
  fmt::print("largest relative error of derivatives to order two: {:.0e} and {:.0e}\n", by_input.worst,
             by_parameters.worst);

  const auto table = nt::data::wine(nt::f32);
  const nt::Tensor raw = table.features();
  const nt::Tensor x = (raw - nt::mean(raw, 0)) / nt::stddev(raw, 0);
  const nt::Tensor y = table.target();
  const nt::Tensor order = nt::randperm(x.shape(0));
  const nt::Tensor train = order[nt::Slice(0, 120)];
  const nt::Tensor test = order[nt::Slice(120, nt::none)];

  const nn::Sequential model(Gated(13, 16), nn::Linear(16, 3));
  Signum optimizer(model.parameters(), {.lr = 2e-3});
  double first = 0;
  double last = 0;
  for (int step = 0; step < 100; ++step) {
    last = optimizer.step([&] { return nn::cross_entropy(model(x[train]), y[train]); }).item();
    if (step == 0) first = last;
  }
  // The state is saved and read by name, and wrong options are refused.
  Signum resumed(model.parameters(), {.lr = 1});
  resumed.load_state_dict(optimizer.state_dict());
  bool refused = false;
  try {
    Signum(model.parameters(), {.momentum = 2});
  } catch (const nt::ValueError& e) {
    fmt::print("{}\n\n", e.what());
    refused = true;
  }

  const nt::NoGrad off;
  const double right = nt::mean((nt::argmax(model(x[test]), 1) == y[test]).to(nt::f64)).item();
  fmt::print("loss {:.3f} -> {:.3f}; {:.1f} % of {} wines that were not trained on\n", first, last, 100 * right,
             test.size());
  fmt::print(
      "As good as with the library's own parts: what is written outside of it is checked, saved and trained alike.\n");
  return by_input && by_parameters && right > 0.9 && refused && resumed.lr() == 2e-3 ? 0 : 1;
}
