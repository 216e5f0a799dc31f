// What the backend asks of the CUDA runtime, and nothing more: the seam under which either cudart
// (runtime_cudart.cu) or the emulator (tests/emulator/runtime_emulated.cpp) stands.
//
// Every function throws Error (runtime) where the runtime reports a failure. Streams are values of
// cudaStream_t; work is asynchronous to the host unless a line says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "function_ref.h"
#include "launches.h"

namespace gavotte::internal::cuda {

using StreamHandle = void*;
using internal::Launch;
using internal::LaunchListener;
using internal::LaunchShape;

struct DeviceLimits {
  std::string name;
  int major = 0, minor = 0;  ///< Compute capability.
  int multiprocessors = 0;
  std::int64_t shared_bytes_per_block = 0;  ///< With the opt-in.
  std::int64_t shared_bytes_per_multiprocessor = 0;
  std::int64_t l2_bytes = 0;
  std::int64_t memory_bytes = 0;
  double clock_mhz = 0;  ///< At most, of the multiprocessors.
};

/// Devices that can be used; 0 with the reason in `why_none`.
int device_count(std::string* why_none);
/// Asked for once, then kept.
const DeviceLimits& device_limits(int device);
/// Makes `device` the one that this thread's calls below go to.
void use_device(int device);

/// Device memory, aligned to 256 bytes; null where there is not enough.
void* allocate_device(std::int64_t bytes);
void free_device(void* memory) noexcept;
/// Of a block of such memory only the first `bytes` are in use from now on. A GPU does not look; in
/// the emulator AddressSanitizer reports who touches the rest.
void limit_use(void* block, std::int64_t bytes, std::int64_t block_bytes) noexcept;
/// Page-locked host memory; null where there is not enough.
void* allocate_pinned(std::int64_t bytes);
void free_pinned(void* memory) noexcept;

/// Any direction, at least one byte. Asynchronous where the host's side is page-locked. Called by copy_bytes() and
/// fill_bytes() alone (launch.h).
void start_copy(StreamHandle, void* to, const void* from, std::int64_t bytes);
void start_fill(StreamHandle, void* to, int value, std::int64_t bytes);
/// Waits for the stream.
void synchronize(StreamHandle);
/// Whether it has nothing left to do.
bool is_done(StreamHandle);
/// A stream of the device in use that does not wait for the legacy one; it lives as long as the process.
StreamHandle create_stream();
/// What is enqueued on `later` from now on waits for what is on `first` by now.
void order_streams(StreamHandle first, StreamHandle later);
/// Time between two events on the stream around the work of `call`, which it waits for.
double time_ms(StreamHandle, FunctionRef<void()> call);
/// True while the stream is being captured into a graph: then nothing may allocate or wait.
bool is_capturing(StreamHandle);

/// cudaLaunchKernel (schedulers that intercept launches do not see the <<<>>> form of CUDA 13).
/// launch.kernel: a __global__ function; `arguments`: where each of its parameters lies.
void launch_kernel(const Launch& launch, void** arguments);
/// How many blocks of such a launch run at once on a multiprocessor of the device in use, at least 1. Asked for once,
/// then kept.
int blocks_per_multiprocessor(const Launch& launch);
/// Of such a kernel on the device in use; nothing where nobody knows it.
std::optional<LoadedKernel> loaded_kernel(const Launch& launch);
/// The mangled name of such a function; empty where nobody knows it.
std::string kernel_symbol(const void* kernel);

}  // namespace gavotte::internal::cuda
