// One line on standard error that tells how far long work has come, and goes when the work is done.
#pragma once

#include <chrono>
#include <string>

namespace gavotte::cli {

/// Draws only where standard error is a terminal and the user did not ask for quiet.
class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What is being done, "street.bin, round 2 of 10", and what its steps are. Drawn at once.
  void begin(std::string what, std::string step = "layer");
  /// `done` of `total` steps of it; drawn at most 20 times a second.
  void advance(int done, int total);
  /// Any line, drawn at most 20 times a second.
  void show(const std::string& line);
  /// Takes the line away, so that results can be printed.
  void clear();

 private:
  void draw(const std::string& line);

  bool enabled_ = false;
  bool drawn_ = false;
  std::string what_, step_;
  std::chrono::steady_clock::time_point last_ = {};
};

}  // namespace gavotte::cli
