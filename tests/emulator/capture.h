// What a stream capture and a CUDA graph are on a GPU: while a capture lives, launches, sorts, copies
// and fills of its thread are recorded and not done; replay() does them, on the addresses that they were
// given.
//
// A journal keeps the same and lets it be done, so that parts of a run can be done again.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace gavotte::emulator {

class Capture {
 public:
  /// Records what `body` starts. Throws Error where it waits, or copies from or to the host's memory.
  explicit Capture(const std::function<void()>& body);
  void replay() const;
  std::size_t size() const noexcept { return work_.size(); }

 private:
  friend bool record(std::function<void()> work);
  std::vector<std::function<void()>> work_;
};

class Journal {
 public:
  /// Keeps what `body` starts, in order, while it runs as ever. Its memory must not go back to the device.
  explicit Journal(const std::function<void()>& body);
  std::size_t size() const noexcept { return work_.size(); }
  void repeat(std::size_t index) const { work_[index](); }

 private:
  friend bool record(std::function<void()> work);
  std::vector<std::function<void()>> work_;
};

/// Of this thread.
bool is_recording() noexcept;
/// Whether record() does anything.
bool keeps_work() noexcept;
/// True where a capture took the work, which is then not done now.
bool record(std::function<void()> work);

}  // namespace gavotte::emulator
