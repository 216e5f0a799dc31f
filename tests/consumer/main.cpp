// Uses the installed headers and library: values, an error, the version.
#include <array>
#include <cstdio>

#include "gavotte/error.h"
#include "gavotte/tensor.h"
#include "gavotte/version.h"

int main() {
  const std::array<float, 6> values = {1, 2, 3, 4, 5, 6};
  const gavotte::Tensor tensor = gavotte::Tensor::from<float>(values, {2, 3});
  if (tensor.span<float>()[5] != 6.0f) return 1;
  if (gavotte::version() != GAVOTTE_VERSION) return 2;
  try {
    tensor.span<double>();  // an Error thrown inside the library is caught out here
    return 3;
  } catch (const gavotte::Error& error) {
    if (error.kind() != gavotte::ErrorKind::type) return 4;
  }
  std::printf("gavotte %s, tensor %s\n", GAVOTTE_VERSION, tensor.shape().to_string().c_str());
  return 0;
}
