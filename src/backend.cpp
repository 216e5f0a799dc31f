// Which backend serves a device.
#include "backend.h"

#include <array>
#include <atomic>
#include <string>

#include "check.h"
#include "cpu/cpu_backend.h"
#include "cuda_loader.h"

namespace gavotte::internal {
namespace {

std::atomic<Backend*>& chosen(DeviceKind kind) {
  static std::array<std::atomic<Backend*>, 2> backends = {};
  return backends[static_cast<std::size_t>(kind)];
}

}  // namespace

Backend& backend(const Device& device) {
  if (Backend* set = chosen(device.kind)) return *set;
  if (device.kind == DeviceKind::cuda) return load_cuda(device.index);
  GAVOTTE_CHECK_RUNTIME(device.index == 0,
                        "expected the device cpu; got index " + std::to_string(device.index));
  static cpu::CpuBackend cpu_backend;  // stateless
  return cpu_backend;
}

std::shared_ptr<const CoordinateData> Backend::make_deferred_set(const Execution& execution, Tensor,
                                                                 ConstTensorView, const Box&,
                                                                 PerAxis) {
  throw_error(
      ErrorKind::runtime,
      "a run without waits needs a CUDA device; this one is on " + execution.device.to_string(),
      __FILE__, __LINE__);
}

std::vector<std::int64_t> Backend::counts(
    const Execution&, std::span<const std::shared_ptr<const CoordinateData>> sets) {
  std::vector<std::int64_t> rows;
  for (const auto& set : sets) rows.push_back(set->rows);
  return rows;
}

Tensor Backend::transpose_table(const Execution&, ConstTensorView, std::int64_t) {
  throw_error(ErrorKind::runtime, "this device makes no deferred maps", __FILE__, __LINE__);
}

void set_backend(DeviceKind kind, Backend* backend) noexcept { chosen(kind) = backend; }

}  // namespace gavotte::internal

namespace gavotte {

int Device::cuda_count(std::string* why_none) { return internal::cuda_devices(why_none); }

Device Device::best() { return cuda_count() > 0 ? Device{DeviceKind::cuda, 0} : cpu(); }

}  // namespace gavotte
