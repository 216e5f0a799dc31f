#include "map_run.h"

#include <cstring>

#include "gavotte/coordinate_manager.h"

namespace gavotte::internal {
namespace {

bool same_bytes(const ConstTensorView& a, const ConstTensorView& b) {
  if (a.shape != b.shape || a.dtype != b.dtype) return false;
  const Tensor left = Tensor::copy_to(Device::cpu(), a), right = Tensor::copy_to(Device::cpu(), b);
  return a.bytes() == 0 ||
         std::memcmp(left.data(), right.data(), static_cast<std::size_t>(a.bytes())) == 0;
}

}  // namespace

MapRun::MapRun(const MapProblem& problem, const Execution& execution)
    : problem_(problem),
      execution_(execution),
      backend_(backend(execution.device)),
      geometry_(resolve(problem.spec, problem.input.dims())),
      output_(CoordinateManager(execution).output_coordinates(problem.input, problem.spec)),
      input_is_output_(output_.same_as(problem.input)) {}

KernelMap MapRun::build(const MapConfig& config) const {
  return KernelMap(backend_.build_map(execution_, geometry_, *problem_.input.data(),
                                      *output_.data(), config, Wait::now));
}

double MapRun::time_ms(const MapConfig& config, int repeats) const {
  return backend_.time_ms(execution_, [&] {
    for (int i = 0; i < repeats; ++i) build(config);
  }) / repeats;
}

MapConfig MapRun::reference() {
  MapConfig config;
  config.builder = MapBuilder::double_traversal;
  config.symmetric = false;
  return config;
}

bool MapRun::same(const KernelMap& map, const KernelMap& expected) {
  return map.pairs() == expected.pairs() && same_bytes(map.table(), expected.table());
}

}  // namespace gavotte::internal
