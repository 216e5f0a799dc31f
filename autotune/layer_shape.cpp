#include "layer_shape.h"

#include <charconv>
#include <cstddef>

#include "cpu/simd/native_kernels.h"
#include "cpu/simd/wgrad_tiles.h"

namespace gavotte::internal {

bool fills_matrix_tiles(const LayerShape& shape, const DeviceIdentity& device) {
  const DType dtype = shape.kind.dtype;
  const bool bytes = dtype == DType::int8;
  if (!device.target.ends_with(" AMX") || (!bytes && dtype != DType::bfloat16)) return false;
  const std::int64_t read = shape.read_channels() / shape.kind.groups,
                     written = shape.written_channels() / shape.kind.groups;
  if (shape.kind.direction == Direction::wgrad)
    return !bytes && !shape.depthwise() && cpu::fills_wgrad_tiles(read, written, shape.kind.groups);
  return cpu::fills_tiles(bytes ? DType::uint8 : dtype, read, written);
}

int offsets_of(std::string_view kernel) noexcept {
  constexpr std::int64_t kMostOffsets = 1 << 20;
  const std::string_view size = kernel.substr(0, kernel.find(' '));
  std::int64_t offsets = 1;
  for (const char *at = size.data(), *end = at + size.size();; ++at) {
    int axis = 0;
    const auto [next, error] = std::from_chars(at, end, axis);
    if (error != std::errc() || axis < 1 || axis > kMostOffsets) return 0;
    offsets *= axis;
    if (offsets > kMostOffsets) return 0;
    at = next;
    if (at == end) return static_cast<int>(offsets);
    if (*at != 'x') return 0;
  }
}

}  // namespace gavotte::internal
