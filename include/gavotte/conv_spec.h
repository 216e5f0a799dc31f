// What a sparse convolution means: sizes, the coordinate rule, the order of offsets and of weights.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gavotte/shape.h"

namespace gavotte {

inline constexpr int kMaxKernelVolume = 4096;  ///< Kernel offsets of one layer.

/// Which coordinates the output has. i is an input coordinate, o an output, both in units of their
/// own stride (lattice coordinates); s stride, p padding, d dilation, k kernel index, D extent.
///
///   submanifold  outputs = inputs (window: odd sizes only)
///   strided      window: every o with o*s = i + p - k*d
///                floor: o = floor(i / s)
///                torchsparse: as floor where s is 1 or K on every axis,
///                else every o with o*s = i + p - k in [0, omax]
///   transposed   window: every o = i*s - p + k*d
///                floor: the finer set at hand, else as generative
///                torchsparse: the finer set at hand
///   inverse      the set that the strided layer came from, under each rule
///   generative   window: every o = i*s - p + k*d
///                floor: every o = i*s + offset*d
///                torchsparse: every o = i*s - p + k
enum class ConvKind { submanifold, strided, transposed, inverse, generative };

/// Offsets on an axis. window: k*d - p, k = 0..K-1 (submanifold: p is K/2*d). floor: odd sizes
/// centred, even ones 0..K-1, times d. torchsparse: k - p; submanifold odd centred, even 0..K-1;
/// dilation must be 1.
enum class CoordinateRule { window, floor, torchsparse };

/// The order in which weights list the offsets. torchsparse: first axis fastest where the kernel's
/// volume is odd, last axis fastest where it is even. MinkowskiEngine: first_axis_fastest. spconv:
/// last_axis_fastest.
enum class OffsetOrder { last_axis_fastest, first_axis_fastest, torchsparse };

/// kio: [K, Cin / groups, Cout]. oki: [Cout, K, Cin / groups] (spconv 2).
enum class WeightLayout { kio, oki };

/// A sparse convolution or pooling, without its channels. An option with no meaning in a
/// combination is an Error when the spec is used (validate()), never ignored.
struct GAVOTTE_API ConvSpec {
  ConvKind kind = ConvKind::submanifold;
  PerAxis kernel_size = 3;
  PerAxis stride = 1;
  PerAxis padding =
      0;  ///< window and torchsparse rules; not for submanifold, where it follows from the size.
  PerAxis dilation = 1;        ///< window and floor rules.
  PerAxis output_padding = 0;  ///< transposed and generative, window rule, with spatial_shape.
  int groups = 1;
  CoordinateRule rule = CoordinateRule::window;
  OffsetOrder offset_order = OffsetOrder::last_axis_fastest;
  WeightLayout weight_layout = WeightLayout::kio;
  /// Extent of the input grid: outputs outside [0, D') are dropped, D' by the rule. Unset: no
  /// bounds (window), the largest input coordinate (torchsparse strided).
  std::optional<PerAxis> spatial_shape;

  static ConvSpec submanifold(PerAxis kernel_size, PerAxis dilation = 1);
  static ConvSpec strided(PerAxis kernel_size, PerAxis stride, PerAxis padding = 0);
  static ConvSpec transposed(PerAxis kernel_size, PerAxis stride, PerAxis padding = 0);
  static ConvSpec inverse(PerAxis kernel_size, PerAxis stride, PerAxis padding = 0);
  static ConvSpec generative(PerAxis kernel_size, PerAxis stride);

  /// Throws Error (value) that names the option, what it may be and what came. dims: 1 to 4.
  void validate(int dims) const;
  /// Number of kernel offsets K.
  int kernel_volume(int dims) const;
  std::string to_string() const;
  friend bool operator==(const ConvSpec&, const ConvSpec&) = default;
};

GAVOTTE_API std::string_view name(ConvKind kind) noexcept;
GAVOTTE_API std::string_view name(CoordinateRule rule) noexcept;
GAVOTTE_API std::string_view name(OffsetOrder order) noexcept;
GAVOTTE_API std::string_view name(WeightLayout layout) noexcept;

}  // namespace gavotte
