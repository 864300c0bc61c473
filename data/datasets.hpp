// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/dataset.hpp>

namespace newtape::data {

struct TrainTest {
  Dataset train, test;
};

/// Fashion-MNIST (Xiao, Rasul & Vollgraf 2017): images f32 [60000 and 10000, 28, 28] in [0, 1], labels i64, 10 classes.
/// Looks in `directory`, else in $NEWTAPE_DATA, else where Debian's dataset-fashion-mnist puts it. MNIST's own four
/// files read just as well. IoError says what to install.
TrainTest fashion_mnist(const std::string& directory = {});
/// The names of Fashion-MNIST's classes, by label.
extern const char* const fashion_mnist_classes[10];

/// Handwritten digits (Alpaydin & Kaynak 1998, UCI): images f32 [1500 and 297, 8, 8] in [0, 1], labels i64. They come
/// with Newtape.
TrainTest digits();

}  // namespace newtape::data
