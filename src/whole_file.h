// Small text files, read and written whole.
#pragma once

#include <cstdint>
#include <string>

namespace gavotte::internal {

/// Throws Error (value) for what is no regular file of at most `most` bytes; `what` names its kind in messages.
std::string read_whole_file(const std::string& path, const std::string& what, std::uintmax_t most);
/// Writes beside the file and renames: a reader sees the old or the new one whole. Throws Error (runtime) with the
/// reason.
void replace_file(const std::string& path, const std::string& text);

/// A file descriptor, closed at the end.
class File {
 public:
  /// Throws Error (runtime): "path: cannot what: reason".
  File(const std::string& path, int flags, const char* what);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int handle() const noexcept { return handle_; }

 private:
  int handle_;
};
/// Throws Error (runtime) with errno as the reason.
[[noreturn]] void fail_file(const std::string& path, const std::string& what);

}  // namespace gavotte::internal
