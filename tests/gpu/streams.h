// Streams and captured graphs, of cudart (streams_cudart.cpp) or of the emulator
// (tests/emulator/streams_emulated.cpp).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "gavotte/device.h"

namespace gavotte::testing_gpu {

/// A stream that lives as long as the process.
Stream make_stream();

/// What `enqueue` puts on the stream, kept instead of done, for replays on that stream.
class Graph {
 public:
  Graph(Stream stream, const std::function<void()>& enqueue);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  /// Does not wait.
  void replay();
  std::size_t nodes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gavotte::testing_gpu
