// The CUDA runtime's seam over cudart, which is linked shared: it then loads where no driver is.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>

#include "check.h"
#include "cuda/runtime.h"

#define GAVOTTE_CUDA_CHECK(call)                                                          \
  do {                                                                                    \
    const cudaError_t gavotte_error = (call);                                             \
    GAVOTTE_CHECK_RUNTIME(gavotte_error == cudaSuccess,                                   \
                          std::string(#call) + ": " + cudaGetErrorString(gavotte_error)); \
  } while (false)

namespace gavotte::internal::cuda {
namespace {

cudaStream_t stream_of(StreamHandle stream) { return static_cast<cudaStream_t>(stream); }

DeviceLimits ask_limits(int device) {
  cudaDeviceProp found{};
  GAVOTTE_CUDA_CHECK(cudaGetDeviceProperties(&found, device));
  DeviceLimits limits;
  limits.name = found.name;
  limits.major = found.major;
  limits.minor = found.minor;
  limits.multiprocessors = found.multiProcessorCount;
  limits.shared_bytes_per_block = static_cast<std::int64_t>(found.sharedMemPerBlockOptin);
  limits.shared_bytes_per_multiprocessor =
      static_cast<std::int64_t>(found.sharedMemPerMultiprocessor);
  limits.l2_bytes = found.l2CacheSize;
  limits.memory_bytes = static_cast<std::int64_t>(found.totalGlobalMem);
  int clock_khz = 0;
  GAVOTTE_CUDA_CHECK(cudaDeviceGetAttribute(&clock_khz, cudaDevAttrClockRate, device));
  limits.clock_mhz = clock_khz / 1000.0;
  return limits;
}

/// More than 48 KiB of shared memory has to be asked for once for each kernel and device.
void allow_shared_bytes(const void* kernel, std::int64_t bytes) {
  constexpr std::int64_t kAllowed = 48 << 10;
  if (bytes <= kAllowed) return;
  int device = 0;
  GAVOTTE_CUDA_CHECK(cudaGetDevice(&device));
  static std::mutex mutex;
  static std::unordered_map<const void*, std::unordered_map<int, std::int64_t>> allowed;
  const std::lock_guard lock(mutex);
  std::int64_t& most = allowed[kernel][device];
  if (most >= bytes) return;
  GAVOTTE_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                          static_cast<int>(bytes)));
  most = bytes;
}

}  // namespace

int device_count(std::string* why_none) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return count;
  if (error != cudaSuccess) count = 0;
  if (why_none != nullptr)
    *why_none = error == cudaSuccess ? "the driver reports no GPU" : cudaGetErrorString(error);
  cudaGetLastError();
  return 0;
}

const DeviceLimits& device_limits(int device) {
  static std::mutex mutex;
  static std::unordered_map<int, DeviceLimits> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(device);
  return found != known.end() ? found->second
                              : known.emplace(device, ask_limits(device)).first->second;
}

void use_device(int device) { GAVOTTE_CUDA_CHECK(cudaSetDevice(device)); }

void* allocate_device(std::int64_t bytes) {
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, static_cast<std::size_t>(bytes));
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  GAVOTTE_CUDA_CHECK(error);
  return memory;
}
void free_device(void* memory) noexcept { cudaFree(memory); }
void limit_use(void*, std::int64_t, std::int64_t) noexcept {}

void* allocate_pinned(std::int64_t bytes) {
  void* memory = nullptr;
  const cudaError_t error = cudaMallocHost(&memory, static_cast<std::size_t>(bytes));
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  GAVOTTE_CUDA_CHECK(error);
  return memory;
}
void free_pinned(void* memory) noexcept { cudaFreeHost(memory); }

void start_copy(StreamHandle stream, void* to, const void* from, std::int64_t bytes) {
  GAVOTTE_CUDA_CHECK(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault,
                                     stream_of(stream)));
}

void start_fill(StreamHandle stream, void* to, int value, std::int64_t bytes) {
  GAVOTTE_CUDA_CHECK(
      cudaMemsetAsync(to, value, static_cast<std::size_t>(bytes), stream_of(stream)));
}

void synchronize(StreamHandle stream) {
  GAVOTTE_CUDA_CHECK(cudaStreamSynchronize(stream_of(stream)));
}

bool is_done(StreamHandle stream) {
  const cudaError_t error = cudaStreamQuery(stream_of(stream));
  if (error == cudaErrorNotReady) return false;
  GAVOTTE_CUDA_CHECK(error);
  return true;
}

StreamHandle create_stream() {
  cudaStream_t stream = nullptr;
  GAVOTTE_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

void order_streams(StreamHandle first, StreamHandle later) {
  cudaEvent_t reached = nullptr;
  GAVOTTE_CUDA_CHECK(cudaEventCreateWithFlags(&reached, cudaEventDisableTiming));
  const cudaError_t recorded = cudaEventRecord(reached, stream_of(first));
  const cudaError_t waits = cudaStreamWaitEvent(stream_of(later), reached, 0);
  cudaEventDestroy(reached);  // lives on until the streams are past it
  GAVOTTE_CUDA_CHECK(recorded);
  GAVOTTE_CUDA_CHECK(waits);
}

double time_ms(StreamHandle stream, FunctionRef<void()> call) {
  struct Event {
    Event() { GAVOTTE_CUDA_CHECK(cudaEventCreate(&handle)); }
    ~Event() { cudaEventDestroy(handle); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    cudaEvent_t handle = nullptr;
  };
  const Event start, end;
  GAVOTTE_CUDA_CHECK(cudaEventRecord(start.handle, stream_of(stream)));
  call();
  GAVOTTE_CUDA_CHECK(cudaEventRecord(end.handle, stream_of(stream)));
  GAVOTTE_CUDA_CHECK(cudaEventSynchronize(end.handle));
  float ms = 0;
  GAVOTTE_CUDA_CHECK(cudaEventElapsedTime(&ms, start.handle, end.handle));
  return ms;
}

bool is_capturing(StreamHandle stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  GAVOTTE_CUDA_CHECK(cudaStreamIsCapturing(stream_of(stream), &status));
  return status != cudaStreamCaptureStatusNone;
}

void launch_kernel(const Launch& launch, void** arguments) {
  allow_shared_bytes(launch.kernel, launch.shape.shared_bytes);
  const dim3 grid(static_cast<unsigned>(launch.shape.blocks),
                  static_cast<unsigned>(launch.shape.blocks_y));
  const cudaError_t error = cudaLaunchKernel(
      launch.kernel, grid, dim3(static_cast<unsigned>(launch.shape.threads)), arguments,
      static_cast<std::size_t>(launch.shape.shared_bytes), stream_of(launch.stream));
  GAVOTTE_CHECK_RUNTIME(error == cudaSuccess,
                        std::string("kernel ") + launch.name + ": " + cudaGetErrorString(error));
}

int blocks_per_multiprocessor(const Launch& launch) {
  int device = 0;
  GAVOTTE_CUDA_CHECK(cudaGetDevice(&device));
  static std::mutex mutex;
  static std::map<std::tuple<int, const void*, int, std::int64_t>, int> known;
  const std::lock_guard lock(mutex);
  int& blocks = known[{device, launch.kernel, launch.shape.threads, launch.shape.shared_bytes}];
  if (blocks > 0) return blocks;
  allow_shared_bytes(launch.kernel, launch.shape.shared_bytes);
  int found = 0;
  GAVOTTE_CUDA_CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
      &found, launch.kernel, launch.shape.threads,
      static_cast<std::size_t>(launch.shape.shared_bytes)));
  return blocks = std::max(found, 1);
}

std::optional<LoadedKernel> loaded_kernel(const Launch& launch) {
  cudaFuncAttributes attributes{};
  GAVOTTE_CUDA_CHECK(cudaFuncGetAttributes(&attributes, launch.kernel));
  return LoadedKernel{.registers = attributes.numRegs,
                      .static_shared_bytes = static_cast<std::int64_t>(attributes.sharedSizeBytes),
                      .local_bytes = static_cast<std::int64_t>(attributes.localSizeBytes),
                      .blocks_per_multiprocessor = blocks_per_multiprocessor(launch)};
}

std::string kernel_symbol([[maybe_unused]] const void* kernel) {
#if CUDART_VERSION >= 12030
  const char* symbol = nullptr;
  if (cudaFuncGetName(&symbol, kernel) == cudaSuccess && symbol != nullptr) return symbol;
  cudaGetLastError();
#endif
  return {};
}

}  // namespace gavotte::internal::cuda
