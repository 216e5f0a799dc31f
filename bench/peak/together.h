// Several threads that begin together.
#pragma once

#include <functional>

namespace gavotte::peak {

/// Calls body(thread) for each thread in [0, threads), the caller's being 0. Returns the seconds
/// from where all were there to where the last had done. The body does not throw. Throws
/// std::system_error where a thread cannot be had.
double seconds_together(int threads, const std::function<void(int thread)>& body);

}  // namespace gavotte::peak
