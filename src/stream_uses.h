// Work on other streams than the one that an object's memory belongs to. It waits for what made the object, and the
// memory goes back to its stream only behind it: what record_stream is in PyTorch.
#pragma once

#include <mutex>
#include <vector>

#include "gavotte/device.h"

namespace gavotte::internal {

/// A member of the object, behind its tensors, so that it ends before they do. On the CPU nothing happens.
class StreamUses {
 public:
  StreamUses() = default;
  StreamUses(const StreamUses&) = delete;
  StreamUses& operator=(const StreamUses&) = delete;
  /// What is on the home stream from now on comes after the work that uses the object, as far as that is enqueued.
  ~StreamUses();

  /// To be called before work on `user`. Within a capture only the use is noted: a captured wait for work outside
  /// would be an error, and PyTorch waits for the device before it captures.
  void begin(const Execution& home, const Execution& user);
  /// The users wait for what the home stream got since begin().
  void extend();

 private:
  std::mutex mutex_;
  Execution home_;
  std::vector<Stream> users_;
};

}  // namespace gavotte::internal
