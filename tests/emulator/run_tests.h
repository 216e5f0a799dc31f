// The main function of test programs whose kernels run in the emulator: GoogleTest's, with flags that say
// how kernels run:
//
//   emulated_x_test --engine=threads --block-order=7 --thread-order=descending --watchdog-seconds=60
//
// The block order is a seed (0: ascending). See Options.
#pragma once

namespace gavotte::emulator {

int run_tests(int argc, char** argv);

}  // namespace gavotte::emulator
