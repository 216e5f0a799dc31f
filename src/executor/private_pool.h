// Memory that belongs to one Executor. A sequence of calls that asks for the same sizes in the same
// order gets the same blocks, so a run that was captured in a graph finds its memory again.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
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
  std::multimap<std::int64_t, void*> free_;  ///< By size.
  std::int64_t bytes_ = 0;
};

}  // namespace gavotte::internal
