#include "capture.h"
#include "cuda/runtime.h"
#include "gpu/streams.h"

namespace gavotte::testing_gpu {

Stream make_stream() { return {internal::cuda::create_stream()}; }

struct Graph::Impl {
  emulator::Capture capture;
};

Graph::Graph(Stream, const std::function<void()>& enqueue)
    : impl_(new Impl{emulator::Capture(enqueue)}) {}
Graph::~Graph() = default;
void Graph::replay() { impl_->capture.replay(); }
std::size_t Graph::nodes() const { return impl_->capture.size(); }

}  // namespace gavotte::testing_gpu
