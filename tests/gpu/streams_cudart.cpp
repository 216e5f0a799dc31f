#include <cuda_runtime_api.h>

#include <string>

#include "check.h"
#include "streams.h"

#define CHECK_CUDA(call)                                                          \
  do {                                                                            \
    const cudaError_t error = (call);                                             \
    GAVOTTE_CHECK_RUNTIME(error == cudaSuccess,                                   \
                          std::string(#call) + ": " + cudaGetErrorString(error)); \
  } while (false)

namespace gavotte::testing_gpu {

Stream make_stream() {
  cudaStream_t stream = nullptr;  // waits for the default stream and is waited for by it
  CHECK_CUDA(cudaStreamCreate(&stream));
  return {stream};
}

struct Graph::Impl {
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ~Impl() {
    if (executable != nullptr) cudaGraphExecDestroy(executable);
    if (graph != nullptr) cudaGraphDestroy(graph);
  }
};

Graph::Graph(Stream stream, const std::function<void()>& enqueue)
    : impl_(std::make_unique<Impl>()) {
  impl_->stream = static_cast<cudaStream_t>(stream.handle);
  CHECK_CUDA(cudaStreamBeginCapture(impl_->stream, cudaStreamCaptureModeThreadLocal));
  try {
    enqueue();
  } catch (...) {
    cudaStreamEndCapture(impl_->stream, &impl_->graph);
    cudaGetLastError();
    throw;
  }
  CHECK_CUDA(cudaStreamEndCapture(impl_->stream, &impl_->graph));
  CHECK_CUDA(cudaGraphInstantiate(&impl_->executable, impl_->graph, 0));
}
Graph::~Graph() = default;

void Graph::replay() { CHECK_CUDA(cudaGraphLaunch(impl_->executable, impl_->stream)); }

std::size_t Graph::nodes() const {
  std::size_t count = 0;
  CHECK_CUDA(cudaGraphGetNodes(impl_->graph, nullptr, &count));
  return count;
}

}  // namespace gavotte::testing_gpu
