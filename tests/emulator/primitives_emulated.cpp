// Sort and scan by the host's own algorithms.
#include <algorithm>
#include <numeric>
#include <type_traits>
#include <vector>

#include "capture.h"
#include "cuda/primitives.h"
#include "device_memory.h"
#include "emulator.h"

namespace gavotte::internal::cuda {
namespace {

template <class Key>
void sort(const Key* keys, Key* keys_out, const std::int32_t* values, std::int32_t* values_out,
          std::int64_t count, int bits) {
  if (!emulator::options().execute) return;
  if (emulator::record([=] { sort(keys, keys_out, values, values_out, count, bits); })) return;
  const emulator::DeviceAccess access;
  const Key mask = bits >= static_cast<int>(8 * sizeof(Key)) ? ~Key{0} : (Key{1} << bits) - 1;
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return (keys[a] & mask) < (keys[b] & mask);
  });
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t from = order[static_cast<std::size_t>(i)];
    keys_out[i] = keys[from];
    values_out[i] = values[from];
  }
}

template <class T>
void scan(const T* in, T* out, std::int64_t count) {
  if (!emulator::options().execute) return;
  if (emulator::record([=] { scan(in, out, count); })) return;
  const emulator::DeviceAccess access;
  // Sums wrap, as CUB's do: a run that was stopped scans whatever its kernels have not written.
  using Sum = std::make_unsigned_t<T>;
  Sum sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value = static_cast<Sum>(in[i]);
    out[i] = static_cast<T>(sum);
    sum += value;
  }
}

}  // namespace

namespace library {

void sort_pairs(const Execution&, const std::uint32_t* keys, std::uint32_t* keys_out,
                const std::int32_t* values, std::int32_t* values_out, std::int64_t count,
                int bits) {
  sort(keys, keys_out, values, values_out, count, bits);
}

void sort_pairs(const Execution&, const std::uint64_t* keys, std::uint64_t* keys_out,
                const std::int32_t* values, std::int32_t* values_out, std::int64_t count,
                int bits) {
  sort(keys, keys_out, values, values_out, count, bits);
}

void exclusive_scan(const Execution&, const std::int64_t* in, std::int64_t* out,
                    std::int64_t count) {
  scan(in, out, count);
}

void exclusive_scan(const Execution&, const std::int32_t* in, std::int32_t* out,
                    std::int64_t count) {
  scan(in, out, count);
}

}  // namespace library
}  // namespace gavotte::internal::cuda
