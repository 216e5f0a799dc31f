// Device memory that the host cannot touch, as on a GPU: one region of addresses whose pages have no
// access but while a kernel, a copy or a fill runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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
/// AddressSanitizer reports who touches a block beyond its first `bytes`.
void limit_use(void* block, std::int64_t bytes, std::int64_t block_bytes) noexcept;
/// From now on it does not: for launches that are repeated when their blocks have gone to others.
void limit_nothing() noexcept;
/// True for an address that the host cannot touch.
bool is_guarded(const void* address) noexcept;

/// All of the guarded region that was ever handed out; and its bytes put back. Of the same size each time where nothing
/// was allocated between.
std::vector<std::byte> device_bytes();
void set_device_bytes(std::span<const std::byte> bytes);

/// Only where Options::guard_device_memory is set, and never under a sanitizer: those map so much of
/// the address space that two int32 side by side make an address.
bool checks_arguments() noexcept;
/// Throws Error (runtime) where one of the words is an address of the host's memory.
void check_words(const char* kernel, const void* words, std::size_t bytes);

/// Throws Error (runtime) where a kernel is given an address of the host's memory, which a GPU cannot
/// read. What is left in the argument's padding is not looked at.
template <class Arguments>
void check_argument(const char* kernel, const Arguments& argument) {
  // Of a copy: GCC 12 clears members, too, in arrays of structs.
  Arguments words = argument;
#if __has_builtin(__builtin_clear_padding)
  __builtin_clear_padding(&words);
#endif
  check_words(kernel, &words, sizeof(words));
}

}  // namespace gavotte::emulator
