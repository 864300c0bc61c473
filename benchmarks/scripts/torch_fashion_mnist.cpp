// SPDX-License-Identifier: BSD-3-Clause
// Trains a small network to tell pieces of clothing apart: the LibTorch twin of newtape_fashion_mnist.cpp.
#include <torch/torch.h>
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

/// The bytes of an IDX file: a type, the number of dimensions, each of them big-endian, the data.
torch::Tensor read_idx(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot open " + path);
  gzbuffer(file, 1 << 17);
  const auto read = [&](void* to, unsigned n) {
    if (gzread(file, to, n) != static_cast<int>(n)) throw std::runtime_error(path + " ends too early");
  };
  std::uint8_t magic[4];
  read(magic, 4);
  std::vector<std::int64_t> shape;
  for (int i = 0; i < magic[3]; ++i) {
    std::uint8_t n[4];
    read(n, 4);
    shape.push_back(std::int64_t{n[0]} << 24 | n[1] << 16 | n[2] << 8 | n[3]);
  }
  auto data = torch::empty(shape, torch::kUInt8);
  read(data.data_ptr(), static_cast<unsigned>(data.numel()));
  gzclose(file);
  return data;
}

torch::Tensor read_images(const std::string& path) {
  return read_idx(path).view({-1, 784}).to(torch::kFloat).div_(255);
}

torch::Tensor read_labels(const std::string& path) { return read_idx(path).to(torch::kLong); }

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  const char* limit = std::getenv("NEWTAPE_BENCH_STEPS");  // for measurements: end after so many steps
  const int last_step = limit != nullptr ? std::atoi(limit) : 0;
  if (const char* threads = std::getenv("OMP_NUM_THREADS")) at::set_num_threads(std::atoi(threads));
  torch::manual_seed(1);

  const auto images = read_images(folder + "/train-images-idx3-ubyte.gz");
  const auto labels = read_labels(folder + "/train-labels-idx1-ubyte.gz");

  torch::nn::Sequential model(torch::nn::Linear(784, 256), torch::nn::ReLU(), torch::nn::Linear(256, 128),
                              torch::nn::ReLU(), torch::nn::Linear(128, 10));
  torch::optim::Adam adam(model->parameters(), torch::optim::AdamOptions(1e-3));

  int step = 0;
  for (int epoch = 1; epoch <= 3; ++epoch) {
    for (const auto& batch : torch::randperm(images.size(0), torch::kLong).split(128)) {
      model->zero_grad(/*set_to_none=*/true);
      const auto loss = torch::nn::functional::cross_entropy(model->forward(images.index_select(0, batch)),
                                                             labels.index_select(0, batch));
      loss.backward();
      adam.step();
      if (step++ % 100 == 0) {
        std::printf("step %d: loss %.4f\n", step, loss.item().toDouble());
        std::fflush(stdout);
      }
      if (step == last_step) return 0;
    }
  }

  const torch::NoGradGuard no_grad;
  model->eval();
  const auto predicted = model->forward(read_images(folder + "/t10k-images-idx3-ubyte.gz")).argmax(1);
  const auto right = predicted.eq(read_labels(folder + "/t10k-labels-idx1-ubyte.gz")).sum().item().toLong();
  std::printf("right: %.2f%% of %ld\n", 100.0 * right / predicted.size(0), static_cast<long>(predicted.size(0)));
}
