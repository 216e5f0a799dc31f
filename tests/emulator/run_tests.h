// The main function of test programs whose kernels run in the emulator: GoogleTest's, with flags that say
// how kernels run:
//
//   emulated_x_test --engine=threads --block-order=7 --thread-order=descending --watchdog-seconds=60
//
// The block order is a seed (0: ascending); the thread order is ascending, descending or a seed. See
// Options; for --mutant=NAME and --record-mutants=FILE see mutation.h.
#pragma once

namespace gavotte::emulator {

int run_tests(int argc, char** argv);

}  // namespace gavotte::emulator
