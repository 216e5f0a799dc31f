// The CPU's kept blocks, for those who know what will be asked for and what will not.
#pragma once

#include <cstdint>
#include <memory>

namespace gavotte::internal::cpu {

/// Gives all blocks back that are kept and free; calls to come take theirs anew. Changes nothing else.
void release_kept_memory() noexcept;

/// Memory for what lives long, of no more than these bytes: a kept block may be twice as large. Throws Error (runtime)
/// where there is not enough.
std::shared_ptr<void> allocate_lasting(std::int64_t bytes);

}  // namespace gavotte::internal::cpu
