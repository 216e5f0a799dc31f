// Which input row meets which output row at each kernel offset.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "gavotte/tensor.h"

namespace gavotte {

namespace internal {
struct MapData;
}

struct GAVOTTE_API MapReport {
  std::int64_t in_rows = 0, out_rows = 0, pairs = 0;
  int offsets = 0;
  double matches_per_output = 0;  ///< pairs / out_rows.
  std::string to_string() const;
};

/// For each offset the pairs (input row, output row), sorted by output row. Immutable; copies share the data.
/// Thread-safe, the derived forms (table, masks, the other order) included.
class GAVOTTE_API KernelMap {
 public:
  KernelMap() = default;

  int offsets() const noexcept;  ///< K
  std::int64_t in_rows() const noexcept;
  std::int64_t out_rows() const noexcept;
  std::int64_t pairs() const noexcept;
  /// This and what follows to masks(): an Error of an empty handle. On the map's device.
  /// CSR: pairs of offset k are [pair_begin[k], pair_begin[k + 1]); int64 [K + 1], int32 [pairs], int32 [pairs].
  ConstTensorView pair_begin() const;
  ConstTensorView pair_in() const;
  ConstTensorView pair_out() const;
  /// int32 [K, out_rows]: the input row, or -1. Made at the first call, then kept.
  ConstTensorView table() const;
  /// uint8 [out_rows, ceil(K / 8)]: bit k % 8 of byte k / 8 is set where offset k has an input. Made at the first call.
  ConstTensorView masks() const;
  /// That it was built with: its memory belongs to that stream, and its threads make the forms above.
  Execution execution() const;
  /// To be called before memory of the map is read on another stream: work there waits for what made the map, and the
  /// memory is given back only behind what is on that stream by then. The library's own calls do it by themselves.
  void use_on(const Execution& execution) const;
  /// The same object read the other way: inputs and outputs change places, offset k stays offset k.
  KernelMap transposed() const;
  /// True where offset identity_offset() pairs every row with itself (submanifold layers, 1x1x1).
  bool has_identity_offset() const noexcept;
  int identity_offset() const noexcept;  ///< -1 where there is none.
  bool is_identity() const noexcept { return offsets() == 1 && has_identity_offset(); }
  MapReport report() const;
  explicit operator bool() const noexcept { return data_ != nullptr; }

  const std::shared_ptr<const internal::MapData>& data() const noexcept { return data_; }
  bool is_transposed() const noexcept { return transposed_; }
  explicit KernelMap(std::shared_ptr<const internal::MapData> data, bool transposed = false)
      : data_(std::move(data)), transposed_(transposed) {}

 private:
  std::shared_ptr<const internal::MapData> data_;
  bool transposed_ = false;
};

}  // namespace gavotte
