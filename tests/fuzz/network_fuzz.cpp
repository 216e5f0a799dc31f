// Any bytes as a network file: either an Error, or a network that writes itself back to the same network.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "gavotte/error.h"
#include "gavotte/network.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const gavotte::Network network =
        gavotte::Network::from_bytes(std::as_bytes(std::span(data, size)));
    const gavotte::Network again = gavotte::Network::from_bytes(network.to_bytes());
    if (again.to_string() != network.to_string()) std::abort();
  } catch (const gavotte::Error&) {
    // Refused with a message: what a broken file is for.
  }
  return 0;
}
