// Tensors of PyTorch, read through DLPack's exchange functions, or through their Python attributes where PyTorch is too
// old to have those: the module does not link PyTorch.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "gavotte/tensor.h"

namespace gavotte::python {

/// The memory of a contiguous torch.Tensor of at most 3 axes; of another, that of a contiguous copy which lives as long
/// as this object. Make and destroy it with the GIL.
class TorchTensor {
 public:
  struct Memory {
    void* data;
    DType dtype;
    Shape shape;
    int device_number;  // -1 for the CPU
  };

  /// `what` names it in messages. Throws Error (type) for what is no tensor and for a dtype that the library does not
  /// have, (value) for more axes.
  TorchTensor(pybind11::handle tensor, const char* what);

  /// `device`: where the library is to look for the memory.
  ConstTensorView in(const Device& device) const {
    return {memory_.data, memory_.dtype, memory_.shape, device};
  }
  /// To be written. Throws Error (value) where the tensor was not contiguous.
  TensorView out(const Device& device) const;

  /// Throws Error (value) unless both are on one of PyTorch's devices.
  void check_beside(const TorchTensor& other) const;

  DType dtype() const noexcept { return memory_.dtype; }
  const Shape& shape() const noexcept { return memory_.shape; }
  bool is_on_cpu() const noexcept { return memory_.device_number < 0; }
  /// dtype, shape and device.
  std::string to_string() const;

 private:
  pybind11::object kept_;
  const char* what_;
  bool is_copy_ = false;
  Memory memory_;
};

}  // namespace gavotte::python
