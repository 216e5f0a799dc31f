// Built-in and trained networks by name, others by file.
#include "network_source.h"

#include <algorithm>
#include <filesystem>

#include "input_error.h"
#include "joined.h"
#include "output.h"
#include "trained_networks.h"

namespace gavotte::cli {
namespace {

std::string known_networks() {
  const std::vector<std::string> trained = trained_networks();
  return (trained.empty() ? "" : "a trained network (" + joined(trained) + "), ") +
         "a built-in network (" + joined(builtin_networks()) + ")";
}

bool is_trained(const std::string& name) {
  const auto names = trained_networks();
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void add_network_options(Command command, NetworkSource& source) {
  command.add_option("NETWORK", source.name, "A network file, " + known_networks())
      .required()
      .type_name("");
  const std::string group = "Built-in networks";
  command.add_option("--channels", source.channels, "Input channels [4]")
      .type_name("N")
      .group(group);
  command.add_option("--classes", source.classes, "Classes that it tells apart [20]")
      .type_name("N")
      .group(group);
  command
      .add_option("--seed", source.seed, "Seed of the weights, which are random, not trained [0]")
      .type_name("N")
      .group(group)
      .at_least_zero();
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
  const bool trained = is_trained(source.name);
  if (!trained && !std::filesystem::exists(source.name, ignored)) {
    throw InputError("expected " + known_networks() + " or a network file, got '" + source.name +
                     "', which is none; check the name");
  }
  if (source.channels || source.classes || source.seed) {
    throw InputError(
        "expected --channels, --classes and --seed with a built-in network only, got " +
        source.name + ", which states its own; leave the option out");
  }
  const std::string path = trained ? trained_network_path(source.name).string() : source.name;
  check_readable(path);
  return with_input(path, [&] { return Network::load(path); });
}

}  // namespace gavotte::cli
