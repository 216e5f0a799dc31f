// Sort and scan, which CUB does on a GPU (primitives_cub.cu) and the host's own algorithms in the
// emulator (tests/emulator/primitives_emulated.cpp). All on the stream of `execution`, none waits,
// none reads a size back. Counts are those that memory was taken for.
#pragma once

#include <cstdint>

#include "gavotte/device.h"

namespace gavotte::internal::cuda {

/// Stable sort of (key, value) by bits [0, bits) of the key. Key: std::uint32_t or std::uint64_t.
/// Sorted data ends up in keys_out, values_out; the inputs are kept.
void sort_pairs(const Execution& execution, const std::uint32_t* keys, std::uint32_t* keys_out,
                const std::int32_t* values, std::int32_t* values_out, std::int64_t count, int bits);
void sort_pairs(const Execution& execution, const std::uint64_t* keys, std::uint64_t* keys_out,
                const std::int32_t* values, std::int32_t* values_out, std::int64_t count, int bits);

/// out[i] = in[0] + ... + in[i - 1]; may be in place.
void exclusive_scan(const Execution& execution, const std::int64_t* in, std::int64_t* out,
                    std::int64_t count);
void exclusive_scan(const Execution& execution, const std::int32_t* in, std::int32_t* out,
                    std::int64_t count);

/// The seam under them, for counts of at least 1.
namespace library {
void sort_pairs(const Execution& execution, const std::uint32_t* keys, std::uint32_t* keys_out,
                const std::int32_t* values, std::int32_t* values_out, std::int64_t count, int bits);
void sort_pairs(const Execution& execution, const std::uint64_t* keys, std::uint64_t* keys_out,
                const std::int32_t* values, std::int32_t* values_out, std::int64_t count, int bits);
void exclusive_scan(const Execution& execution, const std::int64_t* in, std::int64_t* out,
                    std::int64_t count);
void exclusive_scan(const Execution& execution, const std::int32_t* in, std::int32_t* out,
                    std::int64_t count);
}  // namespace library

}  // namespace gavotte::internal::cuda
