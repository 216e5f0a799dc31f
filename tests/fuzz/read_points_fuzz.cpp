// Any bytes as a file of the format that the build sets (GAVOTTE_FUZZ_FORMAT): either an Error of
// one line, or a cloud whose parts agree.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "gavotte/datasets/readers.h"
#include "gavotte/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    gavotte::PointCloud cloud =
        gavotte::read_points(bytes, gavotte::PointFormat::GAVOTTE_FUZZ_FORMAT);
    cloud.validate();
    if (cloud.size() == 0) std::abort();
    gavotte::read_labels(bytes, &cloud);
  } catch (const gavotte::Error& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
