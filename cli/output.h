// Where results and errors go: standard output, a file, one line of standard error.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gavotte::cli {

/// Keys keep the order in which they were added.
using Json = nlohmann::ordered_json;

/// Writes text to standard output; throws std::runtime_error where that fails (a full disk).
void print(std::string_view text);

/// Writes indented JSON to the file, or to standard output where path is "-".
void write_json(const Json& json, const std::string& path);

/// Throws InputError where the file cannot be opened for reading or is a folder.
void check_readable(const std::string& path);

/// Throws InputError where a file of that name cannot be made.
void check_writable(const std::string& path);

/// "gavotte: message" as one line: line breaks become spaces, the library's source position goes.
std::string error_line(std::string_view message);

}  // namespace gavotte::cli
