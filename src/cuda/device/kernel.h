// The words that kernels are written in, with two meanings: under nvcc the GPU's own, under a host
// compiler those of the emulator (tests/emulator), where a kernel is a plain function that runs once
// for each thread of each block.
//
// Blocks are one-dimensional. Every warp operation names its mask; no thread returns before a
// barrier of its block; shared memory is one struct for a kernel. A kernel goes on in strides of its
// grid, in both directions, so that it may be launched with fewer blocks.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define GAVOTTE_KERNEL __global__
#define GAVOTTE_DEVICE __device__ __forceinline__
#define GAVOTTE_HOST_DEVICE __host__ __device__ __forceinline__
#define GAVOTTE_LAUNCH_BOUNDS(...) __launch_bounds__(__VA_ARGS__)
#define GAVOTTE_PRAGMA(text) _Pragma(#text)
#define GAVOTTE_UNROLL(count) GAVOTTE_PRAGMA(unroll count)  ///< The loop that follows.
#else
#include "emulator.h"
#define GAVOTTE_KERNEL inline
#define GAVOTTE_DEVICE inline
#define GAVOTTE_HOST_DEVICE inline
#define GAVOTTE_LAUNCH_BOUNDS(...)
#define GAVOTTE_UNROLL(count)
#endif

namespace gavotte::internal::cuda {

inline constexpr int kWarpThreads = 32;
inline constexpr unsigned kFullMask = 0xffffffffU;

/// A number of rows: known to the host, or, where `device` is set, read on the device; never above
/// `bound`, which is what memory was taken for.
struct RowCount {
  std::int64_t bound = 0;
  const std::int64_t* device = nullptr;

  GAVOTTE_DEVICE std::int64_t get() const {
    if (device == nullptr) return bound;
    const std::int64_t count = *device;
    return count < bound ? count : bound;
  }
};

#ifdef __CUDACC__

GAVOTTE_DEVICE int thread_index() { return static_cast<int>(threadIdx.x); }
GAVOTTE_DEVICE int block_threads() { return static_cast<int>(blockDim.x); }
GAVOTTE_DEVICE std::int64_t block_index() { return blockIdx.x; }
GAVOTTE_DEVICE std::int64_t block_index_y() { return blockIdx.y; }
GAVOTTE_DEVICE std::int64_t grid_blocks() { return gridDim.x; }
GAVOTTE_DEVICE std::int64_t grid_blocks_y() { return gridDim.y; }

GAVOTTE_DEVICE void sync_block() { __syncthreads(); }
GAVOTTE_DEVICE void sync_warp(unsigned mask = kFullMask) { __syncwarp(mask); }
/// Whether any thread of the block votes so; a barrier.
GAVOTTE_DEVICE bool any_of_block(bool vote) { return __syncthreads_or(vote ? 1 : 0) != 0; }
/// Orders this thread's writes before its later ones for every thread of the device.
GAVOTTE_DEVICE void fence_device() { __threadfence(); }

template <class T>
GAVOTTE_DEVICE T shuffle(unsigned mask, T value, int lane) {
  return __shfl_sync(mask, value, lane);
}
template <class T>
GAVOTTE_DEVICE T shuffle_xor(unsigned mask, T value, int lanes) {
  return __shfl_xor_sync(mask, value, lanes);
}
/// The value `lanes` below; the own one in the lowest lanes.
template <class T>
GAVOTTE_DEVICE T shuffle_up(unsigned mask, T value, int lanes) {
  return __shfl_up_sync(mask, value, static_cast<unsigned>(lanes));
}
template <class T>
GAVOTTE_DEVICE T shuffle_down(unsigned mask, T value, int lanes) {
  return __shfl_down_sync(mask, value, static_cast<unsigned>(lanes));
}
GAVOTTE_DEVICE unsigned ballot(unsigned mask, bool vote) { return __ballot_sync(mask, vote); }

GAVOTTE_DEVICE int count_bits(unsigned bits) { return __popc(bits); }
/// Index of the lowest bit that is set; -1 where none is.
GAVOTTE_DEVICE int lowest_bit(unsigned bits) { return __ffs(static_cast<int>(bits)) - 1; }

// Integers only: sums of floats would depend on the order. Each returns the old value.
GAVOTTE_DEVICE std::int32_t atomic_add(std::int32_t* at, std::int32_t value) {
  return atomicAdd(at, value);
}
GAVOTTE_DEVICE std::uint32_t atomic_add(std::uint32_t* at, std::uint32_t value) {
  return atomicAdd(at, value);
}
GAVOTTE_DEVICE std::int64_t atomic_add(std::int64_t* at, std::int64_t value) {
  return static_cast<std::int64_t>(
      atomicAdd(reinterpret_cast<unsigned long long*>(at), static_cast<unsigned long long>(value)));
}
GAVOTTE_DEVICE std::int32_t atomic_min(std::int32_t* at, std::int32_t value) {
  return atomicMin(at, value);
}
GAVOTTE_DEVICE std::int32_t atomic_max(std::int32_t* at, std::int32_t value) {
  return atomicMax(at, value);
}
GAVOTTE_DEVICE std::uint32_t atomic_max(std::uint32_t* at, std::uint32_t value) {
  return atomicMax(at, value);
}
GAVOTTE_DEVICE std::uint64_t atomic_max(std::uint64_t* at, std::uint64_t value) {
  return atomicMax(reinterpret_cast<unsigned long long*>(at),
                   static_cast<unsigned long long>(value));
}
GAVOTTE_DEVICE std::int64_t atomic_min(std::int64_t* at, std::int64_t value) {
  return atomicMin(reinterpret_cast<long long*>(at), static_cast<long long>(value));
}
GAVOTTE_DEVICE std::uint32_t atomic_min(std::uint32_t* at, std::uint32_t value) {
  return atomicMin(at, value);
}
GAVOTTE_DEVICE std::uint32_t atomic_or(std::uint32_t* at, std::uint32_t value) {
  return atomicOr(at, value);
}
/// What an address holds that other threads change by atomics at the same time.
GAVOTTE_DEVICE std::uint32_t load_relaxed(const std::uint32_t* at) {
  return *static_cast<const volatile std::uint32_t*>(at);
}
GAVOTTE_DEVICE std::int64_t load_relaxed(const std::int64_t* at) {
  return *static_cast<const volatile std::int64_t*>(at);
}

/// The block's shared memory. Poisoned in the emulator: nothing may be read before it is written.
template <class Shared>
GAVOTTE_DEVICE Shared& shared_storage() {
  extern __shared__ __align__(128) unsigned char gavotte_shared_memory[];
  return *reinterpret_cast<Shared*>(gavotte_shared_memory);
}

#else

GAVOTTE_DEVICE int thread_index() { return emulator::thread_index(); }
GAVOTTE_DEVICE int block_threads() { return emulator::block_threads(); }
GAVOTTE_DEVICE std::int64_t block_index() { return emulator::block_index(); }
GAVOTTE_DEVICE std::int64_t block_index_y() { return emulator::block_index_y(); }
GAVOTTE_DEVICE std::int64_t grid_blocks() { return emulator::grid_blocks(); }
GAVOTTE_DEVICE std::int64_t grid_blocks_y() { return emulator::grid_blocks_y(); }

// The place in the source is a barrier's name where the emulator leaves one out.
GAVOTTE_DEVICE void sync_block(const emulator::Place& at = emulator::Place::current()) {
  emulator::sync_block(at);
}
GAVOTTE_DEVICE void sync_warp(unsigned mask = kFullMask,
                              const emulator::Place& at = emulator::Place::current()) {
  emulator::sync_warp(mask, at);
}
GAVOTTE_DEVICE bool any_of_block(bool vote) { return emulator::any_of_block(vote); }
GAVOTTE_DEVICE void fence_device() { emulator::fence_device(); }

template <class T>
GAVOTTE_DEVICE T shuffle(unsigned mask, T value, int lane) {
  return emulator::exchange(mask, value, lane);
}
template <class T>
GAVOTTE_DEVICE T shuffle_xor(unsigned mask, T value, int lanes) {
  return emulator::exchange(mask, value, emulator::lane_index() ^ lanes);
}
template <class T>
GAVOTTE_DEVICE T shuffle_up(unsigned mask, T value, int lanes) {
  const int lane = emulator::lane_index();
  return emulator::exchange(mask, value, lane < lanes ? lane : lane - lanes);
}
template <class T>
GAVOTTE_DEVICE T shuffle_down(unsigned mask, T value, int lanes) {
  const int lane = emulator::lane_index();
  return emulator::exchange(mask, value, lane + lanes < kWarpThreads ? lane + lanes : lane);
}
GAVOTTE_DEVICE unsigned ballot(unsigned mask, bool vote) { return emulator::ballot(mask, vote); }

GAVOTTE_DEVICE int count_bits(unsigned bits) { return __builtin_popcount(bits); }
GAVOTTE_DEVICE int lowest_bit(unsigned bits) { return __builtin_ffs(static_cast<int>(bits)) - 1; }

template <class T>
GAVOTTE_DEVICE T atomic_add(T* at, T value) {
  return emulator::atomic_add(at, value);
}
template <class T>
GAVOTTE_DEVICE T atomic_min(T* at, T value) {
  return emulator::atomic_min(at, value);
}
template <class T>
GAVOTTE_DEVICE T atomic_max(T* at, T value) {
  return emulator::atomic_max(at, value);
}
GAVOTTE_DEVICE std::uint32_t atomic_or(std::uint32_t* at, std::uint32_t value) {
  return emulator::atomic_or(at, value);
}
template <class T>
GAVOTTE_DEVICE T load_relaxed(const T* at) {
  return emulator::load_relaxed(at);
}

template <class Shared>
GAVOTTE_DEVICE Shared& shared_storage() {
  return *static_cast<Shared*>(emulator::shared_memory(sizeof(Shared)));
}

#endif

GAVOTTE_DEVICE int lane_index() { return thread_index() % kWarpThreads; }
GAVOTTE_DEVICE int warp_index() { return thread_index() / kWarpThreads; }
/// This thread's number in the grid, and how many there are: for loops with the grid as stride.
GAVOTTE_DEVICE std::int64_t grid_thread() {
  return block_index() * block_threads() + thread_index();
}
GAVOTTE_DEVICE std::int64_t grid_threads() { return grid_blocks() * block_threads(); }

}  // namespace gavotte::internal::cuda
