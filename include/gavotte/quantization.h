// Int8 inference: a trained network becomes one whose convolutions multiply bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gavotte/dtype.h"
#include "gavotte/export.h"

namespace gavotte {

class Network;
struct Voxels;

/// Where the scale of the features that an int8 layer reads comes from.
enum class ActivationScales {
  static_tensor,   ///< One for all scans, found by calibration.
  dynamic_tensor,  ///< Of each scan its largest magnitude.
  dynamic_row      ///< Of each voxel its largest magnitude.
};
GAVOTTE_API std::string_view name(ActivationScales scales) noexcept;

/// How a convolution or linear layer runs in int8. Its weight is int8, value = weight_scale * byte,
/// with a parameter "<layer>.weight_scale" [Cout] beside it.
struct LayerQuantization {
  ActivationScales scales = ActivationScales::static_tensor;
  double input_scale = 0;     ///< static_tensor: what a byte of the input counts; else 0.
  bool non_negative = false;  ///< The input has no values below 0, so its bytes are twice as fine.
  friend bool operator==(const LayerQuantization&, const LayerQuantization&) = default;
};

struct QuantizeOptions {
  ActivationScales scales = ActivationScales::static_tensor;
  /// The layers that read the network's input and that write its output become int8 too: they take
  /// little time, and errors weigh most there.
  bool ends = false;
  std::vector<std::string> keep = {};  ///< Names of further layers that stay as they are.
  int threads = 0;                     ///< See Execution.
  /// Called with the layers that were run so far over all scans, and how many there will be; may be
  /// empty.
  std::function<void(int, int)> progress = {};
};

/// The same network with int8 convolutions and linear layers: weights with a scale for each output
/// channel, largest magnitude / 127; features with scales as the options say. Depthwise
/// convolutions stay as they are, and so do layers that sum more than 65536 products.
/// static_tensor: one run of the network in float32 on each scan; a layer's scale is the one with
/// the least expected square error over the magnitudes of its input in all scans. Dynamic scales
/// take no scans. Runs on the CPU. Deterministic: the same network for any number of threads.
/// `network` is not changed. Throws Error: a network that has int8 layers, none that could become
/// so, an unknown name to keep, no scans for static scales or some for dynamic ones, scans that the
/// network does not run on.
GAVOTTE_API Network quantize(const Network& network, std::span<const Voxels> scans,
                             const QuantizeOptions& options = {});

/// What int8 does to features: sum of |int8 - float32| / sum of |float32| over all scans.
struct QuantizationReport {
  struct Layer {
    std::string name;    ///< As in RunStats.
    std::string kernel;  ///< Ends in "int8" where it runs so.
    double error = 0;    ///< Of the layer's output, with the errors of all layers before it.
  };
  std::vector<Layer> layers;
  double error = 0;  ///< Of the network's output.
  std::int64_t voxels = 0;
};

/// Runs both networks on each scan, `network` in float32 and `quantized` with features of `dtype`
/// between its layers, and compares layer by layer. Throws Error: networks of different layers, no
/// scans, scans that they do not run on.
GAVOTTE_API QuantizationReport
quantization_error(const Network& network, const Network& quantized, std::span<const Voxels> scans,
                   DType dtype = DType::float32, int threads = 0,
                   const std::function<void(int, int)>& progress = {});

}  // namespace gavotte
