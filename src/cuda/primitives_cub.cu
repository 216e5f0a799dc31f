// Sort and scan by CUB.
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>

#include "check.h"
#include "cuda/memory.h"
#include "cuda/primitives.h"
#include "cuda/runtime.h"

namespace gavotte::internal::cuda {
namespace {

void check(cudaError_t error, const char* what) {
  GAVOTTE_CHECK_RUNTIME(error == cudaSuccess, std::string(what) + ": " + cudaGetErrorString(error));
}

/// CUB's two-step calls: `call(nullptr, bytes)` says how much it needs, then it runs.
template <class Call>
void with_workspace(const Execution& execution, const char* what, Call&& call) {
  use_device(execution.device.index);
  std::size_t bytes = 0;
  check(call(nullptr, bytes), what);
  Scratch<unsigned char> workspace(execution, static_cast<std::int64_t>(bytes));
  check(call(workspace.get(), bytes), what);
}

template <class Key>
void sort(const Execution& execution, const Key* keys, Key* keys_out, const std::int32_t* values,
          std::int32_t* values_out, std::int64_t count, int bits) {
  with_workspace(execution, "radix sort", [&](void* workspace, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(workspace, bytes, keys, keys_out, values, values_out,
                                           count, 0, bits,
                                           static_cast<cudaStream_t>(execution.stream.handle));
  });
}

template <class T>
void scan(const Execution& execution, const T* in, T* out, std::int64_t count) {
  with_workspace(execution, "exclusive scan", [&](void* workspace, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(workspace, bytes, in, out, count,
                                         static_cast<cudaStream_t>(execution.stream.handle));
  });
}

}  // namespace

namespace library {

void sort_pairs(const Execution& execution, const std::uint32_t* keys, std::uint32_t* keys_out,
                const std::int32_t* values, std::int32_t* values_out, std::int64_t count,
                int bits) {
  sort(execution, keys, keys_out, values, values_out, count, bits);
}

void sort_pairs(const Execution& execution, const std::uint64_t* keys, std::uint64_t* keys_out,
                const std::int32_t* values, std::int32_t* values_out, std::int64_t count,
                int bits) {
  sort(execution, keys, keys_out, values, values_out, count, bits);
}

void exclusive_scan(const Execution& execution, const std::int64_t* in, std::int64_t* out,
                    std::int64_t count) {
  scan(execution, in, out, count);
}

void exclusive_scan(const Execution& execution, const std::int32_t* in, std::int32_t* out,
                    std::int64_t count) {
  scan(execution, in, out, count);
}

}  // namespace library
}  // namespace gavotte::internal::cuda
