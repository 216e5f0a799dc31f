// ConvSpec: what is legal, and how a spec prints itself.
#include "gavotte/conv_spec.h"

#include "check.h"

namespace gavotte {

namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

void check_count(const PerAxis& value, const char* option, int dims) {
  GAVOTTE_CHECK(value.count() == 0 || value.count() == dims,
                std::string(option) + " expects one number, or one for each of " +
                    std::to_string(dims) + " axes; got " + value.to_string());
}

void check_range(const PerAxis& value, const char* option, int dims, std::int32_t lowest) {
  check_count(value, option, dims);
  for (int axis = 0; axis < dims; ++axis) {
    GAVOTTE_CHECK(value[axis] >= lowest, std::string(option) + " expects at least " +
                                             std::to_string(lowest) + " on every axis; got " +
                                             value.to_string());
  }
}

void check_meaningless(bool is_default, const char* option, const PerAxis& value,
                       const std::string& where, const char* advice) {
  GAVOTTE_CHECK(is_default, std::string(option) + " has no meaning for " + where + "; got " +
                                value.to_string() + ": " + advice);
}

}  // namespace

ConvSpec ConvSpec::submanifold(PerAxis kernel_size, PerAxis dilation) {
  ConvSpec spec;
  spec.kernel_size = kernel_size;
  spec.dilation = dilation;
  return spec;
}

ConvSpec ConvSpec::strided(PerAxis kernel_size, PerAxis stride, PerAxis padding) {
  ConvSpec spec;
  spec.kind = ConvKind::strided;
  spec.kernel_size = kernel_size;
  spec.stride = stride;
  spec.padding = padding;
  return spec;
}

ConvSpec ConvSpec::transposed(PerAxis kernel_size, PerAxis stride, PerAxis padding) {
  ConvSpec spec = strided(kernel_size, stride, padding);
  spec.kind = ConvKind::transposed;
  return spec;
}

ConvSpec ConvSpec::inverse(PerAxis kernel_size, PerAxis stride, PerAxis padding) {
  ConvSpec spec = strided(kernel_size, stride, padding);
  spec.kind = ConvKind::inverse;
  return spec;
}

ConvSpec ConvSpec::generative(PerAxis kernel_size, PerAxis stride) {
  ConvSpec spec = strided(kernel_size, stride);
  spec.kind = ConvKind::generative;
  return spec;
}

void ConvSpec::validate(int dims) const {
  GAVOTTE_CHECK(dims >= 1 && dims <= kMaxDims,
                "a convolution expects 1 to 4 axes; got " + std::to_string(dims));
  check_range(kernel_size, "kernel_size", dims, 1);
  check_range(stride, "stride", dims, 1);
  check_range(padding, "padding", dims, 0);
  check_range(dilation, "dilation", dims, 1);
  check_range(output_padding, "output_padding", dims, 0);
  GAVOTTE_CHECK(groups >= 1, "groups expects at least 1; got " + std::to_string(groups));
  std::int64_t volume = 1;
  for (int axis = 0; axis < dims; ++axis) {
    volume *= kernel_size[axis];
    GAVOTTE_CHECK(volume <= kMaxKernelVolume,
                  "kernel_size expects at most " + std::to_string(kMaxKernelVolume) +
                      " offsets in all; got " + kernel_size.to_string());
  }

  const std::string kind_name = quoted(name(kind)) + " convolutions";
  const std::string rule_name = "rule " + quoted(name(rule));
  const bool fine_output = kind == ConvKind::transposed || kind == ConvKind::generative;
  if (kind == ConvKind::submanifold) {
    check_meaningless(stride.all_equal(1, dims), "stride", stride, kind_name,
                      "use stride 1, or a strided convolution");
    check_meaningless(padding.all_equal(0, dims), "padding", padding, kind_name,
                      "leave it 0, it follows from the kernel size");
    GAVOTTE_CHECK(!spatial_shape,
                  "spatial_shape has no meaning for " + kind_name + ": leave it unset");
    if (rule == CoordinateRule::window) {
      for (int axis = 0; axis < dims; ++axis) {
        GAVOTTE_CHECK(kernel_size[axis] % 2 == 1,
                      "kernel_size expects odd sizes for " + kind_name + " under " + rule_name +
                          "; got " + kernel_size.to_string() +
                          ": the rules 'floor' and 'torchsparse' allow even ones");
      }
    }
  }
  if (rule == CoordinateRule::floor) {
    check_meaningless(padding.all_equal(0, dims), "padding", padding, rule_name,
                      "leave it 0, odd kernels are centred");
    GAVOTTE_CHECK(!spatial_shape,
                  "spatial_shape has no meaning for " + rule_name + ": leave it unset");
  }
  if (rule == CoordinateRule::torchsparse) {
    check_meaningless(dilation.all_equal(1, dims), "dilation", dilation, rule_name,
                      "use 1, or another rule (torchsparse itself ignores it)");
    GAVOTTE_CHECK(!spatial_shape || kind == ConvKind::strided, "spatial_shape has no meaning for " +
                                                                   kind_name + " under " +
                                                                   rule_name + ": leave it unset");
  }
  if (kind == ConvKind::inverse) {
    GAVOTTE_CHECK(!spatial_shape,
                  "spatial_shape has no meaning for " + kind_name +
                      ", whose outputs are the set of the strided layer: leave it unset");
  }
  if (!output_padding.all_equal(0, dims)) {
    check_meaningless(fine_output && rule == CoordinateRule::window && spatial_shape.has_value(),
                      "output_padding", output_padding,
                      kind_name + " under " + rule_name + (spatial_shape ? "" : " without bounds"),
                      "it widens the bounds that spatial_shape gives to a transposed window");
  }
  if (spatial_shape) check_range(*spatial_shape, "spatial_shape", dims, 1);
}

int ConvSpec::kernel_volume(int dims) const {
  int volume = 1;
  for (int axis = 0; axis < dims; ++axis) volume *= kernel_size[axis];
  return volume;
}

std::string ConvSpec::to_string() const {
  std::string text = std::string(name(kind)) + " kernel " + kernel_size.to_string();
  if (stride != PerAxis(1)) text += " stride " + stride.to_string();
  if (padding != PerAxis(0)) text += " padding " + padding.to_string();
  if (dilation != PerAxis(1)) text += " dilation " + dilation.to_string();
  if (output_padding != PerAxis(0)) text += " output_padding " + output_padding.to_string();
  if (groups != 1) text += " groups " + std::to_string(groups);
  text += " rule " + std::string(name(rule));
  if (offset_order != OffsetOrder::last_axis_fastest)
    text += " order " + std::string(name(offset_order));
  if (weight_layout != WeightLayout::kio) text += " weights " + std::string(name(weight_layout));
  if (spatial_shape) text += " spatial_shape " + spatial_shape->to_string();
  return text;
}

std::string_view name(ConvKind kind) noexcept {
  switch (kind) {
    case ConvKind::submanifold:
      return "submanifold";
    case ConvKind::strided:
      return "strided";
    case ConvKind::transposed:
      return "transposed";
    case ConvKind::inverse:
      return "inverse";
    case ConvKind::generative:
      return "generative";
  }
  return "unknown";
}

std::string_view name(CoordinateRule rule) noexcept {
  switch (rule) {
    case CoordinateRule::window:
      return "window";
    case CoordinateRule::floor:
      return "floor";
    case CoordinateRule::torchsparse:
      return "torchsparse";
  }
  return "unknown";
}

std::string_view name(OffsetOrder order) noexcept {
  switch (order) {
    case OffsetOrder::last_axis_fastest:
      return "last_axis_fastest";
    case OffsetOrder::first_axis_fastest:
      return "first_axis_fastest";
    case OffsetOrder::torchsparse:
      return "torchsparse";
  }
  return "unknown";
}

std::string_view name(WeightLayout layout) noexcept {
  switch (layout) {
    case WeightLayout::kio:
      return "kio";
    case WeightLayout::oki:
      return "oki";
  }
  return "unknown";
}

}  // namespace gavotte
