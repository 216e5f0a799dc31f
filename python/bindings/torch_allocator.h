// PyTorch's caching allocator behind gavotte::Allocator.
#pragma once

#include "gavotte/device.h"

namespace gavotte::python {

/// Memory of a GPU from torch.cuda's caching allocator, so that both libraries draw from one pool. It frees in the
/// order of the stream that asked. May be called with or without the GIL. Lives as long as the process.
Allocator& torch_allocator();

}  // namespace gavotte::python
