// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/element_type.hpp>
#include <newtape/onnx/export/save.hpp>
#include <newtape/onnx/import/model.hpp>
#include <newtape/onnx/value.hpp>
