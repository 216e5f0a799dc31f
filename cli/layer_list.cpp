// Submanifold layers from 4 to 384 channels, and those that change the stride.
#include "layer_list.h"

#include <fmt/format.h>

#include <vector>

#include "gavotte/coordinate_manager.h"

namespace gavotte::cli {
namespace {

struct Channels {
  std::int64_t in, out;
};

struct ListedLayers {
  ConvSpec spec;
  std::vector<Channels> channels;
  bool on_coarse = false;  ///< Its input is the output of the strided layer before it.
};

std::vector<ListedLayers> layer_list() {
  return {{ConvSpec::submanifold(3),
           {{4, 16},
            {8, 8},
            {16, 16},
            {32, 32},
            {64, 64},
            {64, 96},
            {128, 128},
            {256, 256},
            {256, 384}}},
          {ConvSpec::strided(2, 2), {{32, 64}}},
          {ConvSpec::transposed(2, 2), {{64, 32}}, true},
          {ConvSpec::strided(3, 2, 1), {{32, 64}}},
          {ConvSpec::submanifold(5), {{32, 32}}}};
}

}  // namespace

void add_layer_list(Tuner& tuner, const std::string& scan, const Voxels& voxels, DType dtype,
                    std::span<const Direction> directions, bool maps, const Execution& execution) {
  const Coordinates fine(voxels.coordinates.view(), 1, StrideStyle::divided, execution);
  CoordinateManager manager(execution);
  const int threads = execution.device.kind == DeviceKind::cpu ? execution.threads : 1;
  Coordinates coarse;
  for (const ListedLayers& listed : layer_list()) {
    const Coordinates& input = listed.on_coarse ? coarse : fine;
    const std::string kernel = kernel_name(listed.spec, input.dims());
    const MapResult result = manager.kernel_map(input, listed.spec);
    if (listed.spec.kind == ConvKind::strided) coarse = result.output;
    for (const auto& [in, out] : listed.channels)
      for (const Direction direction : directions)
        tuner.add(LayerProblem{.name = fmt::format("{} {} {}->{}", scan, kernel, in, out),
                               .kind = {.kernel = kernel,
                                        .in_channels = in,
                                        .out_channels = out,
                                        .dtype = dtype,
                                        .direction = direction,
                                        .threads = threads},
                               .map = result.map});
    if (maps && !listed.on_coarse)
      tuner.add(MapProblem{{.kernel = kernel, .threads = threads}, input, listed.spec});
  }
}

}  // namespace gavotte::cli
