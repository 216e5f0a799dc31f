// Kernels with one line changed: whether the tests notice. One build holds all the changes; flags of a
// program (run_tests.h) choose one, or record which of them each test can notice.
//
// A barrier is found by its place in the source, and left out by the emulator itself. Bounds are
// changed in an instrumented copy of the kernels, which tools/mutate_kernels.py writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <type_traits>

#include "place.h"

namespace gavotte::emulator {

inline bool watches_mutants =
    false;  ///< Set before the first kernel; false: all of this costs a test.

/// "cuda/wgrad.cuh:89" (a barrier) or a number (a bound).
void choose_mutant(const std::string& name);
/// From now on keeps what kernels reach.
void record_mutants();
/// Names of the barriers that kernels met, and of the bounds where the change made a difference, since
/// the last call.
std::set<std::string> take_reached_mutants();

/// Of watched mutants: notes that the barrier was met; whether it is the one to leave out.
bool leaves_out(const Place& barrier);
/// The same of a bound that is about to differ from what it was.
bool changes(int bound);

inline bool is_left_out(const Place& barrier) { return watches_mutants && leaves_out(barrier); }

/// A condition of an instrumented kernel: `kept`, or `changed` where this bound is the mutant.
constexpr bool bound(int number, bool kept, bool changed) {
  if (std::is_constant_evaluated() || kept == changed || !watches_mutants) return kept;
  return changes(number) ? changed : kept;
}

}  // namespace gavotte::emulator
