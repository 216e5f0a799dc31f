// What this build has and what this machine offers.
#include <pybind11/stl.h>

#include <charconv>

#include "bindings.h"
#include "devices.h"
#include "gavotte/datasets/readers.h"
#include "gavotte/error.h"
#include "gavotte/version.h"

namespace py = pybind11;

namespace gavotte::python {

Device device_from_name(const std::string& name) {
  if (name == "cpu") return Device::cpu();
  if (name == "best") return Device::best();
  if (name == "cuda") return {DeviceKind::cuda, 0};
  if (name.starts_with("cuda:")) {
    int index = -1;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + 5, end, index);
    if (error == std::errc() && stop == end && index >= 0) return {DeviceKind::cuda, index};
  }
  throw Error(ErrorKind::value,
              "device: expected cpu, cuda, cuda:<index> or best, got '" + name + "'");
}

void bind_info(py::module_& module) {
  module.def("simd_target", &simd_target);
  module.def("synchronizations", &Device::synchronizations);
  module.def("devices", [] {
    std::string why_no_gpu;
    const int gpus = Device::cuda_count(&why_no_gpu);
    std::vector<std::string> names = {Device::cpu().to_string()};
    for (int index = 0; index < gpus; ++index)
      names.push_back(Device{DeviceKind::cuda, index}.to_string());
    return py::make_tuple(names,
                          gpus > 0 ? py::object(py::none()) : py::object(py::str(why_no_gpu)),
                          Device::best().to_string());
  });
}

}  // namespace gavotte::python
