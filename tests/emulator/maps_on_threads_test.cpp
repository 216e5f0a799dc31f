// Kernel maps with a std::thread for each CUDA thread, small: what ThreadSanitizer looks at.
#include <gtest/gtest.h>

#include <random>

#include "cuda/cuda_backend.h"
#include "cuda/memory.h"
#include "emulator.h"
#include "gpu/map_cases.h"

namespace gavotte::testing_cuda {
namespace {

cuda::CudaBackend emulated;  // its memory is the host's, and so are its tensors'

class MapsOnThreads : public MapTest {
 protected:
  MapsOnThreads() : MapTest({}, &emulated, cuda::synchronizations) {}
  void SetUp() override { emulator::options().engine = emulator::Engine::threads; }
  void TearDown() override { emulator::reset_options(); }
};

TEST_F(MapsOnThreads, AreTheCpus) {
  std::mt19937 random(6);
  const Rows rows = random_rows(random, 40, 3, -2, 2);
  const Geometry same = resolve(ConvSpec::submanifold(3), 3),
                 down = resolve(ConvSpec::strided(2, 2), 3);
  for (const BothSets& set : {make_set(rows, 3), make_set(shuffled(rows, random), 3)}) {
    const BothSets coarse = output_of(set, ConvSpec::strided(2, 2), down);
    for (const MapBuilder builder : {MapBuilder::column_walk, MapBuilder::double_traversal})
      for (const bool symmetric : {true, false}) {
        expect_as_on_the_cpu(same, set, set, {builder, symmetric, 16, 100, 64});
        expect_as_on_the_cpu(down, set, coarse, {builder, symmetric, 16, 100, 64});
        if (HasFatalFailure()) return;
      }
  }
}

}  // namespace
}  // namespace gavotte::testing_cuda
