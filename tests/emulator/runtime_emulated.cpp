// The CUDA runtime's seam over host memory: copies and launches happen at once, so every stream is
// always idle.
#include <atomic>
#include <cstring>
#include <new>

#include "cuda/runtime.h"
#include "device_memory.h"

namespace gavotte::internal::cuda {
namespace {
constexpr std::align_val_t kAlignment{256};
}

int device_count(std::string*) { return 1; }

const DeviceLimits& device_limits(int) {
  static const DeviceLimits limits{"emulated", 9,      0,        4,
                                   232448,     233472, 50 << 20, std::int64_t{8} << 30};
  return limits;
}

void use_device(int) {}

void* allocate_device(std::int64_t bytes) { return emulator::allocate_device(bytes); }
void free_device(void* memory) noexcept { emulator::free_device(memory); }
void* allocate_pinned(std::int64_t bytes) {
  return ::operator new(static_cast<std::size_t>(bytes), kAlignment, std::nothrow);
}
void free_pinned(void* memory) noexcept { ::operator delete(memory, kAlignment); }

void copy_bytes(StreamHandle, void* to, const void* from, std::int64_t bytes) {
  const emulator::DeviceAccess access;
  if (bytes > 0) std::memmove(to, from, static_cast<std::size_t>(bytes));
}
void fill_bytes(StreamHandle, void* to, int value, std::int64_t bytes) {
  const emulator::DeviceAccess access;
  if (bytes > 0) std::memset(to, value, static_cast<std::size_t>(bytes));
}
void synchronize(StreamHandle) {}
StreamHandle create_stream() {
  static std::atomic<std::uintptr_t> streams{0};
  return reinterpret_cast<StreamHandle>(++streams);
}
void order_streams(StreamHandle, StreamHandle) {}
bool is_capturing(StreamHandle) { return false; }

}  // namespace gavotte::internal::cuda
