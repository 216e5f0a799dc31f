#include "torch_allocator.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>

namespace py = pybind11;

namespace gavotte::python {
namespace {

class TorchAllocator final : public Allocator {
 public:
  void* allocate(const Execution& execution, std::int64_t bytes) override {
    const py::gil_scoped_acquire gil;
    try {
      // Null means "not enough", so 0 bytes are asked for as 1.
      const py::object memory = py::module_::import("torch.cuda")
                                    .attr("caching_allocator_alloc")(
                                        std::max<std::int64_t>(bytes, 1), execution.device.index,
                                        reinterpret_cast<std::uintptr_t>(execution.stream.handle));
      return PyLong_AsVoidPtr(memory.ptr());
    } catch (const py::error_already_set&) {
      return nullptr;  // the library then says how much was asked for
    }
  }

  void free(const Execution&, void* memory, std::int64_t) noexcept override {
    if (Py_IsInitialized() == 0) return;  // the pool ends with the process
    const py::gil_scoped_acquire gil;
    try {
      py::module_::import("torch.cuda")
          .attr("caching_allocator_delete")(reinterpret_cast<std::uintptr_t>(memory));
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("gavotte: returning memory to PyTorch");
    }
  }
};

}  // namespace

Allocator& torch_allocator() {
  static auto* const allocator =
      new TorchAllocator;  // never destroyed: memory may be freed at the very end
  return *allocator;
}

}  // namespace gavotte::python
