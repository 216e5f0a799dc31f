// Starts the gavotte command without a shell and collects its exit code and what it printed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gavotte::test {

struct Outcome {
  int code = -1;  ///< Exit code; 128 + the signal where one ended it.
  std::string out;
  std::string err;
};

/// Runs `gavotte arguments...` in `folder` and waits.
Outcome gavotte(const std::vector<std::string>& arguments,
                const std::filesystem::path& folder = ".");

/// The same with SIGINT for it as soon as the file exists.
Outcome gavotte_interrupted(const std::vector<std::string>& arguments,
                            const std::filesystem::path& file);

/// A folder for one test, removed with its contents at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& bytes) const;

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& path);

/// Exit code 2, nothing on standard output, and exactly one line "gavotte: ..." on standard error.
/// An empty string where that holds, else what is wrong.
std::string complaint_problem(const Outcome& outcome);

}  // namespace gavotte::test
