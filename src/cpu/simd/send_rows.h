// Rows of features that are sent to all of their pairs, where each row of the other side has exactly one: it is written
// once, and nothing is added up. For the widest vectors of the CPU (chosen at run time).
#pragma once

#include <cstdint>

#include "gavotte/dtype.h"

namespace gavotte::internal::cpu {

/// The pairs of one offset.
struct SendRun {
  const std::int32_t *from, *to;  ///< Rows, [count] each, by the place of the sender.
  std::int64_t count;
};

/// The rows at places [first, + rows) of x, and their pairs.
struct SendRows {
  DType dtype;    ///< Of x and y.
  const void* x;  ///< Of the senders.
  void* y;        ///< Of the other side.
  std::int64_t channels, first, rows, offsets;
  const SendRun* runs;               ///< [offsets]
  const std::int32_t *order, *rank;  ///< Place -> sender's row and back; null: they are the same.
  void* sent;                        ///< Room for (rows + 1) * kSendColumnBytes, 64-byte aligned.
  bool stream;                       ///< y is so large that it is written past the caches.
};

/// Channels are sent in columns of at most so many bytes a row.
constexpr std::int64_t kSendColumnBytes = 256;

/// x over counts[place - first], or over `divisor` where that is null.
void send_quotients(const SendRows& args, const std::uint32_t* counts, std::int64_t divisor);

/// x to the first of a row's pairs, in the order of the offsets, whose input equals the row's output, NaN being equal to NaN;
/// 0 to the others. inputs: rows as of y; outputs: as of x.
void send_to_first_equal(const SendRows& args, const void* inputs, const void* outputs);

}  // namespace gavotte::internal::cpu
