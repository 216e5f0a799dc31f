// The network that a command was given: a built-in name or a network file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gavotte/network.h"
#include "options.h"

namespace gavotte::cli {

struct NetworkSource {
  std::string name;  ///< Of a built-in or trained network, or a path.
  // Of built-in networks only; an error beside a file.
  std::optional<std::int64_t> channels;  ///< Input channels, 4.
  std::optional<std::int64_t> classes;   ///< Output channels, 20.
  std::optional<std::uint64_t> seed;     ///< Of the weights, 0.
};

/// Adds NETWORK, --channels, --classes and --seed.
void add_network_options(Command command, NetworkSource& source);

bool is_builtin(const NetworkSource& source);

/// Throws InputError: no known name and no file, a broken file, options without meaning.
Network open_network(const NetworkSource& source);

}  // namespace gavotte::cli
