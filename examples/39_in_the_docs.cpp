// SPDX-License-Identifier: BSD-3-Clause
// The code that the pages in docs/ quote and that no other example has, run so that it stays right: minimisers, loss
// surfaces, matrices by their products, lazy data, speed.
#include <newtape/newtape.hpp>

#include <cmath>
#include <filesystem>

namespace nt = newtape;
namespace nn = nt::nn;
namespace data = nt::data;
namespace inspect = nt::inspect;

bool all_true = true;
void expect(bool true_, const char* what) {
  fmt::print("{:<70} {}\n", what, true_ ? "yes" : "NO");
  all_true = all_true && true_;
}

void minimise() {
  const auto result = nt::optim::minimize(
      [](const nt::Tensor& x) { return 100 * nt::square(x[1] - x[0] * x[0]) + nt::square(1 - x[0]); },
      nt::tensor({-1.2, 1}, nt::f64), {.method = nt::optim::trust_region_newton(), .verbose = true});
  fmt::print("{}: {} at {}\n", result.message, result.value, result.x());
  expect(result.converged() && result.value < 1e-20, "Rosenbrock's function is minimised");
}

void minimise_without_derivatives() {
  constexpr double pi = 3.14159265358979323846;
  const auto rastrigin = [](const nt::Tensor& x) { return nt::sum(nt::square(x) - 10 * nt::cos(2 * pi * x) + 10); };
  const nt::Tensor start = nt::tensor({3.2, -2.7, 4.1}, nt::f64);
  const auto found = nt::optim::minimize(rastrigin, start, {.method = nt::optim::cma_es({.sigma = 1, .restarts = 5})});
  expect(found.converged() && found.value < 1e-10, "the global minimum of Rastrigin's function is found");
}

void solve() {
  // Where a ball thrown at an angle lands, and how that changes with the angle.
  const auto range = [](const nt::Tensor& angle) {
    return nt::optim::root([](const nt::Tensor& x, const nt::Tensor& a) { return x * nt::tan(a) - x * x; },
                           nt::ones_like(angle), angle);
  };
  const nt::Tensor angle = nt::tensor(0.5, nt::f64);
  const nt::Tensor slope = nt::grad(range)(angle);
  expect(std::abs(slope.item() - 1 / std::pow(std::cos(0.5), 2)) < 1e-12, "a root has a derivative");

  const auto area = nt::quad([](const nt::Tensor& t) { return nt::exp(-t * t); }, -INFINITY, INFINITY);
  expect(std::abs(area.value.item() - std::sqrt(std::acos(-1.0))) < 1e-10, "an integral over the line");

  // Shares of at least 0 that sum to 1, of the least risk for their return.
  const nt::Tensor risk = nt::tensor({{0.10, 0.02, 0.01}, {0.02, 0.06, 0.00}, {0.01, 0.00, 0.02}}, nt::f64);
  const nt::Tensor returns = nt::variable(nt::tensor({0.12, 0.07, 0.03}, nt::f64));
  const auto shares = nt::quadratic_program(risk, -returns,
                                            {.a = nt::ones({1, 3}, nt::f64),
                                             .b = nt::ones({1}, nt::f64),
                                             .g = -nt::eye(3, nt::f64),
                                             .h = nt::zeros({3}, nt::f64)});
  shares.x[0].backward();  // how the first share changes with the returns
  expect(std::abs(nt::sum(shares.x).item() - 1) < 1e-12 && returns.grad()[0].item() > 0, "a portfolio and its slope");

  // A random walk seen through noise: its variances by the gradient of the likelihood.
  nt::Generator random(5);
  const nt::Array steps = nt::random::normal({200, 1}, 0, 0.3, nt::f64, random);
  const nt::Tensor seen = nt::cumsum(steps, 0) + nt::random::normal({200, 1}, 0, 1, nt::f64, random);
  const nt::Tensor one = nt::ones({1, 1}, nt::f64);
  const auto fit = nt::optim::minimize(
      [&](const nt::Tensor& log_variances) {
        const nt::Tensor v = nt::exp(log_variances).reshape({2, 1, 1});
        return -nt::kalman_filter({one, v[0], one, v[1], nt::zeros({1}, nt::f64), one}, seen).log_likelihood;
      },
      nt::zeros({2}, nt::f64));
  const nt::Tensor variances = nt::exp(fit.x());
  expect(fit.converged() && std::abs(variances[1].item() - 1) < 0.4, "the variances of a random walk are found");
}

void minimise_a_model() {
  const nt::Tensor x = nt::linspace(-1, 1, 20, nt::f64).reshape({20, 1});
  const nt::Tensor y = nt::sin(3 * x);
  const nn::Sequential model(nn::Linear(1, 5, {.dtype = nt::f64}), nn::Tanh(), nn::Linear(5, 1, {.dtype = nt::f64}));
  nt::optim::minimize([&] { return nn::mse_loss(model(x), y); }, model.parameters(), {.method = nt::optim::lbfgs()});
  nt::optim::least_squares([&] { return model(x) - y; }, model.parameters());
  nt::optim::LBFGS optimizer(model.parameters());  // or Adam, or SGD
  for (int step = 0; step < 20; ++step) {
    const nt::Tensor loss = optimizer.step([&] { return nn::mse_loss(model(x), y); });
  }
  expect(nn::mse_loss(model(x), y).item() < 1e-6, "a model is fitted by minimisers");
}

void train_and_look() {
  const auto [train, test] = data::digits();
  data::Loader loader(train, {.batch_size = 250});
  const nn::Sequential model(nn::Flatten(), nn::Linear(64, 16), nn::Tanh(), nn::Linear(16, 10));
  const nt::Tensor x = train.array("images");
  const nt::Tensor y = train.array("labels");
  nt::optim::KFAC kfac(model.parameters());
  kfac.step([&] { return model(x); }, [&](const nt::Tensor& logits) { return nn::cross_entropy(logits, y); });

  const inspect::LossSurface surface(model, [&] { return nn::cross_entropy(model(x), y); });
  const inspect::LossSurface all(model, loader,
                                 [&](const data::Batch& b) { return nn::cross_entropy(model(b[0]), b[1]); });
  expect(std::abs(surface.loss() - all.loss()) < 1e-5, "the loss on a loader is that on all examples");
}

void watch_a_loop() {
  const auto [train, test] = data::digits();
  data::Loader loader(train, {.batch_size = 250});
  const nn::Sequential model(nn::Flatten(), nn::Linear(64, 16), nn::Tanh(), nn::Linear(16, 10));
  nt::optim::SGD optimizer(model.parameters(), {.lr = 0.5});
  const auto loss = [](const nt::Tensor& output, const nt::Tensor& target) {
    return nn::cross_entropy(output, target);
  };
  auto watch = inspect::watch(model, optimizer, loss);  // loss(output, target)
  for (auto& [x, y] : loader) {
    watch.keep(x, y);
    optimizer.zero_grad();
    loss(model(x), y).backward();
    optimizer.step();
  }
  expect(!watch.report().to_string().empty(), "a watched loop gets its letter");
}

void matrices() {
  const std::int64_t n = 50;
  const nt::Array diagonal = nt::core::arange(n, nt::f64) + 1;
  const auto product = [&](const nt::Array& v) { return diagonal * v; };
  const inspect::LinearOperator a(n, nt::f64, [&](const nt::Array& v) { return product(v); });  // symmetric
  const auto ends = inspect::extreme_eigenvalues(a, {.largest = 3, .smallest = 1, .vectors = true});
  const auto trace = inspect::estimate_trace(a, {.products = 60});  // Hutch++: value and standard error
  expect(std::abs(trace.value - 1275) < 100, "the trace of a matrix that is given by its products");
}

void sequences() {
  const std::int64_t n = 6;
  const auto read_sequence = [](std::int64_t i) { return nt::core::arange(i + 1, nt::f32); };
  const auto set = data::lazy(n,
                              [&](std::int64_t i) {
                                return data::Batch{read_sequence(i), nt::core::full({}, i % 2, nt::i64)};
                              },
                              {.collate = data::pad_examples()});
  for (auto& batch : data::Loader(set, {.batch_size = 3, .workers = 2})) {
    const auto [x, y, lengths] = batch.unpack<3>();  // x padded to the longest of the batch
    expect(x.shape()[0] == 3 && lengths.size() == 3, "sequences of different lengths make a batch");
  }
}

void pictures() {
  std::filesystem::create_directories("flowers/train/rose");
  std::filesystem::create_directories("flowers/train/tulip");
  for (const char* path : {"cat.jpg", "flowers/train/rose/0.jpg", "flowers/train/tulip/0.jpg"}) {
    data::write_image(path, nt::random::uniform({3, 240, 320}));
  }
  nt::Array grey = data::read_image("cat.jpg");                                 // [h, w], f32 in [0, 1]
  nt::Array rgb = data::read_image("cat.jpg", {.mode = data::ImageMode::rgb});  // [3, h, w]
  data::write_image("cat.png", data::resize(rgb, 224, 224));
  expect(grey.shape() == nt::Shape{240, 320} && rgb.ndim() == 3, "pictures are read, resized and written");

  const data::Transform train =
      data::compose({data::random_resized_crop(224, 224), data::random_horizontal_flip(),
                     data::color_jitter({.brightness = 0.4, .contrast = 0.4, .saturation = 0.4})});
  const auto found = data::image_folder("flowers/train", {.transform = train});  // flowers/train/<class>/<picture>
  const auto set = found.set.map(data::normalize({0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}));
  data::Loader loader(set, {.batch_size = 64, .shuffle = true, .workers = 4});
  for (auto& [images, labels] : loader) {
    expect(images.shape() == nt::Shape{2, 3, 224, 224}, "a folder of pictures makes batches");
  }
}

nt::Tensor huber(const nt::Tensor& r) { return nt::where(nt::abs(r) < 1, 0.5 * r * r, nt::abs(r) - 0.5); }

static const nt::Op swish_op{"swish"};

nt::Tensor swish(nt::In x) {
  return swish_op(nt::core::mul(x.value(), nt::core::sigmoid(x.value())),
                  wrt(x, [x](const nt::Tensor& g, const nt::Tensor& y) { return g * (y + nt::sigmoid(x) * (1 - y)); }));
}

void operations() {
  const nt::Tensor x = nt::linspace(-2, 2, 7, nt::f64);
  // derivatives up to order 3, against differences
  const auto checked = nt::gradcheck([](const nt::Tensor& t) { return swish(t); }, x, {.order = 3});
  expect(bool(checked), "the derivatives of an operation of one's own");
  expect(bool(nt::gradcheck(huber, x)), "the derivatives of a function of operations");
}

void speed() {
  nt::set_num_threads(1);
  const nt::Tensor x = nt::randn({1 << 16});
  const auto f = [](auto t) { return nt::tanh(t) * t + nt::sigmoid(t); };
  const nt::Tensor fused = nt::fuse(f, x);  // one pass over memory
  expect(nt::allclose(fused, f(x)), "fused functions have the same values");
  fmt::print("{}\n", nt::to_string(nt::build_info()));
}

int main() {
  nt::manual_seed(1);
  minimise();
  minimise_without_derivatives();
  solve();
  minimise_a_model();
  train_and_look();
  watch_a_loop();
  matrices();
  sequences();
  pictures();
  operations();
  speed();
  fmt::print("Every \"yes\" is a statement of the documentation that holds in this build.\n");
  return all_true ? 0 : 1;
}
