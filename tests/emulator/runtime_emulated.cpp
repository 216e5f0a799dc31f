// The CUDA runtime's seam over host memory: copies and launches happen at once, so every stream is
// always idle. Captures (capture.h) refuse what a CUDA graph cannot hold.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <new>
#include <string>

#include "capture.h"
#include "check.h"
#include "cuda/runtime.h"
#include "device_memory.h"
#include "emulator.h"
#include "stream_log.h"
#include "symbols.h"

namespace gavotte::internal::cuda {
namespace {

constexpr std::align_val_t kAlignment{256};

void refuse_while_recording(bool refused, const char* what) {
  GAVOTTE_CHECK_RUNTIME(!emulator::is_recording() || !refused,
                        std::string("a captured call may not ") + what);
}

/// What a graph would read long after the call that captured it.
bool is_of_host(const void* memory) {
  return emulator::options().guard_device_memory && !emulator::is_guarded(memory);
}

}  // namespace

int device_count(std::string*) { return 1; }

const DeviceLimits& device_limits(int) {
  static const DeviceLimits limits{
      "emulated", 9, 0, 4, 232448, 233472, 50 << 20, std::int64_t{8} << 30, 0};
  return limits;
}

void use_device(int) {}

void* allocate_device(std::int64_t bytes) {
  refuse_while_recording(true, "allocate");
  return emulator::allocate_device(bytes);
}
void free_device(void* memory) noexcept { emulator::free_device(memory); }
void limit_use(void* block, std::int64_t bytes, std::int64_t block_bytes) noexcept {
  emulator::limit_use(block, bytes, block_bytes);
}
void* allocate_pinned(std::int64_t bytes) {
  return ::operator new(static_cast<std::size_t>(bytes), kAlignment, std::nothrow);
}
void free_pinned(void* memory) noexcept { ::operator delete(memory, kAlignment); }

void start_copy(StreamHandle stream, void* to, const void* from, std::int64_t bytes) {
  refuse_while_recording(is_of_host(to) || is_of_host(from), "copy from or to the host's memory");
  if (emulator::record([=] { start_copy(stream, to, from, bytes); })) return;
  const emulator::DeviceAccess access;
  std::memmove(to, from, static_cast<std::size_t>(bytes));
}
void start_fill(StreamHandle stream, void* to, int value, std::int64_t bytes) {
  if (emulator::record([=] { start_fill(stream, to, value, bytes); })) return;
  const emulator::DeviceAccess access;
  std::memset(to, value, static_cast<std::size_t>(bytes));
}
bool is_done(StreamHandle) { return true; }
void synchronize(StreamHandle) { refuse_while_recording(true, "wait"); }
StreamHandle create_stream() {
  static std::atomic<std::uintptr_t> streams{0};
  return reinterpret_cast<StreamHandle>(++streams);
}
void order_streams(StreamHandle first, StreamHandle later) { emulator::log_order(first, later); }
double time_ms(StreamHandle, FunctionRef<void()> call) {
  refuse_while_recording(true, "be timed");
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}
bool is_capturing(StreamHandle) { return emulator::is_recording(); }
/// As if registers never were the limit.
int blocks_per_multiprocessor(const Launch& launch) {
  if (emulator::options().resident_blocks > 0) return emulator::options().resident_blocks;
  constexpr std::int64_t kThreads = 2048, kBlocks = 32, kReservedShared = 1024;
  const std::int64_t blocks = std::min({kBlocks, kThreads / launch.shape.threads,
                                        device_limits(0).shared_bytes_per_multiprocessor /
                                            (launch.shape.shared_bytes + kReservedShared)});
  return static_cast<int>(std::max<std::int64_t>(blocks, 1));
}
std::optional<LoadedKernel> loaded_kernel(const Launch& launch) {
  const int registers = emulator::options().registers;
  if (registers == 0) return std::nullopt;
  return LoadedKernel{.registers = registers,
                      .static_shared_bytes = 0,
                      .local_bytes = 0,
                      .blocks_per_multiprocessor = blocks_per_multiprocessor(launch)};
}
std::string kernel_symbol(const void* kernel) { return emulator::symbol_of(kernel); }

}  // namespace gavotte::internal::cuda
