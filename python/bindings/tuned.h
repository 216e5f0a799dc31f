// Configs of layers: how a device config goes through operations that take nothing but tensors and numbers. A number
// names a config and a kernel; it stays valid for the life of the process, and equal ones have one number.
#pragma once

#include "gavotte/device_config.h"
#include "gavotte/kernel_map.h"

namespace gavotte::python {

/// A config as Python holds it: with what its user accepts.
struct HeldConfig {
  TunedConfig config;
  OtherDevice other_device = OtherDevice::refuse;
};

/// What a convolution is, but for its kernel and direction.
struct TunedCall {
  const KernelMap& map;
  std::int64_t in_channels, out_channels;
  int groups;
  DType dtype;
  const Execution& execution;
};

/// At least 1.
std::int64_t tuned_number(const HeldConfig& held, const std::string& kernel);
/// number 0: the default. Throws Error (value) for a number that names nothing, or a config of another device.
ConvConfig tuned_config(std::int64_t number, Direction direction, const TunedCall& call,
                        bool allow_tf32);

}  // namespace gavotte::python
