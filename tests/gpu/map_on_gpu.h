// A map of the CPU, on cuda:0.
#pragma once

#include <memory>

#include "gavotte/kernel_map.h"
#include "gpu/gpu.h"
#include "map_data.h"

namespace gavotte::testing_gpu {

/// The lists and the identity; other forms are made where they are asked for.
inline KernelMap map_on_gpu(const KernelMap& map) {
  const internal::MapData& from = *map.data();
  auto data = std::make_shared<internal::MapData>();
  data->offsets = from.offsets;
  data->in_rows = from.in_rows;
  data->out_rows = from.out_rows;
  data->pairs = from.pairs;
  data->identity_offset = from.identity_offset;
  const auto copy = [](const internal::PairLists& lists) -> internal::PairLists {
    if (!lists.begin) return {};
    return {lists.begin.to(kCuda), lists.in.to(kCuda), lists.out.to(kCuda)};
  };
  data->by_out = copy(from.by_out);
  data->by_in = copy(from.by_in);
  return KernelMap(std::move(data), map.is_transposed());
}

}  // namespace gavotte::testing_gpu
