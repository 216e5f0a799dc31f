// Built-in networks by name, others by file.
#include "network_source.h"

#include <algorithm>
#include <filesystem>

#include "input_error.h"
#include "output.h"

namespace gavotte::cli {
namespace {

std::string builtin_names() {
  std::string names;
  for (const std::string_view name : builtin_networks()) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

}  // namespace

void add_network_options(CLI::App& command, NetworkSource& source) {
  command
      .add_option("NETWORK", source.name,
                  "A network file, or a built-in network: " + builtin_names())
      ->required()
      ->type_name("");
  const std::string group = "Built-in networks";
  command.add_option("--channels", source.channels, "Input channels [4]")
      ->type_name("N")
      ->group(group);
  command.add_option("--classes", source.classes, "Classes that it tells apart [20]")
      ->type_name("N")
      ->group(group);
  command
      .add_option("--seed", source.seed, "Seed of the weights, which are random, not trained [0]")
      ->type_name("N")
      ->group(group)
      ->check(CLI::NonNegativeNumber);
}

bool is_builtin(const NetworkSource& source) {
  const auto names = builtin_networks();
  return std::find(names.begin(), names.end(), source.name) != names.end();
}

Network open_network(const NetworkSource& source) {
  if (is_builtin(source)) {
    return with_input(source.name, [&] {
      return make_network(source.name, source.channels.value_or(4), source.classes.value_or(20),
                          source.seed.value_or(0));
    });
  }
  std::error_code ignored;
  if (!std::filesystem::exists(source.name, ignored)) {
    throw InputError("expected a built-in network (" + builtin_names() +
                     ") or a network file, got '" + source.name +
                     "', which is neither; check the name");
  }
  if (source.channels || source.classes || source.seed) {
    throw InputError(
        "expected --channels, --classes and --seed with a built-in network only, got the file " +
        source.name + ", which states its own; leave the option out");
  }
  check_readable(source.name);
  return with_input(source.name, [&] { return Network::load(source.name); });
}

}  // namespace gavotte::cli
