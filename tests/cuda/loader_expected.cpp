// Compiled once for each kind of library, with EXPECTED_DEVICES and EXPECTED_REASON.
#include "loader_expected.h"

namespace gavotte::internal {

const int kExpectedDevices = EXPECTED_DEVICES;
const char* const kExpectedReason = EXPECTED_REASON;

}  // namespace gavotte::internal
