// Memory that belongs to one Executor. A sequence of calls that asks for the same sizes in the same
// order gets the same blocks, so a run that was captured in a graph finds its memory again: of the free
// blocks of a size the one at the lowest address is taken, whatever the order in which they came back.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "gavotte/tensor.h"

namespace gavotte::internal {

class PrivatePool final : public Allocator {
 public:
  void* allocate(const Execution& execution, std::int64_t bytes) override;
  void free(const Execution& execution, void* memory, std::int64_t bytes) noexcept override;
  /// Of all blocks, in use or not.
  std::int64_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Tensor> blocks_;
  std::set<std::pair<std::int64_t, void*>> free_;  ///< Sizes and addresses.
  std::int64_t bytes_ = 0;
};

}  // namespace gavotte::internal
