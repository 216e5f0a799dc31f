// Uses the installed headers and library: a convolution, an error, the version.
#include <array>
#include <cstdio>
#include <vector>

#include "gavotte/convolution.h"
#include "gavotte/error.h"
#include "gavotte/version.h"

int main() {
  if (gavotte::version() != GAVOTTE_VERSION) return 1;

  // Three voxels in a row, all weights one: each output is the number of its neighbours and itself.
  const std::array<std::int32_t, 12> coordinates = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0};
  const std::array<float, 3> features = {1, 1, 1};
  const std::vector<float> weights(27, 1.0f);
  const gavotte::SparseTensor x(gavotte::ConstTensorView(coordinates.data(), {3, 4}),
                                gavotte::ConstTensorView(features.data(), {3, 1}));
  const gavotte::SparseTensor y = gavotte::convolution(
      x, gavotte::ConstTensorView(weights.data(), {27, 1, 1}), gavotte::ConvSpec::submanifold(3));
  const auto sums = y.features().span<float>();
  if (sums[0] != 2.0f || sums[1] != 3.0f || sums[2] != 2.0f) return 2;

  try {
    y.features().span<double>();  // an Error thrown inside the library is caught out here
    return 3;
  } catch (const gavotte::Error& error) {
    if (error.kind() != gavotte::ErrorKind::type) return 4;
  }
  std::printf("gavotte %s: %s\n", GAVOTTE_VERSION, y.to_string().c_str());
  return 0;
}
