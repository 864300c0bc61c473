// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/format/mapped_file.hpp>
#include <newtape/onnx/format/proto.hpp>
#include <newtape/onnx/value.hpp>

#include <map>
#include <memory>
#include <string>

namespace newtape::onnx::format {

/// Makes values of the tensors of one file. Aligned data of f32, f64, int64 and bool tensors are not copied: they refer
/// to the mapping.
class TensorReader {
 public:
  /// `folder` is where files of external data are, and which they may not leave; empty: there are none.
  TensorReader(const Origin& origin, std::shared_ptr<const MappedFile> file, std::string folder)
      : origin_(origin), file_(std::move(file)), folder_(std::move(folder)) {}

  /// IoError when the data do not fit the shape or the type is not supported.
  Value value(const TensorProto& t);
  /// Dense.
  Value value(const SparseTensorProto& t);
  Value value(const SequenceProto& s);
  Value value_of_optional(const SequenceProto& s);

 private:
  struct Data {
    std::shared_ptr<const MappedFile> file;
    std::string_view bytes;
  };
  [[noreturn]] void fail(const TensorProto& t, std::string_view what, std::string_view expected = {},
                         std::string_view got = {}) const;
  Shape shape_of(const TensorProto& t) const;
  Data raw_data(const TensorProto& t);
  Data external_data(const TensorProto& t);
  /// Copies the bytes, which then leave the memory if they are those of a file.
  static void copy_raw(const Data& data, char* to);
  Array from_raw(const TensorProto& t, const Shape& shape, ElementType type);
  Array from_numbers(const TensorProto& t, const Shape& shape, ElementType type) const;

  const Origin& origin_;
  std::shared_ptr<const MappedFile> file_;
  std::string folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>, std::less<>> external_;
};

}  // namespace newtape::onnx::format
