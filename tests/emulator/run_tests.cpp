#include "run_tests.h"

#include <gtest/gtest.h>

#include <charconv>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "check.h"
#include "cuda/launch.h"
#include "emulator.h"
#include "launch_sharing.h"
#include "mutation.h"

namespace gavotte::emulator {
namespace {

template <class T>
T number(std::string_view flag, std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  GAVOTTE_CHECK(error == std::errc() && end == text.data() + text.size(),
                std::string(flag) + ": expected a number, got '" + std::string(text) + "'");
  return value;
}

/// Where `text` is one of two words, whether it is the second.
bool second_of(std::string_view flag, std::string_view text, std::string_view first,
               std::string_view second) {
  GAVOTTE_CHECK(text == first || text == second,
                std::string(flag) + ": expected " + std::string(first) + " or " +
                    std::string(second) + ", got '" + std::string(text) + "'");
  return text == second;
}

/// Appends a line to a file after each test: its name, its milliseconds, the mutants that it reached.
class MutantRecorder final : public ::testing::EmptyTestEventListener {
 public:
  explicit MutantRecorder(const std::string& path) : file_(path, std::ios::app) {
    GAVOTTE_CHECK(file_.is_open(), "cannot write " + path);
    record_mutants();
  }

 private:
  void OnTestEnd(const ::testing::TestInfo& test) override {
    file_ << test.test_suite_name() << '.' << test.name() << ' ' << test.result()->elapsed_time();
    for (const std::string& name : take_reached_mutants()) file_ << ' ' << name;
    file_ << std::endl;
  }

  std::ofstream file_;
};

/// A budget of one multiprocessor, which holds one block: this thread's kernels do all their work in strides.
void launch_one_block(Options& chosen) {
  static const internal::LaunchSharing one = {.multiprocessors = 1};
  chosen.resident_blocks = 1;
  internal::cuda::set_launch_sharing(&one);
}

void take(std::string_view argument, Options& chosen) {
  const std::size_t equals = argument.find('=');
  const std::string_view flag = argument.substr(0, equals);
  const std::string_view text =
      equals == std::string_view::npos ? std::string_view() : argument.substr(equals + 1);
  if (flag == "--engine")
    chosen.engine = second_of(flag, text, "fibers", "threads") ? Engine::threads : Engine::fibers;
  else if (flag == "--block-order")
    chosen.block_order_seed = number<std::uint64_t>(flag, text);
  else if (flag == "--thread-order" && !text.empty() && text[0] >= '0' && text[0] <= '9')
    chosen.thread_order_seed = number<std::uint64_t>(flag, text);
  else if (flag == "--thread-order")
    chosen.descending_threads = second_of(flag, text, "ascending", "descending");
  else if (flag == "--one-block")
    launch_one_block(chosen);
  else if (flag == "--watchdog-seconds")
    chosen.watchdog_seconds = number<double>(flag, text);
  else if (flag == "--mutant")
    choose_mutant(std::string(text));
  else if (flag == "--record-mutants")
    ::testing::UnitTest::GetInstance()->listeners().Append(
        new MutantRecorder(std::string(text)));  // GoogleTest owns it
  else
    GAVOTTE_CHECK(false, "no such flag: " + std::string(argument));
}

}  // namespace

int run_tests(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);  // takes its own flags out
  try {
    Options chosen = options();
    for (int i = 1; i < argc; ++i) take(argv[i], chosen);
    set_default_options(chosen);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
  return RUN_ALL_TESTS();
}

}  // namespace gavotte::emulator
