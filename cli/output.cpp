// Writing to standard output and files with every failure seen.
#include "output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "input_error.h"

namespace gavotte::cli {
namespace {

namespace fs = std::filesystem;

// Position of the " (file.cpp:12)" that the library's checks append, or the length of the message.
std::size_t source_position(std::string_view message) {
  if (message.empty() || message.back() != ')') return message.size();
  const std::size_t open = message.rfind(" (");
  if (open == std::string_view::npos) return message.size();
  const std::string_view inside = message.substr(open + 2, message.size() - open - 3);
  const std::size_t colon = inside.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == inside.size()) return message.size();
  const bool number = inside.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  const std::string_view file = inside.substr(0, colon);
  const bool source = file.ends_with(".cpp") || file.ends_with(".h") || file.ends_with(".inc");
  return number && source ? open : message.size();
}

}  // namespace

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw std::runtime_error(
        std::string("expected to write to standard output, the system says: ") +
        std::strerror(errno));
  }
}

void write_json(const Json& json, const std::string& path) {
  // A file name is bytes, JSON is UTF-8: what is none is replaced, not refused.
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (path == "-") return print(text);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) {
    throw InputError(path + ": expected to write the JSON report here, the system says: " +
                     std::strerror(errno));
  }
}

void check_readable(const std::string& path) {
  std::error_code code;
  if (fs::is_directory(path, code)) {
    throw InputError(path + ": expected a file, got a folder; name the files in it");
  }
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    throw InputError(path + ": expected a file that can be read, the system says: " +
                     std::strerror(errno) + "; check the name and the permissions");
  }
  std::fclose(file);
}

void check_writable(const std::string& path) {
  std::error_code code;
  if (fs::is_directory(path, code))
    throw InputError(path + ": expected a file name to write, got a folder");
  const bool existed = fs::exists(path, code);
  std::FILE* file = std::fopen(path.c_str(), "ab");
  if (file == nullptr) {
    throw InputError(path + ": expected a file name to write, the system says: " +
                     std::strerror(errno) + "; choose another place");
  }
  std::fclose(file);
  if (!existed) fs::remove(path, code);
}

std::string error_line(std::string_view message) {
  std::string line = "gavotte: ";
  bool blank = false;  // runs of white space and control characters become one space
  for (const char c : message.substr(0, source_position(message))) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) {
      blank = true;
      continue;
    }
    if (blank && line.back() != ' ') line += ' ';
    blank = false;
    line += c;
  }
  return line + "\n";
}

}  // namespace gavotte::cli
