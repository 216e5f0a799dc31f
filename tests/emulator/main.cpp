// main of the test programs that have none of their own. In the emulator's library it is found before
// GoogleTest's.
#include "run_tests.h"

int main(int argc, char** argv) { return gavotte::emulator::run_tests(argc, argv); }
