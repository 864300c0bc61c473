// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/loading/dataset.hpp>

#include <string>
#include <vector>

namespace newtape::data {

/// The training set and the test set that a data set comes with.
struct TrainTest {
  Dataset train, test;
};

/// Fashion-MNIST (Xiao, Rasul & Vollgraf 2017): images u8 [60000 and 10000, 28, 28], which batches hold as f32 in [0, 1]
/// (`to_float`), labels i64, 10 classes.
/// Searches `directory`, else $NEWTAPE_DATA, else the path of Debian's dataset-fashion-mnist. The four files of MNIST
/// can be read as well. IoError says what to install.
TrainTest fashion_mnist(const std::string& directory = {});
/// Class names of Fashion-MNIST, by label.
extern const char* const fashion_mnist_classes[10];

/// A table with examples {"features" [n, d], "target" [n]}; the target is a number or a class (i64).
struct Table {
  Dataset examples;
  std::vector<std::string> feature_names;  ///< d names
  std::vector<std::string> target_names;   ///< class names, or the name of a numeric target

  /// The arrays "features" and "target" of the examples.
  const Array& features() const { return examples.array(0); }
  const Array& target() const { return examples.array(1); }
};

// Included data sets, in scikit-learn's order and numbering; sources and licences: data/files/README.md. They are read from
// $NEWTAPE_DATA, from the package or source tree that CMake linked, from ../share/newtape relative to the program or
// shared library, or from the installation prefix; IoError lists these directories.

/// Handwritten digits (Alpaydin & Kaynak 1998, UCI): images f32 [1500 and 297, 8, 8] in [0, 1], labels i64.
TrainTest digits();
/// Iris (Fisher 1936): 4 lengths of 150 flowers of 3 species.
Table iris(DType dtype = f64);
/// Wine (Forina 1988, UCI): 13 measurements of 178 Italian wines of 3 cultivars.
Table wine(DType dtype = f64);
/// Breast cancer Wisconsin, diagnostic (Street, Wolberg & Mangasarian 1993, UCI): 30 features of the cell nuclei in 569
/// samples, malignant (0) or benign (1).
Table breast_cancer(DType dtype = f64);
/// Diabetes (Efron, Hastie, Johnstone & Tibshirani 2004): 10 unscaled measurements of 442 patients, and disease
/// progression after a year.
Table diabetes(DType dtype = f64);
/// The yearly sunspot number, 1700 to 2008 (NOAA): {"year" [309], "number" [309]}.
Dataset sunspots(DType dtype = f64);
/// The first of the three volumes of Pride and Prejudice (Austen 1813): 231,267 characters, all ASCII; see
/// CharVocabulary.
std::string pride_and_prejudice();

}  // namespace newtape::data
