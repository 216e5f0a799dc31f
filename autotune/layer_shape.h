// What the cost of a layer depends on: its kind and the size of its map, without the map.
#pragma once

#include <cstdint>
#include <string_view>

#include "gavotte/device_config.h"
#include "gavotte/kernel_map.h"

namespace gavotte::internal {

struct LayerShape {
  LayerKind kind;
  std::int64_t rows = 0;   ///< Outputs of the forward pass, in every direction.
  std::int64_t pairs = 0;  ///< Of the forward pass's map.
  int offsets = 1;         ///< K

  static LayerShape of(const LayerKind& kind, const KernelMap& map) {
    return {kind, map.out_rows(), map.pairs(), map.offsets()};
  }
  bool identity() const noexcept { return offsets == 1 && pairs == rows; }
  /// Each pair is one product a channel: kernels of their own, which know no dataflow.
  bool depthwise() const noexcept { return kind.groups > 1 && read_channels() == kind.groups; }
  /// Of the matrix that is read, and of the one that is written; wgrad: x and the output's gradient.
  std::int64_t read_channels() const noexcept {
    return kind.direction == Direction::dgrad ? kind.out_channels : kind.in_channels;
  }
  std::int64_t written_channels() const noexcept {
    return kind.direction == Direction::dgrad ? kind.in_channels : kind.out_channels;
  }
  /// Elements of one offset's weights.
  std::int64_t weight_elements() const noexcept {
    return kind.in_channels / kind.groups * kind.out_channels;
  }
  double operations() const noexcept {
    return 2.0 * static_cast<double>(pairs) * static_cast<double>(weight_elements());
  }
};

/// Whether the device has matrix tiles for the layer's dtype, and the layer's groups fill them.
bool fills_matrix_tiles(const LayerShape& shape, const DeviceIdentity& device);

/// Of an element of the sums: float32 or int32, float64 for float64.
inline std::int64_t sum_bytes(DType dtype) noexcept { return dtype == DType::float64 ? 8 : 4; }

/// Offsets of the kernel that kernel_name() names: 27 of "3x3x3 s1 submanifold"; 0 where that is no such name.
int offsets_of(std::string_view kernel) noexcept;

}  // namespace gavotte::internal
