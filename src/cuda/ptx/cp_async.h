// cp.async: copies from global to shared memory that no thread waits for until it asks to.
// PTX ISA, "Data Movement and Conversion Instructions: cp.async".
#pragma once

#include "cuda/device/kernel.h"

namespace gavotte::internal::cuda::ptx {

#ifdef __CUDACC__
GAVOTTE_DEVICE std::uint32_t shared_address(const void* shared) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}
#endif

/// Bytes (4, 8 or 16, both addresses aligned to them) to `shared`; those from `source_bytes` on are
/// zeros, and are not read.
template <int Bytes>
GAVOTTE_DEVICE void cp_async(void* shared, const void* global, int source_bytes) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
#ifdef __CUDACC__
  if constexpr (Bytes == 16)  // past the L1 cache
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
                 "l"(global), "r"(source_bytes)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(shared)),
                 "l"(global), "n"(Bytes), "r"(source_bytes)
                 : "memory");
#else
  emulator::copy_async(shared, global, Bytes, static_cast<std::size_t>(source_bytes));
#endif
}

/// Ends a group of this thread's copies.
GAVOTTE_DEVICE void cp_async_commit_group() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  emulator::copy_async_commit();
#endif
}

/// Waits until at most `Pending` of this thread's groups are on their way.
template <int Pending>
#ifdef __CUDACC__
GAVOTTE_DEVICE void cp_async_wait_group() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}
#else
GAVOTTE_DEVICE void cp_async_wait_group(const emulator::Place& at = emulator::Place::current()) {
  emulator::copy_async_wait(Pending, at);
}
#endif

}  // namespace gavotte::internal::cuda::ptx
