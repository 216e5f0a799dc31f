// What loader_test has to find beside it: of each program that it is linked into.
#pragma once

namespace gavotte::internal {

extern const int kExpectedDevices;
extern const char* const kExpectedReason;  ///< Why there are none.

}  // namespace gavotte::internal
