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
  const auto lists_of = [](const KernelMap& way) -> internal::PairLists {
    return {Tensor::copy_to(kCuda, way.pair_begin()), Tensor::copy_to(kCuda, way.pair_in()),
            Tensor::copy_to(kCuda, way.pair_out())};
  };
  data->lists = lists_of(KernelMap(map.data()));
  data->sorted_by_out = true;
  return KernelMap(std::move(data), map.is_transposed());
}

}  // namespace gavotte::testing_gpu
