// Reads the rows that hold something out of a column of a dense table.
#pragma once

#include <cstdint>

namespace gavotte::internal::cpu {

/// column: int32, -1 where a row holds nothing; exactly `count` rows hold something. Writes these
/// rows ascending and what they hold, `count` each and no more, and clears them to -1.
void compact_column(std::int32_t* column, std::int64_t count, std::int32_t* rows,
                    std::int32_t* entries);

}  // namespace gavotte::internal::cpu
