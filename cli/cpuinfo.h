// What Linux says of the CPU.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace gavotte::cli {

/// Value of the first "key : value" line of /proc/cpuinfo whose key is one of `keys`; empty
/// elsewhere.
std::string cpuinfo(std::initializer_list<std::string_view> keys);

/// The model's name; empty where unknown.
std::string cpu_model();

}  // namespace gavotte::cli
