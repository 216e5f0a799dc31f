// Tells the listener of a sort or scan, then calls the library that does it.
#include "cuda/primitives.h"

#include "cuda/launch.h"

namespace gavotte::internal::cuda {
namespace {

template <class Key>
void sort(const Execution& execution, const Key* keys, Key* keys_out, const std::int32_t* values,
          std::int32_t* values_out, std::int64_t count, int bits) {
  if (count == 0) return;
  if (LaunchListener* const listener = launch_listener())
    listener->on_library_call({"cub::DeviceRadixSort::SortPairs", execution.stream.handle});
  library::sort_pairs(execution, keys, keys_out, values, values_out, count, bits);
}

template <class T>
void scan(const Execution& execution, const T* in, T* out, std::int64_t count) {
  if (count == 0) return;
  if (LaunchListener* const listener = launch_listener())
    listener->on_library_call({"cub::DeviceScan::ExclusiveSum", execution.stream.handle,
                               in == out ? static_cast<const void*>(in) : nullptr});
  library::exclusive_scan(execution, in, out, count);
}

}  // namespace

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

}  // namespace gavotte::internal::cuda
