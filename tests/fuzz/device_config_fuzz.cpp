// Any bytes as a device config: either an Error, or a config that writes itself back to the same config.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gavotte/device_config.h"
#include "gavotte/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = gavotte::DeviceConfig::from_json(text);
    const auto again = gavotte::DeviceConfig::from_json(config.to_json());
    if (again != config) std::abort();
    for (const gavotte::TunedLayer& layer : config.layers())
      if (config.find(layer.kind, layer.rows, layer.pairs).source != gavotte::ConfigSource::exact)
        std::abort();
  } catch (const gavotte::Error&) {
    // Refused with a message: what a broken file is for.
  }
  return 0;
}
