// Device memory that the host cannot touch, as on a GPU: one region of addresses whose pages have no
// access but while a kernel, a copy or a fill runs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gavotte::emulator {

/// While one of them lives, in any thread, the device's memory can be read and written.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

/// Aligned to 256 bytes; null where there is not enough. From the guarded region, every byte 0xfd,
/// where Options::guard_device_memory is set; else from the heap.
void* allocate_device(std::int64_t bytes);
void free_device(void* memory) noexcept;
/// True for an address that the host cannot touch.
bool is_guarded(const void* address) noexcept;

/// Only where Options::guard_device_memory is set, and never under a sanitizer: those map so much of
/// the address space that an int32 and the padding beside it make an address.
bool checks_arguments() noexcept;
/// Throws Error (runtime) where a kernel is given an address of the host's memory, which a GPU cannot
/// read: each word of its argument is looked at. A bool with seven bytes of padding behind it may look
/// like one; put it beside an int.
void check_argument(const char* kernel, const void* argument, std::size_t bytes);

}  // namespace gavotte::emulator
