// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/sets/datasets.hpp>

#include <string>
#include <vector>

namespace newtape::data {

/// CIFAR-10 (Krizhevsky 2009): 50000 and 10000 colour images of 10 classes, from the six files of its binary version.
/// Batches: "images" f32 [n, 3, 32, 32] in [0, 1], "labels" i64 [n]. The set's own "images" are bytes, u8: they become
/// floats when a batch is made. Searches `directory`, else $NEWTAPE_DATA and its cifar-10-batches-bin; files may be
/// gzipped. IoError says what to get.
TrainTest cifar10(const std::string& directory = {});
/// CIFAR-100: the same of 100 classes in 20 groups: "images", "labels", "coarse_labels". Searches $NEWTAPE_DATA and its
/// cifar-100-binary.
TrainTest cifar100(const std::string& directory = {});
/// Class names of CIFAR-10, by label.
extern const char* const cifar10_classes[10];

/// Formats of read_cifar: a label, or a coarse one of 20 and a fine one of 100, before the bytes of each image.
enum class CifarFormat { cifar10, cifar100 };

/// Reads files of CIFAR's binary version one after the other, as described above. IoError naming the file and position for
/// a size that is no number of images, none, or a label out of range.
Dataset read_cifar(const std::vector<std::string>& paths, CifarFormat format);

}  // namespace newtape::data
